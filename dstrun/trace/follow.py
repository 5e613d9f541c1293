"""Following one thing through a trace: a descriptor, a path, a connection.

What is followed are open files (dstrun.trace.descriptors): whoever has a descriptor for one, under
whatever number, in whichever process. A first walk over the trace finds those that are meant,
because what is later process 7's descriptor 3 may have been opened by its parent long before; a
second one tells which events used them. A path is followed through renames and links as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.errors import BadUsage
from dstrun.trace.connections import Address, Connection
from dstrun.trace.descriptors import CLOSE, WRITE, OpenFile, Tracker, Use
from dstrun.trace.flows import Flows, Message
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.text import error_name

_FD = re.compile(r"fd:(\d+):(\d+)(?:@(\d+))?")
_RENAMES = ("rename", "renameat", "renameat2", "link", "linkat")


@dataclass(frozen=True)
class Targets:
    """What is to be followed; several are followed together.

    descriptors: process, descriptor, and the event at which it is meant (None: at any)
    paths: globs, of the last part of the path where they have no slash
    connections: a number, or an address as text
    """

    descriptors: tuple[tuple[int, int, int | None], ...] = ()
    paths: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.descriptors or self.paths or self.connections)


def parse_descriptor(text: str) -> tuple[int, int, int | None]:
    """fd:PID:N, or fd:PID:N@EVENT."""
    match = _FD.fullmatch(text)
    if not match:
        raise BadUsage(
            f'--follow "{text}": not a descriptor (like fd:3:5 for descriptor 5 of process 3, or '
            "fd:3:5@120 for what it was at event 120)"
        )
    return int(match[1]), int(match[2]), int(match[3]) if match[3] else None


@dataclass
class Step:
    """What an event did with what is followed."""

    uses: list[Use] = field(default_factory=list)
    received: list[Message] = field(default_factory=list)  # whose bytes it read
    by_path: bool = False  # it names a followed path

    def __bool__(self) -> bool:
        return bool(self.uses or self.by_path)

    def remarks(self) -> list[str]:
        """In words, what the event's own text does not tell."""
        found = [f"{message.bytes} bytes of event {message.sent}" for message in self.received]
        for use in self.uses:
            if use.how == CLOSE and use.file.closed == use.event:
                found.append(f"the end of open file {use.file.number}")
        return list(dict.fromkeys(found))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        files = [
            {"file": use.file.number, "name": use.file.name, "fd": use.fd, "how": use.how,
             "bytes": use.bytes}
            for use in self.uses
        ]  # fmt: skip
        received = [{"event": one.sent, "bytes": one.bytes} for one in self.received]
        return {"uses": files, "received": received}


class Follower:
    """Tells for each event of a trace, in order, whether it is one of those followed."""

    def __init__(self, trace: Trace, targets: Targets) -> None:
        self.targets = targets
        self._paths: set[str] = set()  # new names of those that the globs stand for
        self._earlier: dict[str, int] = {}  # their old names, and until which event
        self._files = self._find(trace)
        self._paths.clear()
        self._tracker = Tracker(trace)
        self._flows = Flows()

    def step(self, index: int, event: Event) -> Step:
        """The next event."""
        paths = _paths_of(self._tracker, event) if self.targets.paths else []
        uses = self._tracker.step(index, event)
        received = self._flows.step(uses)
        step = Step([use for use in uses if self._is_followed(use, event)])
        if step.uses:
            step.received = [one for one in received if one.received == index]
        step.by_path = any(
            self._is_wanted(path) or index <= self._earlier.get(path, -1) for path in paths
        )
        self._rename(event, paths)
        return step

    def _is_followed(self, use: Use, event: Event) -> bool:
        """Who follows a path wants to know what was done with it, not who inherited it."""
        if use.file.number not in self._files:
            return False
        by_file = bool(self.targets.descriptors or self.targets.connections)
        return by_file or event.kind == abi.EVENT_SYSCALL

    def _find(self, trace: Trace) -> set[int]:
        """The numbers of the open files that are meant."""
        tracker = Tracker(trace)
        wanted: set[int] = set()
        for index, event in trace.numbered():
            known = len(tracker.files)
            self._find_descriptors(tracker, wanted, index)
            paths = _paths_of(tracker, event) if self.targets.paths else []
            for use in tracker.step(index, event):
                if (use.pid, use.fd, None) in self.targets.descriptors:
                    wanted.add(use.file.number)
            self._find_descriptors(tracker, wanted, index)
            if self.targets.paths:
                self._find_paths(tracker, wanted, known)
                self._find_renamed(tracker, wanted, index, event, paths)
        for one in self._wanted_connections(tracker):
            wanted |= {file.number for file in (one.client, one.server) if file}
        self._check(wanted)
        return wanted

    def _find_descriptors(self, tracker: Tracker, wanted: set[int], index: int) -> None:
        """What a descriptor stands for right before or right after an event."""
        for pid, fd, at in self.targets.descriptors:
            file = tracker.lookup(pid, fd) if at == index else None
            if file:
                wanted.add(file.number)

    def _find_paths(self, tracker: Tracker, wanted: set[int], known: int) -> None:
        for file in tracker.files[known:]:
            if file.kind == "file" and self._is_wanted(file.name):
                wanted.add(file.number)

    def _find_renamed(
        self, tracker: Tracker, wanted: set[int], index: int, event: Event, paths: list[str]
    ) -> None:
        """What gets a wanted name was the same file before."""
        if self._renames(event, paths) and self._is_wanted(paths[1]):
            self._earlier[paths[0]] = index
            wanted |= {file.number for file in tracker.files if file.name == paths[0]}
        self._rename(event, paths)

    def _check(self, wanted: set[int]) -> None:
        """Nothing found is an error where one thing was named: it may be a slip."""
        if self.targets.descriptors and not wanted:
            pid, fd, at = self.targets.descriptors[0]
            when = "never had a descriptor" if at is None else f"had, at event {at}, no descriptor"
            raise BadUsage(f"--follow: process {pid} {when} {fd}")

    def _wanted_connections(self, tracker: Tracker) -> list[Connection]:
        known = tracker.connections
        found: list[Connection] = []
        for text in self.targets.connections:
            chosen = _by_text(known, text)
            if not chosen:
                raise BadUsage(
                    f'--connection "{text}": no such connection; there are {len(known)} '
                    "(--connections lists them)"
                )
            found += chosen
        return found

    # ---- paths ----

    def _is_wanted(self, path: str) -> bool:
        return path in self._paths or any(matches(path, glob) for glob in self.targets.paths)

    def _renames(self, event: Event, paths: list[str]) -> bool:
        row = SYSCALLS.get(event.nr) if event.kind == abi.EVENT_SYSCALL else None
        is_rename = row is not None and row.name in _RENAMES and event.result == 0
        return is_rename and len(paths) == 2

    def _rename(self, event: Event, paths: list[str]) -> None:
        if self._renames(event, paths) and self._is_wanted(paths[0]):
            self._paths.add(paths[1])


def matches(path: str, glob: str) -> bool:
    """A glob without a slash is compared with the last part of the path."""
    return fnmatchcase(path if "/" in glob else path.rpartition("/")[2], glob)


def _paths_of(tracker: Tracker, event: Event) -> list[str]:
    """The paths that a call names, absolute."""
    row = SYSCALLS.get(event.nr)
    if event.kind == abi.EVENT_START:
        return [
            part.data.removesuffix(b"\0").decode(errors="backslashreplace")
            for found in tracker.fields(event).values()
            for part in found
            if part.kind == abi.FIELD_STRING
        ]
    if event.kind != abi.EVENT_SYSCALL or row is None or "PATH" not in row.kinds:
        return []
    return tracker.paths(event)


def _by_text(known: Sequence[Connection], text: str) -> list[Connection]:
    if text.isdecimal():
        number = int(text)
        return [known[number - 1]] if 0 < number <= len(known) else []
    return [one for one in known if text in _addresses(one)]


def _addresses(one: Connection) -> set[str]:
    """All addresses by which a connection may be called: either end's, and just its port."""
    ends: list[Address | None] = [one.address, one.client.local, one.client.remote]
    ends += [one.server.local, one.server.remote] if one.server else []
    texts = {str(end) for end in ends if end}
    return texts | {f":{end.port}" for end in ends if end and end.port}


class ConnectionRow(NamedTuple):
    """One connection in words and numbers; `bytes_out` are those to the server."""

    number: int
    address: str
    client: str
    server: str
    failed: str  # why nobody accepted it
    connected: int
    accepted: int | None
    bytes_out: int
    bytes_in: int


def connection_rows(trace: Trace) -> list[ConnectionRow]:
    """All connections of a trace, in the order of their connects."""
    tracker = Tracker(trace)
    moved: dict[OpenFile, int] = {}
    for index, event in trace.numbered():
        for use in tracker.step(index, event):
            if use.how == WRITE and use.file.connection:
                moved[use.file] = moved.get(use.file, 0) + use.bytes
    return [
        ConnectionRow(
            number=one.number,
            address=str(one.address or "?"),
            client=_end(one.client),
            server=_end(one.server) if one.server else "",
            failed=error_name(one.error) if one.error else "" if one.server else "not accepted",
            connected=one.connected,
            accepted=one.accepted,
            bytes_out=moved.get(one.client, 0),
            bytes_in=moved.get(one.server, 0) if one.server else 0,
        )
        for one in tracker.connections
    ]


def _end(file: OpenFile) -> str:
    port = f" port {file.local.port}" if file.end == "client" and file.local else ""
    return f"pid {file.pid} fd {file.fd}{port}"
