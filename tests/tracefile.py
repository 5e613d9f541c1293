"""Writes trace files for tests, in Python: the format has a second implementation to agree with."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.trace.chunks import END, pack
from dstrun.trace.format import EVENTS_PER_SEGMENT

SEGMENT = abi.TRACE_SEGMENT_BYTES
SEGMENT_ROOM = SEGMENT - abi.SEGMENT_HEADER_BYTES
NR_READ, NR_OPENAT, NR_GETPID = 0, 257, 39


def field_bytes(kind: int, arg: int, payload: bytes) -> bytes:
    """One field of side data, padded."""
    header = struct.pack("<BBHI", kind, arg, len(payload), 0)
    return header + payload + b"\0" * (-len(payload) % 8)


def args_field(*args: int) -> bytes:
    """The field of a call's arguments."""
    words = struct.pack(f"<{len(args)}Q", *(arg & 2**64 - 1 for arg in args))
    return field_bytes(abi.FIELD_ARGS, 0, words)


def _segment(stream: int, content: bytes) -> bytes:
    header = bytearray(abi.SEGMENT_HEADER_BYTES)
    abi.Segment.magic.set(header, abi.SEGMENT_MAGIC)
    abi.Segment.stream.set(header, stream)
    abi.Segment.used.set(header, len(header) + len(content))
    return bytes(header) + content.ljust(SEGMENT_ROOM, b"\0")


@dataclass
class TraceWriter:
    """Collects events, then writes the file."""

    meta: dict[str, Any] = field(default_factory=dict)
    end_meta: dict[str, Any] = field(default_factory=dict)
    finished: bool = True
    records: list[tuple[Any, ...]] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def add(
        self,
        kind: int = abi.EVENT_SYSCALL,
        nr: int = NR_GETPID,
        result: int = 0,
        data: bytes = b"",
        pid: int = 2,
        identity: int | None = None,
        flags: int = 0,
    ) -> None:
        """One event; its identity is made of what it says unless given."""
        index = len(self.records)
        if identity is None:
            identity = hash((kind, nr, result, data, pid)) & 2**64 - 1
        if len(self.data) % SEGMENT_ROOM + len(data) > SEGMENT_ROOM:
            self.data += b"\0" * (-len(self.data) % SEGMENT_ROOM)
        position = len(self.data)
        self.data += data
        enter_ns = 5_000_000_000 + index * 1000
        self.records.append(
            (enter_ns + 400, identity, result, position, len(data), pid, pid, nr, kind, flags,
             enter_ns, 0x401000)
        )  # fmt: skip

    def open(self, path: str, result: int = 3, **more: Any) -> None:
        """An openat of `path`."""
        data = args_field(-100, 0x7000, 0)
        data += field_bytes(abi.FIELD_STRING, 1, path.encode() + b"\0")
        self.add(nr=NR_OPENAT, result=result, data=data, **more)

    def start(self, path: str, *argv: str, pid: int = 2) -> None:
        """A program's start."""
        words = b"".join(word.encode() + b"\0" for word in argv)
        data = field_bytes(abi.FIELD_STRING, 0, path.encode() + b"\0")
        data += field_bytes(abi.FIELD_STRINGS, 1, words)
        self.add(kind=abi.EVENT_START, nr=0, data=data, pid=pid)

    def write(self, path: Path) -> Path:
        """The file, streams interleaved."""
        pieces = [*self._event_segments(), *self._data_segments()]
        header = self._header(1 + len(pieces))
        end = pack(END, json.dumps(self.end_meta).encode()) if self.finished else b""
        path.write_bytes(b"".join([header, *pieces, end]))
        return path

    def _data_segments(self) -> list[bytes]:
        return [
            _segment(abi.STREAM_DATA, bytes(self.data[at : at + SEGMENT_ROOM]))
            for at in range(0, len(self.data), SEGMENT_ROOM)
        ]

    def _event_segments(self) -> list[bytes]:
        records = [struct.pack("<QQqQIIIHBBQQ", *record) for record in self.stored()]
        return [
            _segment(abi.STREAM_EVENTS, b"".join(records[at : at + EVENTS_PER_SEGMENT]))
            for at in range(0, len(records), EVENTS_PER_SEGMENT)
        ]

    def stored(self) -> Iterator[tuple[Any, ...]]:
        """The records with the places of their side data in the file."""
        before = 1 + -(-len(self.records) // EVENTS_PER_SEGMENT)
        for record in self.records:
            segment, offset = divmod(record[3], SEGMENT_ROOM)
            at = (before + segment) * SEGMENT + abi.SEGMENT_HEADER_BYTES + offset
            yield (*record[:3], at, *record[4:])

    def _header(self, segments: int) -> bytearray:
        fields = abi.TraceHeader
        header = bytearray(SEGMENT)
        meta = json.dumps(self.meta).encode()
        fields.magic.set(header, abi.TRACE_MAGIC)
        fields.version.set(header, abi.TRACE_VERSION)
        fields.event_bytes.set(header, abi.TRACE_EVENT_BYTES)
        fields.segment_bytes.set(header, SEGMENT)
        fields.segments_used.set(header, segments)
        fields.events.set(header, len(self.records))
        fields.trace_hash.set(header, 0xABC)
        fields.meta_bytes.set(header, len(meta))
        fields.finished.set(header, int(self.finished))
        header[fields.meta.offset : fields.meta.offset + len(meta)] = meta
        return header
