"""Chunks: the compressed, checksummed pieces of a trace that the run does not write itself.

A chunk is a header of 36 bytes and one zstd frame:

  magic     u32  "dstk"
  kind      u16  see below
  flags     u16  0
  raw       u32  bytes before compression, at most RAW_BYTES_MAX
  stored    u32  bytes of the frame, which follows the header
  number    u64  by kind
  part      u32  by kind
  crc       u32  CRC-32 of the frame
  head_crc  u32  CRC-32 of the header up to here

  END         number: 0; part: 0; JSON: the outcome, processes, faults, ...
  ATTACHMENT  number: which one; part: which part of it. Part 0 is JSON: its name and size, the
              others are its content in pieces of at most PART_BYTES, in order
  HEADER      number: 0; part: 0; struct trace_header, as far as meta
  META        number: 0; part: 0; JSON: argv, environment, seed, versions, ...
  STREAM      number: of the stream; part: as of an attachment
  IDENTITIES, RECORDS, AREA
              number: of the first event; part: how many events (format.py)

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

END, ATTACHMENT, HEADER, META, STREAM, IDENTITIES, RECORDS, AREA = range(1, 9)
KINDS = frozenset(range(END, AREA + 1))

RAW_BYTES_MAX = 1 << 26
PART_BYTES = 1 << 20
LEVEL = 1

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


def pack(kind: int, raw: bytes | memoryview, number: int = 0, part: int = 0) -> bytes:
    """A chunk, header and all."""
    frame: bytes = _compressor().compress(raw)
    head = _HEAD.pack(_MAGIC, kind, 0, len(raw), len(frame), number, part, zlib.crc32(frame))
    return head + _CRC.pack(zlib.crc32(head)) + frame


def walk(data: Any, start: int, stop: int) -> Iterator[Chunk]:
    """The intact chunks between two places of a buffer that has `find`."""
    view = memoryview(data)
    try:
        while 0 <= start < stop:
            chunk = _intact(view, start, stop)
            if chunk is None:
                start = data.find(_MAGIC, start + 1, stop)
            else:
                start = chunk.start + chunk.stored
                yield chunk
    finally:
        view.release()


def _intact(view: memoryview, start: int, stop: int) -> Chunk | None:
    if start + HEADER_BYTES > stop:
        return None
    head = view[start : start + _HEAD.size]
    magic, kind, _flags, raw, stored, number, part, crc = _HEAD.unpack(head)
    (head_crc,) = _CRC.unpack_from(view, start + _HEAD.size)
    frame = start + HEADER_BYTES
    if magic != _MAGIC or zlib.crc32(head) != head_crc or kind not in KINDS:
        return None
    if raw > RAW_BYTES_MAX or frame + stored > stop:
        return None
    if zlib.crc32(view[frame : frame + stored]) != crc:
        return None
    return Chunk(kind, number, part, raw, frame, stored)


def unpack(data: Any, chunk: Chunk) -> bytes:
    """A chunk's content. TraceError: it is damaged."""
    import zstandard

    frame = bytes(data[chunk.start : chunk.start + chunk.stored])
    try:
        # What is to be allocated is checked first.
        if zstandard.frame_content_size(frame) != chunk.raw:
            raise TraceError("damaged (wrong size)")
        return bytes(zstandard.ZstdDecompressor().decompress(frame, max_output_size=chunk.raw))
    except zstandard.ZstdError:
        raise TraceError("damaged (cannot be decompressed)") from None


@cache
def _compressor() -> Any:
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL)
