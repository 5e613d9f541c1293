"""What leads from one event to another: who woke whom, which message was read where.

Both ends of an arrow are places, counted among the events of the picture; an arrow with an end
outside of it is left out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from dstrun import abi
from dstrun.trace.descriptors import Tracker
from dstrun.trace.flows import Flows
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.sidedata import parse_waker
from dstrun.trace.wakes import find_call

WAKE: Final = 0
MESSAGE: Final = 1


class Arrow(NamedTuple):
    """From the call that did it to the call that it came to. A wake reaches its target when the
    source ends and the target waits; a message goes from the end of one to the end of the other.
    """

    target: int
    source: int
    kind: int


class ArrowFinder:
    """Takes all events of a trace, from the first one on; wakes are told from `first` on."""

    def __init__(self, trace: Trace, first: int) -> None:
        self._trace = trace
        self._first = first
        self._tracker = Tracker(trace)
        self._flows = Flows()
        # Numbers of events, by the arrow's kind.
        self._sources = {WAKE: array("Q"), MESSAGE: array("Q")}
        self._targets = {WAKE: array("Q"), MESSAGE: array("Q")}

    def step(self, number: int, event: Event) -> None:
        """The next event."""
        for message in self._flows.step(self._tracker.step(number, event)):
            self._add(MESSAGE, message.sent, message.received)
        if event.flags & abi.EVENT_WOKEN and number >= self._first:
            by = self._waker(event)
            if by is not None:
                self._add(WAKE, by, number)

    def _add(self, kind: int, source: int, target: int) -> None:
        self._sources[kind].append(source)
        self._targets[kind].append(target)

    def _waker(self, event: Event) -> int | None:
        try:
            waker = parse_waker(self._trace.side_data(event))
        except ValueError:
            return None
        return find_call(self._trace, waker) if waker else None

    def between(self, numbers: Sequence[int]) -> Iterator[Arrow]:
        """Those with both ends among the chosen events, whose numbers these are."""
        for kind in (WAKE, MESSAGE):
            for source, target in zip(self._sources[kind], self._targets[kind], strict=True):
                start, end = _place(numbers, source), _place(numbers, target)
                if start is not None and end is not None:
                    yield Arrow(end, start, kind)


def _place(numbers: Sequence[int], number: int) -> int | None:
    if not numbers or not numbers[0] <= number <= numbers[-1]:
        return None
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return number - numbers[0]
    place = bisect_left(numbers, number)
    return place if numbers[place] == number else None
