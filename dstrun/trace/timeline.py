"""A trace as lanes of text: one line a task, time from left to right.

    #  made calls       .  waited in a call       -  was there, neither of these
    *  a fault was injected      x  was killed, or ended with a status other than 0

A column is a span of virtual time, or, when sleeps would leave the lanes empty, a number of events.
Beside each lane stands what the task did: its calls, and in which it waited longest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dstrun import abi
from dstrun.quantities import format_time
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name
from dstrun.trace.tasks import find_tasks

AXES: Final = ("time", "events")
WIDTH: Final = 72
_RANKS: Final = {" ": 0, "-": 1, ".": 2, "#": 3, "*": 4, "x": 5}
_WAITS_SHOWN: Final = 3


@dataclass
class _Lane:
    """One task: for each column a sign, and what it did."""

    tid: int
    cells: list[str]
    first: int = -1  # columns of its first and its last event
    last: int = -1
    calls: int = 0
    waited_ns: Counter[str] = field(default_factory=Counter)

    def mark(self, column: int, sign: str) -> None:
        column = min(column, len(self.cells) - 1)
        if _RANKS[sign] > _RANKS[self.cells[column]]:
            self.cells[column] = sign

    def text(self) -> str:
        """The lane; where the task was there, but did nothing, a dash."""
        return "".join(
            "-" if cell == " " and self.first <= at <= self.last else cell
            for at, cell in enumerate(self.cells)
        )


def timeline_lines(
    trace: Trace, chosen: Iterable[tuple[int, Event]], axis: str = "time", width: int = WIDTH
) -> Iterator[str]:
    """The lanes of the chosen events, in the order of the tasks' first ones."""
    if not trace.events:
        return
    start_ns, end_ns = trace.event(0).enter_ns, trace.event(trace.events - 1).time_ns
    span = max(end_ns - start_ns, 1) if axis == "time" else trace.events
    cost_ns = int(trace.meta.get("call_cost_ns") or 0)
    lanes: dict[int, _Lane] = {}
    for index, event in chosen:
        lane = lanes.get(event.tid)
        if lane is None:
            lane = lanes[event.tid] = _Lane(event.tid, [" "] * width)
        at = event.time_ns - start_ns if axis == "time" else index
        column = min(max(at, 0) * width // span, width - 1)
        is_call = event.kind == abi.EVENT_SYSCALL
        waited_ns = event.time_ns - event.enter_ns - cost_ns if is_call else 0
        if axis == "time" and waited_ns > 0:
            begin = max(event.enter_ns - start_ns, 0) * width // span
            _fill(lane, begin, column, ".")
        elif waited_ns > 0 and lane.last >= 0:
            _fill(lane, lane.last + 1, column, ".")
        _note(lane, event, column, waited_ns)
    if not lanes:
        return
    tasks = find_tasks(trace)
    names = {tid: tasks.name_of(tid) for tid in lanes}
    left = max(map(len, names.values()))
    yield _ruler(left, width, start_ns, end_ns, trace.events if axis == "events" else 0)
    for tid, lane in lanes.items():
        yield f"{names[tid]:{left}} |{lane.text()}| {_did(lane)}"


def _fill(lane: _Lane, begin: int, end: int, sign: str) -> None:
    for column in range(begin, min(end + 1, len(lane.cells))):
        lane.mark(column, sign)


def _note(lane: _Lane, event: Event, column: int, waited_ns: int) -> None:
    if lane.first < 0:
        lane.first = column
    lane.last = column
    sign = "#"
    if event.kind == abi.EVENT_SYSCALL:
        lane.calls += 1
        if waited_ns > 0:
            lane.waited_ns[event_name(event)] += waited_ns
    elif event.kind == abi.EVENT_INJECTED:
        sign = "*"
    elif (event.kind == abi.EVENT_EXIT and event.result) or event.kind == abi.EVENT_DEATH:
        sign = "x"
    lane.mark(column, sign)


def _did(lane: _Lane) -> str:
    text = f"{lane.calls:,} calls"
    waits = [
        f"{name} {format_time(spent_ns)} s"
        for name, spent_ns in lane.waited_ns.most_common(_WAITS_SHOWN)
    ]
    return f"{text}, waited: {', '.join(waits)}" if waits else text


def _ruler(left: int, width: int, start_ns: int, end_ns: int, events: int) -> str:
    end = f"event {events - 1:,}" if events else f"{format_time(end_ns - start_ns)} s"
    return f"{'':{left}}  0{end:>{width - 1}}"
