"""What a run spent its virtual time on: a table like strace -c, whole or by process or thread.

"seconds" is the time from a call's entry to its end. "waiting" is what of it is beyond the call's
own cost: it slept, or others ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dstrun import abi
from dstrun.trace.decode import ERRNO_MAX
from dstrun.trace.format import Event
from dstrun.trace.render import event_name

BY: Final = ("process", "thread")


@dataclass
class Row:
    """The calls of one name."""

    name: str
    calls: int = 0
    errors: int = 0
    spent_ns: int = 0
    waiting_ns: int = 0

    def add(self, event: Event, cost_ns: int) -> None:
        """One more event."""
        is_call = event.kind == abi.EVENT_SYSCALL
        self.calls += 1
        self.errors += is_call and -ERRNO_MAX <= event.result < 0
        spent_ns = max(0, event.time_ns - event.enter_ns)
        self.spent_ns += spent_ns
        self.waiting_ns += max(0, spent_ns - cost_ns) if is_call else 0


def stats_lines(
    events: Iterable[tuple[int, Event]],
    as_json: bool,
    by: str | None = None,
    cost_ns: int = 0,
    name_of: Callable[[int], str] = str,
) -> Iterator[str]:
    """The table, costliest first; or a JSON object per row. `by`: a table for each process or
    thread, which `name_of` names by its id; `cost_ns`: what a call charges by itself."""
    groups: dict[int, dict[str, Row]] = {}
    for _index, event in events:
        key = {"process": event.pid, "thread": event.tid}.get(by or "", 0)
        rows = groups.setdefault(key, {})
        name = event_name(event)
        row = rows.get(name)
        if row is None:
            row = rows[name] = Row(name)
        row.add(event, cost_ns)
    for number, (key, rows) in enumerate((groups or ({} if as_json else {0: {}})).items()):
        ordered = sorted(rows.values(), key=lambda row: (-row.spent_ns, -row.calls, row.name))
        if as_json:
            yield from (_json(row, by, key) for row in ordered)
            continue
        if by:
            yield from [""] * (number > 0) + [f"{name_of(key)}:"]
        yield from _table(ordered)


def _json(row: Row, by: str | None, key: int) -> str:
    whose = {} if by is None else {"pid" if by == "process" else "tid": key}
    return json.dumps(
        {"version": 1, **whose, "name": row.name, "calls": row.calls, "errors": row.errors,
         "virtual_ns": row.spent_ns, "waiting_ns": row.waiting_ns}
    )  # fmt: skip


def _table(rows: list[Row]) -> Iterator[str]:
    from tabulate import tabulate

    total_ns = sum(row.spent_ns for row in rows)
    table = [
        [
            f"{100 * row.spent_ns / total_ns if total_ns else 0:.2f}",
            f"{row.spent_ns / 1e9:.6f}",
            f"{row.waiting_ns / 1e9:.6f}" if row.waiting_ns else "",
            f"{row.spent_ns / row.calls / 1e3:.3f}",
            row.calls,
            row.errors or "",
            row.name,
        ]
        for row in rows
    ]
    waiting_ns = sum(row.waiting_ns for row in rows)
    sums = [sum(row.calls for row in rows), sum(row.errors for row in rows) or ""]
    table.append(["100.00", f"{total_ns / 1e9:.6f}", f"{waiting_ns / 1e9:.6f}", "", *sums, "total"])
    headers = ["% time", "seconds", "waiting", "us/call", "calls", "errors", "event"]
    align = ("right",) * 6 + ("left",)
    yield from tabulate(table, headers, colalign=align, disable_numparse=True).splitlines()
