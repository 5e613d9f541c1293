"""Who runs next: the strategies, their parameters, defaults and ranges.

This table is their only source: the command line is checked against it, what a run uses is written
from it into the world and the trace, the help and the README list it. A strategy's code is
shims/core/NAME.c, and the essay on it stands there.

A text like "pct:d=3" names a strategy; its full form, with every parameter that has a value, is
what traces keep: it stays the same run when a default changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dstrun import abi
from dstrun.errors import BadUsage, did_you_mean
from dstrun.layout import Member
from dstrun.quantities import parse_duration_ns

_MILLION = 10**6
_UNITS_NS = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


@dataclass(frozen=True)
class Parameter:
    """A number of a strategy. Without a default it may be absent, and is 0 in the world.

    count: an integer; share: from 0 to 1, kept in millionths; time: a duration, kept in ns.
    """

    name: str
    member: Member
    kind: Literal["count", "share", "time"]
    default: int | None
    least: int
    most: int
    meaning: str

    def parse(self, text: str) -> int:
        """The number that a text stands for."""
        try:
            value = _PARSERS[self.kind](text)
        except (ValueError, BadUsage):
            raise BadUsage(f"{self.name}={text}: not a number ({self.range_text()})") from None
        if not self.least <= value <= self.most:
            raise BadUsage(f"{self.name}={text}: out of range ({self.range_text()})")
        return value

    def text(self, value: int) -> str:
        """What `parse` reads as this value."""
        if self.kind == "time":
            unit, ns = next((unit, ns) for unit, ns in _UNITS_NS if value % ns == 0)
            return f"{value // ns}{unit}"
        if self.kind == "share":
            return f"{value // _MILLION}.{value % _MILLION:06d}".rstrip("0").rstrip(".")
        return str(value)

    def range_text(self) -> str:
        """The values that are allowed."""
        return f"{self.text(self.least)} to {self.text(self.most)}"


def _parse_count(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise ValueError(text)
    return int(text)


def _parse_share(text: str) -> int:
    whole, _, fraction = text.partition(".")
    if len(fraction) > 6:
        raise ValueError(text)
    scale: int = 10 ** (6 - len(fraction))
    return _parse_count(whole + fraction) * scale


_PARSERS = {"count": _parse_count, "share": _parse_share, "time": parse_duration_ns}


@dataclass(frozen=True)
class Strategy:
    """A way to choose who runs next."""

    name: str
    number: int
    meaning: str
    parameters: tuple[Parameter, ...] = ()


_SLICE = Parameter(
    "slice", abi.SchedConfig.slice_ns, "time", 2_000_000, 1_000, 10**12,
    "virtual time after which the next one has its turn",
)  # fmt: skip
_ROUND = Parameter(
    "k", abi.SchedConfig.points, "count", None, 1, 10**12,
    "points of a round, about those of a run; absent: rounds double from 16 on",
)  # fmt: skip


def _depth(default: int, meaning: str) -> Parameter:
    depth = abi.SchedConfig.depth
    return Parameter("d", depth, "count", default, 1, abi.SCHED_DEPTH_MAX, meaning)


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("fifo", abi.STRATEGY_FIFO, "the longest ready, when a task blocks", (_SLICE,)),
        Strategy("random", abi.STRATEGY_RANDOM, "any, at every point"),
        Strategy(
            "sticky", abi.STRATEGY_STICKY, "the same again with probability p, else any other",
            (Parameter("p", abi.SchedConfig.keep_ppm, "share", 900_000, 0, 999_999,
                       "probability to go on at a point"),),
        ),
        Strategy(
            "delay", abi.STRATEGY_DELAY, "as fifo, but d times in a round the next has to wait",
            (_depth(2, "delays in a round"),
             _ROUND, _SLICE),
        ),
        Strategy(
            "pct", abi.STRATEGY_PCT, "the highest priority, which falls d - 1 times in a round",
            (_depth(3, "depth of the bugs to look for"),
             _ROUND,
             Parameter("spin", abi.SchedConfig.spin, "count", 10_000, 16, 10**12,
                       "points for which a task may hold others up")),
        ),
        Strategy(
            "pos", abi.STRATEGY_POS, "the highest priority, drawn for each step anew",
            (Parameter("k", abi.SchedConfig.points, "count", 1000, 1, 10**12,
                       "points after which those who wait draw anew too"),),
        ),
    )
}  # fmt: skip

# What finds most of workloads/races, by scripts/races: the table is in their README.
DEFAULT_STRATEGY = "pct"

# Names that are kept for what is to come.
_FUTURE = ("surw",)


@dataclass(frozen=True)
class Choice:
    """A strategy with its parameters' values."""

    strategy: Strategy
    values: Mapping[str, int]

    @property
    def text(self) -> str:
        """The full form."""
        words = [
            f"{parameter.name}={parameter.text(self.values[parameter.name])}"
            for parameter in self.strategy.parameters
            if parameter.name in self.values
        ]
        return self.strategy.name + (":" + ",".join(words) if words else "")

    def write(self, memory: Any, config: int) -> None:
        """Into the world's configuration, which starts at `config`."""
        base = config + abi.Config.sched.offset
        abi.SchedConfig.strategy.set(memory, self.strategy.number, base)
        abi.SchedConfig.chooser.set(memory, self.strategy.number, base)
        for parameter in self.strategy.parameters:
            parameter.member.set(memory, self.values.get(parameter.name, 0), base)


def parse_strategy(text: str) -> Choice:
    """The choice that a text like "pct:d=3,k=1000" makes; BadUsage says what is wrong with it."""
    name, colon, rest = text.partition(":")
    strategy = STRATEGIES.get(name)
    if strategy is None:
        if name in _FUTURE:
            raise BadUsage(f'"{name}" is not available in this version ({_known(STRATEGIES)})')
        raise BadUsage(f'unknown strategy "{name}"' + _hint(name, STRATEGIES))
    values = {p.name: p.default for p in strategy.parameters if p.default is not None}
    given = _parse_values(strategy, rest.split(",")) if colon else {}
    return Choice(strategy, values | given)


def _parse_values(strategy: Strategy, words: list[str]) -> dict[str, int]:
    known = {parameter.name: parameter for parameter in strategy.parameters}
    values: dict[str, int] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in known:
            if not known:
                raise BadUsage(f"{strategy.name} has no parameters")
            raise BadUsage(f'{strategy.name} has no parameter "{name}"' + _hint(name, known))
        if not equals or name in values:
            what = "is given twice" if equals else "has no value"
            raise BadUsage(f'{strategy.name}: "{name}" {what} (use {name}=VALUE)')
        try:
            values[name] = known[name].parse(value)
        except BadUsage as error:
            raise BadUsage(f"{strategy.name}: {error}") from None
    return values


def _hint(word: str, known: Mapping[str, object]) -> str:
    return did_you_mean(word, known) or f" ({_known(known)})"


def _known(names: Mapping[str, object]) -> str:
    *most, last = names
    return f"use {', '.join(most)} or {last}" if most else f"use {last}"


def parameter_lines(strategy: Strategy) -> list[str]:
    """ "k=1 to 9 [3]: what it means", for each."""
    lines = []
    for parameter in strategy.parameters:
        default = "" if parameter.default is None else f" [{parameter.text(parameter.default)}]"
        lines.append(f"{parameter.name}={parameter.range_text()}{default}: {parameter.meaning}")
    return lines
