"""What the program's descriptors were when it started, and the same kinds again for a replay.

A program looks at what it writes to: whether that is a terminal, of how many columns, a pipe or a
file. So a replay gives it the same, whatever its own output is. What the program writes there is
passed on to the replay's own stdout and stderr; what it read from outside is fed from the trace by
the shims, from a file of the same content where its stdin was a file.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dstrun.launch import kernel
from dstrun.launch.capture import CHUNK_BYTES, write_all
from dstrun.launch.stand import Output
from dstrun.launch.views import Views
from dstrun.launch.world import World
from dstrun.spec import RunResult

if TYPE_CHECKING:
    from dstrun.startstate import StartState

_INHERITED_MAX = 256  # as many as the shims take over
_NULL = os.makedev(1, 3)
_SYS_KCMP, _KCMP_FILE = 312, 0
_NAME_CHARS_MAX = 60  # of a memfd: 249 bytes
_LARGE_FILE = 0o100000
_OURS = 0o600
_WINDOW_BYTES = 8  # struct winsize
_OPEN_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK | os.O_DIRECT | os.O_SYNC


# ---- describing ----
def describe_inherited(replaced: set[int]) -> list[dict[str, Any]]:
    """Descriptors that a process of ours inherits, less those that are replaced; plain JSON types.

    fd, kind (file, directory, pipe, terminal, null, device, socket, other), flags as F_GETFL has
    them, mode, dev, ino, links; of a file also path, size and offset in bytes, mtime_ns. `same_as`:
    the earlier descriptor of the same open file; `one_with`: of the same pipe, terminal or file.
    """
    found: list[dict[str, Any]] = []
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        with suppress(OSError):
            if fd < _INHERITED_MAX and fd not in replaced and os.get_inheritable(fd):
                found.append(_describe(fd, found))
    return found


def _describe(fd: int, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    info = os.fstat(fd)
    entry: dict[str, Any] = {
        "fd": fd,
        "kind": _kind(fd, info),
        "flags": fcntl.fcntl(fd, fcntl.F_GETFL),
        "mode": info.st_mode,
        "dev": info.st_dev,
        "ino": info.st_ino,
        "rdev": info.st_rdev,
        "uid": info.st_uid,
        "gid": info.st_gid,
        "links": info.st_nlink,
        "path": os.readlink(f"/proc/self/fd/{fd}"),
    }
    if entry["kind"] == "file":
        entry |= {"size": info.st_size, "mtime_ns": info.st_mtime_ns, "ctime_ns": info.st_ctime_ns}
        entry["offset"] = os.lseek(fd, 0, os.SEEK_CUR)
    if entry["kind"] == "pipe":
        entry["bytes_max"] = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    if entry["kind"] == "terminal":
        entry["window"] = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_WINDOW_BYTES)).hex()
        entry["attributes"] = _attributes(fd)
    same = [e for e in earlier if (e["dev"], e["ino"]) == (info.st_dev, info.st_ino)]
    entry["one_with"] = same[0]["fd"] if same else None
    entry["same_as"] = next((e["fd"] for e in same if _is_same(fd, e["fd"])), None)
    return entry


def _kind(fd: int, info: os.stat_result) -> str:
    if stat.S_ISCHR(info.st_mode):
        if info.st_rdev == _NULL:
            return "null"
        return "terminal" if os.isatty(fd) else "device"
    kinds = {
        stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFIFO: "pipe",
        stat.S_IFSOCK: "socket", stat.S_IFBLK: "device",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(info.st_mode), "other")


def _attributes(fd: int) -> list[Any]:
    attributes = termios.tcgetattr(fd)
    codes = [c if isinstance(c, int) else c[0] for c in attributes[6]]
    return [*attributes[:6], codes]


def _is_same(fd: int, other: int) -> bool:
    """Of the same open file description: one offset, one set of flags."""
    try:
        return kernel.syscall(_SYS_KCMP, os.getpid(), os.getpid(), _KCMP_FILE, fd, other) == 0
    except OSError:
        return True


# ---- standing in ----
class StandIns:
    """Descriptors of the same kinds as the recorded program's, for one that is replayed."""

    def __init__(self, start: StartState, world: World, output: Output | None) -> None:
        self._start = start
        self._show_output: Callable[[int, bytes], object] = output.show if output else write_all
        if output:
            output.begin(self.drain)
        self._views = Views(world)
        self._inside: dict[int, int] = {}
        self._by_number: dict[int, dict[str, Any]] = {}
        self._ends: dict[int, int] = {}  # ours of a pipe or a terminal, by number
        self._files: dict[int, int] = {}  # of files, to be read again afterwards
        self._relays: list[_Relay] = []
        self._shown_to: dict[int, int] = {}  # of files: offset
        self._other_ends: dict[int, int] = {}  # of pipes

    def __enter__(self) -> StandIns:
        try:
            for entry in self._start.descriptors:
                self._by_number[entry["fd"]] = entry
                with suppress(OSError):
                    self._inside[entry["fd"]] = self._make(entry)
        except BaseException:
            self._close_all()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_all()

    def _close_all(self) -> None:
        held = (self._inside, self._ends, self._other_ends, self._files)
        for fd in {fd for fds in held for fd in fds.values()}:
            with suppress(OSError):
                os.close(fd)

    def inside(self) -> dict[int, int]:
        """By the numbers that they are to have. What is not among them is closed inside."""
        return self._inside

    def close_inside(self) -> None:
        """After the fork: passing on begins."""
        for fd in set(self._inside.values()):
            os.close(fd)
        self._inside = {}
        for number, end in self._ends.items():
            is_terminal = self._by_number[number]["kind"] == "terminal"
            self._relays.append(_Relay(end, self._pass_on(number), is_terminal))

    def _pass_on(self, number: int) -> Callable[[bytes], object]:
        """To our stdout or stderr, or nowhere."""
        target = self._target(number)
        return lambda data: target and self._show_output(target, data)

    def _target(self, number: int) -> int:
        """Which of the two a pipe, terminal or file is, that has this number first; 0: neither."""
        entries = self._by_number.values()
        numbers = [e["fd"] for e in entries if number in (e["fd"], e["one_with"])]
        return next((n for n in numbers if n in (1, 2)), 0)

    def drain(self) -> None:
        """All that was written until now is passed on; nobody writes meanwhile."""
        for relay in self._relays:
            relay.copy_on()
        for number, file in self._files.items():
            if target := self._target(number):
                while data := os.pread(file, CHUNK_BYTES, self._shown_to[number]):
                    self._shown_to[number] += len(data)
                    self._show_output(target, data)

    def finish(self, result: RunResult) -> None:
        """After everything inside is gone: what was written has been passed on."""
        del result
        for relay in self._relays:
            relay.join()
        self.drain()

    # ---- kinds ----
    def _make(self, entry: dict[str, Any]) -> int:
        if entry["same_as"] in self._inside:
            return kernel.out_of_the_way(os.dup(self._inside[entry["same_as"]]))
        made: int = getattr(self, f"_make_{entry['kind']}", self._make_other)(entry)
        if entry["kind"] in ("pipe", "socket") and self._start.user:
            copy = kernel.statx(f"/proc/self/fd/{made}", follow=True)
            self._views.add_owner(copy, entry, self._start.user)
        return kernel.out_of_the_way(made)

    @staticmethod
    def _make_null(entry: dict[str, Any]) -> int:
        return os.open(os.devnull, entry["flags"] & _OPEN_FLAGS)

    def _make_other(self, entry: dict[str, Any]) -> int:
        """A device or a directory by its name; what has none is nothing that can be had again."""
        return os.open(entry["path"], entry["flags"] & _OPEN_FLAGS | os.O_NOCTTY)

    def _make_pipe(self, entry: dict[str, Any]) -> int:
        access = entry["flags"] & os.O_ACCMODE
        other = self._other_ends.pop(entry["one_with"], None)
        if other is not None:  # the program has both ends: nothing comes from outside
            self._ends.pop(entry["one_with"], None)
            return other
        read, write = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, entry["bytes_max"])
        theirs, ours = (read, write) if access == os.O_RDONLY else (write, read)
        ours = self._other_ends[entry["fd"]] = kernel.out_of_the_way(ours)
        if access != os.O_RDONLY:  # what it reads never ends: its end is in the trace
            self._ends[entry["fd"]] = ours
        os.set_blocking(theirs, not entry["flags"] & os.O_NONBLOCK)
        return theirs

    def _make_socket(self, entry: dict[str, Any]) -> int:
        import socket

        ours, theirs = socket.socketpair()
        self._ends[entry["fd"]] = kernel.out_of_the_way(ours.detach())
        theirs.setblocking(not entry["flags"] & os.O_NONBLOCK)
        return theirs.detach()

    def _make_terminal(self, entry: dict[str, Any]) -> int:
        flags = entry["flags"] & _OPEN_FLAGS | os.O_NOCTTY
        if entry["one_with"] in self._inside:
            return os.open(f"/proc/self/fd/{self._inside[entry['one_with']]}", flags)
        master, slave = os.openpty()
        path = os.ttyname(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, bytes.fromhex(entry["window"]))
        *numbers, codes = entry["attributes"]
        termios.tcsetattr(slave, termios.TCSANOW, [*numbers, [bytes([c]) for c in codes]])
        self._ends[entry["fd"]] = kernel.out_of_the_way(master)
        if entry["flags"] & _LARGE_FILE:
            theirs = os.open(path, flags)
            os.close(slave)
        else:  # it was not opened by its name
            theirs = slave
            os.set_blocking(theirs, not flags & os.O_NONBLOCK)
        self._show(theirs, entry)
        return theirs

    def _make_file(self, entry: dict[str, Any]) -> int:
        """In memory, shown as the file on its device."""
        if entry["one_with"] in self._files:
            file = self._files[entry["one_with"]]
        else:
            name = entry["path"].removesuffix(" (deleted)")
            file = kernel.out_of_the_way(os.memfd_create(name[-_NAME_CHARS_MAX:]))
            self._start.write_descriptor(entry["fd"], file)
            os.truncate(file, entry["size"])
            with suppress(OSError):
                os.fchown(file, entry["uid"], entry["gid"])
            os.fchmod(file, stat.S_IMODE(entry["mode"]) | _OURS)  # it may have been root's
            os.utime(file, ns=(entry["mtime_ns"], entry["mtime_ns"]))
            self._files[entry["fd"]] = file
            appends = entry["flags"] & os.O_APPEND
            self._shown_to[entry["fd"]] = entry["size" if appends else "offset"]
        theirs = os.open(f"/proc/self/fd/{file}", entry["flags"] & _OPEN_FLAGS)
        os.lseek(theirs, entry["offset"], os.SEEK_SET)
        if entry["fd"] in self._files:
            self._show(theirs, entry)
        return theirs

    def _show(self, fd: int, entry: dict[str, Any]) -> None:
        copy = kernel.statx(f"/proc/self/fd/{fd}", follow=True)
        self._views.add_descriptor(copy, entry, self._start.user)


class _Relay:
    """A thread that passes on what comes through a pipe or a terminal, so that it never fills."""

    def __init__(self, source: int, pass_on: Callable[[bytes], object], is_terminal: bool) -> None:
        self._source = source
        self._pass_on = pass_on
        self._is_terminal = is_terminal
        self._lock = threading.Lock()
        os.set_blocking(source, False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        while True:
            poll.poll()
            if not self.copy_on():
                return

    def copy_on(self) -> bool:
        """All that is there; whether more may come."""
        with self._lock:
            while True:
                try:
                    data = os.read(self._source, CHUNK_BYTES)
                except BlockingIOError:
                    return True
                except OSError:  # a terminal that nobody has open any more
                    return False
                if not data:
                    return False
                # What a terminal made of a line's end is one again, as it came from the program.
                self._pass_on(data.replace(b"\r\n", b"\n") if self._is_terminal else data)

    def join(self) -> None:
        """Until the other end is closed everywhere."""
        self._thread.join()
