"""Writes trace files for tests, in Python: the format has a second implementation to agree with."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.trace.format import Event
from dstrun.trace.pack import end_chunk, packed

SEGMENT = abi.TRACE_SEGMENT_BYTES
AREA_START = abi.SEGMENT_HEADER_BYTES
NR_READ, NR_OPENAT, NR_GETPID = 0, 257, 39


def number(value: int) -> bytes:
    """LEB128."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + number(rest) if rest else bytes([low])


def field_bytes(kind: int, arg: int, payload: bytes) -> bytes:
    """One field of side data. FIELD_BYTES: total and hash, 8 bytes each, precede the data."""
    tag = bytes([kind | arg << 4])
    if kind != abi.FIELD_BYTES:
        return tag + number(len(payload)) + payload
    total, digest = struct.unpack_from("<QQ", payload)
    data = payload[16:]
    rest = struct.pack("<Q", digest) if len(data) < total else b""
    return tag + number(total) + number(len(data)) + data + rest


def waker_field(tid: int, event: int) -> bytes:
    """Who let the task go on."""
    return bytes([abi.FIELD_WAKER]) + number(tid) + number(event)


def _word(value: int) -> tuple[int, bytes]:
    """An argument's code, and its bytes."""
    raw = struct.pack("<Q", value & 2**64 - 1)
    for size in range(8):
        if raw == raw[:size].ljust(8, b"\0"):
            return size, raw[:size]
        if size and raw == raw[:size].ljust(8, b"\xff") and raw[7] > 127:
            return 8 + size, raw[:size]
    return 8, raw


def args_field(*args: int) -> bytes:
    """The field of a call's arguments."""
    words = [_word(arg) for arg in args]
    codes = [code for code, _ in words] + [0] * (len(words) % 2)
    pairs = bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True))
    content = b"".join(raw for _, raw in words)
    return bytes([abi.FIELD_ARGS | len(args) << 4]) + pairs + content


@dataclass
class _Segment:
    """A segment of events while it is filled."""

    first: int
    area: bytearray = field(default_factory=bytearray)
    records: list[bytes] = field(default_factory=list)
    sites: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def has_room(self, data: bytes) -> bool:
        taken = (len(self.records) + 1) * abi.TRACE_EVENT_BYTES
        return AREA_START + len(self.area) + len(data) + 32 + taken <= SEGMENT

    def add(self, event: Event, data: bytes) -> int:
        """Where the side data is."""
        took = event.time_ns - event.enter_ns
        if took >= abi.TOOK_LONG:
            data += bytes([abi.FIELD_TOOK]) + struct.pack("<Q", took)
            took = abi.TOOK_LONG
        at = AREA_START + len(self.area)
        self.area += data + b"\0"
        caller = (event.rip, event.pid, event.tid)
        if caller not in self.sites:
            self.sites[caller] = AREA_START + len(self.area)
            self.area += struct.pack("<QII", *caller)
        self.records.append(
            struct.pack(
                "<QQqIIIHBB",
                event.identity,
                event.time_ns,
                event.result,
                took,
                self.sites[caller],
                at,
                event.nr,
                event.kind,
                event.flags,
            )
        )
        return at

    def bytes(self) -> bytes:
        header = bytearray(AREA_START)
        abi.Segment.magic.set(header, abi.SEGMENT_MAGIC)
        abi.Segment.stream.set(header, abi.STREAM_EVENTS)
        abi.Segment.used.set(header, AREA_START + len(self.area))
        abi.Segment.count.set(header, len(self.records))
        abi.Segment.first.set(header, self.first)
        records = b"".join(reversed(self.records))
        return bytes(header + self.area).ljust(SEGMENT - len(records), b"\0") + records


def stream_segment(stream: int, content: bytes) -> bytes:
    """A segment of another stream."""
    header = bytearray(AREA_START)
    abi.Segment.magic.set(header, abi.SEGMENT_MAGIC)
    abi.Segment.stream.set(header, stream)
    abi.Segment.used.set(header, AREA_START + len(content))
    return bytes(header + content).ljust(SEGMENT, b"\0")


@dataclass
class TraceWriter:
    """Collects events, then writes the file."""

    meta: dict[str, Any] = field(default_factory=dict)
    end_meta: dict[str, Any] = field(default_factory=dict)
    finished: bool = True
    records: list[tuple[Event, bytes]] = field(default_factory=list)
    streams: list[tuple[int, bytes]] = field(default_factory=list)
    attachments: dict[str, Path | bytes] = field(default_factory=dict)

    def add(
        self,
        kind: int = abi.EVENT_SYSCALL,
        nr: int = NR_GETPID,
        result: int = 0,
        data: bytes = b"",
        pid: int = 2,
        tid: int | None = None,
        identity: int | None = None,
        flags: int = 0,
        took_ns: int = 400,
    ) -> None:
        """One event; its identity is made of what it says unless given."""
        if identity is None:
            identity = hash((kind, nr, result, data, pid)) & 2**64 - 1
        enter_ns = 5_000_000_000 + len(self.records) * 1000
        tid = pid if tid is None else tid
        event = Event(
            0,
            enter_ns + took_ns,
            identity,
            result,
            0,
            pid,
            tid,
            nr,
            kind,
            flags,
            enter_ns,
            0x401000,
        )
        self.records.append((event, data))

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

    def events(self) -> list[Event]:
        """As they are to be read, but for the places of their side data."""
        return [event for event, _ in self.records]

    def recorded(self) -> bytes:
        """The file of segments, without what comes at the end."""
        segments = [_Segment(0)]
        for event, data in self.records:
            if not segments[-1].has_room(data):
                segments.append(_Segment(segments[-1].first + len(segments[-1].records)))
            segments[-1].add(event, data)
        bodies = [segment.bytes() for segment in segments]
        bodies += [stream_segment(stream, content) for stream, content in self.streams]
        return bytes(self._header(1 + len(bodies))) + b"".join(bodies)

    def write(self, path: Path) -> Path:
        """As it is recorded."""
        end = end_chunk(self.end_meta) if self.finished else b""
        path.write_bytes(self.recorded() + end)
        return path

    def write_packed(self, path: Path) -> Path:
        """As it is at rest."""
        path.write_bytes(b"".join(packed(self.recorded(), self.end_meta, self.attachments)))
        return path

    def _header(self, segments: int) -> bytearray:
        fields = abi.TraceHeader
        header = bytearray(SEGMENT)
        meta = json.dumps(self.meta).encode()
        fields.magic.set(header, abi.TRACE_MAGIC)
        fields.version.set(header, abi.TRACE_VERSION)
        fields.form.set(header, abi.FORM_SEGMENTS)
        fields.segment_bytes.set(header, SEGMENT)
        fields.segments_used.set(header, segments)
        fields.events.set(header, len(self.records))
        fields.trace_hash.set(header, 0xABC)
        fields.meta_bytes.set(header, len(meta))
        fields.finished.set(header, int(self.finished))
        header[fields.meta.offset : fields.meta.offset + len(meta)] = meta
        return header
