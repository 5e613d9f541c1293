"""Reading a trace: mapped, lazily, and as far as it goes.

A trace whose run was killed, or whose file was cut off, is still read up to its last whole event;
`warnings` says what is missing. Only what cannot be a trace of this version is an error.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from dstrun import abi
from dstrun.errors import TraceError
from dstrun.trace import chunks
from dstrun.trace.format import (
    EVENTS_PER_SEGMENT,
    IDENTITY_WORD,
    RECORD,
    RECORD_WORDS,
    Event,
)

_HEADER = abi.TraceHeader
_SEG = abi.Segment
_SEGMENT = abi.TRACE_SEGMENT_BYTES


class Trace:
    """An open trace. Use as a context manager."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self._map = _map_file(self.path)
        try:
            self._read_header()
        except BaseException:
            self._map.close()
            raise

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the mapping back; events already read stay valid."""
        self._map.close()

    def __len__(self) -> int:
        return self.events

    def _read_header(self) -> None:
        data = self._map
        if len(data) < 16 or _HEADER.magic.get(data) != abi.TRACE_MAGIC:
            raise TraceError(f"{self.path}: not a trace of dstrun")
        version = _HEADER.version.get(data)
        if version != abi.TRACE_VERSION:
            raise TraceError(
                f"{self.path}: a trace of version {version}; this dstrun reads version "
                f"{abi.TRACE_VERSION} (record it again, or use the dstrun that made it)"
            )
        if len(data) < _HEADER.SIZE:
            raise TraceError(f"{self.path}: truncated within its header ({len(data)} bytes)")
        sizes = (_HEADER.event_bytes.get(data), _HEADER.segment_bytes.get(data))
        if sizes != (abi.TRACE_EVENT_BYTES, _SEGMENT):
            raise TraceError(f"{self.path}: damaged header (record and segment sizes {sizes})")
        self.finished = bool(_HEADER.finished.get(data))
        self.trace_hash = _HEADER.trace_hash.get(data)
        self.virtual_ns = _HEADER.virtual_ns.get(data)
        self.meta = self._read_meta(_HEADER.meta.offset, _HEADER.meta_bytes.get(data))
        self._find_segments()
        self._find_end()

    def _find_segments(self) -> None:
        data = self._map
        used = min(_HEADER.segments_used.get(data), abi.TRACE_SEGMENTS_MAX)
        self._segments: dict[
            int, list[tuple[int, int]]
        ] = {}  # of a stream: start and end in the file
        for start in range(_SEGMENT, min(used * _SEGMENT, len(data)), _SEGMENT):
            if start + _SEGMENT > len(data) or _SEG.magic.get(data, start) != abi.SEGMENT_MAGIC:
                break
            stop = start + min(_SEG.used.get(data, start), _SEGMENT)
            here = (start + abi.SEGMENT_HEADER_BYTES, stop)
            self._segments.setdefault(_SEG.stream.get(data, start), []).append(here)
        self._chunks_start = used * _SEGMENT
        self._event_segments = [start for start, _ in self._segments.get(abi.STREAM_EVENTS, [])]
        self.events_recorded = _HEADER.events.get(data)
        self.events = min(self.events_recorded, len(self._event_segments) * EVENTS_PER_SEGMENT)
        if self.events < self.events_recorded:
            self.warnings.append(
                f"{self.path}: truncated: {self.events} of {self.events_recorded} events are there"
            )
        elif not self.finished:
            self.warnings.append(
                f"{self.path}: the run was not closed in good order; "
                f"{self.events} events were recorded"
            )

    def _find_end(self) -> None:
        """What the supervisor wrote at the end: the outcome, and attachments."""
        self.end_meta: dict[str, Any] = {}
        self._attachments: dict[str, list[chunks.Chunk]] = {}
        names: dict[int, str] = {}
        if not self.finished:
            return
        for chunk in chunks.walk(self._map, self._chunks_start, len(self._map)):
            if chunk.kind == chunks.END:
                self.end_meta = self._as_object(self._unpack(chunk))
            elif chunk.part == 0:
                name = self._unpack(chunk).decode(errors="surrogateescape")
                names[chunk.number] = name
                self._attachments[name] = []
            elif chunk.number in names:
                self._attachments[names[chunk.number]].append(chunk)

    def _unpack(self, chunk: chunks.Chunk) -> bytes:
        try:
            return chunks.unpack(self._map, chunk)
        except TraceError as error:
            raise TraceError(f"{self.path}: {error}") from None

    def attachments(self) -> tuple[str, ...]:
        """Names of what was attached to the trace."""
        return tuple(self._attachments)

    def attachment(self, name: str) -> bytes:
        """An attachment's content. KeyError: there is none; TraceError: it is damaged."""
        return b"".join(self.attachment_parts(name))

    def attachment_parts(self, name: str) -> Iterator[bytes]:
        """An attachment's content, a megabyte at a time."""
        for part, chunk in enumerate(self._attachments[name], 1):
            if chunk.part != part:
                raise TraceError(f"{self.path}: damaged (a part of {name} is missing)")
            yield self._unpack(chunk)

    def stream(self, stream: int) -> bytes:
        """All that was written to a stream (STREAM_DECISIONS, ...)."""
        return b"".join(self._map[start:stop] for start, stop in self._segments.get(stream, []))

    def _read_meta(self, offset: int, size: int) -> dict[str, Any]:
        text = self._map[offset : offset + size]
        return self._as_object(text) if text else {}

    def _as_object(self, text: bytes) -> dict[str, Any]:
        try:
            meta = json.loads(text)
        except ValueError:
            raise TraceError(f"{self.path}: damaged (its description is not JSON)") from None
        if not isinstance(meta, dict):
            raise TraceError(f"{self.path}: damaged (its description is no object)")
        return meta

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """Events start to stop - 1, in order."""
        stop = self.events if stop is None else min(stop, self.events)
        start = max(start, 0)
        while start < stop:
            segment, first = divmod(start, EVENTS_PER_SEGMENT)
            count = min(stop - start, EVENTS_PER_SEGMENT - first)
            at = self._event_segments[segment] + first * abi.TRACE_EVENT_BYTES
            chunk = self._map[at : at + count * abi.TRACE_EVENT_BYTES]
            yield from map(Event._make, RECORD.iter_unpack(chunk))
            start += count

    def event(self, index: int) -> Event:
        """One event."""
        for event in self.read(index, index + 1):
            return event
        raise IndexError(index)

    def identities(self, segment: int) -> memoryview:
        """The identities of the events in the n-th segment of the event stream."""
        at = self._event_segments[segment]
        count = min(self.events - segment * EVENTS_PER_SEGMENT, EVENTS_PER_SEGMENT)
        chunk = self._map[at : at + count * abi.TRACE_EVENT_BYTES]
        return memoryview(chunk).cast("Q")[IDENTITY_WORD::RECORD_WORDS]

    def segments(self) -> int:
        """How many segments hold events."""
        return -(-self.events // EVENTS_PER_SEGMENT)

    def side_data(self, event: Event) -> bytes:
        """An event's side data; nothing where it is cut off."""
        if not event.data_bytes:
            return b""
        return self._map[event.data_pos : event.data_pos + event.data_bytes]


def _map_file(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:
        raise TraceError(f"{path}: not a trace of dstrun (the file is empty)") from None
    except IsADirectoryError:
        raise TraceError(f"{path}: is a directory (give a trace file)") from None
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}") from None
