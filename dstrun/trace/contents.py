"""What is in a trace's file: the two forms told alike, with what is damaged.

Nothing is unpacked here but the descriptions; blocks of events and attachments know where they are.
Sizes that the file tells are checked before anything is allocated for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dstrun import abi
from dstrun.errors import TraceError
from dstrun.trace import chunks
from dstrun.trace.chunks import Chunk
from dstrun.trace.format import (
    AREA_START,
    EVENT_BYTES,
    EVENTS_MAX,
    EVENTS_PER_SEGMENT_MAX,
    IDENTITY_BYTES,
    Block,
    interleave,
    planes,
)
from dstrun.trace.segments import Segment, read_segments

_HEADER = abi.TraceHeader
_REST_BYTES = EVENT_BYTES - IDENTITY_BYTES
_RANGES_TOLD = 3


class ReadBlock(NamedTuple):
    """The events of a segment, or events that are lost."""

    first: int
    events: int
    block: Callable[[Any, int], Block] | None = None  # of the file, and its place in order
    identities: Callable[[Any], bytes] | None = None

    @property
    def is_lost(self) -> bool:
        return self.block is None


class File(NamedTuple):
    """Something stored in pieces: an attachment, a stream."""

    size: int
    parts: dict[int, Chunk]

    def is_whole(self) -> bool:
        """Whether all pieces are there."""
        stored = [self.parts[part].raw for part in sorted(self.parts)]
        return sorted(self.parts) == list(range(1, len(stored) + 1)) and sum(stored) == self.size

    def part(self, data: Any, index: int) -> bytes:
        """A piece, counted from 0."""
        if not self.is_whole():
            raise TraceError("damaged (a part of what was attached is lost)")
        return chunks.unpack(data, self.parts[index + 1])


@dataclass
class Contents:
    """All that is found."""

    meta: dict[str, Any] = field(default_factory=dict)
    end_meta: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    trace_hash: int = 0
    virtual_ns: int = 0
    events_recorded: int = 0
    blocks: list[ReadBlock] = field(default_factory=list)
    streams: dict[int, list[Segment] | File] = field(default_factory=dict)
    attachments: dict[str, File] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        return self.blocks[-1].first + self.blocks[-1].events if self.blocks else 0

    def counters(self, header: Any) -> None:
        """What the header counts."""
        self.trace_hash = _HEADER.trace_hash.get(header)
        self.virtual_ns = _HEADER.virtual_ns.get(header)
        self.events_recorded = min(_HEADER.events.get(header), EVENTS_MAX)

    def stream(self, data: Any, stream: int) -> bytes:
        """All that was written to it."""
        found = self.streams.get(stream, [])
        if isinstance(found, File):
            return b"".join(found.part(data, part) for part in range(len(found.parts)))
        return b"".join(segment.content(data) for segment in found)

    def tell_losses(self) -> None:
        """One line for all events that are lost."""
        ranges = [(b.first, b.first + b.events - 1) for b in self.blocks if b.is_lost]
        if self.events < self.events_recorded:
            ranges.append((self.events, self.events_recorded - 1))
        if not ranges:
            return
        told = ", ".join(f"{first} to {last}" for first, last in ranges[:_RANGES_TOLD])
        more = f" and {len(ranges) - _RANGES_TOLD} more ranges" * (len(ranges) > _RANGES_TOLD)
        intact = sum(block.events for block in self.blocks if not block.is_lost)
        self.warnings.append(
            f"damaged or cut off: events {told}{more} are lost; {intact} of"
            f" {self.events_recorded} events are there"
        )


# ---- segments ----


def segment_contents(data: Any) -> Contents:
    """A trace as it was recorded."""
    if len(data) < _HEADER.SIZE:
        raise TraceError(f"truncated within its header ({len(data)} bytes)")
    if _HEADER.segment_bytes.get(data) != abi.TRACE_SEGMENT_BYTES:
        raise TraceError("damaged header (size of segments)")
    found = Contents(finished=bool(_HEADER.finished.get(data)))
    found.counters(data)
    start, size = _HEADER.meta.offset, _HEADER.meta_bytes.get(data)
    if size:
        found.meta = as_object(data[start : start + min(size, abi.TRACE_META_BYTES_MAX)])
    used = _HEADER.segments_used.get(data)
    _take_segments(found, read_segments(data, used))
    found.tell_losses()
    if found.finished:
        rest = chunks.walk(data, used * abi.TRACE_SEGMENT_BYTES, len(data))
        _take_chunks(found, data, list(rest))
    elif found.events >= found.events_recorded:
        found.warnings.append(
            f"the run was not closed in good order; {found.events} events were recorded"
        )
    return found


def _take_segments(found: Contents, segments: Iterable[Segment | None]) -> None:
    damaged = 0  # since the last segment of events
    for segment in segments:
        if segment is None:
            damaged += 1
        elif segment.stream != abi.STREAM_EVENTS:
            stream = found.streams.setdefault(segment.stream, [])
            if isinstance(stream, list):
                stream.append(segment)
        elif segment.events:
            gap = segment.first - found.events
            if 0 < gap <= damaged * EVENTS_PER_SEGMENT_MAX:
                found.blocks.append(ReadBlock(found.events, gap))
            damaged = 0
            found.blocks.append(
                ReadBlock(found.events, segment.events, segment.block, _segment_identities(segment))
            )


def _segment_identities(segment: Segment) -> Callable[[Any], bytes]:
    return lambda data: interleave(planes(segment.records(data))[:IDENTITY_BYTES])


# ---- chunks ----


def chunk_contents(data: Any) -> Contents:
    """A trace at rest."""
    found = Contents(finished=True)
    whole = list(chunks.walk(data, _HEADER.segment_bytes.offset, len(data)))
    _take_chunks(found, data, whole)
    if all(chunk.kind != chunks.META for chunk in whole):
        found.warnings.append("damaged: how the run was started is lost")
    header = next((c for c in whole if c.kind == chunks.HEADER), None)
    if header and header.raw >= _HEADER.meta.offset:
        found.counters(chunks.unpack(data, header))
    else:
        found.warnings.append("damaged: its counters are lost")
    _take_blocks(found, whole)
    found.events_recorded = max(found.events_recorded, found.events)
    found.tell_losses()
    return found


def _take_blocks(found: Contents, whole: list[Chunk]) -> None:
    parts: dict[int, dict[int, Chunk]] = {}
    for chunk in whole:
        if chunk.kind in (chunks.IDENTITIES, chunks.RECORDS, chunks.AREA):
            parts.setdefault(chunk.number, {})[chunk.kind] = chunk
    for first in sorted(parts):
        block = _block_of(parts[first])
        if block is None or block.first < found.events or block.first + block.events > EVENTS_MAX:
            continue
        if block.first > found.events:
            found.blocks.append(ReadBlock(found.events, block.first - found.events))
        found.blocks.append(block)


def _block_of(parts: dict[int, Chunk]) -> ReadBlock | None:
    if len(parts) < 3:
        return None
    identities, records, area = (
        parts[kind] for kind in (chunks.IDENTITIES, chunks.RECORDS, chunks.AREA)
    )
    count = identities.part
    sizes = (IDENTITY_BYTES * count, _REST_BYTES * count)
    if not 0 < count <= EVENTS_PER_SEGMENT_MAX or (identities.raw, records.raw) != sizes:
        return None
    if area.raw > abi.TRACE_SEGMENT_BYTES - AREA_START:
        return None

    def load(data: Any, number: int) -> Block:
        rest = chunks.unpack(data, records)
        columns = [rest[at * count : (at + 1) * count] for at in range(_REST_BYTES)]
        return Block(chunks.unpack(data, identities), columns, chunks.unpack(data, area), number)

    return ReadBlock(identities.number, count, load, lambda data: chunks.unpack(data, identities))


def _take_chunks(found: Contents, data: Any, whole: list[Chunk]) -> None:
    """The descriptions, streams and attachments."""
    files: dict[tuple[int, int], dict[int, Chunk]] = {}
    seen = set()
    for chunk in whole:
        seen.add(chunk.kind)
        if chunk.kind == chunks.META:
            found.meta = as_object(chunks.unpack(data, chunk))
        elif chunk.kind == chunks.END:
            found.end_meta = as_object(chunks.unpack(data, chunk))
        elif chunk.kind in (chunks.STREAM, chunks.ATTACHMENT):
            files.setdefault((chunk.kind, chunk.number), {})[chunk.part] = chunk
    if chunks.END not in seen:
        found.warnings.append("damaged: how the run ended is lost")
    for (kind, number), parts in files.items():
        _take_file(found, data, (kind, number), parts)


def _take_file(found: Contents, data: Any, key: tuple[int, int], parts: dict[int, Chunk]) -> None:
    kind, number = key
    head = parts.pop(0, None)
    about = as_object(chunks.unpack(data, head)) if head else {}
    name = str(about.get("name", f"attachment {number}"))
    file = File(about["bytes"] if isinstance(about.get("bytes"), int) else -1, parts)
    if kind == chunks.STREAM:
        found.streams[number], name = file, f"stream {number}"
    else:
        found.attachments[name] = file
    if not file.is_whole():
        found.warnings.append(f"damaged: {name} is lost")


def as_object(text: bytes) -> dict[str, Any]:
    """A description."""
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError):
        raise TraceError("damaged (its description is not JSON)") from None
    if not isinstance(meta, dict):
        raise TraceError("damaged (its description is no object)")
    return meta
