"""A trace as it is recorded: the file of segments, and its blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dstrun import abi
from dstrun.trace.format import (
    AREA_START,
    EVENT_BYTES,
    IDENTITY_BYTES,
    Block,
    interleave,
    planes,
)

_SEGMENT = abi.TRACE_SEGMENT_BYTES
_S = abi.Segment


class Segment(NamedTuple):
    """A segment's header, and where it starts in the file."""

    start: int
    stream: int
    used: int
    events: int
    first: int

    def records(self, data: Any) -> bytes:
        """The records, the last event's first."""
        stop = self.start + _SEGMENT
        return bytes(data[stop - self.events * EVENT_BYTES : stop])

    def content(self, data: Any) -> bytes:
        """What is written from the start on, header excluded."""
        return bytes(data[self.start + AREA_START : self.start + self.used])

    def parts(self, data: Any) -> tuple[bytes, list[bytes], bytes]:
        """Identities, the rest of the records as planes, the area."""
        all_planes = planes(self.records(data))
        identities = interleave(all_planes[:IDENTITY_BYTES])
        return identities, all_planes[IDENTITY_BYTES:], self.content(data)

    def block(self, data: Any, number: int) -> Block:
        """The events."""
        return Block(*self.parts(data), number)


def read_segments(data: Any, used: int) -> Iterator[Segment | None]:
    """All but the header, as far as the file goes; None for one that is damaged."""
    for index in range(1, min(used, abi.TRACE_SEGMENTS_MAX)):
        start = index * _SEGMENT
        if start + _SEGMENT > len(data):
            return
        segment = Segment(
            start, _S.stream.get(data, start), _S.used.get(data, start),
            _S.count.get(data, start), _S.first.get(data, start),
        )  # fmt: skip
        yield segment if _is_whole(data, segment) else None


def _is_whole(data: Any, segment: Segment) -> bool:
    taken = segment.used + segment.events * EVENT_BYTES
    return (
        _S.magic.get(data, segment.start) == abi.SEGMENT_MAGIC
        and 0 < segment.stream < abi.STREAMS_MAX
        and segment.used >= AREA_START
        and taken <= _SEGMENT
        and (segment.events == 0 or segment.stream == abi.STREAM_EVENTS)
    )
