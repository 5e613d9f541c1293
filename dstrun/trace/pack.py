"""Packing: a trace as it was recorded becomes one at rest (format.py tells of both)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.trace import chunks
from dstrun.trace.segments import Segment, read_segments

_HEADER = abi.TraceHeader


def packed(
    data: Any, end_meta: dict[str, Any], attachments: Mapping[str, Path | bytes]
) -> Iterator[bytes]:
    """The pieces of the file at rest. OSError: an attachment cannot be read."""
    head = bytearray(data[: _HEADER.meta.offset])
    _HEADER.form.set(head, abi.FORM_CHUNKS)
    _HEADER.finished.set(head, 1)
    yield bytes(head[: _HEADER.segment_bytes.offset])
    yield chunks.pack(chunks.HEADER, bytes(head))
    start = _HEADER.meta.offset
    meta = data[start : start + _HEADER.meta_bytes.get(data)]
    yield chunks.pack(chunks.META, meta or b"{}")
    yield end_chunk(end_meta)
    segments = [s for s in read_segments(data, _HEADER.segments_used.get(data)) if s]
    for stream in range(abi.STREAM_EVENTS + 1, abi.STREAMS_MAX):
        yield from _stream(data, stream, [s for s in segments if s.stream == stream])
    for segment in segments:
        if segment.events:
            yield from pack_block(data, segment)
    yield from attached(attachments)


def pack_block(data: Any, segment: Segment) -> Iterator[bytes]:
    """The events of a segment."""
    identities, rest, area = segment.parts(data)
    named = (segment.first, segment.events)
    yield chunks.pack(chunks.IDENTITIES, identities, *named)
    yield chunks.pack(chunks.RECORDS, b"".join(rest), *named)
    yield chunks.pack(chunks.AREA, area, *named)


def end_chunk(end_meta: dict[str, Any]) -> bytes:
    """How the run ended."""
    return chunks.pack(chunks.END, json.dumps(end_meta, sort_keys=True).encode())


def attached(attachments: Mapping[str, Path | bytes]) -> Iterator[bytes]:
    """Attachments as chunks. A file is read piece by piece; OSError where it cannot be."""
    for number, (name, content) in enumerate(attachments.items()):
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        about = {"name": name, "bytes": size}
        yield from _file(chunks.ATTACHMENT, number, about, _pieces(content))


def _stream(data: Any, stream: int, segments: list[Segment]) -> Iterator[bytes]:
    if not segments:
        return
    size = sum(len(segment.content(data)) for segment in segments)
    pieces = (segment.content(data) for segment in segments)
    yield from _file(chunks.STREAM, stream, {"bytes": size}, pieces)


def _file(
    kind: int, number: int, about: dict[str, Any], pieces: Iterable[bytes]
) -> Iterator[bytes]:
    yield chunks.pack(kind, json.dumps(about).encode(), number)
    for part, piece in enumerate(pieces, 1):
        yield chunks.pack(kind, piece, number, part)


def _pieces(content: Path | bytes) -> Iterator[bytes]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        while piece := file.read(chunks.PART_BYTES):
            yield piece
