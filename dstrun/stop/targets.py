"""Where a replay is to stand still: a number, a time or a pattern, as the number of an event.

All of it is looked up in a trace that the run follows, before the run gets there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.errors import BadUsage
from dstrun.quantities import format_duration, parse_duration_ns
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import KIND_NAMES, Renderer, event_name

_NUMBER = re.compile(r"\d+")
_TIME = re.compile(r"(\d+(\.\d+)?(ns|us|ms|s|min|m|h|d))+|\d+\.\d+")
_NAMES = frozenset(row.name for row in SYSCALLS.values()) | frozenset(KIND_NAMES.values())


def find(trace: Trace, text: str, after: int = -1) -> int:
    """The event that `text` means: its number; the first at or after a virtual time since the
    run's start; or the first after event `after` that matches: a call's name, `/regex/`, or
    any text in its line as `dstrun show` prints it. BadUsage: there is none."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return _numbered(trace, int(text))
    if _TIME.fullmatch(text):
        return _at_time(trace, text)
    if not text:
        raise BadUsage("which event? (a number, a time like 1.5s, or a pattern like /openat.*etc/)")
    found = _first(trace, after, _matcher(trace, text))
    if found is None:
        where = f" after event {after}" if after >= 0 else ""
        raise BadUsage(f'"{text}": no event{where} matches (see dstrun show {trace.path})')
    return found


def next_of_thread(trace: Trace, after: int, tid: int) -> int | None:
    """The thread's first event after event `after`."""
    return _first(trace, after, lambda _index, event: event.tid == tid)


def previous_of_thread(trace: Trace, before: int, tid: int) -> int | None:
    """The thread's last event before event `before`."""
    return _last(trace, before, lambda event: event.tid == tid)


def next_fault(trace: Trace, after: int) -> int | None:
    """The first injected fault after event `after`."""
    return _first(trace, after, lambda _index, event: event.kind == abi.EVENT_INJECTED)


def previous_fault(trace: Trace, before: int) -> int | None:
    """The last injected fault before event `before`."""
    return _last(trace, before, lambda event: event.kind == abi.EVENT_INJECTED)


def _numbered(trace: Trace, number: int) -> int:
    if number >= trace.events:
        last = f"its last is {trace.events - 1}" if trace.events else "it has none"
        raise BadUsage(f"event {number}: the trace has no such event ({last})")
    return number


def _at_time(trace: Trace, text: str) -> int:
    start_ns = trace.event(0).enter_ns if trace.events else 0
    wanted_ns = start_ns + parse_duration_ns(text)
    found = bisect_left(range(trace.events), wanted_ns, key=lambda n: trace.event(n).time_ns)
    if found == trace.events:
        last_ns = trace.event(found - 1).time_ns - start_ns if found else 0
        raise BadUsage(
            f"time {text}: no event is so late (the last is at {format_duration(last_ns)})"
        )
    return found


def _matcher(trace: Trace, text: str) -> Callable[[int, Event], bool]:
    if text in _NAMES:
        return lambda _index, event: event_name(event) == text
    renderer = Renderer(trace)
    if len(text) > 2 and text[0] == text[-1] == "/":
        try:
            pattern = re.compile(text[1:-1])
        except re.error as error:
            raise BadUsage(f'"{text}": not a regular expression: {error}') from None
        return lambda index, event: bool(pattern.search(renderer.line(index, event)))
    return lambda index, event: text in renderer.line(index, event)


def _first(trace: Trace, after: int, wanted: Callable[[int, Event], bool]) -> int | None:
    numbered = enumerate(trace.read(after + 1), after + 1)
    return next((index for index, event in numbered if wanted(index, event)), None)


def _last(trace: Trace, before: int, wanted: Callable[[Event], bool]) -> int | None:
    step = 4096
    for stop in range(before, 0, -step):
        start = max(0, stop - step)
        found = _newest(enumerate(trace.read(start, stop), start), wanted)
        if found is not None:
            return found
    return None


def _newest(numbered: Iterable[tuple[int, Event]], wanted: Callable[[Event], bool]) -> int | None:
    found = [index for index, event in numbered if wanted(event)]
    return found[-1] if found else None
