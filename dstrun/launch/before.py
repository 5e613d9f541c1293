"""What a run on the user's own files changes, as it was before: kept at the first change.

The shim (shims/shim/before.c) asks once per file, while no task of the program runs; the file is
reached through the descriptor that the asking process has of it. Of a directory whose names change
the names are kept, of a file that is written or goes its content; what is not among a directory's
names was not there, so a file that the run makes costs nothing.

Contents lie in one file without a name, next to the trace (where a file system can share blocks
they cost no space), and become an attachment of the trace when the run ends. Beyond a limit, or
where the disk is full, a file is only described: replay needs it unchanged, and says so.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from dstrun import abi
from dstrun.launch.container import works_in_shm
from dstrun.launch.overlay import is_below
from dstrun.launch.pids import Pids
from dstrun.launch.world import World
from dstrun.spec import TRACE_DIR, RunSpec

CONTENT_BYTES_MAX = 256 << 20  # of all files together
_NAMES_MAX = 1_000_000
_ALIGNMENT = 4096  # of contents: only whole blocks can be shared
_SMALL_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 24
_OUTSIDE = ("/proc", "/sys", "/dev")
_BASE = abi.World.before.offset
_QUESTION = _BASE + abi.BeforeWorld.question.offset
_REQUEST = abi.World.request
_TYPES = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
}  # fmt: skip


@dataclass
class Kept:
    """A file as it was before the run. Times in ns since 1970, sizes in bytes."""

    path: str
    kind: str  # file, directory, link, fifo, socket, absent
    dev: int = 0
    ino: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    links: int = 1
    size: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    birth_ns: int = 0  # 0: not known
    target: str = ""  # of a link
    names: list[tuple[str, int]] | None = None  # in a directory, with their inode numbers
    extents: list[tuple[int, int, int]] | None = None  # offset, bytes, where in the contents
    xattrs: dict[str, str] = field(default_factory=dict)  # in hexadecimal
    not_kept: str = ""  # why its content is not

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing more to keep of it."""
        return self.names is not None or self.extents is not None or self.kind not in (
            "file", "directory"
        )  # fmt: skip


class Contents:
    """The bytes of files, in one file without a name, up to a limit."""

    def __init__(self, trace: Path | None) -> None:
        self._trace = trace
        self._file: BinaryIO | None = None
        self._used = self._kept_bytes = 0

    def keep(self, link: str, info: os.stat_result) -> list[tuple[int, int, int]]:
        """Extents of a file's data: offset, bytes, where they are here. OSError: it is not kept."""
        allocated = min(info.st_size, info.st_blocks * 512 or info.st_size)
        if self._kept_bytes + allocated > CONTENT_BYTES_MAX:
            limit = f"more than {CONTENT_BYTES_MAX >> 20} MiB in all"
            raise OSError(errno.EFBIG, limit)
        if self._file is None:
            self._file = _nameless_file(self._trace)
        source = os.open(link, os.O_RDONLY | os.O_CLOEXEC)
        start = self._used
        try:
            extents = []
            for offset, size in _data(source, info.st_size):
                self._transfer(source, offset, size)
                extents.append((offset, size, self._used))
                self._used += -(-size // _ALIGNMENT) * _ALIGNMENT
                self._kept_bytes += size
            return extents
        except OSError:
            self._used = start
            raise
        finally:
            os.close(source)

    def _transfer(self, source: int, offset: int, size: int) -> None:
        assert self._file
        target, place = self._file.fileno(), self._used
        if size <= _SMALL_BYTES:
            _write(target, os.pread(source, size, offset), place)
            return
        while size:
            n = _copy_range(source, offset, target, place, min(size, _CHUNK_BYTES))
            if not n:
                return  # it was cut meanwhile, from outside
            offset, place, size = offset + n, place + n, size - n

    def file(self) -> Path | None:
        """Where they can be read; None: there are none."""
        return Path(f"/proc/self/fd/{self._file.fileno()}") if self._file else None

    def close(self) -> None:
        """Lets go of them."""
        if self._file:
            self._file.close()


class BeforeKeeper:
    """Answers the shim's questions. The records are in the order of the first changes."""

    def __init__(self, spec: RunSpec, world: World, pids: Pids, contents: Contents) -> None:
        self._world = world
        self._pids = pids
        self._ours = os.path.join(os.path.realpath(spec.cwd), TRACE_DIR)
        self._shm_is_ours = not works_in_shm(spec)
        self._by_path: dict[str, Kept] = {}
        self._by_file: dict[tuple[int, int], Kept] = {}
        self._contents = contents
        self._names = 0

    # ---- questions ----
    def answer(self) -> int:
        """What is asked about is kept; an errno when the process is gone meanwhile."""
        q, memory = abi.BeforeQuestion, self._world.memory
        member = abi.Request
        leader, tid = (self._world.get(m.within(_REQUEST)) for m in (member.pid, member.tid))
        try:
            pid = thread = self._pids.outer(leader)
            if tid != leader:
                thread = self._pids.outer_thread(pid, tid)
            link = f"/proc/{pid}/task/{thread}/fd/{q.fd.get(memory, _QUESTION)}"
            path = os.readlink(link)
            info = os.stat(link)
        except OSError as error:
            return error.errno or errno.EIO
        if self._concerns_replay(path):
            what = q.what.get(memory, _QUESTION)
            self._keep(link, path, info, what, q.birth_ns.get(memory, _QUESTION))
        return 0

    def _concerns_replay(self, path: str) -> bool:
        if not path.startswith("/") or is_below(path, self._ours):
            return False
        if is_below(path, "/dev/shm") and not self._shm_is_ours:
            return True
        return not any(is_below(path, outside) for outside in _OUTSIDE)

    def _keep(self, link: str, path: str, info: os.stat_result, what: int, birth_ns: int) -> None:
        if what == abi.BEFORE_ABSENT:
            self._by_path.setdefault(path, Kept(path, "absent"))
            return
        kept = self._described(link, path, info, birth_ns)
        if kept is None or what == abi.BEFORE_META:
            return
        if not kept.is_whole:
            self._keep_content(kept, link, info)
        if what == abi.BEFORE_TREE and kept.kind == "directory":
            self._keep_tree(kept, link)

    def _described(self, link: str, path: str, info: os.stat_result, birth_ns: int) -> Kept | None:
        """The file's record, made at the first question; None: it is not of before the run."""
        kept = self._by_file.get((info.st_dev, info.st_ino))
        if kept is not None:
            return kept
        kind = _TYPES.get(stat.S_IFMT(info.st_mode))
        if kind is None or path in self._by_path:
            return None
        kept = Kept(
            path, kind, info.st_dev, info.st_ino, stat.S_IMODE(info.st_mode), info.st_uid,
            info.st_gid, info.st_nlink, info.st_size, info.st_atime_ns, info.st_mtime_ns,
            info.st_ctime_ns, birth_ns,
        )  # fmt: skip
        if kind == "link":
            kept.target = _link_target(link)
        else:
            kept.xattrs = _xattrs(link)
        self._by_path[path] = self._by_file[info.st_dev, info.st_ino] = kept
        return kept

    def _keep_content(self, kept: Kept, link: str, info: os.stat_result) -> None:
        if kept.kind == "directory":
            kept.names = self._list(link)
        elif not kept.not_kept:
            try:
                kept.extents = self._contents.keep(link, info)
            except OSError as error:
                kept.not_kept = error.strerror or str(error)

    def _list(self, link: str) -> list[tuple[str, int]]:
        try:
            with os.scandir(link) as entries:
                names = sorted((entry.name, entry.inode()) for entry in entries)
        except OSError:
            return []
        self._names += len(names)
        return names if self._names <= _NAMES_MAX else []

    def _keep_tree(self, top: Kept, link: str) -> None:
        """All that was in a directory before the run; it is about to get another name."""
        for name, _ino in top.names or ():
            path = f"{top.path.rstrip('/')}/{name}"
            below = f"{link}/{name}"
            with suppress(OSError):
                if path in self._by_path and not stat.S_ISDIR(os.lstat(below).st_mode):
                    continue
                fd = os.open(below, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    own = f"/proc/self/fd/{fd}"
                    self._keep(own, path, os.stat(own), abi.BEFORE_TREE, 0)
                finally:
                    os.close(fd)

    # ---- the end ----
    def notes(self) -> list[str]:
        """For the summary: what replay cannot bring back."""
        lost = [kept for kept in self._by_path.values() if kept.not_kept]
        missed = self._world.get(abi.BeforeWorld.missed.within(abi.World.before))
        notes = []
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            what, why = f"{lost[0].path}{more}", lost[0].not_kept
            notes.append(f"replay needs {what} as before the run: not kept ({why})")
        if missed:
            notes.append(f"{missed} changed files could not be kept for replay")
        return notes

    def records(self) -> list[dict[str, object]]:
        """What was kept, as plain JSON types."""
        return [asdict(kept) for kept in self._by_path.values()]


def _nameless_file(trace: Path | None) -> BinaryIO:
    """On the trace's file system, which is most often that of the files, or else in /tmp."""
    folder = trace.parent if trace else Path("/tmp")
    try:
        return open(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b")
    except OSError:  # not every file system has files without a name
        import tempfile

        return tempfile.TemporaryFile(prefix="dstrun-")


def _data(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data: offset, bytes."""
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
            end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            start, end = end, size  # no such thing on this file system
        if start < end:
            yield start, end - start


def _copy_range(source: int, offset: int, target: int, place: int, size: int) -> int:
    try:
        return os.copy_file_range(source, target, size, offset, place)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    data = os.pread(source, size, offset)
    _write(target, data, place)
    return len(data)


def _write(fd: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(fd, view, place)
        view, place = view[n:], place + n


def _link_target(link: str) -> str:
    fd = os.open(link, os.O_PATH | os.O_CLOEXEC)
    try:
        return os.readlink("", dir_fd=fd)
    finally:
        os.close(fd)


def _xattrs(link: str) -> dict[str, str]:
    """Through the descriptor's link, which is followed to the file itself."""
    found = {}
    with suppress(OSError):
        for name in os.listxattr(link):
            found[name] = os.getxattr(link, name).hex()
    return found
