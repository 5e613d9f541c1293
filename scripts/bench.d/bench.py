"""What dstrun costs: native beside dstrun, in one run, as medians and ratios.

Inside a simulation clocks are virtual, so everything is timed from outside, the native side too. A
figure per call is the difference of a long and a short run, divided by the difference of their
turns: what starting costs is in both and falls out. Both sides run on one CPU each, in turn.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tabulate import tabulate

sys.path.insert(
    0, str(Path(__file__).resolve().parents[2])
)  # the checkout's, built by scripts/build

from faults import faults
from measure import HERE, NS_PER_MS, Bench, Command, Row
from network import network, servers
from traces import traces

from dstrun import abi
from dstrun.strategies import STRATEGIES


def calls(bench: Bench) -> Iterator[Row]:
    """Trapped calls and the clock."""
    program = bench.compile("calls")
    record = ("-o", "calls.trace", "--force")

    def native(what: str) -> Callable[[int], Command]:
        return lambda n: [program, what, str(n)]

    def inside(what: str, *options: str) -> Callable[[int], Command]:
        return lambda n: bench.dstrun(program, what, str(n), options=options)

    turns = bench.turns(500_000)
    plain, bare, recorded, unrecorded = bench.medians(
        bench.per_turn(native("getppid"), turns),
        bench.per_turn(native("sud"), turns),
        bench.per_turn(inside("getppid", *record), turns),
        bench.per_turn(inside("getppid", "--no-trace"), turns),
    )
    yield Row("getppid, recorded", "ns", plain, recorded, 25)
    yield Row("getppid, not recorded", "ns", plain, unrecorded, 25)
    yield Row("getppid, recorded, beside the bare SUD trap", "ns", bare, recorded, 1.5)

    turns = bench.turns(20_000_000)
    plain, virtual = bench.medians(
        bench.per_turn(native("clock"), turns),
        bench.per_turn(inside("clock", "--no-trace"), turns),
    )
    yield Row("clock_gettime", "ns", plain, virtual, 3)

    turns = bench.turns(20_000)
    (slept,) = bench.medians(bench.per_turn(inside("sleep", "--no-trace"), turns))
    yield Row("an hour of sleep", "us", None, slept / 1000, 1000)

    turns = bench.turns(400_000_000)
    plain, simulated = bench.medians(
        bench.per_turn(native("compute"), turns),
        bench.per_turn(inside("compute", "--no-trace"), turns),
    )
    scale = turns / 1e6
    yield Row("compute-bound work", "ms", plain * scale, simulated * scale, 1.05)


def switches(bench: Bench) -> Iterator[Row]:
    """From one process to another and back."""
    program = bench.compile("handoff")
    getppid = bench.compile("calls")
    turns = bench.turns(100_000)
    futex, pipe, simulated, call = bench.medians(
        bench.per_turn(lambda n: [program, "futex", str(n)], turns),
        bench.per_turn(lambda n: [program, "pipe", str(n)], turns),
        bench.per_turn(lambda n: bench.dstrun(program, "pipe", str(n)), turns),
        bench.per_turn(lambda n: bench.dstrun(getppid, "getppid", str(n)), turns),
    )
    # A round is two hand-overs, each a write and a read.
    yield Row("pipe ping-pong, a hand-over", "ns", pipe / 2, simulated / 2, None)
    switch = max(simulated / 2 - 2 * call, 0.0)
    yield Row("... without its two calls, beside a futex's", "ns", futex / 2, switch, 2)


def choices(bench: Bench) -> Iterator[Row]:
    """What a strategy takes to choose, alone: of two tasks, and of a thousand."""
    shims = HERE.parents[1] / "shims"
    sources = sorted((shims / "core").glob("*.c"))
    program = bench.compile("choices", f"-I{shims}", "-std=gnu11", *sources)
    members = ("depth", "points", "keep_ppm", "slice_ns", "spin")
    turns = bench.turns(4_000_000)
    for name, strategy in STRATEGIES.items():
        values = {getattr(abi.SchedConfig, member): 0 for member in members}
        values |= {p.member: p.default or 0 for p in strategy.parameters}
        parameters = [str(strategy.number), *(str(value) for value in values.values())]

        def choose(tasks: int, parameters: list[str] = parameters) -> Callable[[], float]:
            return bench.per_turn(lambda n: [program, str(tasks), str(n), *parameters], turns)

        few, many = bench.medians(choose(2), choose(1000))
        yield Row(f"a choice by {name}: of 1,000 tasks, beside 2", "ns", few, many, 5)


def threads(bench: Bench) -> Iterator[Row]:
    """How much the number of threads matters: the column "native" is that of few of them."""
    program = bench.compile("threads", "-pthread")

    def inside(what: str, count: int, turns: int) -> Callable[[], float]:
        def make(n: int) -> Command:
            return bench.dstrun(program, what, str(count), str(n))

        return bench.per_turn(make, bench.turns(turns))

    few, many, most = bench.medians(*[inside("yield", n, 200_000) for n in (2, 100, 1000)])
    yield Row("a switch among 100 threads, beside 2", "ns", few, many, 2)
    yield Row("a switch among 1,000 threads, beside 2", "ns", few, most, 2)
    alone, two, most = bench.medians(*[inside("wait", n, 500_000) for n in (1, 2, 1000)])
    yield Row("getppid while another thread waits, beside alone", "ns", alone, two, 1.1)
    yield Row("getppid while 999 others wait, beside alone", "ns", alone, most, 1.1)


def points(bench: Bench) -> Iterator[Row]:
    """Places that are no calls, where others may run."""
    program = bench.compile("threads", "-pthread")

    def locks(*options: str) -> Callable[[int], Command]:
        options = ("--no-trace", *options)
        return lambda n: bench.dstrun(program, "lock", "2", str(n), options=options)

    turns = bench.turns(20_000_000)
    native, without, simulated = bench.medians(
        bench.per_turn(lambda n: [program, "lock", "2", str(n)], turns),
        bench.per_turn(locks("--no-preload"), turns),
        bench.per_turn(locks(), turns),
    )
    # A turn is two points: before the lock is taken, after it was released.
    yield Row("a preload point, nobody else can run", "ns", None, (simulated - without) / 2, 150)
    yield Row("a mutex locked and unlocked", "ns", native, simulated, None)

    def spins(n: int) -> Command:
        return bench.dstrun(program, "spin", "2", str(n))

    turns = bench.turns(200_000)
    bench.time_ns(spins(1000))  # learns where it spins, as in every run after it
    (hand_over,) = bench.medians(bench.per_turn(spins, turns))
    yield Row("a hand-over by spinning, at learned points", "ns", None, hand_over, None)


def runs(bench: Bench) -> Iterator[Row]:
    """Whole commands."""
    true = shutil.which("true") or "/bin/true"
    inner: list[float] = []

    def measure_true() -> float:
        command = bench.dstrun(true, options=("--json", "-o", "true.trace", "--force"))
        command.remove("-q")
        started = time.perf_counter_ns()
        done = subprocess.run(
            command, cwd=bench.directory, env=bench.env, capture_output=True, text=True, check=True
        )
        elapsed = time.perf_counter_ns() - started
        inner.append(json.loads(done.stderr)["wall_ns"])
        return elapsed

    repeats = 1 if bench.quick else 4
    (whole,) = bench.medians(lambda: statistics.median([measure_true() for _ in range(repeats)]))
    yield Row("/bin/true, the whole command", "ms", None, whole / NS_PER_MS, 150)
    after = statistics.median(inner) / NS_PER_MS
    yield Row("/bin/true, after Python's start and imports", "ms", None, after, 10)

    turns = bench.turns(200)
    script = 'i=0; while [ $i -lt "$1" ]; do /bin/true; i=$((i + 1)); done'

    def shell(n: int) -> Command:
        return ["/bin/sh", "-c", script, "sh", str(n)]

    native, simulated = bench.medians(
        bench.per_turn(shell, turns),
        bench.per_turn(lambda n: bench.dstrun(*shell(n)), turns),
    )
    name = "fork, exec, wait, 200 times in a shell"
    yield Row(name, "ms", native * 200 / NS_PER_MS, simulated * 200 / NS_PER_MS, 6)


GROUPS = (calls, switches, threads, points, faults, network, servers, choices, runs, traces)
HEADERS = ["what", "unit", "native", "dstrun", "ratio", "target", ""]


def as_json(rows: list[Row]) -> str:
    """One object a row, in a list."""
    keys = ("name", "unit", "native", "dstrun", "ratio", "bound", "verdict")
    return json.dumps([{key: getattr(row, key) for key in keys} for row in rows], indent=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few turns, once: only that it works")
    parser.add_argument("--repeats", type=int, metavar="N", help="medians of N (5; quick: 1)")
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    parser.add_argument("--only", choices=[g.__name__ for g in GROUPS], help="one group of rows")
    options = parser.parse_args()
    repeats = options.repeats or (1 if options.quick else 5)
    with tempfile.TemporaryDirectory(prefix="dstrun-bench-") as name:
        bench = Bench(Path(name), repeats, options.quick)
        rows = []
        for group in GROUPS:
            if options.only in (None, group.__name__):
                print(f"bench: {group.__name__} ...", file=sys.stderr)
                rows += group(bench)
    if options.json:
        print(as_json(rows))
    else:
        right = ("left", "left", "right", "right", "right", "right", "left")
        cells = [row.cells() for row in rows]
        print(tabulate(cells, HEADERS, disable_numparse=True, colalign=right))
    return 0


if __name__ == "__main__":
    sys.exit(main())
