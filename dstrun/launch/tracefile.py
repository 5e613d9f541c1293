"""The trace's file while it is written: allocated ahead of the shims, closed in good order.

A hole in a mapped file on a full disk would be a SIGBUS inside the program, so space is allocated
before it is needed; when that fails the shims end the run with one clear message.
"""

from __future__ import annotations

import ctypes
import errno
import io
import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.errors import DstrunError
from dstrun.tracepath import make_room

_FIRST_SEGMENTS = 4
_GROW_SEGMENTS = 32, 4, 1  # less when the disk is nearly full
# Of each stream: the first touch of a page that is not in memory has some machines' kernels read
# ahead by megabytes, which takes longer than the whole run of a small program.
_FIRST_BYTES = 1 << 16
_HEADER_BYTES = (abi.TraceHeader.SIZE + 4095) & ~4095


class TraceFile:
    """A trace being recorded. `fd` is what the bootstrap maps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            make_room(path)
            self.fd = os.open(path, os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC)
            os.posix_fallocate(self.fd, 0, _FIRST_SEGMENTS * abi.TRACE_SEGMENT_BYTES)
        except OSError as error:
            raise DstrunError(
                f"{path}: the trace cannot be written: {error.strerror} (try -o FILE elsewhere)"
            ) from None
        self.segments = _FIRST_SEGMENTS
        self.header = mmap.mmap(self.fd, _HEADER_BYTES)

    def describe(self, description: dict[str, Any]) -> None:
        """Writes the header: the run's description, and what makes the file a trace."""
        h = abi.TraceHeader
        meta = json.dumps(description, sort_keys=True).encode()
        if len(meta) > abi.TRACE_META_BYTES_MAX:
            raise DstrunError(
                "arguments, environment and plan are too large for the trace's header"
            )
        header = bytearray(h.meta.offset) + meta
        for member, value in {
            h.version: abi.TRACE_VERSION,
            h.event_bytes: abi.TRACE_EVENT_BYTES,
            h.segment_bytes: abi.TRACE_SEGMENT_BYTES,
            h.segments_used: 1,
            h.meta_bytes: len(meta),
            h.magic: abi.TRACE_MAGIC,
        }.items():
            member.set(header, value)
        os.pwrite(self.fd, header, 0)
        for segment in (1, 2):
            os.pwrite(self.fd, bytes(_FIRST_BYTES), segment * abi.TRACE_SEGMENT_BYTES)

    def grow(self) -> int:
        """Allocates more segments; 0, or the errno of the failure."""
        start, error = self.segments, 0
        for count in _GROW_SEGMENTS:
            wanted = min(start + count, abi.TRACE_SEGMENTS_MAX)
            size = (wanted - start) * abi.TRACE_SEGMENT_BYTES
            try:
                os.posix_fallocate(self.fd, start * abi.TRACE_SEGMENT_BYTES, size)
            except OSError as failure:
                error = failure.errno or errno.EIO
            else:
                self.segments = wanted
                return 0
        return error

    def finish(
        self, end_meta: dict[str, Any], attachments: Mapping[str, Path | bytes] | None = None
    ) -> None:
        """Cuts the file to what is used and adds what is known only now."""
        from dstrun.trace import chunks

        h = abi.TraceHeader
        used = h.segments_used.get(self.header) * abi.TRACE_SEGMENT_BYTES
        os.ftruncate(self.fd, used)
        end = chunks.pack(chunks.END, json.dumps(end_meta, sort_keys=True).encode())
        try:
            size = used + _write(self.fd, used, [end])
            size += _write(self.fd, size, attached(attachments or {}))
        except OSError:  # a full disk: the events are there, this is a comfort
            os.ftruncate(self.fd, used)
        h.finished.set(self.header, 1)

    def close(self) -> None:
        """Lets go of the file."""
        self.header.close()
        os.close(self.fd)


def attached(attachments: Mapping[str, Path | bytes]) -> Iterator[bytes]:
    """Attachments as chunks. A file is read piece by piece; OSError where it cannot be."""
    from dstrun.trace import chunks

    for number, (name, content) in enumerate(attachments.items()):
        yield chunks.pack(chunks.ATTACHMENT, name.encode(errors="surrogateescape"), number)
        for part, piece in enumerate(_pieces(content, chunks.PART_BYTES), 1):
            yield chunks.pack(chunks.ATTACHMENT, piece, number, part)


def _pieces(content: Path | bytes, size: int) -> Iterator[bytes]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        while piece := file.read(size):
            yield piece


def _write(fd: int, start: int, pieces: Iterable[bytes]) -> int:
    """How many bytes were written. OSError: not all could be."""
    at = start
    for piece in pieces:
        view = memoryview(piece)
        while view:
            written = os.pwrite(fd, view, at)
            at += written
            view = view[written:]
    return at - start


def remove_if_empty(path: Path) -> None:
    """Drops a trace in which nothing was recorded: the program never started."""
    try:
        with path.open("rb") as file:
            head = file.read(ctypes.sizeof(ctypes.c_uint64) * 8)
        if abi.TraceHeader.events.get(head) == 0:
            path.unlink()
    except (OSError, ValueError):
        pass
