"""Who can never run again, although others do: a partial deadlock.

Each task that waits without a deadline is set free by others: the owner of the lock that it waits
for, whoever holds the other end of its pipe, its child's end. `waits.py` says who these are, and
says "anybody" where that cannot be known (a condition variable in shared memory, a signal). A task
is alive when it can run, when its wait ends by itself, or when a task that is alive can end it. All
others are stuck for ever: the rest of this module is that closure, and puts those together that
hang on each other. Pure: it is given what `waits.py` has found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What must happen before a task goes on. `by`: the tasks that can make it happen."""

    by: frozenset[int] = frozenset()
    anybody: bool = False  # not to be known, or in everybody's power
    itself: bool = False  # it can run, or its time will come


def stuck_for_ever(needs: Mapping[int, Needs]) -> frozenset[int]:
    """Tasks that nothing in the simulation can set free."""
    alive = {task for task, need in needs.items() if need.itself}
    if not alive:
        return frozenset(needs)
    alive |= {task for task, need in needs.items() if need.anybody}
    freed_by: dict[int, list[int]] = {}
    for task, need in needs.items():
        for other in need.by:
            freed_by.setdefault(other, []).append(task)
    looked_at = list(alive)
    while looked_at:
        for task in freed_by.get(looked_at.pop(), ()):
            if task not in alive:
                alive.add(task)
                looked_at.append(task)
    return frozenset(needs) - alive


def groups(needs: Mapping[int, Needs], stuck: frozenset[int]) -> list[list[int]]:
    """The stuck ones, those together that hang on each other; in the order of their numbers."""
    neighbours: dict[int, set[int]] = {task: set() for task in stuck}
    for task in stuck:
        for other in needs[task].by & stuck:
            neighbours[task].add(other)
            neighbours[other].add(task)
    found = []
    left = set(stuck)
    for first in sorted(stuck):
        if first not in left:
            continue
        left.remove(first)
        group, waiting = [], [first]
        while waiting:
            task = waiting.pop()
            group.append(task)
            new = neighbours[task] & left
            left -= new
            waiting += new
        found.append(sorted(group))
    return found
