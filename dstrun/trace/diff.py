"""Where two traces part.

Two events are the same when their identities are: times and addresses may differ, as they do when
the environment is longer. Identities are compared a segment at a time, at memory speed; what lies
around the first difference is then rendered from both sides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer

CONTEXT = 3

# What else may explain a difference, in the order in which it is worth looking at.
_COMPARED_META = (
    "seed",
    "argv",
    "program",
    "env",
    "cwd",
    "ignored_signals",
    "blocked_signals",
    "strategy",
    "plan",
    "epoch_ns",
    "cpus",
    "preload",
)


def first_difference(a: Trace, b: Trace) -> int | None:
    """Index of the first event that is not the same; None when there is none.

    Where one trace is the beginning of the other, that is the first event that it lacks.
    """
    common = min(a.events, b.events)
    start = 0
    left, right = _Identities(a), _Identities(b)
    while start < common:
        x, y = left.starting(start), right.starting(start)
        count = min(len(x), len(y), common - start)
        if x[:count] != y[:count]:
            return start + _first_unequal(x[:count], y[:count])
        start += count
    return common if a.events != b.events else None


class _Identities:
    """A trace's identities, a segment at a time."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._segment = -1
        self._loaded = memoryview(b"").cast("Q")

    def starting(self, event: int) -> memoryview:
        """From an event on; events are asked for in rising order."""
        starts = self._trace.starts
        segment = max(self._segment, 0)
        while segment + 1 < len(starts) and starts[segment + 1] <= event:
            segment += 1
        if segment != self._segment:
            self._segment, self._loaded = segment, self._trace.identities(segment)
        return self._loaded[event - starts[segment] :]


def _first_unequal(left: memoryview, right: memoryview) -> int:
    """Index of the first unequal element, by halving; there is one."""
    start, stop = 0, len(left)
    while stop - start > 1:
        middle = (start + stop) // 2
        if left[start:middle] != right[start:middle]:
            stop = middle
        else:
            start = middle
    return start


def difference_lines(
    a: Trace, b: Trace, index: int, context: int = CONTEXT, index_b: int | None = None
) -> list[str]:
    """The first difference with what lies around it, as a diff would show it. `index_b`: where the
    second trace's event is, when that is another place."""
    at_b = index if index_b is None else index_b
    left, right = Renderer(a), Renderer(b)
    where = f"event {index}" if index == at_b else f"events {index} and {at_b}"
    lines = [f"first difference: {where}{_what_differs(a, b, index, at_b)}"]
    lines += [f"  {line}" for line in left.lines(max(0, index - context), index)]
    for sign, trace, renderer, at in (("-", a, left, index), ("+", b, right, at_b)):
        shown = renderer.lines(at, at + 1 + context)
        lines += [f"{sign} {line}" for line in shown]
        if at >= trace.events:
            lines.append(f"{sign} (no such event: {trace.path} ends here)")
    return lines


def meta_differences(a: Trace, b: Trace) -> list[str]:
    """Where the two runs were not started alike."""
    found = []
    for key in _COMPARED_META:
        left, right = a.meta.get(key), b.meta.get(key)
        if key == "plan":  # rules by their names
            left, right = _by_name(left), _by_name(right)
        if left == right:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            names = sorted(
                name for name in left.keys() | right.keys() if left.get(name) != right.get(name)
            )
            found.append(f"{key} differs in {', '.join(names)}")
        else:
            found.append(f"{key} differs: {left} and {right}")
    return found


def _by_name(rules: Any) -> dict[str, Any]:
    return {str(rule.get("name")): rule for rule in rules or [] if isinstance(rule, dict)}


def describe_difference(a_path: Path, b_path: Path) -> list[str]:
    """The first difference of two files, for a report."""
    with Trace(a_path) as a, Trace(b_path) as b:
        index = first_difference(a, b)
        if index is None:
            return ["the traces agree event by event"]
        return difference_lines(a, b, index)


def _what_differs(a: Trace, b: Trace, at_a: int, at_b: int) -> str:
    """Names the first part in which the two events differ."""
    if at_a >= a.events or at_b >= b.events:
        return ""
    left, right = a.event(at_a), b.event(at_b)
    if (left.pid, left.tid) != (right.pid, right.tid):
        return ": another task"
    if (left.kind, left.nr) != (right.kind, right.nr):
        return ": another call" if left.kind == abi.EVENT_SYSCALL else ": another event"
    if left.result != right.result:
        return ": another result"
    return ": other arguments or data"
