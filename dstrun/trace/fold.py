"""Folding what repeats: a listing of a loop's thousand turns tells no more than one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_PERIOD_MAX: Final = 16
_TURNS_MIN: Final = 3  # that are worth folding


class Turns(NamedTuple):
    """`length` elements from `start` on, and how often they are there, one time after another."""

    start: int
    length: int
    times: int


def fold(keys: Sequence[int]) -> Iterator[Turns]:
    """The sequence as turns, in order and without gaps: at each place the period that covers most,
    the shortest of those. Costs at most _PERIOD_MAX comparisons an element, and again where a
    period ends early."""
    at, size = 0, len(keys)
    while at < size:
        best = Turns(at, 1, 1)
        for length in range(1, min(_PERIOD_MAX, (size - at) // _TURNS_MIN) + 1):
            if keys[at] != keys[at + length]:
                continue
            end = at + length
            while end < size and keys[end] == keys[end - length]:
                end += 1
            times = (end - at) // length
            if times >= _TURNS_MIN and times * length > best.length * best.times:
                best = Turns(at, length, times)
                if end == size:
                    break
        yield best
        at += best.length * best.times
