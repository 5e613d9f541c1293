"""What sockets cost: throughput, connections, many that are idle, memory; and a real server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from measure import Bench, Command, Row

IDLE = 10_000
PROCESSES = 100
NS_PER_S = 1_000_000_000
_BYTES_PER_BLOCK = 512
_WORLD = "/memfd:dstrun-world"

_REDIS = """\
redis-server --port "$1" --save "" >/dev/null & server=$!
until redis-cli -p "$1" ping >/dev/null 2>&1; do :; done
redis-benchmark -p "$1" -n "$2" -c 20 -q -t set,get >/dev/null
redis-cli -p "$1" shutdown nosave
wait $server
"""
REDIS_TESTS = 2
_REDIS_PORT = 17001


def network(bench: Bench) -> Iterator[Row]:
    """TCP between processes. Where others are idle, the column "native" is that of few of them."""
    program = bench.compile("network", "-pthread")

    def both(what: str, turns: int) -> tuple[Callable[[], float], Callable[[], float]]:
        return (
            bench.per_turn(lambda n: [program, what, str(n)], bench.turns(turns)),
            bench.per_turn(lambda n: bench.dstrun(program, what, str(n)), bench.turns(turns)),
        )

    def beside(what: str, others: int, turns: int) -> Callable[[], float]:
        def make(n: int) -> Command:
            return bench.dstrun(program, what, str(n), str(others))

        return bench.per_turn(make, bench.turns(turns))

    plain, simulated = bench.medians(*both("bulk", 5000))
    yield Row("TCP, one way", "MB/s", NS_PER_S / plain, NS_PER_S / simulated, 0.3, True)
    plain, simulated = bench.medians(*both("accept", 20_000))
    yield Row("TCP connections", "1/s", NS_PER_S / plain, NS_PER_S / simulated, 0.3, True)
    few, many = bench.medians(beside("idle", 10, 50_000), beside("idle", IDLE, 50_000))
    yield Row(f"a round trip beside {IDLE:,} idle connections, beside 10", "ns", few, many, 1.5)
    few, many = bench.medians(beside("ring", 2, 100_000), beside("ring", PROCESSES, 100_000))
    yield Row(f"a hand-over among {PROCESSES} processes, beside 2", "ns", few, many, 2)
    for what, name in (("sockets", "socket"), ("tasks", "thread")):
        yield Row(
            f"the world's memory, a {name}", "bytes", None, _memory(bench, program, what), None
        )


def _memory(bench: Bench, program: str, what: str) -> float:
    """Bytes of the world for each of the program's sockets or tasks."""
    few, many = 100, 1000
    difference = _world_bytes(bench, program, what, many) - _world_bytes(bench, program, what, few)
    return difference / (many - few)


def _world_bytes(bench: Bench, program: str, what: str, count: int) -> int:
    """What the world takes while the program waits for its input."""
    with subprocess.Popen(
        bench.dstrun(program, what, str(count)), cwd=bench.directory, env=bench.env,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdin
        assert run.stdout
        if run.stdout.readline() != "there\n":
            raise SystemExit(f"bench: {program} {what} {count} did not come up")
        size = max(map(_blocks_of_world, Path(f"/proc/{run.pid}/fd").iterdir()))
        run.stdin.close()
    return size * _BYTES_PER_BLOCK


def _blocks_of_world(descriptor: Path) -> int:
    with suppress(OSError):
        if str(descriptor.readlink()).startswith(_WORLD):
            return descriptor.stat().st_blocks
    return 0


def has_redis() -> bool:
    """Whether it is installed."""
    return all(map(shutil.which, ("redis-server", "redis-cli", "redis-benchmark")))


def redis(n: int) -> Command:
    """n requests of each kind."""
    return ["sh", "-c", _REDIS, "sh", str(_REDIS_PORT), str(n)]


def servers(bench: Bench) -> Iterator[Row]:
    """Real servers and their clients together."""
    if not has_redis():
        print("bench: redis is not installed: no row for it", file=sys.stderr)
        return
    turns = bench.turns(100_000)
    plain, simulated, recorded = bench.medians(
        bench.per_turn(redis, turns),
        bench.per_turn(lambda n: bench.dstrun(*redis(n)), turns),
        bench.per_turn(
            lambda n: bench.dstrun(*redis(n), options=("-o", "redis.trace", "--force")), turns
        ),
    )
    rates = [NS_PER_S * REDIS_TESTS / figure for figure in (plain, simulated, recorded)]
    name = "redis-server and redis-benchmark"
    yield Row(f"{name}, recorded", "requests/s", rates[0], rates[2], 0.3, True)
    yield Row(f"{name}, not recorded", "requests/s", rates[0], rates[1], 0.3, True)
