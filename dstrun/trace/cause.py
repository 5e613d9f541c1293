"""Which decision parted two runs, from the first events that differ.

Up to there both runs were the same, so whatever differs first is the cause or its first effect: the
strategy chose another task, a fault fired in one of them, something came from outside, chance or a
clock gave something else, a file held something else. What none of these explains is told as what
it is: another call, other arguments, another result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.trace.descriptors import Tracker
from dstrun.trace.format import Event
from dstrun.trace.identity import CLOCKS, KeyMaker, Numbers
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name, fault_name
from dstrun.trace.sidedata import parse_fields
from dstrun.trace.tasks import Tasks

SCHEDULE, FAULT, INPUT, CHANCE, CLOCK, DATA, START, END, PROGRAM = (
    "schedule", "fault", "input", "chance", "clock", "data", "start", "end", "program",
)  # fmt: skip
_FILE_EVENTS_MAX: Final = 2_000_000  # up to which the name of a file that was read is looked for
_READS: Final = frozenset({"read", "readv", "pread64", "preadv", "preadv2"})


# Fields of struct stat, and where they lie.
_STAT: Final = (
    ("st_dev", 0, 8), ("st_ino", 8, 16), ("st_nlink", 16, 24), ("st_mode", 24, 28),
    ("st_uid", 28, 32), ("st_gid", 32, 36), ("st_rdev", 40, 48), ("st_size", 48, 56),
    ("st_blocks", 64, 72), ("st_atim", 72, 88), ("st_mtim", 88, 104), ("st_ctim", 104, 120),
)  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """`kind` is one word for programs, `text` a sentence for people."""

    kind: str
    text: str


def chosen_text(name_a: str, name_b: str) -> str:
    """Which other task the second run went on with."""
    return f"the strategy chose {name_b} instead of {name_a}"


def find_cause(a: Trace, b: Trace, at_a: int, at_b: int, tasks_a: Tasks, tasks_b: Tasks) -> Cause:
    """Why events `at_a` and `at_b`, the first that differ, do so."""
    if at_a >= a.events or at_b >= b.events:
        longer = a if at_b >= b.events else b
        return Cause(END, f"one run ends here; {longer.path} goes on")
    left, right = a.event(at_a), b.event(at_b)
    for find in (_of_fault, _of_schedule, _of_kind):
        cause = find(a, b, left, right, tasks_a, tasks_b)
        if cause:
            return cause
    return _of_call(a, b, left, right, at_a)


def _of_fault(
    a: Trace, b: Trace, left: Event, right: Event, _tasks_a: Tasks, _tasks_b: Tasks
) -> Cause | None:
    here = [
        (trace, event) for trace, event in ((a, left), (b, right))
        if event.kind == abi.EVENT_INJECTED
    ]  # fmt: skip
    if len(here) == 1:
        where = here[0][0].path
        return Cause(FAULT, f"a fault was injected in {where} alone: {fault_name(*here[0])}")
    if len(here) == 2:
        names = [fault_name(trace, event) for trace, event in here]
        if names[0] != names[1]:
            return Cause(FAULT, f"other faults were injected: {names[0]}, and {names[1]}")
        if left.tid == right.tid:
            return Cause(FAULT, f"the fault {names[0]} had another effect, or hit another match")
    return None


def _of_schedule(
    _a: Trace, _b: Trace, left: Event, right: Event, tasks_a: Tasks, tasks_b: Tasks
) -> Cause | None:
    forced = (abi.EVENT_FORCED, abi.EVENT_YIELD)
    if (left.kind in forced) != (right.kind in forced):
        return Cause(SCHEDULE, "a task that spun was made to let others run in one run alone")
    if (left.kind == abi.EVENT_POINT) != (right.kind == abi.EVENT_POINT):
        event, tasks = (left, tasks_a) if left.kind == abi.EVENT_POINT else (right, tasks_b)
        return Cause(
            SCHEDULE,
            f"at a point of {tasks.name_of(event.tid)} the strategy let another task go on in one "
            "run alone",
        )
    if (left.pid, left.tid) != (right.pid, right.tid):
        return Cause(SCHEDULE, chosen_text(tasks_a.name_of(left.tid), tasks_b.name_of(right.tid)))
    return None


def _of_kind(
    a: Trace, b: Trace, left: Event, right: Event, _tasks_a: Tasks, _tasks_b: Tasks
) -> Cause | None:
    """Events that are no calls."""
    if abi.EVENT_INPUT in (left.kind, right.kind):
        return Cause(INPUT, "what came from outside is not the same")
    if left.kind == right.kind == abi.EVENT_TSC:
        return Cause(CLOCK, "the processor's clock (rdtsc), which starts by chance, is another")
    if left.kind == right.kind == abi.EVENT_START:
        return Cause(START, "another program was started, or with other arguments")
    if left.kind != abi.EVENT_SYSCALL or right.kind != abi.EVENT_SYSCALL:
        if left.kind == right.kind:
            return Cause(PROGRAM, f"the same event ({event_name(left)}) with another outcome")
        return Cause(PROGRAM, f"{event_name(left)} in one, {event_name(right)} in the other")
    if (left.flags ^ right.flags) & abi.EVENT_FAULT:
        return Cause(FAULT, "a fault was injected into this call in one run alone")
    return None


def _of_call(a: Trace, b: Trace, left: Event, right: Event, at: int) -> Cause:
    """Two calls of the same task."""
    name = event_name(left)
    if left.nr != right.nr:
        return Cause(
            PROGRAM,
            f"the program made another call: {name}, and {event_name(right)}; what made it do so "
            "was not seen before (addresses, memory, the vDSO's clock)",
        )
    if not _same(a, b, left, right, frozenset({"result", "data", "size", "time"})):
        return Cause(PROGRAM, f"{name} was called with other arguments")
    if name == "getrandom":
        return Cause(CHANCE, "getrandom gave other bytes: the runs' entropy has another seed")
    if name in CLOCKS or _same(a, b, left, right, frozenset({"time"})):
        return Cause(CLOCK, f"{name} told another time{_stat_fields(a, b, left, right)}")
    if name in _READS:
        return Cause(DATA, f"{name} gave something else{_from(a, left, at)}")
    if left.result != right.result:
        return Cause(DATA, f"{name} had another result: {left.result}, and {right.result}")
    fields = _stat_fields(a, b, left, right)
    return Cause(DATA, f"{name} had the same result with other data{fields}")


def _stat_fields(a: Trace, b: Trace, left: Event, right: Event) -> str:
    """Which fields of a struct stat differ: the listing does not show them all."""
    row = SYSCALLS.get(left.nr)
    if row is None or "STAT_OUT" not in row.kinds:
        return ""
    one, other = (_struct(trace, event, row.kinds.index("STAT_OUT"))
                  for trace, event in ((a, left), (b, right)))  # fmt: skip
    names = [name for name, start, stop in _STAT if one[start:stop] != other[start:stop]]
    return f" ({', '.join(names)})" if names else ""


def _struct(trace: Trace, event: Event, at: int) -> bytes:
    try:
        found = parse_fields(trace.side_data(event))[1].get(at)
    except ValueError:
        return b""
    return found[0].data if found else b""


def _same(a: Trace, b: Trace, left: Event, right: Event, rules: frozenset[str]) -> bool:
    """Whether the events are the same when this is left out of them."""
    keys = Numbers()
    one = KeyMaker(a, {}, rules, keys).keys(left)
    return one == KeyMaker(b, {}, rules, keys).keys(right)


def _from(trace: Trace, event: Event, at: int) -> str:
    """Which file a call read, as far as it can be told."""
    if at > _FILE_EVENTS_MAX:
        return ""
    tracker = Tracker(trace)
    for index, earlier in enumerate(trace.read(0, at)):
        tracker.step(index, earlier)
    uses = tracker.step(at, event)
    return f": {uses[0].file.name}" if uses else ""
