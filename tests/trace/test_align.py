"""The alignment: always a right edit script, short where it can be, and never slow."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from dstrun.trace.align import (
    CHANGE,
    DELETE,
    EQUAL,
    INSERT,
    Block,
    Budget,
    _shortest,
    align,
    align_around,
)

KEYS = st.lists(st.integers(0, 12), max_size=60)
WIDE = st.lists(st.integers(0, 1000), max_size=60)


def _weak(keys: list[int]) -> list[int]:
    return [key // 4 for key in keys]


def _check(a: list[int], b: list[int], blocks: list[Block]) -> None:
    """Blocks cover both sides in order; applied to a they make b."""
    made: list[int] = []
    a_at = b_at = 0
    for kind, a0, a1, b0, b1 in blocks:
        assert (a0, b0) == (a_at, b_at)
        assert a1 >= a0 and b1 >= b0 and (a1 > a0 or b1 > b0)
        if kind == EQUAL:
            assert a[a0:a1] == b[b0:b1]
            made += a[a0:a1]
        elif kind == CHANGE:
            assert _weak(a[a0:a1]) == _weak(b[b0:b1])
            assert all(x != y for x, y in zip(a[a0:a1], b[b0:b1], strict=True))
            made += b[b0:b1]
        elif kind == DELETE:
            assert b0 == b1
        else:
            assert (kind, a0) == (INSERT, a1)
            made += b[b0:b1]
        a_at, b_at = a1, b1
    assert (a_at, b_at) == (len(a), len(b))
    assert made == b


@given(KEYS, KEYS)
def test_a_right_edit_script(a: list[int], b: list[int]) -> None:
    _check(a, b, align(a, b, _weak(a), _weak(b)))


@given(WIDE, WIDE, st.integers(-1, 40))
def test_also_when_the_budget_is_spent(a: list[int], b: list[int], steps: int) -> None:
    _check(a, b, align(a, b, _weak(a), _weak(b), Budget(steps)))


@given(KEYS, KEYS, st.sets(st.integers(0, 3)))
def test_with_noise(a: list[int], b: list[int], noise: set[int]) -> None:
    _check(a, b, align_around(a, b, _weak(a), _weak(b), noise))


def test_noise_does_not_pull_apart_what_matters() -> None:
    noise, kept = [0] * 9, [100, 200, 300]
    a, b = [*noise, *kept], [*kept, *noise]
    blocks = align_around(a, b, a, b, {0})
    assert [one.kind for one in blocks] == [DELETE, EQUAL, INSERT]
    assert blocks[1] == Block(EQUAL, 9, 12, 0, 3)


@given(WIDE)
def test_equal_sequences_have_no_edits(a: list[int]) -> None:
    blocks = align(a, list(a), _weak(a), _weak(a))
    assert blocks == ([Block(EQUAL, 0, len(a), 0, len(a))] if a else [])


def _shared(a: list[int], b: list[int]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for at, y in enumerate(b, 1):
            diagonal, row[at] = row[at], diagonal + 1 if x == y else max(row[at], row[at - 1])
    return row[-1]


@given(st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(0, 3), max_size=40))
def test_the_search_between_anchors_finds_the_shortest_script(a: list[int], b: list[int]) -> None:
    found: list[tuple[int, int, int]] = []
    rest = _shortest(a, b, (0, len(a), 0, len(b)), Budget(), found)
    assert rest is None
    assert sum(size for _, _, size in found) == _shared(a, b)
    assert all(a[x : x + size] == b[y : y + size] for x, y, size in found)


def test_one_insertion_into_a_long_sequence() -> None:
    a = [n % 7 for n in range(50_000)]
    b = [*a[:20_000], 99, *a[20_000:]]
    assert align(a, b, a, b) == [
        Block(EQUAL, 0, 20_000, 0, 20_000),
        Block(INSERT, 20_000, 20_000, 20_000, 20_001),
        Block(EQUAL, 20_000, 50_000, 20_001, 50_001),
    ]


def test_the_cost_is_bounded() -> None:
    rng = random.Random(1)
    a = [rng.randrange(40) for _ in range(10_000)]
    b = [rng.randrange(40) for _ in range(10_000)]
    before = time.process_time()
    _check(a, b, align(a, b, _weak(a), _weak(b), Budget(500_000)))
    assert time.process_time() - before < 5
