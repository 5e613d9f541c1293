"""Programs built with sanitizers start, report what they report natively, and are deterministic.

Compared is all that they print but for process ids, addresses and build ids, which are chance
natively. Runtimes that this machine does not have are skipped, and the reason says which.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from runs_lib import FULL, PROGRAMS, Burners, Native, Run, Simulate

_FOLDER = PROGRAMS / "sanitizers"
_FLAGS = ("-g", "-O1", "-w", "-pthread", "-D_GNU_SOURCE")
RUNS = 20 if FULL else 4

_ADDRESS = ("use_after_free", "stack_overflow", "leaks", "leak_none", "forks")
_LEAK = ("leaks", "leak_none")
_THREAD = ("race", "lock_order", "leak_none", "forks", "use_after_free")
_MEMORY = ("uninitialised", "leak_none", "use_after_free")
_KINDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("gcc", "-fsanitize=address"): _ADDRESS,
    ("gcc", "-fsanitize=address", "-static-libasan"): _ADDRESS,
    ("gcc", "-fsanitize=address,undefined"): ("undefined", "leaks"),
    ("gcc", "-fsanitize=leak"): _LEAK,
    ("gcc", "-fsanitize=thread"): _THREAD,
    ("gcc", "-fsanitize=thread", "-static-libtsan"): _THREAD,
    ("gcc", "-fsanitize=undefined"): ("undefined",),
    ("clang", "-fsanitize=address"): _ADDRESS,
    ("clang", "-fsanitize=address", "-shared-libasan"): _ADDRESS,
    ("clang", "-fsanitize=leak"): _LEAK,
    ("clang", "-fsanitize=thread"): _THREAD,
    ("clang", "-fsanitize=memory"): _MEMORY,
    ("clang", "-fsanitize=undefined"): ("undefined",),
}
_CASES = [(kind, name) for kind, names in _KINDS.items() for name in names]
# What a report is about; a program that is not here has nothing to report.
_REPORTS = {
    "use_after_free": r"heap-use-after-free|use-of-uninitialized-value",
    "stack_overflow": "stack-buffer-overflow",
    "leaks": r"SUMMARY: \w+: 33 byte\(s\) leaked in 1 allocation\(s\)",
    "undefined": "runtime error: signed integer overflow",
    "race": "data race",
    "lock_order": "lock-order-inversion",
    "uninitialised": "use-of-uninitialized-value",
    "forks": "use-after-free|signal-unsafe call",
}

Kind = tuple[str, ...]
Build = Callable[[Kind, str], str]


def _compiler(name: str) -> str:
    found = [name, *(f"{name}-{version}" for version in range(21, 13, -1))]
    path = next(filter(None, map(shutil.which, found)), None)
    if not path:
        pytest.skip(f"{name} is not installed: nothing is known about its sanitizers here")
    return path


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """sanitized(kind, name): tests/programs/sanitizers/<name>.c, built with that sanitizer."""
    folder = tmp_path_factory.mktemp("bin")

    def build(kind: Kind, name: str) -> str:
        binary = folder / f"{name}{'-'.join(kind)}"
        compiler = _compiler(kind[0])
        command = [compiler, *kind[1:], *_FLAGS, "-o", str(binary), str(_FOLDER / f"{name}.c")]
        if "-shared-libasan" in kind:
            library = "libclang_rt.asan-x86_64.so"
            where = _output(compiler, f"-print-file-name={library}")
            command.append(f"-Wl,-rpath,{Path(where).parent}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and re.search(r"cannot find|No such file", done.stderr):
            pytest.skip(f"no runtime here for {' '.join(kind)}: nothing is known about it")
        assert done.returncode == 0, done.stderr
        return str(binary)

    return build


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _same_for_all(text: str) -> str:
    """Without what no two native runs have in common."""
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"==\d+==|\b(pid|tid)=\d+|\(BuildId: [0-9a-f]+\)", "NUMBER", text)
    return re.sub(r"(?ms)^Shadow bytes.*?(?=^Shadow byte legend)", "", text)


def _agree(alone: Run, first: Run, second: Run) -> None:
    assert first.status == alone.status
    assert _same_for_all(first.out) == _same_for_all(alone.out)
    assert _same_for_all(first.err) == _same_for_all(alone.err)
    assert first.identity == second.identity


@pytest.mark.parametrize("kind, name", _CASES, ids="".join)
def test_reports_as_natively(
    kind: Kind, name: str, sanitized: Build, native: Native, simulate: Simulate
) -> None:
    binary = sanitized(kind, name)
    alone = native(binary)
    if name in _REPORTS:
        assert re.search(_REPORTS[name], alone.err), "the test itself is wrong"
    else:
        assert (alone.status, alone.err) == (0, ""), "the test itself is wrong"
    first, second = (simulate(binary, options=("--strict",)) for _ in range(2))
    _agree(alone, first, second)


def test_endless_recursion(sanitized: Build, native: Native, simulate: Simulate) -> None:
    """ASan tells it on an alternate stack. How deep it got depends on the stack's size."""
    binary = sanitized(("gcc", "-fsanitize=address"), "stack_overflow")
    alone, first, second = native(binary, "1"), *(simulate(binary, "1") for _ in range(2))
    assert "AddressSanitizer: stack-overflow on address" in alone.err
    # Which instruction of the function met the stack's end is chance natively, too.
    _agree(
        *(replace(r, err=re.sub(r"\.c:\d+ in deeper", "", r.err)) for r in (alone, first, second))
    )


@pytest.mark.parametrize("preload", ["", "libasan.so.8"])
def test_runtime_as_the_users_preload(
    preload: str, sanitized: Build, program: Callable[..., str], native: Native, simulate: Simulate
) -> None:
    """LD_PRELOAD comes before ours anyway; without it the runtime that is needed does."""
    if preload and preload not in _output("/sbin/ldconfig", "-p"):
        pytest.skip(f"{preload} is not installed")
    setting = (f"LD_PRELOAD={preload}",) if preload else ()
    for command in (sanitized(("gcc", "-fsanitize=address"), "use_after_free"), program("faults")):
        whole = ("env", "-i", *setting, command)
        first, second = (simulate(*whole, options=("--strict",)) for _ in range(2))
        _agree(native(*whole), first, second)


@pytest.mark.parametrize(
    "kind, name",
    [
        (("gcc", "-fsanitize=address"), "leaks"),
        (("gcc", "-fsanitize=address"), "forks"),
        (("gcc", "-fsanitize=thread"), "race_any"),
        (("gcc", "-fsanitize=thread"), "forks"),
    ],
    ids="".join,
)
def test_one_trace_under_load(
    kind: Kind, name: str, sanitized: Build, simulate: Simulate, burners: Burners
) -> None:
    binary, options = sanitized(kind, name), ("--strategy", "random")
    runs = {simulate(binary, options=options).identity for _ in range(RUNS // 2)}
    with burners():
        runs |= {simulate(binary, options=options).identity for _ in range(RUNS // 2)}
    assert len(runs) == 1
    other = simulate(binary, seed=8, options=options)
    assert other.hash not in {run[3] for run in runs}


def test_race_depends_on_the_seed(sanitized: Build, simulate: Simulate) -> None:
    """Who races with whom is the schedule's choice, and the report says it."""
    binary = sanitized(("gcc", "-fsanitize=thread"), "race_any")
    reports = {simulate(binary, seed=s, options=("--strategy", "random")).err for s in range(6)}
    assert len(reports) > 1


def test_go_race_detector(tmp_path: Path, native: Native, simulate: Simulate) -> None:
    if not shutil.which("go"):
        pytest.skip("go is not installed: nothing is known about its race detector")
    out = tmp_path / "counter"
    env = {**os.environ, "CGO_ENABLED": "1", "GOCACHE": str(tmp_path / "cache")}
    source = str(_FOLDER / "counter.go")
    subprocess.run(["go", "build", "-race", "-o", str(out), source], env=env, check=True)
    alone, first, second = native(str(out)), *(simulate(str(out)) for _ in range(2))
    for run in (alone, first):
        assert (run.status, run.out) == (66, "counted\n")
        assert "WARNING: DATA RACE" in run.err
    assert first.identity == second.identity
