"""core/cost.c: what a call takes stays within its bounds, around its mean, and is the seed's."""

from __future__ import annotations

import ctypes

from hypothesis import given
from hypothesis import strategies as st

words = st.integers(0, (1 << 64) - 1)
costs = st.integers(1, 3600 * 10**9)
jitters = st.integers(0, 10**6)


@given(costs, jitters, words, words, words)
def test_it_stays_within_its_bounds(
    core: ctypes.CDLL, cost: int, jitter: int, seed: int, entity: int, counter: int
) -> None:
    span = cost * jitter // 10**6
    drawn = core.cost_with_jitter(cost, jitter, seed, entity, counter)
    assert cost - span <= drawn <= cost + span


def _draws(core: ctypes.CDLL, seed: int, entity: int, count: int = 20_000) -> list[int]:
    return [core.cost_with_jitter(1000, 200_000, seed, entity, i) for i in range(count)]


def test_it_takes_every_value_and_keeps_its_mean(core: ctypes.CDLL) -> None:
    drawn = _draws(core, 7, 2)
    assert (min(drawn), max(drawn), len(set(drawn))) == (800, 1200, 401)
    deviation = (401**2 - 1) ** 0.5 / 12**0.5 / len(drawn) ** 0.5
    assert abs(sum(drawn) / len(drawn) - 1000) < 5 * deviation


def test_it_is_a_function_of_the_seed_and_of_who_calls(core: ctypes.CDLL) -> None:
    here = _draws(core, 7, 2, 100)
    assert here == _draws(core, 7, 2, 100)
    assert here != _draws(core, 8, 2, 100)
    assert here != _draws(core, 7, 3, 100)


def test_none_is_none(core: ctypes.CDLL) -> None:
    assert [core.cost_with_jitter(50, 0, 7, 1, i) for i in range(10)] == [50] * 10
