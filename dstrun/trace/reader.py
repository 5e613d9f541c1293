"""Reading a trace: mapped, lazily, and as far as it goes.

A trace whose run was killed, whose file was cut off or damaged is still read: what is intact is
there, `warnings` says what is missing. Only what cannot be a trace of this version is an error.
Events keep their numbers: in the place of lost ones stand events of the kind EVENT_LOST.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from dstrun import abi
from dstrun.errors import TraceError
from dstrun.trace.contents import Contents, ReadBlock, chunk_contents, segment_contents
from dstrun.trace.format import IDENTITY_BYTES, Block, Event, lost_block

_HEADER = abi.TraceHeader
_BLOCKS_KEPT = 8


class Trace:
    """An open trace. Use as a context manager.

    Events lie in segments of some ten thousand; those that were used last are kept in memory.
    """

    def __init__(self, path: Path | str, shown_as: Path | None = None) -> None:
        """`path`: the file; `shown_as`: what users know it by. TraceError: it is no trace."""
        self.file = Path(path)
        self.path = shown_as or self.file
        self._map = _map_file(self.file)
        try:
            contents = self._read()
        except BaseException:
            self._map.close()
            raise
        self.warnings = [f"{self.path}: {warning}" for warning in contents.warnings]
        self.meta, self.end_meta = contents.meta, contents.end_meta
        self.finished = contents.finished
        self.trace_hash = contents.trace_hash
        self.virtual_ns = contents.virtual_ns
        self.events_recorded = contents.events_recorded
        self.events = contents.events
        self.starts = [block.first for block in contents.blocks]
        self._contents = contents
        self._blocks = contents.blocks
        self.block = lru_cache(maxsize=_BLOCKS_KEPT)(self._load)

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
        self.block.cache_clear()
        self._map.close()

    def __len__(self) -> int:
        return self.events

    def _read(self) -> Contents:
        data = self._map
        if len(data) < 16 or _HEADER.magic.get(data) != abi.TRACE_MAGIC:
            raise TraceError(f"{self.path}: not a trace of dstrun")
        version = _HEADER.version.get(data)
        if version != abi.TRACE_VERSION:
            raise TraceError(
                f"{self.path}: a trace of version {version}; this dstrun reads version "
                f"{abi.TRACE_VERSION} (record it again, or use the dstrun that made it)"
            )
        form = _HEADER.form.get(data)
        read = {abi.FORM_SEGMENTS: segment_contents, abi.FORM_CHUNKS: chunk_contents}.get(form)
        if read is None:
            raise TraceError(f"{self.path}: damaged header (form {form})")
        contents: Contents = self._told(read)
        return contents

    def _told(self, read: Any, *args: Any) -> Any:
        """The result of something that may meet damage."""
        try:
            return read(self._map, *args)
        except TraceError as error:
            raise TraceError(f"{self.path}: {error}") from None

    def _load(self, index: int) -> Block:
        """The events of the n-th segment, column by column."""
        found: ReadBlock = self._blocks[index]
        if found.is_lost:
            return lost_block(found.events, index)
        block: Block = self._told(found.block, index)
        return block

    def _block_at(self, event: int) -> int:
        return bisect_right(self.starts, event) - 1

    def numbered(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Event]]:
        """Events start to stop - 1 with their numbers, without lost ones."""
        for index, first, last in self._spans(start, stop):
            if not self._blocks[index].is_lost:
                within = self.starts[index]
                yield from enumerate(self.block(index).events(first - within, last - within), first)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """Events start to stop - 1, in order."""
        for index, first, last in self._spans(start, stop):
            within = self.starts[index]
            yield from self.block(index).events(first - within, last - within)

    def _spans(self, start: int, stop: int | None) -> Iterator[tuple[int, int, int]]:
        """Segment by segment: its index, and which of its events are meant."""
        stop = self.events if stop is None else min(stop, self.events)
        start = max(start, 0)
        while start < stop:
            index = self._block_at(start)
            last = min(stop, self.starts[index] + self._blocks[index].events)
            yield index, start, last
            start = last

    def event(self, index: int) -> Event:
        """One event."""
        for event in self.read(index, index + 1):
            return event
        raise IndexError(index)

    def identities(self, segment: int) -> memoryview:
        """The identities of the events in the n-th segment; its first event is starts[n]."""
        found = self._blocks[segment]
        if found.is_lost:
            return memoryview(bytes(found.events * IDENTITY_BYTES)).cast("Q")
        return memoryview(self._told(found.identities)).cast("Q")

    def segments(self) -> int:
        """How many segments hold events."""
        return len(self._blocks)

    def side_data(self, event: Event) -> bytes:
        """An event's side data; nothing where it is lost."""
        return self.block(event.segment).side_data(event.data_pos)

    def stream(self, stream: int) -> bytes:
        """All that was written to a stream (STREAM_DECISIONS, ...)."""
        found: bytes = self._told(self._contents.stream, stream)
        return found

    def attachments(self) -> tuple[str, ...]:
        """Names of what was attached to the trace."""
        return tuple(self._contents.attachments)

    def attachment(self, name: str) -> bytes:
        """An attachment's content. KeyError: there is none; TraceError: it is damaged."""
        return b"".join(self.attachment_parts(name))

    def attachment_parts(self, name: str) -> Iterator[bytes]:
        """An attachment's content, a megabyte at a time."""
        found = self._contents.attachments[name]
        for part in range(len(found.parts)):
            yield self._told(found.part, part)


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
