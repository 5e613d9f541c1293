"""What the program writes to dstrun's stdout and stderr, shown once however often it is run again.

The program has a file of the same kind as ours for each: a terminal, a pipe, a regular file.
What of it was not shown yet is copied on. The same run writes the same bytes, so of a run that is
made again as many bytes are left out as there were shown.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import tempfile
import termios
import threading
from contextlib import suppress
from types import TracebackType

from dstrun.spec import RunResult

_CHUNK_BYTES = 1 << 16


class _Stream:
    """One of our files. `open` makes the program's for a run."""

    def __init__(self, ours: int) -> None:
        self.ours = ours
        self.shown = 0
        self._seen = 0  # of this run's bytes
        self._lock = threading.Lock()

    def open(self) -> int:
        """The program's descriptor for one more run."""
        self._seen = 0
        return self._make()

    def _make(self) -> int:
        """Of things that keep nothing (/dev/null) the program may have our own."""
        return os.dup(self.ours)

    def drain(self) -> None:
        """All that was written until now is shown."""

    def close(self) -> None:
        """The run is over."""
        self.drain()

    def _show(self, data: bytes) -> None:
        self._seen += len(data)
        new = data[max(0, len(data) - max(0, self._seen - self.shown)) :]
        self.shown = max(self.shown, self._seen)
        view = memoryview(new) if new else memoryview(b"")
        while view:
            try:
                view = view[os.write(self.ours, view) :]
            except OSError:  # nobody reads us any more
                return


class _File(_Stream):
    """A regular file: the program writes to a copy without a name that begins where ours did."""

    def __init__(self, ours: int) -> None:
        super().__init__(ours)
        self._start = os.lseek(ours, 0, os.SEEK_CUR)
        self._size = os.fstat(ours).st_size
        self._flags = fcntl.fcntl(ours, fcntl.F_GETFL) & os.O_APPEND
        self._copy: int | None = None
        self._at = 0

    def _make(self) -> int:
        with tempfile.TemporaryFile(prefix="dstrun-") as copy:
            self._copy = os.dup(copy.fileno())
        os.fchmod(self._copy, stat.S_IMODE(os.fstat(self.ours).st_mode))
        os.ftruncate(self._copy, self._size)
        os.lseek(self._copy, self._start, os.SEEK_SET)
        fcntl.fcntl(self._copy, fcntl.F_SETFL, self._flags)
        self._at = self._size if self._flags else self._start
        return os.dup(self._copy)

    def drain(self) -> None:
        while self._copy is not None:
            data = os.pread(self._copy, _CHUNK_BYTES, self._at)
            if not data:
                return
            self._at += len(data)
            self._show(data)

    def close(self) -> None:
        super().close()
        if self._copy is not None:
            os.close(self._copy)
            self._copy = None


class _Pipe(_Stream):
    """A pipe, or what is like one: a thread copies it on, so that it never fills."""

    def __init__(self, ours: int) -> None:
        super().__init__(ours)
        self._read: int | None = None
        self._thread: threading.Thread | None = None

    def _pair(self) -> tuple[int, int]:
        return os.pipe()

    def _make(self) -> int:
        self._read, write = self._pair()
        os.set_blocking(self._read, False)
        self._thread = threading.Thread(target=self._forward, args=(self._read,), daemon=True)
        self._thread.start()
        return write

    def _forward(self, read: int) -> None:
        while True:
            select.select([read], [], [])
            if not self._copy_on(read):
                return

    def _copy_on(self, read: int) -> bool:
        """All that is there; whether more may come."""
        with self._lock:
            while True:
                try:
                    data = os.read(read, _CHUNK_BYTES)
                except BlockingIOError:
                    return True
                except OSError:  # a terminal's other end is closed
                    return False
                if not data:
                    return False
                self._show(data)

    def drain(self) -> None:
        if self._read is not None:
            self._copy_on(self._read)

    def close(self) -> None:
        if self._thread:
            self._thread.join()
            self._thread = None
        if self._read is not None:
            os.close(self._read)
            self._read = None


class _Terminal(_Pipe):
    """A terminal: the program has one that is set as ours is."""

    def _pair(self) -> tuple[int, int]:
        master, slave = os.openpty()
        with suppress(OSError, termios.error):
            termios.tcsetattr(slave, termios.TCSANOW, termios.tcgetattr(self.ours))
            size = fcntl.ioctl(self.ours, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        return master, slave


class Output:
    """Stdout and stderr of a session's runs (launch.stand.Output); entered once for each run."""

    def __init__(self) -> None:
        self._out = _stream(1)
        self._err = self._out if _identity(1) == _identity(2) else _stream(2)
        self._streams = tuple(dict.fromkeys((self._out, self._err)))
        self._inside: tuple[int, int] | None = None

    def __enter__(self) -> Output:
        out = self._out.open()
        self._inside = out, os.dup(out) if self._err is self._out else self._err.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close_inside()
        for stream in self._streams:
            stream.close()

    def inside(self) -> tuple[int, int] | None:
        """The program's descriptors."""
        return self._inside

    def close_inside(self) -> None:
        """The program has them."""
        for fd in self._inside or ():
            os.close(fd)
        self._inside = None

    def drain(self) -> None:
        """All that was written until now is shown; nobody writes meanwhile."""
        for stream in self._streams:
            stream.drain()

    def finish(self, result: RunResult) -> None:
        """Nobody has them any more: the rest is shown."""
        for stream in self._streams:
            stream.close()


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(fd)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _stream(fd: int) -> _Stream:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return _Stream(os.open(os.devnull, os.O_RDWR))
    if stat.S_ISREG(mode):
        return _File(fd)
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return _Pipe(fd)
    return _Terminal(fd) if os.isatty(fd) else _Stream(fd)
