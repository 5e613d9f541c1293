"""The table of strategies: what a text means, and the one line that says what is wrong with it."""

from __future__ import annotations

import pytest
from core_lib import World

from dstrun import abi
from dstrun.errors import BadUsage
from dstrun.strategies import STRATEGIES, parameter_lines, parse_strategy

CONFIG = abi.World.config.offset


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("fifo", "fifo:slice=2ms"),
        ("fifo:slice=1500us", "fifo:slice=1500us"),
        ("fifo:slice=0.25", "fifo:slice=250ms"),
        ("random", "random"),
        ("sticky", "sticky:p=0.9"),
        ("sticky:p=0.50", "sticky:p=0.5"),
        ("sticky:p=0", "sticky:p=0"),
        ("sticky:p=.999999", "sticky:p=0.999999"),
        ("delay:k=100", "delay:d=2,k=100,slice=2ms"),
        ("pct", "pct:d=3,spin=10000"),
        ("pct:k=10000,d=2", "pct:d=2,k=10000,spin=10000"),
    ],
)
def test_a_text_has_a_full_form_that_means_the_same(text: str, full: str) -> None:
    assert parse_strategy(text).text == full
    assert parse_strategy(full) == parse_strategy(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'unknown strategy ""'),
        ("PCT", 'unknown strategy "PCT" (use fifo, random, sticky, delay, pct or pos)'),
        ("stick", 'unknown strategy "stick" (did you mean "sticky"?)'),
        ("surw", '"surw" is not available in this version'),
        ("random:x=1", "random has no parameters"),
        ("random:", "random has no parameters"),
        ("fifo:slise=1ms", 'fifo has no parameter "slise" (did you mean "slice"?)'),
        ("fifo:slice=0", "fifo: slice=0: not a number (1us to 1000s)"),
        ("fifo:slice=1ns", "fifo: slice=1ns: out of range (1us to 1000s)"),
        ("sticky:q=1", 'sticky has no parameter "q" (use p)'),
        ("sticky:p=1", "sticky: p=1: out of range (0 to 0.999999)"),
        ("sticky:p=-1", "sticky: p=-1: not a number"),
        ("sticky:p=0.1234567", "sticky: p=0.1234567: not a number"),
        ("sticky:p=", "sticky: p=: not a number"),
        ("pct:d", 'pct: "d" has no value (use d=VALUE)'),
        ("pct:d=3,d=4", 'pct: "d" is given twice'),
        ("pct:d=3,", 'pct has no parameter ""'),
        ("pct:d=65", "pct: d=65: out of range (1 to 64)"),
        ("pct:k=0", "pct: k=0: out of range"),
        ("pct:k=²", "pct: k=²: not a number"),
        ("pct:k=1e4", "pct: k=1e4: not a number"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(BadUsage) as caught:
        parse_strategy(text)
    assert message in str(caught.value)


def test_the_world_gets_what_was_chosen() -> None:
    with World() as world:
        parse_strategy("pct:k=77").write(world.memory, CONFIG)
        base = abi.Config.sched.at(0, CONFIG)
        members = ("strategy", "depth", "points", "spin", "slice_ns")
        values = [getattr(abi.SchedConfig, name).get(world.memory, base) for name in members]
        assert values == [abi.STRATEGY_PCT, 3, 77, 10_000, 0]
        parse_strategy("sticky:p=0.25").write(world.memory, CONFIG)
        assert abi.SchedConfig.keep_ppm.get(world.memory, base) == 250_000


def test_defaults_are_in_range() -> None:
    for strategy in STRATEGIES.values():
        for parameter in strategy.parameters:
            for value in (parameter.least, parameter.most, parameter.default):
                if value is not None:
                    assert parameter.parse(parameter.text(value)) == value
        assert len(parameter_lines(strategy)) == len(strategy.parameters)
