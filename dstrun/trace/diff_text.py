"""A comparison of two traces as text, after the fashion of `diff -u`.

First where the runs part and why, then what it comes to, then each task that differs. Lines begin
with "-" for what the first run has, "+" for the second, a space for both. Equal events, the turns
of loops, and what is beyond the bounds are told by their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dstrun.quantities import format_time
from dstrun.report.summary import signal_name
from dstrun.trace.align import CHANGE, DELETE, EQUAL, INSERT, Block
from dstrun.trace.compare import Comparison, Part, Scan, TaskDiff
from dstrun.trace.diff import difference_lines
from dstrun.trace.fold import fold
from dstrun.trace.identity import WAITS
from dstrun.trace.render import Renderer
from dstrun.trace.tasks import Task

_COLORS = {"-": "red", "+": "green", "~": "yellow", "@@": "cyan"}


_FEW = 12  # events that only one side has, or that are not the same, which are shown each


@dataclass(frozen=True)
class Bounds:
    """How much is shown; None: all of it."""

    context: int = 3  # around the first difference
    tasks: int | None = 8
    lines: int | None = 24  # of a task
    names: int = 8  # in a list


EVERYTHING = Bounds(tasks=None, lines=None, names=1000)


def text_lines(found: Comparison, bounds: Bounds) -> Iterator[str]:
    """The whole report."""
    if found.first is None:
        yield same_text(found)
        return
    yield f"--- {found.a.path} ({found.a.events:,} events)"
    yield f"+++ {found.b.path} ({found.b.events:,} events)"
    yield from found.start
    yield from _parting(found, bounds)
    yield ""
    yield verdict(found)
    if found.left_out:
        yield f"  left out there: {', '.join(sorted(found.ignored | found.left_out))}"
    yield from summary_lines(found, bounds.names)
    yield from _task_sections(found, bounds)


def same_text(found: Comparison) -> str:
    """What is said where nothing differs that counts."""
    if not found.ignored:
        return f"the same: {found.a.events} events, hash {found.a.trace_hash:016x}"
    left_out = ", ".join(sorted(found.ignored))
    if not found.same:
        return f"the same, but for {left_out}, as far as they were compared (event {found.cut})"
    return f"the same, but for what was to be ignored ({left_out})"


def _parting(found: Comparison, bounds: Bounds) -> Iterator[str]:
    """Where they part, with what lies around."""
    assert found.first is not None
    at_a, at_b = found.first
    yield from difference_lines(found.a, found.b, at_a, bounds.context, at_b)
    if found.cause:
        yield f"what parted them: {found.cause.kind}: {found.cause.text}"
    other = found.other_task
    if other and (other.a, other.b) != found.first:
        where = f"event {other.a}" if other.a == other.b else f"events {other.a} and {other.b}"
        yield f"their order parts at {where}: {other.text}"


def verdict(found: Comparison) -> str:
    """In one sentence what the difference comes to."""
    total = len(found.tasks)
    same = sum(task.same for task in found.tasks)
    beyond = {name for (name, _kind), _count in found.differing.items()} - WAITS
    order = _order_text(found)
    if found.cut:
        return (
            f"the tasks' events were aligned up to events {found.cut[0]} and {found.cut[1]}; "
            f"{same} of {total} tasks do the same that far"
        )
    if found.only_order:
        return f"the same calls per task; nothing but their order differs{order}"
    if not beyond and all(task.a and task.b for task in found.tasks):
        return f"the same calls per task, but for those that wait{order}"
    noise = sum(_only_waits(found, task) for task in found.tasks if task.a and task.b) - same
    but = f", {noise} more but for calls that wait" if noise else ""
    return f"{same} of {total} tasks do the same in both{but}{order}"


def _order_text(found: Comparison) -> str:
    """Where first another task ran, for a verdict."""
    return f"; the order differs first at event {found.other_task.a}" if found.other_task else ""


def summary_lines(found: Comparison, names: int) -> Iterator[str]:
    """What differs, in numbers: events, calls, files, faults, outcome."""
    if found.differing:
        yield f"  events that differ: {_differing_text(found.differing, names)}"
    a, b = found.scans
    counts = [
        f"{name} {a.calls[name]} and {b.calls[name]}"
        for name in sorted(a.calls | b.calls, key=lambda n: -abs(a.calls[n] - b.calls[n]))
        if a.calls[name] != b.calls[name]
    ]
    if counts:
        yield f"  how often: {_listed(counts, names)}"
    for word, one, other in (("first", a, b), ("second", b, a)):
        only = sorted(one.files.keys() - other.files.keys())
        if only:
            yield f"  files of the {word} alone: {_listed(only, names)}"
    if a.faults or b.faults:
        yield f"  faults injected: {_faults_text(a, names)} | {_faults_text(b, names)}"
    yield from _outcome_lines(a, b)


def _differing_text(differing: Counter[tuple[str, str]], names: int) -> str:
    """Calls by how many of their events are not the same; those that wait apart."""
    totals: Counter[str] = Counter()
    for (name, _kind), count in differing.items():
        totals[name] += count
    waits = sum(count for name, count in totals.items() if name in WAITS)
    rest = [f"{name} {n}" for name, n in totals.most_common() if name not in WAITS]
    parts = [_listed(rest, names)] if rest else []
    if waits:
        parts.append(f"calls that wait (futex, poll, ...) {waits}")
    return "; ".join(parts)


def _listed(items: Sequence[str], limit: int) -> str:
    more = f", and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def _faults_text(scan: Scan, limit: int) -> str:
    if not scan.faults:
        return "none"
    counts = scan.faults.most_common()
    items = [f"{name} x {count}" if count > 1 else name for name, count in counts]
    return f"{_listed(items, limit)}, the first at event {scan.first_fault}"


def _outcome_lines(a: Scan, b: Scan) -> Iterator[str]:
    one, other = _outcome_text(a), _outcome_text(b)
    yield f"  outcome: the same: {one}" if one == other else f"  outcome: {one} | {other}"
    times = [format_time(scan.outcome["virtual_ns"]) for scan in (a, b)]
    if times[0] != times[1]:
        yield f"  virtual time: {times[0]} s | {times[1]} s"
    if a.output is None or b.output is None:
        return
    if a.output == b.output:
        yield f"  output: the same, {a.output.bytes:,} bytes"
    else:
        what = "other bytes" if a.output.bytes == b.output.bytes else "not the same"
        yield f"  output: {what}: {a.output.bytes:,} bytes | {b.output.bytes:,} bytes"


def _outcome_text(scan: Scan) -> str:
    outcome = scan.outcome
    if outcome["signal"]:
        return f"killed by {signal_name(outcome['signal'])}"
    code = outcome["exit_code"]
    text = str(outcome["outcome"]) + (f" {code}" if code is not None else "")
    return f"{text} ({outcome['message']})" if outcome["message"] else text


# ---- tasks ----


def _task_sections(found: Comparison, bounds: Bounds) -> Iterator[str]:
    differ = [task for task in found.tasks if not task.same and task.a and task.b]
    differ.sort(key=lambda task: task.first or (0, 0))
    loud = [task for task in differ if not _only_waits(found, task)]
    shown = differ if bounds.tasks is None else loud[: bounds.tasks] or differ[:2]
    for task in shown:
        yield ""
        yield from task_lines(found, task, bounds)
    yield ""
    rest = [task for task in differ if task not in shown]
    noise = [_name(task) for task in rest if _only_waits(found, task)]
    others = [_name(task) for task in rest if not _only_waits(found, task)]
    if others:
        yield f"these differ as well (--all shows them): {_listed(others, bounds.names)}"
    if noise:
        yield f"these differ in calls that wait alone (--all): {_listed(noise, bounds.names)}"
    for which, alone in (
        ("first", [task.a for task in found.tasks if task.b is None]),
        ("second", [task.b for task in found.tasks if task.a is None]),
    ):
        names = [f"{task.label}, {task.events:,} events" for task in alone if task]
        if names:
            yield f"only in the {which}: {_listed(names, bounds.names)}"
    same = [_name(task) for task in found.tasks if task.same and task.a and task.b]
    if same:
        yield f"these do the same: {_listed(same, bounds.names)}"


def _only_waits(found: Comparison, task: TaskDiff) -> bool:
    return all(block.kind == EQUAL or _waits(found, task, block) for block in task.blocks)


def _name(task: TaskDiff) -> str:
    return pair_name(task.a, task.b)


def pair_name(a: Task | None, b: Task | None) -> str:
    """Both runs' names for a task, where they are not alike."""
    if a is None or b is None:
        only = a or b
        return only.label if only else "?"
    return a.label if a.label == b.label else f"{a.label} | {b.label}"


def task_lines(found: Comparison, task: TaskDiff, bounds: Bounds) -> Iterator[str]:
    """One task's heading, and its events as far as they differ."""
    yield f"@@ {heading(task)} @@"
    writer = _Writer(found, task)
    everything = bounds.lines is None
    left = bounds.lines if bounds.lines is not None else sum(found.differing.values()) * 3
    hidden = 0
    for equal, waits, block in stretches(found, task, everything):
        if left <= 0:
            hidden += max(block.a1 - block.a0, block.b1 - block.b0) if block else 0
            continue
        yield from writer.quiet(equal, waits, block)
        if block:
            for line in writer.lines(block, left):
                left -= 1
                yield line
            hidden += writer.hidden
    if hidden:
        yield f"  ... {hidden:,} more that differ (--all shows them)"


def heading(task: TaskDiff) -> str:
    """A task of both runs, and how many of its events are the same."""
    counts = [(CHANGE, "other"), (DELETE, "only in the first"), (INSERT, "only in the second")]
    words = [f"{task.count(EQUAL):,} equal"]
    words += [f"{task.count(kind):,} {word}" for kind, word in counts if task.count(kind)]
    return f"{pair_name(task.a, task.b)}: {', '.join(words)}"


def stretches(
    found: Comparison, task: TaskDiff, everything: bool
) -> Iterator[tuple[list[Block], int, Block | None]]:
    """A task's blocks as what differs (the last of each) and what is quiet before it: equal blocks,
    and how many calls that wait are not the same there. Where nothing else differs, those are shown
    like the rest."""
    loud = [
        block for block in task.blocks if block.kind != EQUAL and not _waits(found, task, block)
    ]
    quiet: list[Block] = []
    waits = 0
    for block in task.blocks:
        if block.kind == EQUAL:
            quiet.append(block)
        elif loud and not everything and _waits(found, task, block):
            waits += max(block.a1 - block.a0, block.b1 - block.b0)
        else:
            yield quiet, waits, block
            quiet, waits = [], 0
    yield quiet, waits, None


def _waits(found: Comparison, task: TaskDiff, block: Block) -> bool:
    """A block is of calls that wait alone."""
    part, start, stop = task.part_a, block.a0, block.a1
    if block.kind == INSERT:
        part, start, stop = task.part_b, block.b0, block.b1
    return all(key in found.waits for key in part.weak[start:stop])


class _Writer:
    """Renders the blocks of one task."""

    def __init__(self, found: Comparison, task: TaskDiff) -> None:
        self._a, self._b = Renderer(found.a), Renderer(found.b)
        self._traces = found.a, found.b
        self._task = task
        self.hidden = 0  # events of the last block that were left out, beyond the limit

    def lines(self, block: Block, limit: int) -> Iterator[str]:
        """One block."""
        self.hidden = 0
        part, start, stop = self._task.part_a, block.a0, block.a1
        if block.kind == INSERT:
            part, start, stop = self._task.part_b, block.b0, block.b1
        # The turns of a loop differ in data; of a few events that may be what counts.
        keys = part.strong if stop - start <= _FEW else part.weak
        written = 0
        for turns in fold(keys[start:stop]):
            if written >= limit:
                self.hidden = stop - start - turns.start
                return
            for at in range(turns.start, turns.start + turns.length):
                for line in self._differing(block, at):
                    written += 1
                    yield line
            if turns.times > 1:
                written += 1
                yield self._folded(block.kind, turns.length, turns.times - 1)

    def quiet(self, blocks: list[Block], waits: int, block: Block | None) -> Iterator[str]:
        """What lies before a block that differs, by its number but for the last one."""
        count = sum(one.a1 - one.a0 for one in blocks)
        last = blocks[-1].a1 - 1 if blocks and block and blocks[-1].a1 == block.a0 else None
        if last is not None:
            count -= 1
        parts = [f"{count:,} equal event{'s' * (count > 1)}"] if count else []
        parts += [f"{waits:,} call{'s' * (waits > 1)} that wait, not the same"] if waits else []
        if count == 1 and not waits and last is not None:
            yield f"  {self._line(self._a, 0, self._task.part_a, last - 1)}"
        elif parts:
            yield f"  ... {', '.join(parts)}"
        if last is not None:
            yield f"  {self._line(self._a, 0, self._task.part_a, last)}"

    def _differing(self, block: Block, at: int) -> Iterator[str]:
        if block.kind != INSERT:
            yield f"- {self._line(self._a, 0, self._task.part_a, block.a0 + at)}"
        if block.kind != DELETE:
            yield f"+ {self._line(self._b, 1, self._task.part_b, block.b0 + at)}"

    def _line(self, renderer: Renderer, side: int, part: Part, at: int) -> str:
        index = part.events[at]
        return renderer.line(index, self._traces[side].event(index))

    def _folded(self, kind: str, length: int, times: int) -> str:
        sign = {DELETE: "-", INSERT: "+"}.get(kind, "~")
        calls = "call" if length == 1 else f"{length} calls"
        again = "once more" if times == 1 else f"{times:,} times more"
        return f"{sign} ... the same {calls} {again}"


def color_of(line: str) -> str | None:
    """A terminal's colour for a line of the report."""
    return next((color for start, color in _COLORS.items() if line.startswith(start)), None)
