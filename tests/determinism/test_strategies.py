"""Under every strategy a seed gives one run, whatever its threads, processes and spins do."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import ROOT, Simulate

from dstrun.strategies import STRATEGIES, parse_strategy
from dstrun.trace.reader import Trace

SEEDS = range(1, 9)
PARAMETERS = {"sticky": "sticky:p=0.5", "delay": "delay:d=4", "pct": "pct:d=4"}
PIPES = "for i in 1 2 3; do (echo $i; sleep 0.0$i; echo $RANDOM) & done | sort; wait"
# Waits without waiting: for what only the other one can do.
SPINNER = r"""
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static int flags[4];
static int idle(void) { return getppid() < 0; }
static int yields(void) { return sched_yield(); }
static int polls(void) { return poll(0, 0, 0); }
static int sleeps(void) { return usleep(0); }
static int (*const ways[])(void) = {idle, yields, polls, sleeps};

static void *spin(void *way)
{
	long i = (long)way;

	while (!__atomic_load_n(&flags[i], __ATOMIC_ACQUIRE))
		ways[i]();
	return 0;
}

int main(void)
{
	for (long i = 0; i < 4; i++) {
		pthread_t other;
		pthread_create(&other, 0, spin, (void *)i);
		for (int calls = 0; calls < 50; calls++)
			getppid();
		__atomic_store_n(&flags[i], 1, __ATOMIC_RELEASE);
		pthread_join(other, 0);
	}
	return puts("ok") < 0;
}
"""

Build = Callable[[Path | str], str]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A program from a file, or from its text."""
    folder = tmp_path_factory.mktemp("strategies")

    def compile_one(source: Path | str) -> str:
        if isinstance(source, str):
            path = folder / "spinner.c"
            path.write_text(source)
            source = path
        output = folder / source.stem
        subprocess.run(["cc", "-O1", "-pthread", source, "-o", output], check=True)
        return str(output)

    return compile_one


def workload(name: str) -> Path:
    return ROOT / "workloads" / name / f"{name.replace('-', '_')}.c"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_seed_is_a_run(strategy: str, build: Build, simulate: Simulate) -> None:
    """And the schedule is all that it changes here: the program's own randomness is fixed."""
    program = build(workload("lost-update"))
    options = ("--strategy", PARAMETERS.get(strategy, strategy), "--entropy-seed", "1")
    runs = [simulate(program, seed=seed, options=options) for seed in SEEDS]
    again = [simulate(program, seed=seed, options=options) for seed in SEEDS]
    assert [run.identity for run in again] == [run.identity for run in runs]
    assert all(run.outcome == "exited" for run in runs)
    schedules = {run.hash for run in runs}
    assert len(schedules) == 1 if strategy == "fifo" else len(schedules) > len(runs) // 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_deadlock_is_the_same_deadlock(strategy: str, build: Build, simulate: Simulate) -> None:
    program = build(workload("lock-order"))
    options = ("--strategy", PARAMETERS.get(strategy, strategy))
    one, two = (simulate(program, options=options) for _ in range(2))
    assert one.outcome == "deadlock"
    assert one.identity[0] == 121
    assert (two.status, two.out, two.hash) == (one.status, one.out, one.hash)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_processes_and_sleeps(strategy: str, simulate: Simulate) -> None:
    options = ("--strategy", PARAMETERS.get(strategy, strategy))
    for seed in (3, 4):
        runs = [simulate("bash", "-c", PIPES, seed=seed, options=options) for _ in range(2)]
        assert runs[0].identity == runs[1].identity
        assert (runs[0].status, len(runs[0].out.split())) == (0, 6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_spins_starves_nobody(strategy: str, build: Build, simulate: Simulate) -> None:
    program = build(SPINNER)
    options = ("--strategy", PARAMETERS.get(strategy, strategy), "--max-time", "10s")
    for seed in (1, 2, 3):
        runs = [simulate(program, seed=seed, options=options) for _ in range(2)]
        assert runs[0].identity == runs[1].identity
        assert (runs[0].status, runs[0].out, runs[0].err) == (0, "ok\n", "")


def test_the_trace_and_the_line_keep_all_parameters(
    build: Build, simulate: Simulate, tmp_path: Path
) -> None:
    """What is pasted gives the same run, and would if the defaults were others."""
    program = build(workload("lock-order"))
    full = parse_strategy("pct:k=77").text
    first = simulate(program, options=("--strategy", "pct:k=77", "--json"))
    with Trace(tmp_path / "traces" / "run.trace") as trace:
        assert trace.meta["strategy"] == full
        assert trace.end_meta["sched_points"] > 0
    line = shlex.split(json.loads(first.err)["reproduce"])
    assert line[line.index("--strategy") + 1] == full
    assert simulate(program, options=("--strategy", full)).hash == first.hash
