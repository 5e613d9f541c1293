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
    # Many tasks wait for the same ones (any thread of their memory): each such set counts once.
    waiting: dict[frozenset[int], list[int]] = {}
    for task, need in needs.items():
        if task not in alive:
            waiting.setdefault(need.by, []).append(task)
    sets_of: dict[int, list[frozenset[int]]] = {}
    for by in waiting:
        for other in by:
            sets_of.setdefault(other, []).append(by)
    looked_at = list(alive)
    while looked_at:
        for by in sets_of.get(looked_at.pop(), ()):
            freed = waiting.pop(by, ())
            alive.update(freed)
            looked_at += freed
    return frozenset(needs) - alive


def groups(needs: Mapping[int, Needs], stuck: frozenset[int]) -> list[list[int]]:
    """The stuck ones, those together that hang on each other; in the order of their numbers."""
    leader = {task: task for task in stuck}

    def find(task: int) -> int:
        while leader[task] != task:
            leader[task] = task = leader[leader[task]]
        return task

    seen: dict[frozenset[int], int] = {}
    for task in stuck:
        by = needs[task].by
        if by not in seen:
            seen[by] = task
            for other in by & stuck:
                leader[find(other)] = find(task)
        leader[find(seen[by])] = find(task)
    found: dict[int, list[int]] = {}
    for task in sorted(stuck):
        found.setdefault(find(task), []).append(task)
    return list(found.values())
