"""What leads from one event to another: who woke whom, which message was read where.

Both ends of an arrow are places, counted among the events of the picture; an arrow with an end
outside of it is left out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from dstrun.trace.descriptors import Tracker
from dstrun.trace.flows import Flows
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.sidedata import parse_waker

WAKE: Final = 0
MESSAGE: Final = 1

_AT_END: Final = 2**63 - 1


class Arrow(NamedTuple):
    """From the call that did it to the call that it came to.

    A wake reaches its target at `at_ns`, while the target waits; a message goes from the end of its
    source to the end of its target.
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
        """The next event of the picture, with its side data if its task was woken (EVENT_WOKEN)."""
        if not place:
            self._first = number
        task = self._task(tid)
        task.numbers.append(number)
        task.places.append(place)
        task.ends.append(end_ns)
        for woken in task.pending:
            self.found.append(Arrow(woken, place, WAKE, end_ns))
        task.pending.clear()
        if side:
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
        """All of them. A waker that made no more call did it in its last one."""
        for task in self._tasks.values():
            if task.places:
                self.found += [
                    Arrow(woken, task.places[-1], WAKE, task.ends[-1]) for woken in task.pending
                ]
        return self.found


class Messages:
    """Finds the call that wrote what another one read."""

    def __init__(self, trace: Trace) -> None:
        self._tracker = Tracker(trace)
        self._flows = Flows()
        self._received = array("Q")
        self._sent = array("Q")

    def step(self, number: int, event: Event) -> None:
        """The next event of the trace: all of them, from the first one on."""
        for message in self._flows.step(self._tracker.step(number, event)):
            self._received.append(message.received)
            self._sent.append(message.sent)

    def between(self, numbers: Sequence[int]) -> Iterator[Arrow]:
        """Those with both ends among the chosen events, whose numbers these are."""
        for sent, received in zip(self._sent, self._received, strict=True):
            source, target = _place(numbers, sent), _place(numbers, received)
            if source is not None and target is not None:
                yield Arrow(target, source, MESSAGE, _AT_END)


def _place(numbers: Sequence[int], number: int) -> int | None:
    if not numbers or not numbers[0] <= number <= numbers[-1]:
        return None
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return number - numbers[0]
    place = bisect_left(numbers, number)
    return place if numbers[place] == number else None
