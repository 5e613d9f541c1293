"""core/rules.c: which match of a fault rule fires, and what it draws."""

from __future__ import annotations

import ctypes
from collections import Counter

import pytest
from core_lib import U64, World

from dstrun import abi

FAULTS = abi.World.faults.offset
NO_END = (1 << 64) - 1
RULE = abi.FaultRule


class Rules:
    """A world with one rule in its first place."""

    def __init__(self, core: ctypes.CDLL, world: World) -> None:
        self.core, self.memory = core, world.memory
        self.world = world.address + FAULTS
        self.base = abi.FaultWorld.rules.at(0, FAULTS)
        self.state_base = abi.FaultWorld.states.at(0, FAULTS)
        self.rule = world.address + self.base
        self.state = world.address + self.state_base
        self.action = self.rule + RULE.action.offset
        self.set(when_from=1, when_to=NO_END, when_step=1, prob_below=NO_END)

    def set(self, **numbers: int) -> None:
        """Fields of the rule."""
        for name, value in numbers.items():
            getattr(RULE, name).set(self.memory, value, self.base)

    def set_action(self, index: int = 0, **numbers: int) -> None:
        """Fields of what it does."""
        base = self.base + RULE.action.offset
        for name, value in numbers.items():
            getattr(abi.FaultAction, name).set(self.memory, value, base, index)

    def fires(self, n: int, draw: int = 0) -> bool:
        """Whether match n does."""
        return bool(self.core.rule_decides(self.rule, self.state, n, draw))


@pytest.fixture
def rules(core: ctypes.CDLL) -> Rules:
    return Rules(core, World())


@pytest.mark.parametrize(
    ("first", "last", "step", "wanted"),
    [
        (1, NO_END, 1, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (3, 3, 1, [3]),
        (4, NO_END, 1, [4, 5, 6, 7, 8, 9]),
        (2, NO_END, 3, [2, 5, 8]),
        (2, 6, 2, [2, 4, 6]),
    ],
)
def test_when(rules: Rules, first: int, last: int, step: int, wanted: list[int]) -> None:
    rules.set(when_from=first, when_to=last, when_step=step)
    assert [n for n in range(1, 10) if rules.fires(n)] == wanted


def test_probability_is_of_the_draw_alone(rules: Rules) -> None:
    rules.set(prob_below=1 << 63)
    assert rules.fires(1, (1 << 63) - 1) and not rules.fires(1, 1 << 63)
    rules.set(prob_below=0)
    assert not rules.fires(1, 0)
    rules.set(prob_below=NO_END)
    assert rules.fires(1, NO_END)


def test_at_most_and_sticky(rules: Rules) -> None:
    rules.set(at_most=2, when_from=5, when_to=5)
    abi.FaultState.decided.set(rules.memory, 1, rules.state_base)
    assert rules.fires(5) and not rules.fires(6)
    abi.FaultState.is_stuck.set(rules.memory, 1, rules.state_base)
    assert rules.fires(6)
    abi.FaultState.decided.set(rules.memory, 2, rules.state_base)
    assert not rules.fires(6)


def test_each_scope_counts_for_itself(rules: Rules) -> None:
    def count(task: int, proc: int) -> int:
        return int(rules.core.rule_count(rules.world, 0, task, proc, 1))

    assert [count(1, 1), count(2, 1), count(3, 2)] == [1, 2, 3]
    rules.set(scope=abi.FAULT_COUNT_PROCESS)
    assert [count(1, 1), count(2, 1), count(3, 2)] == [1, 2, 1]
    rules.set(scope=abi.FAULT_COUNT_THREAD)
    assert [count(1, 1), count(2, 1), count(1, 1)] == [1, 1, 2]
    assert abi.FaultState.matched.get(rules.memory, rules.state_base) == 9


def test_draws_depend_on_seed_stream_and_match(rules: Rules) -> None:
    def draws(seed: int, stream: int, match: int, more: int = 0) -> tuple[int, ...]:
        rules.set(stream=stream)
        words = (U64 * 4)()
        rules.core.rule_draws(words, seed, rules.rule, match, more)
        return tuple(words)

    keys = [(7, 1, 0), (8, 1, 0), (7, 2, 0), (7, 1, 1), (7, 1, 0, 1)]
    assert len({draws(*key) for key in keys}) == len(keys)
    assert draws(7, 1, 0) == draws(7, 1, 0)


def test_errnos_by_weight(rules: Rules) -> None:
    rules.set_action(errors=2)
    rules.set_action(0, error=28, error_below=9 << 60)
    rules.set_action(1, error=5, error_below=NO_END)
    counted = Counter(rules.core.action_errno(rules.action, draw << 60) for draw in range(16))
    assert counted == {28: 9, 5: 7}
    assert rules.core.action_errno(rules.action, NO_END) == 5


def test_short(rules: Rules) -> None:
    def short(asked: int, draw: int = 0) -> int:
        return int(rules.core.action_short(rules.action, asked, draw))

    rules.set_action(short_how=abi.SHORT_BYTES, short_value=3)
    assert [short(n) for n in (0, 2, 3, 4, 1000)] == [0, 2, 3, 3, 3]
    rules.set_action(short_how=abi.SHORT_PPM, short_value=500_000)
    assert [short(n) for n in (0, 1, 2, 3, 7, 1 << 60)] == [0, 1, 1, 1, 3, 1 << 59]
    rules.set_action(short_how=abi.SHORT_RANDOM)
    assert {short(5, draw << 60) for draw in range(16)} == {1, 2, 3, 4}
    assert short(1, NO_END) == 1


def test_delays_follow_their_quantiles(rules: Rules) -> None:
    place = abi.FaultWorld.delays.at(1, FAULTS)
    for i in range(abi.FAULT_QUANTILES):
        abi.FaultDelay.quantile_ns.set(rules.memory, i * 1000, place, i)

    def delay(draw: int) -> int:
        return int(rules.core.action_delay(rules.world, 1, 77, draw))

    assert rules.core.action_delay(rules.world, 0, 77, 12345) == 77
    assert [delay(0), delay(1 << 24), delay(1 << 31), delay((1 << 32) - 1)] == [
        0,
        1000,
        128_000,
        255_999,
    ]
