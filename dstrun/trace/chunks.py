"""Chunks: the compressed, checksummed pieces of a trace that are not written while the run goes on.

A chunk is a header of 36 bytes and one zstd frame:

  magic     u32  "dstk"
  kind      u16  KIND_*
  flags     u16  0
  raw       u32  bytes before compression, at most RAW_BYTES_MAX
  stored    u32  bytes of the frame, which follows the header
  number    u64  by kind
  part      u32  by kind
  crc       u32  CRC-32 of the frame
  head_crc  u32  CRC-32 of the header up to here

  END         number: 0; part: 0; JSON: the outcome, processes, faults, ...
  ATTACHMENT  number: which one; part: which part of it. Part 0 is its name, the others are its
              content in pieces of at most PART_BYTES, in order.

Numbers are little-endian. Chunks follow each other without gaps; one that is damaged is skipped by
searching for the next whose header is right.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from dstrun.errors import TraceError

END, ATTACHMENT = 1, 2
KINDS = frozenset({END, ATTACHMENT})

RAW_BYTES_MAX = 1 << 26
PART_BYTES = 1 << 20
LEVEL = 3

_MAGIC = b"dstk"
_HEAD = struct.Struct("<4sHHIIQII")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEAD.size + _CRC.size


class Chunk(NamedTuple):
    """A chunk that was found: what it is and where its frame lies."""

    kind: int
    number: int
    part: int
    raw: int
    start: int
    stored: int
    crc: int


def pack(kind: int, raw: bytes | memoryview, number: int = 0, part: int = 0) -> bytes:
    """A chunk, header and all."""
    frame: bytes = _compressor().compress(raw)
    head = _HEAD.pack(_MAGIC, kind, 0, len(raw), len(frame), number, part, zlib.crc32(frame))
    return head + _CRC.pack(zlib.crc32(head)) + frame


def walk(data: Any, start: int, stop: int) -> Iterator[Chunk]:
    """The chunks between two places of a buffer that has `find`, without those that are cut off or
    whose header is damaged."""
    while start < stop:
        chunk = _read_header(data, start, stop)
        if chunk is None:
            start = data.find(_MAGIC, start + 1, stop)
            if start < 0:
                return
            continue
        start = chunk.start + chunk.stored
        if start <= stop:
            yield chunk


def _read_header(data: Any, start: int, stop: int) -> Chunk | None:
    if start + HEADER_BYTES > stop:
        return None
    head = data[start : start + _HEAD.size]
    magic, kind, _flags, raw, stored, number, part, crc = _HEAD.unpack(head)
    (head_crc,) = _CRC.unpack_from(data, start + _HEAD.size)
    if magic != _MAGIC or zlib.crc32(head) != head_crc or kind not in KINDS:
        return None
    if raw > RAW_BYTES_MAX:
        return None
    return Chunk(kind, number, part, raw, start + HEADER_BYTES, stored, crc)


def unpack(data: Any, chunk: Chunk) -> bytes:
    """A chunk's content. TraceError: it is damaged."""
    import zstandard

    frame = bytes(data[chunk.start : chunk.start + chunk.stored])
    if zlib.crc32(frame) != chunk.crc:
        raise TraceError("damaged (wrong checksum)")
    try:
        if zstandard.frame_content_size(frame) != chunk.raw:
            raise TraceError("damaged (wrong size)")
        decompressor = zstandard.ZstdDecompressor()
        return bytes(decompressor.decompress(frame, max_output_size=chunk.raw))
    except zstandard.ZstdError:
        raise TraceError("damaged (cannot be decompressed)") from None


@cache
def _compressor() -> Any:
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL)
