"""What a trace takes, what recording costs, and how fast it is read.

Reading is timed by the processor, which it alone uses: others on the machine do not count.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from measure import Bench, Command, Row
from network import REDIS_TESTS, has_redis, redis

from dstrun.trace import chunks
from dstrun.trace.diff import first_difference
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer

_MILLION = 1e6
_READ_ALL = """
import resource, sys
from dstrun.trace.reader import Trace
with Trace(sys.argv[1]) as trace:
    count = sum(1 for _ in trace.read())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_RECORDED = (chunks.STREAM, chunks.IDENTITIES, chunks.RECORDS, chunks.AREA)


def traces(bench: Bench) -> Iterator[Row]:
    """Size, cost, speed."""
    if has_redis():
        yield from _redis(bench)
    find = ["find", "/usr/share", "/usr/lib", "-maxdepth", "3", "-newermt", "2001-01-01"]
    path = bench.directory / "find.trace"
    bench.time_ns(bench.dstrun(*find, options=("--force", "-o", str(path))))
    yield from _sizes("find", path)
    yield from _speed(bench)


def _redis(bench: Bench) -> Iterator[Row]:
    options = ("-o", "redis.trace", "--force")

    def recorded(n: int) -> Command:
        return bench.dstrun(*redis(n), options=options)

    def replayed(n: int) -> Command:
        return [sys.executable, "-m", "dstrun", "replay", "-q", f"redis-{n}.trace"]

    turns = bench.turns(50_000)
    for n in (turns // 10, turns):
        named = ("-o", f"redis-{n}.trace", "--force")
        bench.time_ns(bench.dstrun(*redis(n), options=named))
    without, with_it = bench.medians(
        bench.per_turn(lambda n: bench.dstrun(*redis(n)), turns), bench.per_turn(recorded, turns)
    )
    name = "redis-benchmark recorded, beside --no-trace"
    yield Row(name, "ns/request", without / REDIS_TESTS, with_it / REDIS_TESTS, 1.3)
    again, first = bench.medians(bench.per_turn(recorded, turns), bench.per_turn(replayed, turns))
    name = "redis-benchmark replayed, beside recorded"
    yield Row(name, "ns/request", again / REDIS_TESTS, first / REDIS_TESTS, 1.3)
    bench.time_ns(recorded(turns))
    yield from _sizes("redis-benchmark", bench.directory / "redis.trace", (80, 24))


def _sizes(
    name: str, path: Path, bounds: tuple[float | None, float | None] = (None, None)
) -> Iterator[Row]:
    """Bytes an event, while it is recorded and at rest."""
    data = path.read_bytes()
    raw = sum(c.raw for c in chunks.walk(data, 0, len(data)) if c.kind in _RECORDED)
    with Trace(path) as trace:
        yield Row(f"trace of {name}, recording", "bytes/event", None, raw / trace.events, bounds[0])
        at_rest = len(data) / trace.events
        yield Row(f"trace of {name}, at rest", "bytes/event", None, at_rest, bounds[1])


def _speed(bench: Bench) -> Iterator[Row]:
    program = bench.compile("calls")
    paths = [bench.directory / name for name in ("one.trace", "two.trace")]
    turns = str(bench.turns(10_000_000))
    for path in paths:
        options = ("--force", "-o", str(path))
        bench.time_ns(bench.dstrun(program, "getppid", turns, options=options))
    yield from _sizes("getppid", paths[0])
    with Trace(paths[0]) as one, Trace(paths[1]) as two:
        count = f"{round(one.events / _MILLION, 1):g} million events"

        def open_middle() -> float:
            started = time.process_time()
            with Trace(paths[0]) as trace:
                Renderer(trace).line(0, trace.event(trace.events // 2))
            return (time.process_time() - started) * 1000

        def read() -> float:
            started = time.process_time()
            return sum(1 for _ in one.read()) / (time.process_time() - started)

        def render() -> float:
            renderer = Renderer(one)
            started = time.process_time()
            lines = [renderer.line(*numbered) for numbered in one.numbered(0, 100_000)]
            return len(lines) / (time.process_time() - started)

        def compare() -> float:
            started = time.process_time()
            if first_difference(one, two) is not None:
                raise SystemExit("bench: two traces of the same run differ")
            return one.events / (time.process_time() - started)

        measures = open_middle, read, render, compare
        opening, reading, rendering, comparing = bench.medians(*measures)
    yield Row(f"the middle one of {count}", "ms", None, opening, 200)
    yield Row("reading a trace", "M events/s", None, reading / _MILLION, 2, True)
    yield Row("... as show's lines", "events/s", None, rendering, None, True)
    yield Row("diffing two traces", "M events/s", None, comparing / _MILLION, 2, True)
    yield Row(f"memory to read {count}", "MiB", None, _memory(bench, paths[0]), 1024)


def _memory(bench: Bench, path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL, path],
        env=bench.env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout) / 1024
