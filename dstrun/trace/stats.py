"""What a run spent its virtual time on: a table like strace -c."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from dstrun import abi
from dstrun.trace.format import Event
from dstrun.trace.render import event_name

# Results from here to -1 are errors.
ERRNO_MAX = 4095


def stats_lines(events: Iterable[tuple[int, Event]], as_json: bool) -> Iterator[str]:
    """The table, costliest first; or a JSON object per row."""
    rows = _rows(events)
    if as_json:
        for name, calls, errors, spent_ns in rows:
            yield json.dumps(
                {"name": name, "calls": calls, "errors": errors, "virtual_ns": spent_ns}
            )
        return
    from tabulate import tabulate

    total_ns = sum(spent_ns for _name, _calls, _errors, spent_ns in rows)
    table = [
        [
            f"{100 * spent_ns / total_ns if total_ns else 0:.2f}",
            f"{spent_ns / 1e9:.6f}",
            f"{spent_ns / calls / 1e3:.3f}",
            calls,
            errors or "",
            name,
        ]
        for name, calls, errors, spent_ns in rows
    ]
    calls = sum(row[1] for row in rows)
    errors = sum(row[2] for row in rows)
    table.append(["100.00", f"{total_ns / 1e9:.6f}", "", calls, errors or "", "total"])
    headers = ["% time", "seconds", "us/call", "calls", "errors", "event"]
    align = ("right", "right", "right", "right", "right", "left")
    yield from tabulate(table, headers, colalign=align, disable_numparse=True).splitlines()


def _rows(events: Iterable[tuple[int, Event]]) -> list[tuple[str, int, int, int]]:
    """(name, calls, errors, virtual time spent) in falling order of time, then of calls."""
    totals: dict[str, list[int]] = {}
    for _index, event in events:
        row = totals.setdefault(event_name(event), [0, 0, 0])
        row[0] += 1
        row[1] += event.kind == abi.EVENT_SYSCALL and -ERRNO_MAX <= event.result < 0
        row[2] += max(0, event.time_ns - event.enter_ns)
    rows = [(name, calls, errors, spent) for name, (calls, errors, spent) in totals.items()]
    return sorted(rows, key=lambda row: (-row[3], -row[1], row[0]))
