"""What a fault plan costs: calls that no rule concerns, and rules that are functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from measure import Bench, Command, Row

_RULES = 100
_FUNCTION = """\
from dstrun.plan import Plan

plan = Plan()


@plan.on("getppid")
def decide(call):
    return call.give(call.match)
"""


def _plan(on: str) -> str:
    return "".join(
        f'[[fault]]\non = "{on}"\npath = "**/other-{number}/*"\nerror = "EIO"\n'
        for number in range(_RULES)
    )


def faults(bench: Bench) -> Iterator[Row]:
    """The column "native" is that without a plan."""
    program = bench.compile("calls")
    (bench.directory / "calls.toml").write_text(_plan("fsync"))
    (bench.directory / "paths.toml").write_text(_plan("pread64,newfstatat,openat"))
    (bench.directory / "function.py").write_text(_FUNCTION)

    def inside(what: str, *options: str) -> Callable[[int], Command]:
        options = ("--no-trace", *options)
        return lambda n: bench.dstrun(program, what, str(n), options=options)

    turns = bench.turns(500_000)
    plain, others = bench.medians(
        bench.per_turn(inside("getppid"), turns),
        bench.per_turn(inside("getppid", "--plan", "calls.toml"), turns),
    )
    yield Row(f"getppid, {_RULES} rules for other calls, beside none", "ns", plain, others, 1.05)
    for what, times in (("pread", 500_000), ("stat", 200_000), ("open", 100_000)):
        turns = bench.turns(times)
        plain, others = bench.medians(
            bench.per_turn(inside(what), turns),
            bench.per_turn(inside(what, "--plan", "paths.toml"), turns),
        )
        yield Row(f"{what}, {_RULES} rules for other files, beside none", "ns", plain, others, 1.05)
    asks = bench.turns(20_000)
    (asked,) = bench.medians(bench.per_turn(inside("getppid", "--plan", "function.py"), asks))
    yield Row("a rule that is a function", "us", None, asked / 1000, 150)
