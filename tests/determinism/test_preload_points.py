"""Locks, conditions, semaphores and memory are points though nobody waits and no call is made."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from runs_lib import FULL, PROGRAMS, Native, Simulate

from dstrun import abi
from dstrun.trace.reader import Trace

_MEMORY = range(abi.POINT_malloc, abi.POINT_posix_memalign + 1)
SEEDS = range(1, 201 if FULL else 41)
_BUILDS = {
    "lost_updates": ("gcc", "-O1", "-pthread", "lost_updates.c"),
    "every_point": ("gcc", "-O1", "-pthread", "every_point.c"),
    "primitives": ("g++", "-O1", "-pthread", "primitives.cpp"),
}


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("bin")
    for name, (compiler, *words) in _BUILDS.items():
        source = str(PROGRAMS / "preload" / words.pop())
        subprocess.run([compiler, *words, "-o", folder / name, source], check=True)
    return {name: str(folder / name) for name in _BUILDS}


@pytest.mark.parametrize("strategy", ["random", "pct", "sticky", "pos"])
def test_uncontended_locks_part_threads(
    strategy: str, binaries: dict[str, str], simulate: Simulate
) -> None:
    def outcomes(*options: str) -> Counter[str]:
        options = ("--strategy", strategy, *options)
        runs = (
            simulate(binaries["lost_updates"], seed=s, options=options, record=False) for s in SEEDS
        )
        return Counter(run.out for run in runs)

    assert len(outcomes()) >= 3
    assert outcomes("--no-preload") == {"40\n": len(SEEDS)}, "no call, no point"


def test_every_function_is_a_point(
    binaries: dict[str, str], simulate: Simulate, tmp_path: Path
) -> None:
    """Two threads that are always ready: at each point one has to wait sometime."""
    options = ("--strategy", "random")
    first = simulate(binaries["every_point"], options=options)
    assert (first.status, first.out) == (0, "ok\n")
    with Trace(tmp_path / "traces" / "run.trace") as trace:
        parted = {event.nr for event in trace.read() if event.kind == abi.EVENT_POINT}
    assert parted == set(abi.PRELOAD_POINT_NAMES)
    assert [simulate(binaries["every_point"], options=options) for _ in range(3)] == [first] * 3
    other = simulate(binaries["every_point"], options=options, seed=8)
    assert other.out == first.out
    assert other.hash != first.hash


@pytest.mark.parametrize("name", ["every_point", "primitives"])
@pytest.mark.parametrize("strategy", ["fifo", "random", "pct"])
def test_agrees_with_native(
    name: str, strategy: str, binaries: dict[str, str], native: Native, simulate: Simulate
) -> None:
    assert native(binaries[name]).out == "ok\n"
    for options in ((), ("--no-preload",)):
        run = simulate(binaries[name], options=("--strategy", strategy, *options))
        assert (run.status, run.out, run.err) == (0, "ok\n", "")


def test_memory_is_no_point_where_nobody_shares_it(simulate: Simulate, tmp_path: Path) -> None:
    """Processes that only compute are not parted at each allocation of theirs."""
    script = "for i in 1 2; do perl -e '$a{$_} = \"x\" x $_ for 1..300' & done; wait"
    assert simulate("bash", "-c", script, options=("--strategy", "random")).status == 0
    with Trace(tmp_path / "traces" / "run.trace") as trace:
        parted = {event.nr for event in trace.read() if event.kind == abi.EVENT_POINT}
    assert max(_MEMORY) < min(parted), "its locks may be shared with others, and are"
