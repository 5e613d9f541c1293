"""The trace's format.

A trace is one file of segments of 1 MiB. Segment 0 is the header (`struct trace_header`): magic,
version, counters that are kept current while the run goes on, and the run's description as JSON.
Each further segment belongs to a stream, as its own header (`struct segment`) says, with how much
of it is used. The streams:

  events     records of 64 bytes (`struct event`). The identity is a 64-bit hash of all that makes
             two events the same: task, call, scalar arguments, result, hashes of the data. Times
             and addresses are no part of it.
  data       what a record points to: a sequence of fields (`struct field`), padded to 8 bytes: the
             arguments, paths, the first bytes of buffers with the hash of all of them.
  decisions  what was decided, for a replay.

When the run was closed in good order, chunks (chunks.py) follow the last segment: the outcome, and
attachments. The trace of a run that was killed lacks them, and reads well up to its last event.

Numbers are little-endian. The layout itself stands once, in shims/abi_trace.h; a change of it
changes TRACE_VERSION.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dstrun import abi
from dstrun.layout import Member


class Event(NamedTuple):
    """One record. Field by field what `struct event` has."""

    time_ns: int
    identity: int
    result: int
    data_pos: int
    data_bytes: int
    pid: int
    tid: int
    nr: int
    kind: int
    flags: int
    enter_ns: int
    rip: int


def _record_struct() -> struct.Struct:
    """The record's codec, from the generated layout; the order of the fields must be the same."""
    members = {n: m for n, m in vars(abi.Event).items() if isinstance(m, Member)}
    ordered = sorted(members, key=lambda name: members[name].offset)
    if tuple(ordered) != Event._fields:
        raise AssertionError("struct event has changed: change Event with it")
    codec = struct.Struct("<" + "".join(members[name].code for name in ordered))
    if codec.size != abi.TRACE_EVENT_BYTES:
        raise AssertionError("struct event has holes")
    return codec


RECORD = _record_struct()

# The identity's place in a record, counted in 64-bit words.
IDENTITY_WORD = abi.Event.identity.offset // 8
RECORD_WORDS = abi.TRACE_EVENT_BYTES // 8
EVENTS_PER_SEGMENT = (abi.TRACE_SEGMENT_BYTES - abi.SEGMENT_HEADER_BYTES) // abi.TRACE_EVENT_BYTES
