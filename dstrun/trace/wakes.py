"""Who woke whom: which call let a task go on that had parked in its own.

The trace names, with the call that parked, the waking thread and the number that the next event had
when it did so. The call itself is that thread's first event from there on, for calls are recorded
when they end; a thread that makes no further one did it in its last.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from dstrun import abi
from dstrun.quantities import format_time
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name
from dstrun.trace.sidedata import Waker, parse_waker
from dstrun.trace.tasks import find_tasks

# How far the waking call is looked for in either direction: a task that is preempted right after
# the wake ends its call much later.
_SEARCHED_MAX: Final = 20_000
_PAIRS_SHOWN: Final = 40


class Wake(NamedTuple):
    """`number`, `event`: the call that had parked; `by_number`, `by`: the one that let it go on,
    None where it is not in the trace."""

    number: int
    event: Event
    waker: Waker
    by_number: int | None
    by: Event | None


def wakes(trace: Trace, chosen: Iterable[tuple[int, Event]]) -> Iterator[Wake]:
    """Of the chosen events those that another task's call ended."""
    for index, event in chosen:
        if event.kind != abi.EVENT_SYSCALL:
            continue
        try:
            waker = parse_waker(trace.side_data(event))
        except ValueError:
            continue
        if waker:
            at = find_call(trace, waker)
            yield Wake(index, event, waker, at, None if at is None else trace.event(at))


def find_call(trace: Trace, waker: Waker) -> int | None:
    """The number of the call by which a waker let another task go on; None: it is not there."""
    begin = waker.event
    for stop in (waker.event + 16, waker.event + 256, waker.event + _SEARCHED_MAX):
        for index, event in enumerate(trace.read(begin, stop), begin):
            if event.tid == waker.tid:
                return index
        begin = stop
    start = max(0, waker.event - _SEARCHED_MAX)
    last = None
    for index, event in enumerate(trace.read(start, waker.event), start):
        if event.tid == waker.tid:
            last = index
    return last


def wakes_lines(trace: Trace, chosen: Iterable[tuple[int, Event]], as_json: bool) -> Iterator[str]:
    """A line for each wake; then who woke whom how often."""
    tasks = find_tasks(trace)
    start_ns = trace.event(0).enter_ns if trace.events else 0
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for wake in wakes(trace, chosen):
        if as_json:
            yield json.dumps(_as_dict(wake, start_ns))
            continue
        woken, call = tasks.name_of(wake.event.tid), event_name(wake.event)
        by, how = tasks.name_of(wake.waker.tid), event_name(wake.by) if wake.by else "?"
        counts[by, how, woken, call] += 1
        at = "" if wake.by_number is None else f"[{wake.by_number}] "
        yield (
            f"[{wake.number}] {format_time(max(0, wake.event.time_ns - start_ns))} {woken}: {call} "
            f"ends by {at}{by}: {how}"
        )
    if counts:
        yield ""
        for (by, how, woken, call), count in counts.most_common(_PAIRS_SHOWN):
            yield f"{count:7,}  {by}: {how} -> {woken}: {call}"


def _as_dict(wake: Wake, start_ns: int) -> dict[str, Any]:
    by = None
    if wake.by:
        by = {"event": wake.by_number, "pid": wake.by.pid, "tid": wake.by.tid,
              "name": event_name(wake.by)}  # fmt: skip
    return {
        "version": 1,
        "event": wake.number,
        "pid": wake.event.pid,
        "tid": wake.event.tid,
        "name": event_name(wake.event),
        "time_ns": wake.event.time_ns - start_ns,
        "woken_by": by,
    }
