"""What leads from one event to another: who woke whom, which message was read where.

Both ends of an arrow are places, counted among the events of the picture; an arrow with an end
outside of it is left out.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from typing import Final, NamedTuple

from dstrun import abi
from dstrun.trace.decode import parse_waker

WAKE: Final = 0
MESSAGE: Final = 1

# What the head of a FIELD_WAKER looks like: few events have one, and to search is quick.
_WAKER_HEAD: Final = struct.pack("<BBHI", abi.FIELD_WAKER, 0, abi.FieldWaker.SIZE, 0)


class Arrow(NamedTuple):
    """From the call that did it to the call that it came to.

    A wake reaches its target at `at_ns`, when the target had begun and not ended; a message goes
    from the end of its source to the end of its target.
    """

    target: int
    source: int
    kind: int
    at_ns: int


class _Task:
    """The chosen events of one thread, and the wakes whose call has not been recorded yet."""

    def __init__(self) -> None:
        self.numbers = array("Q")
        self.places = array("Q")
        self.ends = array("q")
        self.pending: list[int] = []  # places of the woken


class Wakes:
    """Finds the call that woke a task. The trace names the waker, and from which event on its next
    one is that call: as a rule it stands before the woken task's, at times after it."""

    def __init__(self) -> None:
        self._tasks: dict[int, _Task] = {}
        self._first = 0
        self.found: list[Arrow] = []

    def add(self, place: int, number: int, tid: int, end_ns: int, side: bytes) -> None:
        """The next event of the picture, with its side data."""
        if not place:
            self._first = number
        task = self._task(tid)
        task.numbers.append(number)
        task.places.append(place)
        task.ends.append(end_ns)
        for woken in task.pending:
            self.found.append(Arrow(woken, place, WAKE, end_ns))
        task.pending.clear()
        if _WAKER_HEAD in side:
            self._woken(place, side)

    def _task(self, tid: int) -> _Task:
        task = self._tasks.get(tid)
        if task is None:
            task = self._tasks[tid] = _Task()
        return task

    def _woken(self, place: int, side: bytes) -> None:
        try:
            waker = parse_waker(side)
        except ValueError:
            return
        if waker is None or waker.event < self._first:
            return
        task = self._task(waker.tid)
        at = bisect_left(task.numbers, waker.event)
        if at == len(task.numbers):
            task.pending.append(place)
        else:
            self.found.append(Arrow(place, task.places[at], WAKE, task.ends[at]))

    def finish(self) -> list[Arrow]:
        """All of them, by their targets. A waker that made no more call did it in its last one."""
        for task in self._tasks.values():
            if task.places:
                self.found += [
                    Arrow(woken, task.places[-1], WAKE, task.ends[-1]) for woken in task.pending
                ]
        self.found.sort()
        return self.found
