"""Debuggers in the simulation: what can be done is done, the rest is refused in plain words."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FULL, PROGRAMS, Native, Simulate

_ATTACH = """\
"$1" & pid=$!
sleep 0.5
gdb -nx -batch -p $pid -ex bt -ex 'set var answer = 6' -ex detach 2>&1 | grep -E 'main|detached'
wait $pid; echo "exit $?"
"""
_RUN = ("break main", "run", "next", "print answer", "set var answer = 7", "stepi", "continue")

STORMS = 100 if FULL else 4

Build = Callable[[str], str]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build(name): tests/programs/<name>.c, with what a debugger wants to know."""

    def compiled(name: str) -> str:
        binary, source = tmp_path / Path(name).name, PROGRAMS / f"{name}.c"
        command = ["gcc", "-g", "-O0", "-w", "-pthread", "-o", str(binary), str(source)]
        subprocess.run(command, check=True)
        return str(binary)

    return compiled


def _needs(name: str) -> str:
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed: nothing is known about it here")
    return name


def test_gdb_attaches(build: Build, work: Path, simulate: Simulate) -> None:
    _needs("gdb")
    (work / "attach.sh").write_text(_ATTACH)
    command = ("bash", "attach.sh", build("debuggers/sleeper"))
    first, second = (simulate(*command, options=("--strict",)) for _ in range(2))
    assert first.out.splitlines()[-1] == "exit 6"
    assert "main" in first.out and "detached" in first.out
    assert first.identity == second.identity


def test_gdb_runs(build: Build, native: Native, simulate: Simulate) -> None:
    commands = [word for command in _RUN for word in ("-ex", command)]
    whole = (_needs("gdb"), "-nx", "-batch", *commands, build("debuggers/sleeper"))
    first, second = (simulate(*whole, options=("--strict",)) for _ in range(2))
    assert "$1 = 5" in first.out and "exited with code 07" in first.out
    assert re.sub(r"process \d+", "", first.out) == re.sub(r"process \d+", "", native(*whole).out)
    assert first.identity == second.identity


def test_gdb_is_told_what_cannot_be(build: Build, simulate: Simulate) -> None:
    commands = ("-ex", "break main", "-ex", "run", "-ex", "watch answer", "-ex", "continue")
    done = simulate(_needs("gdb"), "-nx", "-batch", *commands, build("debuggers/sleeper"))
    assert "Couldn't write debug register" in done.err
    assert done.outcome == "exited"


def test_strace_is_refused(simulate: Simulate) -> None:
    done = simulate(_needs("strace"), "true")
    assert done.status == 1
    assert "ptrace(PTRACE_SEIZE" in done.err and "Input/output error" in done.err


@pytest.mark.parametrize("name", ["use_after_free", "leaks"])
def test_valgrind(name: str, build: Build, native: Native, simulate: Simulate) -> None:
    whole = (_needs("valgrind"), "--leak-check=full", build(f"sanitizers/{name}"))
    alone = native(*whole)
    assert re.search(r"Invalid read of size 4|33 bytes in 1 blocks are definitely lost", alone.err)
    first, second = (simulate(*whole, options=("--strict",)) for _ in range(2))
    assert (first.status, first.out) == (alone.status, alone.out)
    assert _same_for_all(first.err) == _same_for_all(alone.err)
    assert first.identity == second.identity


def _same_for_all(text: str) -> str:
    return re.sub(r"==\d+==|\b0x[0-9A-Fa-f]+", "", text)


@pytest.mark.parametrize("strategy", ["fifo", "random", "pct"])
def test_storm(strategy: str, build: Build, native: Native, simulate: Simulate) -> None:
    binary, options = build("debuggers/ptrace_storm"), ("--strategy", strategy)
    assert native(binary, "1").out == "ok\n", "the test itself is wrong"
    for seed in range(STORMS):
        runs = [simulate(binary, str(seed), seed=seed, options=options) for _ in range(2)]
        assert (runs[0].status, runs[0].out, runs[0].err) == (0, "ok\n", ""), f"seed {seed}"
        assert runs[0].identity == runs[1].identity, f"seed {seed}"
