"""A trace as one page for a browser: it needs no network and no other file.

The page is dstrun/export/page/ put together. The run goes into it as one blob: gzip, then base64,
whose alphabet has nothing that HTML would take for markup. Unpacked it is

  u32      bytes of the header
  header   JSON: what the summary says, processes, threads, names, texts, and `columns`: each
           column's name, type and length, in the order in which they follow
  columns  little-endian, each padded to 8 bytes

Whatever comes from the trace is text for the page, never markup: it is set by textContent or drawn
on a canvas, and a content security policy allows no script but the page's own.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import shlex
import sys
from array import array
from pathlib import Path
from typing import Any, BinaryIO, Final

from dstrun import abi
from dstrun.errors import BadUsage
from dstrun.export.model import (
    CATEGORIES,
    Moment,
    Picture,
    category,
    is_error,
    is_failure,
    outcome_text,
)
from dstrun.trace.reader import Trace
from dstrun.trace.render import about
from dstrun.trace.select import Selection

EVENTS_MAX: Final = 1_000_000
_PAGE: Final = Path(__file__).parent / "page"
_SCRIPTS: Final = ("data.js", "timeline.js", "list.js", "main.js")

# Flags of an event, as page/data.js has them.
_ERROR: Final = 1
_FAILURE: Final = 2
_INSTANT: Final = 4
_FAULT: Final = 8  # was injected, or something was injected into it
_SIGNAL: Final = 16


def write_html(picture: Picture, file: BinaryIO) -> None:
    """Writes the page."""
    if picture.events > EVENTS_MAX:
        raise _too_many(picture.events, picture.focus or 0)
    blob = _Blob(picture).pack()
    style = (_PAGE / "page.css").read_text()
    script = "".join((_PAGE / name).read_text() for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "title": html.escape(_title(picture)),
        "policy": f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'",
        "style": style,
        "script": script,
    }
    # In one pass: what stands in a part is never taken for a place of another one.
    for piece in re.split(r"@(\w+)@", (_PAGE / "page.html").read_text()):
        if piece == "data":
            file.write(base64.b64encode(blob))
        else:
            file.write(parts.get(piece, piece).encode())


def check_size(trace: Trace, selection: Selection) -> None:
    """Refuses what is too much for a page, before anything is done about it."""
    if selection.processes:
        return  # how many events a process has is known only later
    stop = trace.events if selection.stop is None else min(selection.stop, trace.events)
    if stop - selection.start > EVENTS_MAX:
        chosen = enumerate(trace.read(selection.start, stop), selection.start)
        focus = next((index for index, event in chosen if is_failure(event)), stop - 1)
        raise _too_many(stop - selection.start, focus)


def _too_many(events: int, focus: int) -> BadUsage:
    start = max(0, focus - EVENTS_MAX // 4)
    return BadUsage(
        f"--to html: {events} events are too many for a page ({EVENTS_MAX} at most; "
        f"choose some, like --events {start}..{start + EVENTS_MAX // 2 - 1} around the first "
        "failure, or use --to perfetto)"
    )


def _title(picture: Picture) -> str:
    meta = picture.trace.meta
    program = Path(str(meta.get("program") or picture.trace.path)).name
    return f"{program}, seed {meta.get('seed', '?')} - dstrun"


class _Strings:
    """Texts, each stored once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._known.setdefault(text, len(self._known))

    def all(self) -> list[str]:
        return list(self._known)


class _Blob:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.names = _Strings()
        self.texts = _Strings()
        self.threads = {tid: row for row, tid in enumerate(picture.threads)}
        self.focus = 0  # the focus' place among the chosen events
        self.columns = {
            "number": array("I"), "start": array("q"), "duration": array("q"),
            "thread": array("I"), "name": array("I"), "text": array("I"), "flags": array("B"),
            "arrow_from": array("I", [arrow.source for arrow in picture.arrows]),
            "arrow_to": array("I", [arrow.target for arrow in picture.arrows]),
            "arrow_kind": array("B", [arrow.kind for arrow in picture.arrows]),
        }  # fmt: skip

    def pack(self) -> bytes:
        """The blob."""
        before = (0, 0)
        for place, moment in enumerate(self.picture.moments()):
            if moment.number == self.picture.focus:
                self.focus = place
            self._add(moment, before)
            before = (moment.number, moment.start_ns)
        header = json.dumps(self._header()).encode()
        header += b" " * (-(len(header) + 4) % 8)
        parts = [len(header).to_bytes(4, "little"), header]
        for column in self.columns.values():
            if sys.byteorder == "big":
                column.byteswap()
            data = column.tobytes()
            parts.append(data + b"\0" * (-len(data) % 8))
        return gzip.compress(b"".join(parts), 6, mtime=0)

    def _add(self, moment: Moment, before: tuple[int, int]) -> None:
        """Numbers and times as differences to the event before: they compress well."""
        event = moment.event
        columns = self.columns
        columns["number"].append(moment.number - before[0])
        columns["start"].append(moment.start_ns - before[1])
        columns["duration"].append(moment.end_ns - moment.start_ns)
        columns["thread"].append(self.threads[event.tid])
        columns["name"].append(self.names.number(moment.name))
        columns["text"].append(self.texts.number(self.picture.text(event)))
        columns["flags"].append(_flags(moment))

    def _header(self) -> dict[str, Any]:
        names = self.names.all()
        order = list(self.picture.processes.values())
        places = {process.pid: place for place, process in enumerate(order)}
        return {
            "summary": summary(self.picture),
            "first_failure": self.focus,
            "categories": CATEGORIES,
            "names": names,
            "category_of": [CATEGORIES.index(category(name)) for name in names],
            "texts": self.texts.all(),
            "processes": [
                {"pid": p.pid, "name": p.label, "command": shlex.join(p.command)} for p in order
            ],
            "threads": [
                {"tid": t.tid, "name": t.label, "process": places[t.process.pid]}
                for t in self.picture.threads.values()
            ],
            "columns": [[name, col.typecode, len(col)] for name, col in self.columns.items()],
        }


def _flags(moment: Moment) -> int:
    event = moment.event
    is_call = event.kind == abi.EVENT_SYSCALL and not event.flags & abi.EVENT_NO_RETURN
    is_fault = event.kind == abi.EVENT_INJECTED or event.flags & abi.EVENT_FAULT
    return (
        (_ERROR if is_error(event) else 0)
        | (_FAILURE if is_failure(event) and not is_fault else 0)
        | (0 if is_call else _INSTANT)
        | (_FAULT if is_fault else 0)
        | (_SIGNAL if event.kind == abi.EVENT_SIGNAL else 0)
    )


def summary(picture: Picture) -> dict[str, Any]:
    """What the head of the page says."""
    run = about(picture.trace)
    argv = [str(word) for word in run.get("argv") or []]
    seed = str(run.get("seed", "?"))
    faults = run.get("faults") or []
    path = shlex.quote(str(picture.trace.path))
    return {
        "trace": str(picture.trace.path),
        "command": shlex.join(argv),
        "seed": seed,
        "outcome": outcome_text(run),
        "succeeded": run.get("outcome") == "exited" and not run.get("exit_code"),
        "message": run.get("message") or "",
        "virtual_ns": picture.trace.virtual_ns,
        "events": picture.events,
        "events_of": picture.trace.events,
        "hash": run["trace_hash"],
        "faults": sum(rule.get("fired", 0) for rule in faults if isinstance(rule, dict)),
        "version": run.get("dstrun", ""),
        "strategy": run.get("strategy", ""),
        "kernel": run.get("kernel", ""),
        "cwd": run.get("cwd", ""),
        "reproduce": f"dstrun replay {path}",
        # With an event's number for the @.
        "commands": [f"dstrun show {path} --around @", f"dstrun replay {path} --until @"],
        "warnings": picture.trace.warnings,
    }
