"""What calls and clock reads cost: parameters of the run, their jitter the seed's."""

from __future__ import annotations

import json

from runs_lib import Simulate

_READS = """\
import array, json, os, time
reads, calls = (array.array("q", bytes(4000)) for _ in range(2))  # which ask for no more memory
for i in range(500):
    reads[i] = time.monotonic_ns()
for i in range(500):
    os.getppid()
    calls[i] = time.monotonic_ns()
print(json.dumps([[b - a for a, b in zip(c, c[1:])] for c in (reads, calls)]))
"""


def _steps(
    simulate: Simulate, *options: str, seed: int = 7
) -> tuple[list[int], list[int], str | None]:
    """How far the clock moves from read to read, the same with a call between, and the hash."""
    run = simulate("python3", "-S", "-c", _READS, seed=seed, options=options)
    assert run.status == 0, run.err
    reads, calls = json.loads(run.out)
    return reads, calls, run.hash


def test_costs_are_parameters(simulate: Simulate) -> None:
    reads, calls, _ = _steps(simulate)
    assert (set(reads), set(calls)) == ({50}, {1050})
    reads, calls, _ = _steps(simulate, "--call-cost", "3us", "--clock-cost", "7ns")
    assert (set(reads), set(calls)) == ({7}, {3007})


def test_jitter_is_of_the_seed(simulate: Simulate) -> None:
    jitter = ("--cost-jitter", "20%")
    first = _steps(simulate, *jitter)
    assert first == _steps(simulate, *jitter)
    assert first[:2] != _steps(simulate, *jitter, seed=8)[:2]
    assert first[:2] != _steps(simulate, *jitter, "--sched-seed", "8")[:2]
    reads, calls, _ = first
    assert {40, 50, 60} <= set(reads) <= set(range(40, 61))
    assert 840 <= min(calls) < 900
    assert 1200 < max(calls) <= 1260
