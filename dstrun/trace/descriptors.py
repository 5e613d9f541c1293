"""Who has which descriptor: a walk over a trace that keeps each process's descriptor table.

What a descriptor stands for is an *open file description* (POSIX's term; here `OpenFile`): dup and
fork give more descriptors for the same one, its last close ends it. `Tracker.step` takes the events
of a trace in order and tells for each which open files it used, and how:

    tracker = Tracker(trace)
    for index, event in trace.numbered():
        for use in tracker.step(index, event):
            print(use.how, use.fd, use.file.name, use.bytes)

Ends that belong together know each other: `OpenFile.peer` is the other end of a pipe, a socketpair
or a connection, as soon as both are there. `tracker.connections` lists all connections; which
connect an accept answers is told by dstrun.trace.connections, which byte was read where by
dstrun.trace.flows.

What cannot be known is not guessed: a descriptor that came from before the run is "inherited", one
whose making was not seen "unknown". The walk must begin at the first event; it keeps memory
for each open file, not for each event. Damaged side data makes files unknown, never an error.
"""

from __future__ import annotations

import posixpath
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.trace.connections import Address, Connection, Connections, parse_address
from dstrun.trace.descriptor_calls import (
    DOMAINS,
    MAKERS,
    O_CLOEXEC,
    PASSES_ON,
    passed_descriptors,
)
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.sidedata import Field, parse_arguments, parse_fields
from dstrun.trace.text import signed32

# How an event used an open file.
OPEN, DUP, INHERIT, READ, WRITE, CLOSE, OTHER = (
    "open", "dup", "inherit", "read", "write", "close", "other",
)  # fmt: skip

_NUMBERS: Final = {row.name: nr for nr, row in SYSCALLS.items()}
_EBADF: Final = 9
_AT_FDCWD: Final = -100
_CLONE_FILES: Final = 0x400
_CLONE_THREAD: Final = 0x10000
_CLOSE_RANGE_UNSHARE: Final = 2
_CLOSE_RANGE_CLOEXEC: Final = 4
_STREAMS: Final = (1, 5)  # SOCK_STREAM, SOCK_SEQPACKET
_MSG_PEEK: Final = 2
_MSG_CMSG_CLOEXEC: Final = 0x40000000
_SOL_SOCKET: Final = 1
_SO_ERROR: Final = 4


@dataclass(eq=False, slots=True, repr=False)
class OpenFile:
    """An open file description."""

    number: int  # counted from 1 in the order in which they came to be
    kind: str  # file, pipe, socket, eventfd, epoll, ..., inherited, unknown
    name: str  # absolute path, or in words what it is
    opened: int  # number of the event
    pid: int  # in which process, and as which descriptor
    fd: int
    end: str = ""  # pipe: read, write; socket: listening, client, server
    stream: bool = True  # a socket: false when it keeps messages apart and has no connection
    local: Address | None = None  # a socket's own address, and the other end's
    remote: Address | None = None
    peer: OpenFile | None = None
    connection: Connection | None = None
    refs: int = 0  # descriptors that stand for it now
    closed: int | None = None  # number of the event after which there was none

    def __str__(self) -> str:
        return f"{self.name} (open file {self.number})"

    __repr__ = __str__


class Use(NamedTuple):
    """What one event did with one open file."""

    event: int
    pid: int
    tid: int
    fd: int
    file: OpenFile
    how: str  # OPEN, DUP, INHERIT, READ, WRITE, CLOSE, OTHER
    bytes: int = 0  # that went through (READ, WRITE)
    hashes: tuple[tuple[int, int], ...] = ()  # (bytes, XXH64) of each message, of datagrams
    destination: Address | None = None  # of a datagram


@dataclass(eq=False, slots=True)
class _Table:
    """A descriptor table; processes made with CLONE_FILES share one."""

    files: dict[int, OpenFile] = field(default_factory=dict)
    cloexec: set[int] = field(default_factory=set)
    sharers: int = 1

    def copy(self) -> _Table:
        for file in self.files.values():
            file.refs += 1
        return _Table(dict(self.files), set(self.cloexec))


class _Now(NamedTuple):
    """The event that is being looked at, with its arguments."""

    number: int
    event: Event
    args: tuple[int, ...]
    table: _Table

    def word(self, index: int) -> int:
        return self.args[index] if index < len(self.args) else 0

    def fd(self, index: int) -> int:
        """An argument as a C int; -1, no descriptor, where the side data is damaged."""
        return signed32(self.args[index]) if index < len(self.args) else -1


def call_arguments(trace: Trace, event: Event) -> tuple[int, ...]:
    """A call's argument words, without decoding the rest of its side data."""
    return parse_arguments(trace.side_data(event))


class Tracker:
    """Walks a trace; see the module's text. `files` are all open files so far, n at n - 1."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.files: list[OpenFile] = []
        self._connections = Connections()
        self._tables: dict[int, _Table] = {}
        self._cwd: dict[int, str] = {}
        self._on_the_way: dict[
            OpenFile, deque[OpenFile]
        ] = {}  # by the socket that they were sent on
        self._first_cwd = str(trace.meta.get("cwd") or "/")

    @property
    def connections(self) -> list[Connection]:
        """All connections so far, in the order of their connects; number n at n - 1."""
        return self._connections.all

    def lookup(self, pid: int, fd: int) -> OpenFile | None:
        """What a process's descriptor stands for after the last event."""
        table = self._tables.get(pid)
        return table.files.get(fd) if table else None

    def descriptors(self, pid: int) -> dict[int, OpenFile]:
        """A process's descriptors after the last event."""
        table = self._tables.get(pid)
        return dict(table.files) if table else {}

    def absolute(self, pid: int, path: str, dirfd: int = _AT_FDCWD) -> str:
        """A path as the process means it, from its working directory or an open directory."""
        if path.startswith("/"):
            base = "/"
        elif dirfd == _AT_FDCWD:
            base = self._cwd.get(pid, self._first_cwd)
        else:
            directory = self.lookup(pid, dirfd)
            base = directory.name if directory else "?"
        return posixpath.normpath(posixpath.join(base, path))

    def paths(self, event: Event) -> list[str]:
        """The paths that a call names, absolute; ask before the event's step."""
        kinds = SYSCALLS[event.nr].kinds
        args = call_arguments(self.trace, event)
        found = []
        for at, path in self._strings(event).items():
            if at < len(kinds) and kinds[at] == "PATH":
                is_at = at > 0 and kinds[at - 1] == "DIRFD" and at <= len(args)
                dirfd = signed32(args[at - 1]) if is_at else _AT_FDCWD
                found.append(self.absolute(event.pid, path, dirfd))
        return found

    def step(self, index: int, event: Event) -> list[Use]:
        """The next event's uses of open files; empty for most."""
        if event.kind != abi.EVENT_SYSCALL:
            other = _OTHER_EVENTS.get(event.kind)
            return other(self, index, event) if other else []
        handler = _HANDLERS.get(event.nr)
        indices = _FD_ARGS[event.nr] if event.nr < len(_FD_ARGS) else ()
        if handler is None and not indices:
            return []
        args = call_arguments(self.trace, event)
        now = _Now(index, event, args, self._table(event.pid))
        if handler is not None:
            return list(handler(self, now))
        return [self._use(now, now.fd(at), OTHER) for at in indices if self._is_used(now, at)]

    # ---- tables and files ----

    def _table(self, pid: int) -> _Table:
        table = self._tables.get(pid)
        if table is None:
            table = self._tables[pid] = _Table()
        return table

    def _file(self, table: _Table, fd: int, index: int, pid: int) -> OpenFile:
        """What the descriptor stands for; one that nobody was seen to make is made now."""
        file = table.files.get(fd)
        if file is None:
            kind = "inherited" if fd <= 2 else "unknown"
            name = {0: "stdin", 1: "stdout", 2: "stderr"}.get(fd, f"descriptor {fd}")
            file = self._new(kind, name, index, pid, fd)
            table.files[fd] = file
            file.refs = 1
        return file

    def _new(self, kind: str, name: str, index: int, pid: int, fd: int) -> OpenFile:
        file = OpenFile(len(self.files) + 1, kind, name, index, pid, fd)
        self.files.append(file)
        return file

    def _is_used(self, now: _Now, at: int) -> bool:
        fd = now.fd(at)
        return fd >= 0 and (now.event.result != -_EBADF or fd in now.table.files)

    def _use(self, now: _Now, fd: int, how: str, size: int = 0) -> Use:
        event = now.event
        file = self._file(now.table, fd, now.number, event.pid)
        return Use(now.number, event.pid, event.tid, fd, file, how, size)

    def _set(self, now: _Now, fd: int, file: OpenFile, cloexec: bool, how: str) -> Iterator[Use]:
        """A descriptor is made; one that it replaces is closed."""
        if now.table.files.get(fd) is not file:
            yield from self._drop(now.number, now.event, now.table, fd)
            file.refs += 1
            file.closed = None
        now.table.files[fd] = file
        (now.table.cloexec.add if cloexec else now.table.cloexec.discard)(fd)
        yield Use(now.number, now.event.pid, now.event.tid, fd, file, how)

    def _drop(self, index: int, event: Event, table: _Table, fd: int) -> Iterator[Use]:
        file = table.files.pop(fd, None)
        table.cloexec.discard(fd)
        if file is None:
            return
        file.refs -= 1
        if file.refs <= 0:
            file.closed = index
        yield Use(index, event.pid, event.tid, fd, file, CLOSE)

    def _made(
        self, now: _Now, kind: str, name: str, fd: int, cloexec: bool
    ) -> tuple[OpenFile, list[Use]]:
        file = self._new(kind, name, now.number, now.event.pid, fd)
        return file, list(self._set(now, fd, file, cloexec, OPEN))

    def fields(self, event: Event) -> dict[int, list[Field]]:
        """An event's side data by argument; nothing where it is damaged."""
        try:
            return parse_fields(self.trace.side_data(event))[1]
        except ValueError:
            return {}

    def hashes(self, event: Event) -> tuple[tuple[int, int], ...]:
        """Size and XXH64 of what a call moved, by message where there are several."""
        return tuple(
            (part.total, part.hash)
            for found in self.fields(event).values()
            for part in found
            if part.kind == abi.FIELD_BYTES
        )

    def _strings(self, event: Event) -> dict[int, str]:
        """The paths and names among the arguments."""
        return {
            at: found[0].data.removesuffix(b"\0").decode(errors="backslashreplace")
            for at, found in self.fields(event).items()
            if found[0].kind == abi.FIELD_STRING
        }

    # ---- processes ----

    def _started(self, index: int, event: Event) -> list[Use]:
        if event.pid in self._tables:
            return []
        table = self._table(event.pid)
        files = [self._file(table, fd, index, event.pid) for fd in range(3)]
        return [Use(index, event.pid, event.tid, file.fd, file, INHERIT) for file in files]

    def _forked(self, index: int, event: Event) -> list[Use]:
        """A task's first step. Its table was made when its parent's call ended, unless the parent
        waits for it (vfork): then it is a copy of what the parent has now."""
        if event.pid not in self._tables and event.result in self._tables:
            self._inherit(event.result, event.pid, shares=False)
        if event.tid != event.pid:
            return []
        table = self._table(event.pid)
        return [
            Use(index, event.pid, event.tid, fd, file, INHERIT) for fd, file in table.files.items()
        ]

    def _inherit(self, parent: int, child: int, shares: bool) -> None:
        table = self._table(parent)
        if shares:
            table.sharers += 1
        self._tables[child] = table if shares else table.copy()
        self._cwd[child] = self._cwd.get(parent, self._first_cwd)

    def _ended(self, index: int, event: Event) -> list[Use]:
        """A process is gone, and with it its descriptors."""
        table = self._tables.pop(event.pid, None)
        self._cwd.pop(event.pid, None)
        if table is None:
            return []
        table.sharers -= 1
        if table.sharers:
            return []
        return [use for fd in list(table.files) for use in self._drop(index, event, table, fd)]

    def _cloned(self, now: _Now) -> Iterable[Use]:
        child, flags = now.event.result, self._clone_flags(now)
        if child > 0 and not flags & _CLONE_THREAD and child not in self._tables:
            self._inherit(now.event.pid, child, bool(flags & _CLONE_FILES))
        return ()

    def _clone_flags(self, now: _Now) -> int:
        if now.event.nr == _NUMBERS["clone"]:
            return now.word(0)
        if now.event.nr != _NUMBERS["clone3"]:
            return 0
        found = self.fields(now.event).get(0)
        return int.from_bytes(found[0].data[:8], "little") if found else 0

    def _executed(self, now: _Now) -> Iterable[Use]:
        if now.event.result:
            return
        if now.table.sharers > 1:
            now = now._replace(table=self._unshare(now.event.pid, now.table))
        for fd in sorted(now.table.cloexec):
            yield from self._drop(now.number, now.event, now.table, fd)

    def _unshare(self, pid: int, table: _Table) -> _Table:
        table.sharers -= 1
        self._tables[pid] = table.copy()
        return self._tables[pid]

    def _changed_directory(self, now: _Now) -> Iterable[Use]:
        if now.event.result == 0:
            for path in self._strings(now.event).values():
                self._cwd[now.event.pid] = self.absolute(now.event.pid, path)
        return ()

    def _changed_to_open(self, now: _Now) -> Iterable[Use]:
        if not self._is_used(now, 0):
            return ()
        use = self._use(now, now.fd(0), OTHER)
        if now.event.result == 0:
            self._cwd[now.event.pid] = use.file.name
        return (use,)

    # ---- descriptors made, copied and closed ----

    def _opened(self, now: _Now) -> Iterable[Use]:
        """open and its kin: the last string is the path."""
        row = SYSCALLS[now.event.nr]
        if "DIRFD" in row.kinds and now.fd(0) >= 0 and self._is_used(now, 0):
            yield self._use(now, now.fd(0), OTHER)
        if now.event.result < 0:
            return
        dirfd = now.fd(0) if "DIRFD" in row.kinds else _AT_FDCWD
        path = next(iter(self._strings(now.event).values()), "?")
        name = self.absolute(now.event.pid, path, dirfd)
        yield from self._made(now, "file", name, now.event.result, self._opens_cloexec(now))[1]

    def _opens_cloexec(self, now: _Now) -> bool:
        kinds = SYSCALLS[now.event.nr].kinds
        if "OPEN_HOW" in kinds:
            how = self.fields(now.event).get(kinds.index("OPEN_HOW"))
            return bool(how and int.from_bytes(how[0].data[:8], "little") & O_CLOEXEC)
        return "OPEN_FLAGS" in kinds and bool(now.word(kinds.index("OPEN_FLAGS")) & O_CLOEXEC)

    def _made_plain(self, now: _Now) -> Iterable[Use]:
        """A call that makes a descriptor which is no file and no socket."""
        kind, flags_at, cloexec = MAKERS[SYSCALLS[now.event.nr].name]
        if now.event.result < 0:
            return ()
        if kind == "signalfd" and now.fd(0) >= 0:
            return (self._use(now, now.fd(0), OTHER),)
        name = kind
        if kind == "pidfd":
            name = f"pidfd of {now.fd(0)}"
        elif kind in ("memfd", "mqueue"):
            name = f"{kind}:{next(iter(self._strings(now.event).values()), '?')}"
        closes = bool(cloexec if flags_at is None else now.word(flags_at) & cloexec)
        return self._made(now, kind, name, now.event.result, closes)[1]

    def _duplicated(self, now: _Now) -> Iterable[Use]:
        """dup, dup2, dup3."""
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), DUP)
        yield use
        if now.event.result >= 0 and now.event.result != now.fd(0):
            cloexec = bool(now.word(2) & O_CLOEXEC)  # dup and dup2 have no such argument
            yield from self._set(now, now.event.result, use.file, cloexec, DUP)

    def _controlled(self, now: _Now) -> Iterable[Use]:
        """fcntl."""
        if not self._is_used(now, 0):
            return
        command = now.fd(1)
        copies = command in (0, 1030) and now.event.result >= 0  # F_DUPFD, F_DUPFD_CLOEXEC
        use = self._use(now, now.fd(0), DUP if copies else OTHER)
        yield use
        if copies:
            yield from self._set(now, now.event.result, use.file, command == 1030, DUP)
        elif command == 2 and now.event.result == 0:  # F_SETFD
            change = now.table.cloexec.add if now.word(2) & 1 else now.table.cloexec.discard
            change(now.fd(0))

    def _commanded(self, now: _Now) -> Iterable[Use]:
        """ioctl."""
        if not self._is_used(now, 0):
            return
        yield self._use(now, now.fd(0), OTHER)
        command = now.word(1) & 0xFFFFFFFF
        if command == 0x5451:  # FIOCLEX
            now.table.cloexec.add(now.fd(0))
        elif command == 0x5450:
            now.table.cloexec.discard(now.fd(0))
        elif command == 0x5441 and now.event.result >= 0:  # TIOCGPTPEER
            cloexec = bool(now.word(2) & O_CLOEXEC)
            yield from self._made(now, "file", "a terminal", now.event.result, cloexec)[1]

    def _closed(self, now: _Now) -> Iterable[Use]:
        """Linux frees the descriptor whatever the result is."""
        if now.event.result == -_EBADF or now.fd(0) < 0:
            return ()
        self._file(now.table, now.fd(0), now.number, now.event.pid)
        return self._drop(now.number, now.event, now.table, now.fd(0))

    def _closed_range(self, now: _Now) -> Iterable[Use]:
        if now.event.result:
            return
        first, last, flags = now.word(0) & 0xFFFFFFFF, now.word(1) & 0xFFFFFFFF, now.word(2)
        table = now.table
        if flags & _CLOSE_RANGE_UNSHARE and table.sharers > 1:
            table = self._unshare(now.event.pid, table)
        for fd in [fd for fd in table.files if first <= fd <= last]:
            if flags & _CLOSE_RANGE_CLOEXEC:
                table.cloexec.add(fd)
            else:
                yield from self._drop(now.number, now.event, table, fd)

    def _unshared(self, now: _Now) -> Iterable[Use]:
        if now.event.result == 0 and now.word(0) & _CLONE_FILES and now.table.sharers > 1:
            self._unshare(now.event.pid, now.table)
        return ()

    def _fetched(self, now: _Now) -> Iterable[Use]:
        """pidfd_getfd: another process's open file."""
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), OTHER)
        yield use
        if now.event.result >= 0:
            target = use.file.name.rpartition(" ")[2]
            file = self.lookup(int(target), now.fd(1)) if target.isdecimal() else None
            file = file or self._new("unknown", "?", now.number, now.event.pid, now.event.result)
            yield from self._set(now, now.event.result, file, True, DUP)

    def _pair_made(self, now: _Now) -> Iterable[Use]:
        """pipe, pipe2, socketpair: the two descriptors are in the side data."""
        row = SYSCALLS[now.event.nr]
        at = row.kinds.index("INT2_OUT")
        found = self.fields(now.event).get(at)
        if now.event.result or not found or len(found[0].data) < 8:
            return
        fds = struct.unpack_from("<2i", found[0].data)
        is_pipe = row.name != "socketpair"
        flags = now.word(1)  # pipe2's flags, socketpair's type; pipe has none
        kind, ends = ("pipe", ("read", "write")) if is_pipe else ("socket", ("", ""))
        files = []
        for fd, end in zip(fds, ends, strict=True):
            name = f"{end} end of a pipe" if is_pipe else "socketpair"
            file, uses = self._made(now, kind, name, fd, bool(flags & O_CLOEXEC))
            file.end = end
            files.append(file)
            yield from uses
        files[0].peer, files[1].peer = files[1], files[0]

    # ---- sockets ----

    def _socket_made(self, now: _Now) -> Iterable[Use]:
        if now.event.result < 0:
            return ()
        kind = now.word(1)
        name = f"socket {DOMAINS.get(now.fd(0), now.fd(0))}"
        file, uses = self._made(now, "socket", name, now.event.result, bool(kind & O_CLOEXEC))
        file.stream = kind & 0xF in _STREAMS
        return uses

    def _address(self, now: _Now, at: int) -> Address | None:
        found = self.fields(now.event).get(at)
        return parse_address(found[0].data) if found else None

    def _addressed(self, now: _Now) -> Iterable[Use]:
        """bind, getsockname, getpeername."""
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), OTHER)
        yield use
        if now.event.result == 0:
            address = self._address(now, 1)
            if SYSCALLS[now.event.nr].name == "getpeername":
                use.file.remote = address or use.file.remote
            else:
                use.file.local = address or use.file.local

    def _listened(self, now: _Now) -> Iterable[Use]:
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), OTHER)
        yield use
        if now.event.result == 0:
            use.file.end = "listening"
            self._connections.listen(use.file)

    def _connected(self, now: _Now) -> Iterable[Use]:
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), OTHER)
        yield use
        address = self._address(now, 1)
        if use.file.stream:
            self._connections.connect(now.number, use.file, address, now.event.result)
        elif now.event.result == 0:
            use.file.remote = address

    def _asked_option(self, now: _Now) -> Iterable[Use]:
        """getsockopt: SO_ERROR tells what became of a connect that did not wait."""
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), OTHER)
        yield use
        if (now.fd(1), now.fd(2), now.event.result) == (_SOL_SOCKET, _SO_ERROR, 0):
            found = self.fields(now.event).get(3)
            error = int.from_bytes(found[0].data[:4], "little") if found else 0
            if error:
                self._connections.fail(use.file, error)

    def _accepted(self, now: _Now) -> Iterable[Use]:
        if not self._is_used(now, 0):
            return
        use = self._use(now, now.fd(0), OTHER)
        yield use
        if now.event.result < 0:
            return
        cloexec = bool(now.word(3) & O_CLOEXEC)  # accept has no such argument
        name = f"{use.file.name}, accepted"
        file, uses = self._made(now, "socket", name, now.event.result, cloexec)
        self._connections.accept(now.number, use.file, file, self._address(now, 1))
        yield from uses

    # ---- bytes ----

    def _read(self, now: _Now) -> Iterable[Use]:
        return self._moved(now, READ)

    def _written(self, now: _Now) -> Iterable[Use]:
        return self._moved(now, WRITE)

    def _moved(self, now: _Now, how: str) -> Iterable[Use]:
        if not self._is_used(now, 0):
            return
        count = now.event.result
        kinds = SYSCALLS[now.event.nr].kinds
        flags = now.word(kinds.index("MSG_FLAGS")) if "MSG_FLAGS" in kinds else 0
        if count < 0 or (how == READ and flags & _MSG_PEEK):
            yield self._use(now, now.fd(0), OTHER)
            return
        use = self._use(now, now.fd(0), how, count)
        if use.file.kind == "socket" and "MSGHDR" in kinds:
            yield from self._with_rights(now, use)
        if use.file.kind == "socket" and (not use.file.stream or "MMSGHDRS" in kinds):
            use = self._of_messages(now, use, kinds)
        yield use

    def _with_rights(self, now: _Now, use: Use) -> Iterable[Use]:
        """Descriptors that a message carries are the receiver's, for the same open files."""
        fds = passed_descriptors(self.fields(now.event).get(1, ()))
        if use.how == WRITE:
            sent = self._on_the_way.setdefault(use.file, deque())
            for fd in fds:
                yield self._use(now, fd, OTHER)
                sent.append(self._file(now.table, fd, now.number, now.event.pid))
        elif use.file.peer and fds:
            waiting = self._on_the_way.get(use.file.peer, deque())
            cloexec = bool(now.word(2) & _MSG_CMSG_CLOEXEC)
            for fd in fds:
                if waiting:
                    yield from self._set(now, fd, waiting.popleft(), cloexec, DUP)

    def _of_messages(self, now: _Now, use: Use, kinds: tuple[str, ...]) -> Use:
        fields = self.fields(now.event)
        hashes = self.hashes(now.event)
        destination = None
        if use.how == WRITE:
            at = kinds.index("SOCKADDR_IN") if "SOCKADDR_IN" in kinds else 1
            named = next((f for f in fields.get(at, ()) if f.kind == abi.FIELD_STRUCT), None)
            destination = parse_address(named.data) if named else use.file.remote
        moved = sum(total for total, _ in hashes) if "MMSGHDRS" in kinds else use.bytes
        return use._replace(bytes=moved, hashes=hashes, destination=destination)

    def _passed_on(self, now: _Now) -> Iterable[Use]:
        """From one descriptor into another: sendfile, splice, tee, copy_file_range."""
        source, target = PASSES_ON[SYSCALLS[now.event.nr].name]
        size = max(now.event.result, 0)
        if self._is_used(now, source):
            yield self._use(now, now.fd(source), READ if now.event.result >= 0 else OTHER, size)
        if self._is_used(now, target):
            yield self._use(now, now.fd(target), WRITE if now.event.result >= 0 else OTHER, size)


_Handler = Callable[[Tracker, _Now], Iterable[Use]]


def _handlers() -> dict[int, _Handler]:
    """What is done for which call; nothing private to Tracker is meant to be used elsewhere."""
    t = Tracker
    named: dict[_Handler, str] = {
        t._opened: "open openat openat2 creat open_by_handle_at",
        t._made_plain: " ".join(MAKERS),
        t._duplicated: "dup dup2 dup3",
        t._controlled: "fcntl",
        t._commanded: "ioctl",
        t._closed: "close",
        t._closed_range: "close_range",
        t._unshared: "unshare",
        t._fetched: "pidfd_getfd",
        t._pair_made: "pipe pipe2 socketpair",
        t._cloned: "clone clone3 fork vfork",
        t._executed: "execve execveat",
        t._changed_directory: "chdir",
        t._changed_to_open: "fchdir",
        t._socket_made: "socket",
        t._addressed: "bind getsockname getpeername",
        t._listened: "listen",
        t._asked_option: "getsockopt",
        t._connected: "connect",
        t._accepted: "accept accept4",
        t._read: "read readv pread64 preadv preadv2 recvfrom recvmsg recvmmsg",
        t._written: "write writev pwrite64 pwritev pwritev2 sendto sendmsg sendmmsg vmsplice",
        t._passed_on: " ".join(PASSES_ON),
    }
    return {
        _NUMBERS[name]: handler
        for handler, names in named.items()
        for name in names.split()
        if name in _NUMBERS
    }


_HANDLERS: Final = _handlers()
_OTHER_EVENTS: Final[dict[int, Callable[[Tracker, int, Event], list[Use]]]] = {
    abi.EVENT_START: Tracker._started,
    abi.EVENT_FORK: Tracker._forked,
    abi.EVENT_EXIT: Tracker._ended,
    abi.EVENT_DEATH: Tracker._ended,
}


def _fd_arguments() -> list[tuple[int, ...]]:
    """By call: which of its arguments are descriptors."""
    table: list[tuple[int, ...]] = [()] * (max(SYSCALLS) + 1)
    for nr, row in SYSCALLS.items():
        table[nr] = tuple(at for at, kind in enumerate(row.kinds) if kind in ("FD", "DIRFD"))
    return table


_FD_ARGS: Final = _fd_arguments()
