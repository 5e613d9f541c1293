"""Which bytes that one event wrote were read by which other.

Byte streams (connections, pipes, socketpairs) give what was written in order, so counting bytes on
both sides tells which read took which write's. Datagrams are matched by size and hash, first sent
first: one that was lost matches nothing. A read may stand in the trace before its write: a write
that waits for room is recorded when it ends.

    tracker, flows = Tracker(trace), Flows()
    for index, event in trace.numbered():
        for message in flows.step(tracker.step(index, event)):
            print(message.sent, "->", message.received, message.bytes)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dstrun.trace.connections import Address
from dstrun.trace.descriptors import READ, WRITE, OpenFile, Use


class Message(NamedTuple):
    """Bytes that went from one event to another; a write that was read in parts gives several."""

    sent: int  # number of the writing event
    received: int  # number of the reading event
    source: OpenFile
    target: OpenFile
    bytes: int
    sender: tuple[int, int]  # pid and tid
    receiver: tuple[int, int]


class _Part(NamedTuple):
    """What one call has written or read and the other side has not yet been seen to."""

    use: Use
    bytes: int


class Flows:
    """Matches reads with writes; keeps what has not been read yet."""

    def __init__(self) -> None:
        self._written: dict[OpenFile, deque[_Part]] = {}  # by the writing end
        self._read: dict[OpenFile, deque[_Part]] = {}  # by the reading end
        self._datagrams: dict[tuple[int, int], deque[Use]] = {}

    def step(self, uses: Iterable[Use]) -> list[Message]:
        """The messages that an event's uses complete."""
        return [message for use in uses for message in self._of(use)]

    def _of(self, use: Use) -> Iterator[Message]:
        if use.how not in (READ, WRITE) or not use.bytes or use.file.kind not in ("pipe", "socket"):
            return
        if use.hashes and not use.file.peer:
            yield from self._datagram(use)
        elif use.how == WRITE:
            self._written.setdefault(use.file, deque()).append(_Part(use, use.bytes))
            if use.file.peer:
                yield from self._match(use.file, use.file.peer)
        elif use.file.peer:
            self._read.setdefault(use.file, deque()).append(_Part(use, use.bytes))
            yield from self._match(use.file.peer, use.file)

    def _match(self, source: OpenFile, target: OpenFile) -> Iterator[Message]:
        written, read = self._written.get(source), self._read.get(target)
        while written and read:
            sent, received = written.popleft(), read.popleft()
            size = min(sent.bytes, received.bytes)
            if sent.bytes > size:
                written.appendleft(_Part(sent.use, sent.bytes - size))
            if received.bytes > size:
                read.appendleft(_Part(received.use, received.bytes - size))
            yield _message(sent.use, received.use, size)

    def _datagram(self, use: Use) -> Iterator[Message]:
        for size, digest in use.hashes:
            if use.how == WRITE:
                self._datagrams.setdefault((size, digest), deque()).append(use)
                continue
            waiting = self._datagrams.get((size, digest), deque())
            sent = next((one for one in waiting if _reaches(one, use.file.local)), None)
            if sent is not None:
                waiting.remove(sent)
                yield _message(sent, use, size)


def _reaches(sent: Use, local: Address | None) -> bool:
    return not (sent.destination and local) or local.answers(sent.destination)


def _message(sent: Use, received: Use, size: int) -> Message:
    return Message(
        sent.event, received.event, sent.file, received.file, size,
        (sent.pid, sent.tid), (received.pid, received.tid),
    )  # fmt: skip
