"""Events as lines, close to what strace prints.

    [   12] 0.001234567 pid 2  openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3

The number counts events from 0, the time is virtual and starts with the run.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.quantities import format_time
from dstrun.report.summary import signal_name
from dstrun.trace.decode import ERRNO_MAX, render_call
from dstrun.trace.format import EVENT_LOST, Event
from dstrun.trace.reader import Trace
from dstrun.trace.sidedata import Field, parse_fields, without_waker
from dstrun.trace.text import STRING_MAX, error, quote

KIND_NAMES = {
    kind: name.removeprefix("EVENT_").lower() for kind, name in abi.EVENT_KIND_NAMES.items()
}
# Of the objects that `show --json` prints: another one when a key changes its meaning or goes.
JSON_VERSION = 1
# What is done to a call that its result tells of.
_RESULTS = abi.FAULT_ERROR | abi.FAULT_RETVAL | abi.FAULT_SHORT | abi.FAULT_EINTR | abi.FAULT_NET
_END_WORDS = {
    abi.END_EXITED: "the run ended",
    abi.END_DEADLOCK: "deadlock",
    abi.END_EVENTS: "--max-events reached",
    abi.END_TIME: "--max-time reached",
    abi.END_STRICT: "not under control, under --strict",
    abi.END_FATAL: "error",
    abi.END_TRACE_FULL: "the trace could not grow",
    abi.END_UNSUPPORTED: "not supported",
}


def call_name(nr: int) -> str:
    """The syscall's name."""
    row = SYSCALLS.get(nr)
    return row.name if row else f"syscall_{nr:#x}"


def event_name(event: Event) -> str:
    """What filters and statistics call an event: the syscall's name, or the event's kind."""
    if event.kind == abi.EVENT_SYSCALL:
        return call_name(event.nr)
    return KIND_NAMES.get(event.kind, f"event_{event.kind}")


def about(trace: Trace) -> dict[str, Any]:
    """How the run was started and how it ended."""
    return {
        "events": trace.events,
        "trace_hash": f"{trace.trace_hash:016x}",
        "finished": trace.finished,
        **trace.meta,
        **trace.end_meta,
    }


_TEXTS_KEPT = 20_000


class Renderer:
    """Renders the events of one trace; of each string at most so many bytes."""

    def __init__(self, trace: Trace, string_max: int = STRING_MAX) -> None:
        self.trace = trace
        self.string_max = string_max
        self.start_ns = trace.event(0).enter_ns if trace.events else 0
        self._texts: dict[tuple[int, int, int, int, bytes], str] = {}
        self.width = max(4, len(str(max(trace.events - 1, 0))))

    def lines(self, start: int, stop: int) -> list[str]:
        """Events start to stop - 1."""
        events = self.trace.read(start, stop)
        return [self.line(index, event) for index, event in enumerate(events, start)]

    def line(self, index: int, event: Event) -> str:
        """One event as one line."""
        time = format_time(max(0, event.enter_ns - self.start_ns))
        task = f"{event.pid}" if event.tid == event.pid else f"{event.pid}/{event.tid}"
        return f"[{index:{self.width}}] {time} pid {task}  {self.text(event)}"

    def text(self, event: Event) -> str:
        """What happened. Programs do the same again and again: what is recorded of an event, but
        for who woke it, tells its text, which is made once."""
        side = without_waker(self.trace.side_data(event))
        key = (event.kind, event.nr, event.flags, event.result, side)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) == _TEXTS_KEPT:
                self._texts.clear()
            text = self._texts[key] = self._made_text(event)
        return text

    def _made_text(self, event: Event) -> str:
        if event.kind == abi.EVENT_SYSCALL:
            return _call_text(self.trace, event, self.string_max)
        render = _TEXTS.get(event.kind)
        return render(self.trace, event) if render else f"event of kind {event.kind}"

    def as_dict(self, index: int, event: Event) -> dict[str, Any]:
        """One event for JSON. Identities are hex: JSON's numbers end at 2^53."""
        args, _fields = _parts(self.trace.side_data(event))
        return {
            "version": JSON_VERSION,
            "event": index,
            "kind": KIND_NAMES.get(event.kind, event.kind),
            "name": event_name(event),
            "pid": event.pid,
            "tid": event.tid,
            "enter_ns": event.enter_ns - self.start_ns,
            "time_ns": event.time_ns - self.start_ns,
            "nr": event.nr,
            "result": event.result,
            "args": [f"{arg:#x}" for arg in args],
            "paths": event_strings(self.trace, event),
            "text": self.text(event),
            "identity": f"{event.identity:016x}",
        }


def event_strings(trace: Trace, event: Event, kind: int = abi.FIELD_STRING) -> list[str]:
    """The paths and other strings that an event was recorded with."""
    _args, fields = _parts(trace.side_data(event))
    return [
        part.decode(errors="replace")
        for found in fields.values()
        for field in found
        if field.kind == kind
        for part in field.data.removesuffix(b"\0").split(b"\0")
    ]


def _parts(data: bytes) -> tuple[list[int], dict[int, list[Field]]]:
    """Arguments and fields; nothing where the side data is damaged."""
    try:
        return parse_fields(data)
    except ValueError:
        return [], {}


def _call_text(trace: Trace, event: Event, string_max: int) -> str:
    args, fields = _parts(trace.side_data(event))
    result = None if event.flags & abi.EVENT_NO_RETURN else event.result
    text = render_call(event.nr, args, fields, result, string_max=string_max)
    if event.flags & abi.EVENT_RESTARTED:
        text += " (will be restarted)"
    return f"{text} (INJECTED)" if event.flags & abi.EVENT_FAULT else text


def _start_text(trace: Trace, event: Event) -> str:
    paths = event_strings(trace, event)
    words = event_strings(trace, event, abi.FIELD_STRINGS)
    return f"+++ started {' '.join(paths)}: {shlex.join(words)} +++"


def _input_text(trace: Trace, event: Event) -> str:
    _args, fields = _parts(trace.side_data(event))
    data = b"".join(field.data for found in fields.values() for field in found)
    shown = quote(data, limit=STRING_MAX)
    return f"+++ input from outside on descriptor {event.result}: {shown} +++"


def _exit_text(_trace: Trace, event: Event) -> str:
    if event.result & 0x7F:
        return f"+++ killed by {signal_name(event.result & 0x7F)} +++"
    return f"+++ exited with {event.result >> 8 & 0xFF} +++"


def _signal_text(_trace: Trace, event: Event) -> str:
    stops = " stops it for its tracer" if event.result == abi.SIGNAL_TO_TRACER else ""
    return f"--- {signal_name(event.nr)}{stops} ---"


def _end_text(_trace: Trace, event: Event) -> str:
    return f"=== {_END_WORDS.get(event.result, f'ended for reason {event.result}')} ==="


def _point_name(number: int) -> str:
    return abi.PRELOAD_POINT_NAMES.get(number, str(number)).removeprefix("POINT_")


def _did_text(did: int) -> str:
    """What was done, in the plan's words."""
    names = [name for bit, name in abi.FAULT_DO_NAMES.items() if did & bit]
    return ", ".join(name.removeprefix("FAULT_").lower() for name in names)


def _rule_name(trace: Trace, rule: int) -> str:
    accounts = trace.end_meta.get("faults") or trace.meta.get("plan") or []
    known = rule < len(accounts) and isinstance(accounts[rule], dict)
    return str(accounts[rule].get("name")) if known else f"rule {rule + 1}"


def fault_record(trace: Trace, event: Event) -> bytes | None:
    """The struct fault_record of an injected fault; None where it is damaged."""
    _args, fields = _parts(trace.side_data(event))
    data = next((f.data for found in fields.values() for f in found), b"")
    return data if len(data) >= abi.FaultRecord.SIZE else None


def _injected_text(trace: Trace, event: Event) -> str:
    data, r = fault_record(trace, event), abi.FaultRecord
    if data is None:
        return "*** a fault ***"
    what = _did_text(r.did.get(data)) or "overruled, or there was nobody"
    if event.nr != 0xFFFF:
        what = f"{_call_or_point(event.nr)}: {what}"
    if r.did.get(data) & _RESULTS:
        before, after = r.before.get(data), r.after.get(data)
        what += f" = {_result_text(after)}"
        what += f" instead of {_result_text(before)}" if r.after_call.get(data) else ""
    if amount := r.amount.get(data):
        what += f" ({amount})"
    if victim := r.victim.get(data):
        what += f" of pid {victim}"
    return f"*** {_rule_name(trace, r.rule.get(data))}, match {r.match.get(data)}: {what} ***"


def fault_name(trace: Trace, event: Event) -> str:
    """An injected fault in a few words: its rule, where it fired, and what it did."""
    data, r = fault_record(trace, event), abi.FaultRecord
    if data is None:
        return "a fault"
    where = f"{_call_or_point(event.nr)}: " if event.nr != 0xFFFF else ""
    did = _did_text(r.did.get(data)) or "nothing"
    return f"{_rule_name(trace, r.rule.get(data))} ({where}{did})"


def _call_or_point(nr: int) -> str:
    return _point_name(nr) if nr in abi.PRELOAD_POINT_NAMES else call_name(nr)


def _result_text(result: int) -> str:
    return f"-1 {error(-result)}" if -ERRNO_MAX <= result < 0 else str(result)


_TEXTS: dict[int, Callable[[Trace, Event], str]] = {
    EVENT_LOST: lambda _trace, _event: "(lost: the trace is damaged here)",
    abi.EVENT_SIGNAL: _signal_text,
    abi.EVENT_START: _start_text,
    abi.EVENT_EXIT: _exit_text,
    abi.EVENT_DEATH: lambda _trace, _event: "+++ died by something outside the simulation +++",
    abi.EVENT_FORK: lambda _trace, event: f"+++ forked by pid {event.result} +++",
    abi.EVENT_TSC: lambda _trace, event: f"rdtsc = {event.result}",
    abi.EVENT_FORCED: lambda _trace, _event: "+++ interrupted: it spun while others waited +++",
    abi.EVENT_INPUT: _input_text,
    abi.EVENT_POINT: lambda _trace, event: f"--- at {_point_name(event.nr)}: others run ---",
    abi.EVENT_YIELD: lambda _trace, event: f"+++ lets others run: waits at {event.result:#x} +++",
    abi.EVENT_INJECTED: _injected_text,
    abi.EVENT_END: _end_text,
}
