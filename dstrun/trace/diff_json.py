"""A comparison of two traces as one JSON object.

Keys, stable within a `version`:
  version           1; another one when a key changes its meaning or goes
  same              nothing differs but what is ignored
  first_difference  number of the first event that differs in the first trace, null: none
  first_difference_b  the same in the second trace (another number only with `ignored`)
  events, trace_hash  of either trace
  cause             {kind, text}; kind: schedule, fault, input, chance, clock, data, start, end or
                    program
  other_task        where the order of tasks begins to differ: {a, b, text}, null: nowhere
  verdict           in one sentence what the difference comes to
  only_order        each task does the same in both
  start             how the runs were not started alike, in words
  ignored, left_out  rules in force, and those besides them where tasks are aligned
  aligned_to        the events up to which tasks were aligned, null: all
  tasks             for each task {a, b, equal, change, delete, insert, blocks}; none where the
                    traces are the same. a and b: {pid, tid, name, argv, events} or null; blocks:
                    [kind, a, b, count] with the number of the first event on either side (null:
                    none), without those of equal events
  differing         calls by name: {change, delete, insert}
  calls             calls by name: [in the first, in the second], where they are not as many
  files             [of the first alone, of the second alone]
  faults            [{what: count}, {what: count}]
  outcome           of either: {outcome, exit_code, signal, virtual_ns, events, message,
                    output_bytes}
"""

from __future__ import annotations

from typing import Any

from dstrun.trace.align import CHANGE, DELETE, EQUAL, INSERT, Block
from dstrun.trace.compare import Comparison, Part, Scan, TaskDiff
from dstrun.trace.diff_text import same_text, verdict
from dstrun.trace.tasks import Task

VERSION = 1
_BLOCKS_MAX = 1000  # of a task


def as_dict(found: Comparison) -> dict[str, Any]:
    """The object."""
    first_a, first_b = found.first or (None, None)
    a, b = found.scans
    differing: dict[str, dict[str, int]] = {}
    for (name, kind), count in sorted(found.differing.items()):
        differing.setdefault(name, dict.fromkeys((CHANGE, DELETE, INSERT), 0))[kind] = count
    return {
        "version": VERSION,
        "same": found.same,
        "first_difference": first_a,
        "first_difference_b": first_b,
        "events": [found.a.events, found.b.events],
        "trace_hash": [f"{found.a.trace_hash:016x}", f"{found.b.trace_hash:016x}"],
        "cause": {"kind": found.cause.kind, "text": found.cause.text} if found.cause else None,
        "other_task": found.other_task._asdict() if found.other_task else None,
        "verdict": verdict(found) if found.first else same_text(found),
        "only_order": found.only_order,
        "start": found.start,
        "ignored": sorted(found.ignored),
        "left_out": sorted(found.left_out),
        "aligned_to": list(found.cut) if found.cut else None,
        "tasks": [_task(task) for task in found.tasks],
        "differing": differing,
        "calls": {
            name: [a.calls[name], b.calls[name]]
            for name in sorted(a.calls | b.calls)
            if a.calls[name] != b.calls[name]
        },
        "files": [sorted(one.files.keys() - other.files.keys()) for one, other in ((a, b), (b, a))],
        "faults": [dict(a.faults), dict(b.faults)],
        "outcome": [_outcome(a), _outcome(b)],
    }


def _outcome(scan: Scan) -> dict[str, Any]:
    return scan.outcome | {"output_bytes": scan.output.bytes if scan.output else None}


def _task(task: TaskDiff) -> dict[str, Any]:
    counts = {kind: task.count(kind) for kind in (EQUAL, CHANGE, DELETE, INSERT)}
    blocks = [_block(task, block) for block in task.blocks if block.kind != EQUAL]
    return {"a": _who(task.a), "b": _who(task.b), **counts, "blocks": blocks[:_BLOCKS_MAX]}


def _who(task: Task | None) -> dict[str, Any] | None:
    if task is None:
        return None
    return {
        "pid": task.pid, "tid": task.tid, "name": task.name, "argv": task.argv,
        "events": task.events,
    }  # fmt: skip


def _block(task: TaskDiff, block: Block) -> list[Any]:
    count = max(block.a1 - block.a0, block.b1 - block.b0)
    return [
        block.kind,
        _number(task.part_a, block.a0, block.a1),
        _number(task.part_b, block.b0, block.b1),
        count,
    ]


def _number(part: Part, start: int, stop: int) -> int | None:
    return part.events[start] if start < stop else None
