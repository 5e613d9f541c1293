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

  There are no checksums in this form: who writes it may be killed between any two words. A segment
  whose header is not plausible is left out, and places in it that lie outside are not followed.

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
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import pairwise, repeat
from operator import sub
from typing import NamedTuple

from dstrun import abi
from dstrun.layout import Member

EVENT_BYTES = abi.TRACE_EVENT_BYTES
IDENTITY_BYTES = abi.Event.identity.size
AREA_START = abi.SEGMENT_HEADER_BYTES
EVENTS_PER_SEGMENT_MAX = (abi.TRACE_SEGMENT_BYTES - AREA_START) // EVENT_BYTES
EVENTS_MAX = EVENTS_PER_SEGMENT_MAX * abi.TRACE_SEGMENTS_MAX
TIME_MAX_NS = 1 << 62  # of the virtual clock: more than the years that a run can have
EVENT_LOST = 0  # the kind of an event that was in a damaged part of the file

_SITE = struct.Struct("<QII")


class Event(NamedTuple):
    """One event. `segment` and `data_pos` are for Trace.side_data alone."""

    segment: int
    time_ns: int
    identity: int
    result: int
    data_pos: int
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
    """The events of one segment, the `number`-th. Columns are in the order of events."""

    def __init__(self, identities: bytes, rest: Sequence[bytes], area: bytes, number: int) -> None:
        self.identities = identities
        self.area = area
        self.number = number
        self._rest = rest

    def __len__(self) -> int:
        return len(self.identities) // IDENTITY_BYTES

    def column(self, member: Member) -> array[int]:
        """One member of all records."""
        if member.offset < IDENTITY_BYTES:
            planes_of_it = [self.identities]
        else:
            at = member.offset - IDENTITY_BYTES
            planes_of_it = list(self._rest[at : at + member.size])
        numbers = array(member.code)
        numbers.frombytes(interleave(planes_of_it))
        return numbers

    @cached_property
    def _data(self) -> array[int]:
        return self.column(abi.Event.data)

    @cached_property
    def _columns(self) -> tuple[Sequence[int], ...]:
        """As the fields of Event, without the first."""
        e = abi.Event
        times, sites = self._times(), self.column(e.site).tolist()
        rips, pids, tids = (_looked_up(table, sites) for table in self._callers(set(sites)))
        return (
            times, self.column(e.identity), self.column(e.result), self._data,
            pids, tids, self.column(e.nr), self.column(e.kind), self.column(e.flags),
            self._entered(times), rips,
        )  # fmt: skip

    def _callers(self, sites: set[int]) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
        rips, pids, tids = {}, {}, {}
        for at in sites:
            start = at - AREA_START
            if 0 <= start <= len(self.area) - _SITE.size:
                rips[at], pids[at], tids[at] = _SITE.unpack_from(self.area, start)
            if at not in rips or max(pids[at], tids[at]) > abi.PIDS_MAX:
                rips[at] = pids[at] = tids[at] = 0  # damaged
        return rips, pids, tids

    def _times(self) -> array[int]:
        """When the calls ended; damaged times are the end of time."""
        times = self.column(abi.Event.time_ns)
        highest = self._rest[abi.Event.time_ns.offset + 7 - IDENTITY_BYTES]
        if highest.count(0) < len(times) and max(times) > TIME_MAX_NS:
            times = array("Q", (min(time, TIME_MAX_NS) for time in times))
        return times

    def _entered(self, times: array[int]) -> list[int]:
        """When the calls were entered. A very long time since then is in the side data."""
        took = self.column(abi.Event.took_ns)
        entered = list(map(sub, times, took))
        if abi.TOOK_LONG in took:
            for index, value in enumerate(took):
                if value == abi.TOOK_LONG:
                    entered[index] = max(0, times[index] - self._long_time(index))
        return entered

    def _long_time(self, index: int) -> int:
        from dstrun.trace.sidedata import parse_took

        try:
            return parse_took(self.side_data(self._data[index])) or abi.TOOK_LONG
        except ValueError:
            return abi.TOOK_LONG

    @cached_property
    def _damaged_stops(self) -> dict[int, int] | None:
        """Where what starts at each place ends, if places are damaged: then they are not in order.
        Together it is no more than there is: else a few bytes could be told of every event."""
        places = self._data.tolist()
        if places == sorted(places):
            return None
        stops: dict[int, int] = {}
        left = len(self.area)
        for start, stop in pairwise(places):
            if 0 <= stop - start <= left:
                left -= stop - start
                stops.setdefault(start, stop)
        return stops

    def side_data(self, start: int) -> bytes:
        """What starts there in the segment, up to the next event's."""
        if self._damaged_stops is not None:
            stop = self._damaged_stops.get(start, start)
        else:
            following = bisect_right(self._data, start)
            stop = self._data[following] if following < len(self._data) else abi.TRACE_SEGMENT_BYTES
        return self.area[max(start - AREA_START, 0) : max(stop - AREA_START, 0)]

    def events(self, start: int, stop: int) -> Iterator[Event]:
        """Events start to stop - 1, counted in this block."""
        columns = self._columns
        if (start, stop) != (0, len(self)):
            columns = tuple(column[start:stop] for column in columns)
        return map(_make_event, zip(repeat(self.number), *columns, strict=False))


def _looked_up(table: dict[int, int], keys: list[int]) -> list[int]:
    values = set(table.values())
    return [*values] * len(keys) if len(values) == 1 else list(map(table.__getitem__, keys))


def lost_block(count: int, number: int) -> Block:
    """In the place of one that is damaged."""
    zeros = bytes(count)
    return Block(
        bytes(count * IDENTITY_BYTES), [zeros] * (EVENT_BYTES - IDENTITY_BYTES), b"", number
    )
