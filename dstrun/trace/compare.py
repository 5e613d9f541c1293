"""Two traces side by side: where they part and why, each task's events aligned, and what it all
comes to.

`compare` makes the whole finding as data; dstrun.trace.diff_text, diff_html and diff_json show it.
The two runs' tasks are matched (dstrun.trace.tasks), then each pair's events are aligned
(dstrun.trace.align) by keys that leave the schedule and whatever is ignored out
(dstrun.trace.identity). What lies before the first difference is the same by its recorded
identities and is only counted.

Whole traces are read once for the tasks and the counts. Aligned are the first ALIGNED_MAX events
after the first difference, if not told otherwise; `cut` tells where that ended.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.trace.align import EQUAL, INSERT, Block, Budget, align_around
from dstrun.trace.cause import Cause, chosen_text, find_cause
from dstrun.trace.descriptors import WRITE, Tracker
from dstrun.trace.diff import first_difference, meta_differences
from dstrun.trace.format import Event
from dstrun.trace.identity import KeyMaker, Numbers
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name, fault_name
from dstrun.trace.tasks import Task, TaskFinder, Tasks, match_tasks

ALIGNED_MAX: Final = 500_000
_FOREVER: Final = 1 << 62
_OUTPUT_EVENTS_MAX: Final = 300_000  # up to which it is counted what a run wrote


class Output(NamedTuple):
    """Bytes, and a checksum of the writes' hashes."""

    bytes: int = 0
    checksum: int = 0


@dataclass
class Scan:
    """What one trace holds, from one reading of it."""

    tasks: Tasks
    calls: Counter[str]
    files: Counter[str]  # calls by the path that they name, where they succeeded
    faults: Counter[str]  # by rule and what it did
    first_fault: int | None  # number of the first one's event
    output: Output | None  # written to the run's stdout and stderr; None: not counted
    outcome: dict[str, Any] = field(default_factory=dict)


def _numbers() -> array[int]:
    return array("q")


@dataclass
class Part:
    """The events of one task that are aligned: their numbers in the trace, and their keys."""

    events: array[int] = field(default_factory=_numbers)
    strong: array[int] = field(default_factory=_numbers)
    weak: array[int] = field(default_factory=_numbers)
    strict: array[int] = field(default_factory=_numbers)  # with nothing left out but `ignored`


Pair = tuple[int, Part]


@dataclass
class TaskDiff:
    """One task of both runs, or of one that has no counterpart. The blocks' numbers are places in
    the parts."""

    a: Task | None
    b: Task | None
    part_a: Part = field(default_factory=Part)
    part_b: Part = field(default_factory=Part)
    blocks: list[Block] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many events of either side are in blocks of a kind; pairs count once."""
        return sum(max(x.a1 - x.a0, x.b1 - x.b0) for x in self.blocks if x.kind == kind)

    @property
    def same(self) -> bool:
        """It does the same in both runs."""
        return all(block.kind == EQUAL for block in self.blocks)

    @property
    def first(self) -> tuple[int, int] | None:
        """Where it begins to differ: the numbers of those events. A side that has none there tells
        where its next one, or else its last one is."""
        block = next((one for one in self.blocks if one.kind != EQUAL), None)
        if block is None:
            return None
        return _event_at(self.part_a, block.a0), _event_at(self.part_b, block.b0)


def _event_at(part: Part, at: int) -> int:
    if not part.events:
        return 0
    return part.events[min(at, len(part.events) - 1)]


class OtherTask(NamedTuple):
    """The first events that are not of the same task, and in words which ones they are of."""

    a: int
    b: int
    text: str


@dataclass
class Comparison:
    """The finding."""

    a: Trace
    b: Trace
    same: bool  # but for what is ignored
    first: tuple[int, int] | None  # the first events that differ, in either trace
    cause: Cause | None
    other_task: OtherTask | None  # where the order of tasks begins to differ
    start: list[str]  # how the runs were not started alike
    scans: tuple[Scan, Scan]
    tasks: list[TaskDiff]
    differing: Counter[tuple[str, str]]  # events by name and kind of block
    ignored: frozenset[str]
    left_out: frozenset[str]  # where tasks are aligned, besides what is ignored
    waits: set[int]  # weak keys of calls that wait
    cut: tuple[int, int] | None  # numbers of the events before which the alignment ended

    @property
    def only_order(self) -> bool:
        """Each task does the same in both; they differ in who ran when."""
        return not self.same and self.cut is None and all(task.same for task in self.tasks)


def scan(trace: Trace) -> Scan:
    """Reads a trace once."""
    finder = TaskFinder(trace)
    calls: Counter[tuple[int, int]] = Counter()
    files: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    tracker = Tracker(trace) if trace.events <= _OUTPUT_EVENTS_MAX else None
    output = Output()
    first_fault: int | None = None
    for index, event in enumerate(trace.read()):
        finder.step(event)
        calls[event.kind, event.nr if event.kind == abi.EVENT_SYSCALL else 0] += 1
        if event.kind == abi.EVENT_INJECTED:
            faults[fault_name(trace, event)] += 1
            first_fault = index if first_fault is None else first_fault
        if tracker is None:
            continue
        if event.kind == abi.EVENT_SYSCALL and event.nr in _NAMES_PATH and event.result >= 0:
            files.update(tracker.paths(event))
        for use in tracker.step(index, event):
            if use.how == WRITE and use.file.kind == "inherited":
                checksum = zlib.crc32(repr(tracker.hashes(event)).encode(), output.checksum)
                output = Output(output.bytes + use.bytes, checksum)
    names: Counter[str] = Counter()
    for (kind, nr), count in calls.items():
        names[_name(kind, nr)] += count
    return Scan(
        tasks=finder.finish(),
        calls=names,
        files=files,
        faults=faults,
        first_fault=first_fault,
        output=output if tracker else None,
        outcome=_outcome(trace),
    )


_NAMES_PATH: Final = frozenset(nr for nr, row in SYSCALLS.items() if "PATH" in row.kinds)


def _name(kind: int, nr: int) -> str:
    return event_name(Event(0, 0, 0, 0, 0, 0, 0, nr, kind, 0, 0, 0))


def _outcome(trace: Trace) -> dict[str, Any]:
    end = trace.end_meta
    return {
        "outcome": end.get("outcome", "not closed in good order"),
        "exit_code": end.get("exit_code"),
        "signal": end.get("signal"),
        "virtual_ns": trace.virtual_ns,
        "events": trace.events,
        "message": end.get("message") or None,
    }


def compare(
    a: Trace, b: Trace, ignored: frozenset[str] = frozenset(), with_time: bool = False,
    aligned_max: int | None = ALIGNED_MAX,
) -> Comparison:  # fmt: skip
    """Compares two traces; `with_time` counts times where tasks are aligned. What getrandom gives
    is left out there when the runs' entropy has not the same seed. `aligned_max`: how many events
    after the first difference are aligned, None: all."""
    first = first_difference(a, b)
    if first is None:
        return _same(a, b, ignored)
    scans = scan(a), scan(b)
    start = first
    left_out = frozenset() if with_time else frozenset({"time"})
    if a.meta.get("entropy_seed") != b.meta.get("entropy_seed"):
        left_out |= {"random"}
    keys = Numbers()
    rules = ignored | left_out, ignored
    stop = None if aligned_max is None else start + aligned_max
    sides, tasks = _tasks_side_by_side(a, b, scans, rules, range(start, stop or _FOREVER), keys)
    parted: tuple[int, int] | None = (first, first)
    if "order" in ignored:
        parted = _first_of_tasks(tasks)
    elif ignored:
        parted = _first_unequal(sides[0], sides[1], sides[0].keys, sides[1].keys)
    cause = None
    if parted:
        cause = find_cause(a, b, *parted, scans[0].tasks, scans[1].tasks)
    return Comparison(
        a=a,
        b=b,
        same=parted is None and not (ignored and any(side.cut for side in sides)),
        first=parted,
        cause=cause,
        other_task=_other_task(a, b, sides, scans),
        start=meta_differences(a, b),
        scans=scans,
        tasks=tasks,
        differing=_differing(tasks, keys.names),
        ignored=ignored,
        left_out=left_out,
        waits=keys.waits,
        cut=(sides[0].stop, sides[1].stop) if any(side.cut for side in sides) else None,
    )


def _same(a: Trace, b: Trace, ignored: frozenset[str]) -> Comparison:
    """The finding on two traces that are the same; they are not read for it."""
    nothing = Scan(Tasks(), Counter(), Counter(), Counter(), None, None)
    scans = replace(nothing, outcome=_outcome(a)), replace(nothing, outcome=_outcome(b))
    return Comparison(
        a=a, b=b, same=True, first=None, cause=None, other_task=None, start=meta_differences(a, b),
        scans=scans, tasks=[], differing=Counter(), ignored=ignored, left_out=frozenset(),
        waits=set(), cut=None,
    )  # fmt: skip


def _other_task(
    a: Trace, b: Trace, sides: tuple[_Side, _Side], scans: tuple[Scan, Scan]
) -> OtherTask | None:
    """Where first another task ran."""
    at = _first_unequal(sides[0], sides[1], sides[0].tasks, sides[1].tasks)
    if at is None or at[0] >= a.events or at[1] >= b.events:
        return None
    left, right = a.event(at[0]), b.event(at[1])
    text = chosen_text(scans[0].tasks.name_of(left.tid), scans[1].tasks.name_of(right.tid))
    return OtherTask(at[0], at[1], text)


@dataclass
class _Side:
    """The counted events of one trace from the first difference on, in their order."""

    events: array[int] = field(default_factory=_numbers)
    tasks: array[int] = field(default_factory=_numbers)  # places in the list of pairs
    keys: array[int] = field(default_factory=_numbers)  # of task and event together
    stop: int = 0
    cut: bool = False


class _Makers(NamedTuple):
    """Keys for aligning, and for telling whether two traces are the same."""

    strong: KeyMaker
    strict: KeyMaker


def _read_side(
    trace: Trace,
    side: _Side,
    place: range,
    makers: _Makers,
    numbers: Numbers,
    parts: dict[int, Pair],
) -> None:
    """Collects a trace's counted events, all together and by task."""
    side.stop = min(trace.events, place.stop)
    side.cut = side.stop < trace.events
    for index, event in enumerate(trace.read(place.start, side.stop), place.start):
        number, part = parts[event.tid]
        strict = makers.strict.keys(event)
        if strict:
            part.strict.append(strict[0])
            side.events.append(index)
            side.tasks.append(number)
            side.keys.append(numbers.number((number, strict[0])))
        found = strict if makers.strict is makers.strong else makers.strong.keys(event)
        if found:
            part.events.append(index)
            part.strong.append(found[0])
            part.weak.append(found[1])


def _tasks_side_by_side(
    a: Trace, b: Trace, scans: tuple[Scan, Scan], rules: tuple[frozenset[str], frozenset[str]],
    place: range, keys: Numbers,
) -> tuple[tuple[_Side, _Side], list[TaskDiff]]:  # fmt: skip
    """`rules`: what is left out where tasks are aligned, and what is ignored altogether."""
    pairs = [TaskDiff(left, right) for left, right in match_tasks(scans[0].tasks, scans[1].tasks)]
    sides = _Side(), _Side()
    strict_keys, numbers = Numbers(), Numbers()
    for at, (trace, side) in enumerate(zip((a, b), sides, strict=True)):
        parts: dict[int, Pair] = {}
        for number, pair in enumerate(pairs):
            task = pair.b if at else pair.a
            if task:
                parts[task.tid] = number, pair.part_b if at else pair.part_a
        places = {tid: ("task", number) for tid, (number, _) in parts.items()}
        strong = KeyMaker(trace, places, rules[0], keys)
        strict = strong
        if rules[1] and rules[1] != rules[0]:
            strict = KeyMaker(trace, places, rules[1], strict_keys)
        _read_side(trace, side, place, _Makers(strong, strict), numbers, parts)
    budget = Budget()
    for pair in pairs:
        one, other = pair.part_a, pair.part_b
        pair.blocks = align_around(
            one.strong, other.strong, one.weak, other.weak, keys.waits, budget
        )
    return sides, pairs


def _first_unequal(
    a: _Side, b: _Side, left: array[int], right: array[int]
) -> tuple[int, int] | None:
    """Where two orders part; None where they do not, or where only one goes on."""
    common = min(len(left), len(right))
    low, high = 0, common
    while low < high:  # halving: slices are compared at memory speed
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    if low == common and len(left) == len(right):
        return None
    at_a = a.events[low] if low < len(left) else a.stop
    at_b = b.events[low] if low < len(right) else b.stop
    return at_a, at_b


def _first_of_tasks(tasks: list[TaskDiff]) -> tuple[int, int] | None:
    """Where the first of the tasks that differ begins to."""
    differ = [task for task in tasks if task.part_a.strict != task.part_b.strict]
    places = [task.first or _unaligned(task) for task in differ]
    return min(places, default=None)


def _unaligned(task: TaskDiff) -> tuple[int, int]:
    """Where a task differs in what is left out of the alignment only: its first event, about."""
    return _event_at(task.part_a, 0), _event_at(task.part_b, 0)


def _differing(tasks: list[TaskDiff], names: dict[int, str]) -> Counter[tuple[str, str]]:
    """Events that are not the same on both sides, by name and kind of block."""
    counts: Counter[tuple[str, str]] = Counter()
    for task in tasks:
        for kind, a0, a1, b0, b1 in task.blocks:
            if kind == EQUAL:
                continue
            weak = task.part_b.weak[b0:b1] if kind == INSERT else task.part_a.weak[a0:a1]
            counts.update((names[key], kind) for key in weak)
    return counts
