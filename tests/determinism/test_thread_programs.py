"""Threads, futexes and signals: programs that check themselves, native and simulated alike."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FULL, PROGRAMS, Native, Simulate

_FOLDER = PROGRAMS / "threads"
_NAMES = sorted(p.stem for p in _FOLDER.glob("*.c"))
_FLAGS = ("-D_GNU_SOURCE", "-O1", "-g", "-w", "-pthread")
_LIBRARIES = ("-lrt", "-lm")
STORMS = 1000 if FULL else 20
# Those that musl's threads can do natively; the others use what only glibc has.
_MUSL = (
    "barriers", "c11_threads", "cancel_deferred", "death_orders", "detach", "exec_threads",
    "exit_group", "fork_threaded", "lock_memory", "names", "once", "robust_process",
    "shared_sync", "signal_altstack", "signal_masks", "signal_stop", "sleepers", "spawn_threads",
    "threads_200", "tls",
)  # fmt: skip

Build = Callable[[str], str]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """build(name): tests/programs/threads/<name>.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")

    def compiled(name: str) -> str:
        binary = folder / name
        if not binary.exists():
            source = _FOLDER / f"{name}.c"
            command = ["gcc", *_FLAGS, "-o", str(binary), str(source), *_LIBRARIES]
            subprocess.run(command, check=True)
        return str(binary)

    return compiled


@pytest.mark.parametrize("name", _NAMES)
def test_agrees_with_native(name: str, build: Build, native: Native, simulate: Simulate) -> None:
    binary = build(name)
    alone = native(binary)
    assert (alone.status, alone.out) == (0, "ok\n"), "the test itself is wrong"
    first, second = simulate(binary), simulate(binary)
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.fixture(scope="module")
def build_musl(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The same with musl, linked statically; the kernel's headers are not among its own."""
    if not shutil.which("musl-gcc"):
        pytest.skip("musl-gcc is not installed: nothing is known about musl on this machine")
    folder, headers = tmp_path_factory.mktemp("bin"), tmp_path_factory.mktemp("headers")
    places = [Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu")]
    for name in ("linux", "asm", "asm-generic"):
        (headers / name).symlink_to(next(p / name for p in places if (p / name).is_dir()))

    def compiled(name: str) -> str:
        binary, source = folder / name, _FOLDER / f"{name}.c"
        flags = ["-static", "-idirafter", str(headers), *_FLAGS]
        subprocess.run(["musl-gcc", *flags, "-o", str(binary), str(source)], check=True)
        return str(binary)

    return compiled


@pytest.mark.parametrize("name", _MUSL)
def test_musl(name: str, build_musl: Build, native: Native, simulate: Simulate) -> None:
    binary = build_musl(name)
    alone = native(binary)
    assert (alone.status, alone.out) == (0, "ok\n"), "the test itself is wrong"
    first, second = simulate(binary), simulate(binary)
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("name", _NAMES)
def test_holds_under_another_schedule(name: str, build: Build, simulate: Simulate) -> None:
    options = ("--strategy", "random")
    first, second = (simulate(build(name), seed=11, options=options) for _ in range(2))
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("strategy", ["fifo", "random", "pct"])
def test_storms(strategy: str, build: Build, simulate: Simulate) -> None:
    """Signals and kills at random among threads: no hang, no crash, nothing lost."""
    for seed in range(STORMS // 2):
        options = ("--strategy", strategy, "--wall-limit", "60s")
        done = simulate(build("storm"), str(seed), seed=seed, options=options)
        assert (done.status, done.out, done.err) == (0, "ok\n", ""), f"seed {seed}"
