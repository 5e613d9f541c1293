"""The trace's format.

A trace has two forms. While the run goes on it is a file of *segments*, written by the shims
through a mapping, fast and readable at any moment, even when the run is killed. When the run ends
in good order its content is packed into *chunks*: compressed, checksummed, a tenth of the size.

Both begin alike (`struct trace_header`): magic, version, form. Another version is refused.

Segments (FORM_SEGMENTS)
  Segments of 1 MiB. Segment 0 is the header: counters that are kept current, and the run's
  description as JSON. Each further one belongs to a stream, as its own header (`struct segment`)
  says, with how much of it is used. Streams are plain bytes, but for the events' one:

    segment header | side data and sites ->            <- record 2 | record 1 | record 0

  A record (`struct event`, 40 bytes) is what every event has. Its identity is a 64-bit hash of all
  that makes two events the same: task, call, scalar arguments, result, hashes of the data; times
  and addresses are no part of it. `site` tells where in the segment it is said who calls from
  where, `data` where its side data is: arguments, paths, structs, the first bytes of buffers
  (`enum field_kind`). Nothing refers to another segment: each can be read alone.

  A run that ended in good order, but could not be packed (a full disk), has chunks behind the last
  segment: END and attachments.

Chunks (FORM_CHUNKS)
  The first 16 bytes of the header, then chunks (chunks.py): HEADER (the header as far as `meta`),
  META (the run's description), END (its outcome), STREAM (all but the events), for each segment of
  events IDENTITIES, RECORDS and AREA, then ATTACHMENTs.

  IDENTITIES has 8 bytes each, RECORDS the rest of the records as byte planes: byte 8 of all of
  them, byte 9 of all, ... (what changes slowly lies together, and compresses well). AREA is the
  segment as far as it is used, less its header.

Numbers are little-endian. The layout itself stands once, in shims/abi_trace.h; a change of it
changes TRACE_VERSION.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from operator import sub
from typing import NamedTuple

from dstrun import abi
from dstrun.layout import Member

EVENT_BYTES = abi.TRACE_EVENT_BYTES
IDENTITY_BYTES = abi.Event.identity.size
AREA_START = abi.SEGMENT_HEADER_BYTES
EVENTS_PER_SEGMENT_MAX = (abi.TRACE_SEGMENT_BYTES - AREA_START) // EVENT_BYTES
EVENTS_MAX = EVENTS_PER_SEGMENT_MAX * abi.TRACE_SEGMENTS_MAX
EVENT_LOST = 0  # the kind of an event that was in a damaged part of the file

_SITE = struct.Struct("<QII")


class Event(NamedTuple):
    """One event. `data_pos` and `data_bytes` are for Trace.side_data alone."""

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


_make_event = partial(tuple.__new__, Event)


def planes(records: bytes) -> list[bytes]:
    """The records at a segment's end as byte planes, in the order of events."""
    if not records:
        return [b""] * EVENT_BYTES
    last = len(records) - EVENT_BYTES
    return [records[last + at :: -EVENT_BYTES] for at in range(EVENT_BYTES)]


def interleave(parts: Sequence[bytes]) -> bytes:
    """The numbers whose bytes the planes are."""
    numbers = bytearray(len(parts) * len(parts[0]))
    for at, part in enumerate(parts):
        numbers[at :: len(parts)] = part
    return bytes(numbers)


class Block:
    """The events of one segment. Columns are in the order of events.

    start: of the segment, as Event.data_pos counts.
    """

    def __init__(self, identities: bytes, rest: Sequence[bytes], area: bytes, start: int) -> None:
        self.identities = identities
        self.area = area
        self.start = start
        self._rest = rest
        self._sites: dict[int, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self.identities) // IDENTITY_BYTES

    def column(self, member: Member) -> array[int]:
        """One member of all records."""
        at = member.offset - IDENTITY_BYTES
        numbers = array(member.code)
        numbers.frombytes(interleave(self._rest[at : at + member.size]))
        return numbers

    @cached_property
    def _columns(self) -> tuple[Sequence[int], ...]:
        """As the fields of Event."""
        e = abi.Event
        times, took = self.column(e.time_ns), self.column(e.took_ns)
        sites, data = self.column(e.site), self.column(e.data)
        ends = [*data[1:], AREA_START + len(self.area)]
        entered = list(map(sub, times, took))
        if took.count(abi.TOOK_LONG):
            self._correct(entered, times, took, data)
        rips, pids, tids = self._callers(sites)
        identities = array("Q")
        identities.frombytes(self.identities)
        return (
            times, identities, self.column(e.result), [self.start + at for at in data],
            list(map(sub, ends, data)), pids, tids, self.column(e.nr), self.column(e.kind),
            self.column(e.flags), entered, rips,
        )  # fmt: skip

    def _callers(self, sites: array[int]) -> tuple[list[int], list[int], list[int]]:
        known = {at: self._site(at) for at in set(sites)}
        callers = [known[at] for at in sites]
        rips, pids, tids = map(list, zip(*callers, strict=True)) if callers else ([], [], [])
        return rips, pids, tids

    def _site(self, at: int) -> tuple[int, int, int]:
        start = at - AREA_START
        if start < 0 or start + _SITE.size > len(self.area):
            return 0, 0, 0
        rip, pid, tid = _SITE.unpack_from(self.area, start)
        return rip, pid, tid

    def _correct(
        self, entered: list[int], times: array[int], took: array[int], data: array[int]
    ) -> None:
        """The entry of calls that took so long that it is in their side data."""
        for index, value in enumerate(took):
            if value == abi.TOOK_LONG:
                entered[index] = times[index] - self._long_time(data, index)

    def _long_time(self, data: array[int], index: int) -> int:
        from dstrun.trace.sidedata import parse_took

        stop = data[index + 1] if index + 1 < len(data) else AREA_START + len(self.area)
        side_data = self.area[max(data[index] - AREA_START, 0) : max(stop - AREA_START, 0)]
        try:
            return parse_took(side_data) or abi.TOOK_LONG
        except ValueError:
            return abi.TOOK_LONG

    def side_data(self, event: Event) -> bytes:
        """Of one of the block's events."""
        at = event.data_pos - self.start - AREA_START
        return self.area[at : at + event.data_bytes] if at >= 0 < event.data_bytes else b""

    def events(self, start: int, stop: int) -> Iterator[Event]:
        """Events start to stop - 1, counted in this block."""
        columns = self._columns
        if (start, stop) != (0, len(self)):
            columns = tuple(column[start:stop] for column in columns)
        return map(_make_event, zip(*columns, strict=True))


def lost_block(count: int) -> Block:
    """In the place of one that is damaged."""
    zeros = bytes(count)
    return Block(bytes(count * IDENTITY_BYTES), [zeros] * (EVENT_BYTES - IDENTITY_BYTES), b"", 0)
