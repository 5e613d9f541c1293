"""Aligning two sequences: which elements stand for each other, and what only one side has.

First anchors: elements that are there exactly once on either side, in the longest order that both
share (patience diff, as Bram Cohen made it for Bazaar, 2006; the longest increasing subsequence by
patience sorting). Between anchors the same again, and where there are none, the shortest edit
script (E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1, 1986). What
is left is aligned once more by weaker keys: those pairs are the same thing with another outcome.

The cost is bounded. Myers's search stops after a number of edits, keeps what reaches furthest and
goes on from there, so that two sequences without anything in common cost time in proportion to
their length; the script is then still a right one, if not the shortest.

Pure. Keys are small integers, equal for equal elements.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set
from typing import Final, NamedTuple

EQUAL, CHANGE, DELETE, INSERT = "equal", "change", "delete", "insert"

_EDITS_MAX: Final = 1500  # of one search
_EDITS_MAX_POOR: Final = 16  # when the budget is spent
_STEPS_MAX: Final = 6_000_000  # of all searches together: a few seconds

Keys = Sequence[int]
Range = tuple[int, int, int, int]


class Block(NamedTuple):
    """Elements a0 to a1 - 1 of one side against b0 to b1 - 1 of the other. EQUAL and CHANGE: one
    against one; DELETE: only the first side has some, INSERT: only the second."""

    kind: str
    a0: int
    a1: int
    b0: int
    b1: int


class Budget:
    """How many steps may still be made, in all searches that share it."""

    def __init__(self, steps: int = _STEPS_MAX) -> None:
        self.steps = steps

    def edits_max(self) -> int:
        return _EDITS_MAX if self.steps > 0 else _EDITS_MAX_POOR


def align(
    a: Keys, b: Keys, weak_a: Keys, weak_b: Keys, budget: Budget | None = None
) -> list[Block]:
    """The edit script that makes b of a: blocks in order, without gaps on either side."""
    budget = budget or Budget()
    blocks: list[Block] = []
    for kind, a0, a1, b0, b1 in _with_gaps(_matches(a, b, (0, len(a), 0, len(b)), budget), a, b):
        if kind == EQUAL or a0 == a1 or b0 == b1:
            blocks.append(Block(kind if a0 < a1 and b0 < b1 else _one_side(a0, a1), a0, a1, b0, b1))
        else:
            blocks += _weakly(a, b, weak_a, weak_b, (a0, a1, b0, b1), budget)
    return _merged(blocks)


def align_around(
    a: Keys, b: Keys, weak_a: Keys, weak_b: Keys, noise: Set[int], budget: Budget | None = None
) -> list[Block]:
    """As `align`, but what counts less (`noise`: weak keys) is aligned last, between the others:
    many such elements must not pull what matters apart."""
    budget = budget or Budget()
    places_a = [at for at, key in enumerate(weak_a) if key not in noise]
    places_b = [at for at, key in enumerate(weak_b) if key not in noise]
    if len(places_a) == len(a) and len(places_b) == len(b):
        return align(a, b, weak_a, weak_b, budget)
    skeleton = align(
        [a[at] for at in places_a], [b[at] for at in places_b],
        [weak_a[at] for at in places_a], [weak_b[at] for at in places_b], budget,
    )  # fmt: skip
    pairs = [
        (places_a[one.a0 + at], places_b[one.b0 + at], one.kind)
        for one in skeleton if one.kind in (EQUAL, CHANGE)
        for at in range(one.a1 - one.a0)
    ]  # fmt: skip
    blocks: list[Block] = []
    a_at = b_at = 0
    for at_a, at_b, kind in [*pairs, (len(a), len(b), "")]:
        if a_at < at_a or b_at < at_b:
            between = align(
                a[a_at:at_a], b[b_at:at_b], weak_a[a_at:at_a], weak_b[b_at:at_b], budget
            )
            blocks += [_moved(block, a_at, b_at) for block in between]
        if kind:
            blocks.append(Block(kind, at_a, at_a + 1, at_b, at_b + 1))
        a_at, b_at = at_a + 1, at_b + 1
    return _merged(blocks)


def _moved(block: Block, a: int, b: int) -> Block:
    return Block(block.kind, block.a0 + a, block.a1 + a, block.b0 + b, block.b1 + b)


def _one_side(a0: int, a1: int) -> str:
    return DELETE if a0 < a1 else INSERT


def _weakly(
    a: Keys, b: Keys, weak_a: Keys, weak_b: Keys, gap: Range, budget: Budget
) -> Iterator[Block]:
    """What lies between equal elements, aligned by the weaker keys."""
    a_at, b_at, a_end, b_end = gap[0], gap[2], gap[1], gap[3]
    for a0, b0, size in [*_matches(weak_a, weak_b, gap, budget), (a_end, b_end, 0)]:
        if a_at < a0:
            yield Block(DELETE, a_at, a0, b_at, b_at)
        if b_at < b0:
            yield Block(INSERT, a0, a0, b_at, b0)
        for at in range(size):
            kind = EQUAL if a[a0 + at] == b[b0 + at] else CHANGE
            yield Block(kind, a0 + at, a0 + at + 1, b0 + at, b0 + at + 1)
        a_at, b_at = a0 + size, b0 + size


def _with_gaps(matches: list[tuple[int, int, int]], a: Keys, b: Keys) -> Iterator[Block]:
    """The matches and what lies between them."""
    a_at = b_at = 0
    for a0, b0, size in [*matches, (len(a), len(b), 0)]:
        if a_at < a0 or b_at < b0:
            yield Block(CHANGE, a_at, a0, b_at, b0)
        if size:
            yield Block(EQUAL, a0, a0 + size, b0, b0 + size)
        a_at, b_at = a0 + size, b0 + size


def _merged(blocks: list[Block]) -> list[Block]:
    """Neighbours of the same kind as one."""
    merged: list[Block] = []
    for block in blocks:
        last = merged[-1] if merged else None
        if last and last.kind == block.kind and (last.a1, last.b1) == (block.a0, block.b0):
            merged[-1] = Block(block.kind, last.a0, block.a1, last.b0, block.b1)
        else:
            merged.append(block)
    return merged


def _matches(a: Keys, b: Keys, whole: Range, budget: Budget) -> list[tuple[int, int, int]]:
    """Equal stretches in order: where in a, where in b, how long."""
    found: list[tuple[int, int, int]] = []
    # With each part, how large it may be for anchors to be looked for: what a search has left has
    # none, or few, and to look again after each would cost the square of its length.
    todo = [(whole, len(a) + len(b))]
    while todo:
        part, size_max = todo.pop()
        part = _trim(a, b, part, found)
        if part[0] == part[1] or part[2] == part[3]:
            continue
        size = part[1] - part[0] + part[3] - part[2]
        anchors = _anchors(a, b, part) if size <= size_max else []
        if anchors:
            todo += [(between, size) for between in _between(anchors, part)]
            found += [(at_a, at_b, 1) for at_a, at_b in anchors]
        elif rest := _shortest(a, b, part, budget, found):
            todo.append((rest, size_max if size > size_max else size // 2))
    return _joined(sorted(found))


def _joined(found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    joined: list[tuple[int, int, int]] = []
    for a0, b0, size in found:
        last = joined[-1] if joined else None
        if last and last[0] + last[2] == a0 and last[1] + last[2] == b0:
            joined[-1] = (last[0], last[1], last[2] + size)
        else:
            joined.append((a0, b0, size))
    return joined


def _trim(a: Keys, b: Keys, part: Range, found: list[tuple[int, int, int]]) -> Range:
    """Takes what is equal at both ends away."""
    a0, a1, b0, b1 = part
    start = a0
    while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
        a0 += 1
        b0 += 1
    if a0 > start:
        found.append((start, b0 - (a0 - start), a0 - start))
    end = a1
    while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
        a1 -= 1
        b1 -= 1
    if a1 < end:
        found.append((a1, b1, end - a1))
    return a0, a1, b0, b1


def _once(keys: Keys, start: int, stop: int) -> dict[int, int]:
    """Where those keys are that are there exactly once."""
    places: dict[int, int] = {}
    for at in range(start, stop):
        key = keys[at]
        places[key] = -1 if key in places else at
    return {key: at for key, at in places.items() if at >= 0}


def _anchors(a: Keys, b: Keys, part: Range) -> list[tuple[int, int]]:
    """Elements that are unique on both sides, the longest increasing chain of them."""
    in_b = _once(b, part[2], part[3])
    pairs = [(at, in_b[key]) for key, at in _once(a, part[0], part[1]).items() if key in in_b]
    ends: list[int] = []  # the smallest last element of a chain of each length
    chain: list[int] = []  # which pair that is
    before: list[int] = []
    for number, (_, at_b) in enumerate(pairs):
        length = bisect_left(ends, at_b)
        before.append(chain[length - 1] if length else -1)
        ends[length : length + 1] = [at_b]
        chain[length : length + 1] = [number]
    longest: list[tuple[int, int]] = []
    number = chain[-1] if chain else -1
    while number >= 0:
        longest.append(pairs[number])
        number = before[number]
    return longest[::-1]


def _between(anchors: list[tuple[int, int]], part: Range) -> Iterator[Range]:
    a0, a1, b0, b1 = part
    for at_a, at_b in anchors:
        yield a0, at_a, b0, at_b
        a0, b0 = at_a + 1, at_b + 1
    yield a0, a1, b0, b1


def _shortest(
    a: Keys, b: Keys, part: Range, budget: Budget, found: list[tuple[int, int, int]]
) -> Range | None:
    """Myers's greedy search. Adds the matches of the path that it found; returns what lies behind
    where the path ends, when the search was cut short."""
    a0, a1, b0, b1 = part
    n, m = a1 - a0, b1 - b0
    edits_max = min(budget.edits_max(), n + m)
    origin = edits_max + 1
    furthest = [0] * (2 * origin + 1)  # by diagonal x - y, from `origin` on: the furthest x
    trail: list[array[int]] = []  # what `furthest` was before each step, as far as it is needed
    for edits in range(edits_max + 1):
        trail.append(array("l", furthest[origin - edits - 1 : origin + edits + 2]))
        budget.steps -= edits + 1
        for k in range(-edits, edits + 1, 2):
            left, right = furthest[origin + k - 1], furthest[origin + k + 1]
            x = right if k == -edits or (k != edits and left < right) else left + 1
            y = x - k
            while x < n and y < m and a[a0 + x] == b[b0 + y]:
                x += 1
                y += 1
            furthest[origin + k] = x
            if x >= n and y >= m:
                _add_path(trail, edits, k, x, part, found)
                return None
    k, x = _reaches_furthest(furthest, origin, edits_max, n, m)
    _add_path(trail, edits_max, k, x, part, found)
    return a0 + x, a1, b0 + x - k, b1


def _reaches_furthest(
    furthest: list[int], origin: int, edits: int, n: int, m: int
) -> tuple[int, int]:
    """The diagonal whose path has come furthest within both sequences."""
    inside = (
        (2 * x - k, k, x)
        for k in range(-edits, edits + 1, 2)
        if 0 <= (x := furthest[origin + k]) <= n and 0 <= x - k <= m
    )
    _, k, x = max(inside)
    return k, x


def _add_path(
    trail: list[array[int]], edits: int, k: int, x: int, part: Range,
    found: list[tuple[int, int, int]],
) -> None:  # fmt: skip
    """Walks back from (x, x - k) to the start, noting the diagonals."""
    for step in range(edits, -1, -1):
        earlier, origin = trail[step], step + 1
        left, right = earlier[origin + k - 1], earlier[origin + k + 1]
        down = k == -step or (k != step and left < right)
        start = right if down else left + 1
        if step == 0:
            start = 0
        if x > start:
            found.append((part[0] + start, part[2] + start - k, x - start))
        k, x = (k + 1, right) if down else (k - 1, left)
