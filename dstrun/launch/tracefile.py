"""The trace's file while it is written: allocated ahead of the shims, closed in good order.

A hole in a mapped file on a full disk would be a SIGBUS inside the program, so space is allocated
before it is needed; when that fails the shims end the run with one clear message.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.errors import DstrunError
from dstrun.tracepath import keeps_its_time, make_room

_SEGMENT = abi.TRACE_SEGMENT_BYTES
_BUFFER_BYTES = 1 << 20
_FIRST_SEGMENTS = 4
_GROW_SEGMENTS = 32, 4, 1  # less when the disk is nearly full
# Of the first segment's ends: the first touch of a page that is not in memory has some machines'
# kernels read ahead by megabytes, which takes longer than the whole run of a small program.
_FIRST_BYTES = 1 << 16
_HEADER_BYTES = (abi.TraceHeader.SIZE + 4095) & ~4095


class TraceFile:
    """A trace being recorded. `fd` is what the bootstrap maps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            make_room(path)
            self.fd = os.open(path, os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC)
            os.posix_fallocate(self.fd, 0, _FIRST_SEGMENTS * _SEGMENT)
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
            h.form: abi.FORM_SEGMENTS,
            h.segment_bytes: _SEGMENT,
            h.segments_used: 1,
            h.meta_bytes: len(meta),
            h.magic: abi.TRACE_MAGIC,
        }.items():
            member.set(header, value)
        os.pwrite(self.fd, header, 0)
        for segment in (1, 2):  # of events, and of decisions
            os.pwrite(self.fd, bytes(_FIRST_BYTES), segment * _SEGMENT)
            os.pwrite(self.fd, bytes(_FIRST_BYTES), (segment + 1) * _SEGMENT - _FIRST_BYTES)

    def grow(self) -> int:
        """Allocates more segments; 0, or the errno of the failure."""
        start, error = self.segments, 0
        for count in _GROW_SEGMENTS:
            wanted = min(start + count, abi.TRACE_SEGMENTS_MAX)
            size = (wanted - start) * _SEGMENT
            try:
                os.posix_fallocate(self.fd, start * _SEGMENT, size)
            except OSError as failure:
                error = failure.errno or errno.EIO
            else:
                self.segments = wanted
                return 0
        return error

    def finish(
        self, end_meta: dict[str, Any], attachments: Mapping[str, Path | bytes] | None = None
    ) -> str:
        """Adds what is known only now, and packs the trace.

        Where that cannot be done it stays as it was recorded; the result says why, or is empty.
        """
        attachments = attachments or {}
        os.ftruncate(self.fd, abi.TraceHeader.segments_used.get(self.header) * _SEGMENT)
        problem = ""
        try:
            if self._has_its_name():
                self._pack(end_meta, attachments)
                return ""
        except OSError as error:
            problem = f": {error.strerror}"
        except BaseException:  # an interrupt
            self._close_as_recorded(end_meta, attachments)
            raise
        lost = self._close_as_recorded(end_meta, attachments)
        return f"the trace is not packed{lost}{problem}" if problem or lost else ""

    def _has_its_name(self) -> bool:
        """Whether a file put in its place is the trace then."""
        found = os.fstat(self.fd)
        return found.st_nlink == 1 and os.path.samestat(found, os.stat(self.path))

    def _pack(self, end_meta: dict[str, Any], attachments: Mapping[str, Path | bytes]) -> None:
        """Replaces the file by a packed one; another program sees the one or the other."""
        from dstrun.trace.pack import packed

        path = os.path.realpath(self.path)
        directory, name = os.path.split(path)
        place = os.path.join(directory, f".{name}.packing")
        data = mmap.mmap(self.fd, 0, access=mmap.ACCESS_READ)
        with data, keeps_its_time(Path(directory)):
            try:
                with open(place, "wb", buffering=_BUFFER_BYTES) as file:
                    os.fchmod(file.fileno(), os.fstat(self.fd).st_mode & 0o7777)
                    file.writelines(packed(data, end_meta, attachments))
                os.rename(place, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(place)
                raise

    def _close_as_recorded(
        self, end_meta: dict[str, Any], attachments: Mapping[str, Path | bytes]
    ) -> str:
        """Adds what there is room for; what there is none for."""
        from dstrun.trace.pack import attached, end_chunk

        lost = ""
        size = os.fstat(self.fd).st_size
        try:
            size += _write(self.fd, size, [end_chunk(end_meta)])
            lost = ", and lacks what a replay needs of the start" if attachments else ""
            size += _write(self.fd, size, attached(attachments))
            lost = ""
        except OSError:  # a full disk: the events are there
            os.ftruncate(self.fd, size)
        abi.TraceHeader.finished.set(self.header, 1)
        return lost

    def close(self) -> None:
        """Lets go of the file."""
        self.header.close()
        os.close(self.fd)


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
            head = file.read(abi.TraceHeader.meta.offset)
        is_recorded = abi.TraceHeader.form.get(head) in (0, abi.FORM_SEGMENTS)
        if is_recorded and abi.TraceHeader.events.get(head) == 0:
            path.unlink()
    except (OSError, ValueError, struct.error):
        pass
