"""Why a replay is not the run that it follows: what is known of it, the likeliest first."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from pathlib import Path

from dstrun import abi
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name, event_strings

_LOOKED_BACK = 400  # events of the process before the difference


def likely_causes(trace: Trace, index: int, changes: Sequence[str]) -> list[str]:
    """One line each. `index`: the first event that was another one; `changes`: what was found to
    have changed before the replay began (startcheck.differences)."""
    recent = set(_recent_paths(trace, index))
    near = [change for change in changes if change.partition(":")[0] in recent]
    found = [f"{change}; the program has used it shortly before" for change in near]
    found += _uncontrolled(trace, index)
    found += [change for change in changes if change not in near]
    return [f"likely cause: {text}" for text in found] or [
        "no cause is known: nothing has changed that the trace tells of, and every call before was "
        "under control (please report this with both traces)"
    ]


def _recent_paths(trace: Trace, index: int) -> Iterable[str]:
    """Files that the process named in its last events, by all their names in the calls."""
    start = max(0, index - _LOOKED_BACK)
    events = list(trace.read(start, index + 1))
    pid = events[-1].pid if events else 0
    cwd = str(trace.meta.get("cwd", "/"))
    for event in events:
        if event.pid == pid:
            for name in event_strings(trace, event):
                yield os.path.normpath(Path(cwd, name))


def _uncontrolled(trace: Trace, index: int) -> list[str]:
    found = []
    holes: dict[str, int] = trace.end_meta.get("uncontrolled", {})
    if index < trace.events and event_name(trace.event(index)) in holes:
        name = event_name(trace.event(index))
        found.append(f"{name} was not under control when the trace was recorded")
        holes = {other: count for other, count in holes.items() if other != name}
    if any(event.kind == abi.EVENT_FORCED for event in trace.read(0, index)):
        found.append("the recorded run was interrupted where no decision says (a forced switch)")
    if holes:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(holes.items()))
        found.append(f"not under control when the trace was recorded: {names}")
    return found
