"""The decisions of a run, as its trace keeps them (shims/abi_replay.h says what they are).

A decision has a key: kind, entity, number. What others do does not change it, so decisions can be
taken out or put in, and the rest goes on to mean the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from dstrun import abi
from dstrun.layout import Member
from dstrun.trace.reader import Trace

KIND_NAMES = {
    abi.DECISION_NEXT: "schedule",
    abi.DECISION_WAITER: "waiter",
    abi.DECISION_FAULT: "fault",
    abi.DECISION_READY: "readiness",
    abi.DECISION_INPUT: "input",
    abi.DECISION_NAME: "name",
}


class Decision(NamedTuple):
    """One decision. `number`: which of its kind for the entity, from 1; `tid`: of the task whose
    identity is `value`, where the kind is DECISION_NEXT, or how many bytes came, where it is
    DECISION_INPUT; `event`: how many came before it."""

    entity: int
    value: int
    number: int
    kind: int
    tid: int
    event: int

    @property
    def key(self) -> tuple[int, int, int]:
        """What it is looked up by, in the order of the replay's image."""
        return self.kind, self.entity, self.number


def _record() -> struct.Struct:
    """The record's codec, from the generated layout."""
    members = {name: m for name, m in vars(abi.Decision).items() if isinstance(m, Member)}
    ordered = sorted(members, key=lambda name: members[name].offset)
    if ordered != [
        "entity",
        "value",
        "number",
        "tid",
        "event",
        "number_high",
        "kind",
        "pad",
    ]:
        raise AssertionError("struct decision has changed: change Decision with it")
    codec = struct.Struct("<" + "".join(members[name].code for name in ordered))
    if codec.size != abi.DECISION_BYTES:
        raise AssertionError("struct decision has holes")
    return codec


_RECORD = _record()


def read_decisions(trace: Trace) -> Iterator[Decision]:
    """All of them, in the order of the run."""
    data = trace.stream(abi.STREAM_DECISIONS)
    whole = len(data) - len(data) % _RECORD.size
    for entity, value, low, tid, event, high, kind, _ in _RECORD.iter_unpack(data[:whole]):
        yield Decision(entity, value, high << 32 | low, kind, tid, event)


def pack_decision(decision: Decision) -> bytes:
    """The record that read_decisions reads."""
    entity, value, number, kind, tid, event = decision
    return _RECORD.pack(entity, value, number & 0xFFFFFFFF, tid, event, number >> 32, kind, 0)
