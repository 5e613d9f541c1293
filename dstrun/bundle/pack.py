"""Which files a trace's run needs, and packing them."""

from __future__ import annotations

import fnmatch
import io
import json
import os
import posixpath
import stat
import tarfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.errors import DstrunError
from dstrun.launch import kernel
from dstrun.launch.inputs import interpreter_of
from dstrun.launch.overlay import is_below
from dstrun.launch.startfiles import FILES
from dstrun.trace.descriptors import Tracker
from dstrun.trace.reader import Trace

VERSION = 1
INDEX, TRACE, CONTENT = "index.json", "trace", "files/"
NEVER = ("/proc", "/sys", "/dev")
_LINKS_MAX = 40
_NAMES_MAX = 20_000  # of a directory; of a larger one only what the run has used is there
_COMPRESSION = 1
_NOTHING = (0o777, 0, 0, 0, 0, 0, 0, 1)  # of a link that the trace puts back
_KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A file of a bundle. `content`: its number in the archive, 0: it has none there."""

    path: str
    kind: str  # file, directory, link, fifo
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    ctime_ns: int
    birth_ns: int  # 0: not known
    links: int
    target: str = ""
    content: int = 0


@dataclass
class Contents:
    """What a bundle is to hold. `left_out`: path and reason of what the run needs besides."""

    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    user: dict[str, Any] | None = None  # owners.User, of the run

    @property
    def bytes(self) -> int:
        """Of the files that are in there whole."""
        return sum(entry.size for entry in self.entries.values() if entry.content)


def collect(trace: Trace, bytes_max: int, excluded: tuple[str, ...]) -> Contents:
    """Reads the whole trace. Raises DstrunError for one that does not tell what it has read."""
    if FILES not in trace.attachments():
        raise DstrunError(
            f"{trace.path}: does not tell which files its run has read (its dstrun was killed, or "
            "is older; record it again)"
        )
    description = json.loads(trace.attachment(FILES))
    finder = _Finder(description, bytes_max, excluded)
    finder.contents.user = description.get("user")
    for path in _used_paths(trace):
        finder.add(path)
    finder.add_inputs()
    return finder.contents


def _used_paths(trace: Trace) -> set[str]:
    meta = trace.meta
    program = posixpath.normpath(posixpath.join(meta["cwd"], meta["program"]))
    used = {meta["cwd"], "/tmp", program}
    tracker = Tracker(trace)
    for index, event in trace.numbered():
        if event.kind == abi.EVENT_SYSCALL:
            used.update(path for path in tracker.paths(event) if path.startswith("/"))
        tracker.step(index, event)
    return used


class _Finder:
    def __init__(
        self, description: dict[str, Any], bytes_max: int, excluded: tuple[str, ...]
    ) -> None:
        self.contents = Contents()
        self._inputs = {entry["path"]: entry for entry in description["inputs"]}
        self._changed = {record["path"]: record for record in description["changed"]}
        self._names = {
            path: {name for name, _ino in record["names"]}
            for path, record in self._changed.items()
            if record["names"] is not None
        }
        self._bytes_left = bytes_max
        self._excluded = excluded
        self._count = 0

    def add_inputs(self) -> None:
        """What was opened or executed, under its own name, and what the kernel loads with it."""
        for path, entry in self._inputs.items():
            self.add(path)
            if entry["kind"] == "program" and (loader := interpreter_of(path)):
                self.add(loader)
            if entry["kind"] == "directory":
                self._add_names(path)

    def add(self, path: str) -> None:
        """A path, with all that leads there: directories, symbolic links and what they lead to."""
        links = _LINKS_MAX
        rest = [part for part in path.split("/") if part]
        now = "/"
        while self._add_one(now) and rest:
            part = rest.pop(0)
            now = posixpath.dirname(now) if part == ".." else posixpath.join(now, part)
            found = self.contents.entries.get(now) or self._look(now)
            if found and found.kind == "link" and links:
                links -= 1
                self._add_one(now)
                rest = [p for p in found.target.split("/") if p and p != "."] + rest
                now = "/" if found.target.startswith("/") else posixpath.dirname(now)

    def _was_there(self, path: str) -> bool:
        """Before the run."""
        record = self._changed.get(path)
        if record:
            return bool(record["kind"] != "absent")
        folder, name = posixpath.split(path)
        return folder not in self._names or not name or name in self._names[folder]

    def _look(self, path: str) -> Entry | None:
        """As it is today, where that is as before the run."""
        record = self._changed.get(path)
        if any(is_below(path, never) for never in NEVER) or not self._was_there(path):
            return None
        if record and record["kind"] == "link":
            return Entry(path, "link", *_NOTHING, target=record["target"])
        try:
            info, born = os.lstat(path), kernel.statx(path).birth_ns
            kind = _KINDS.get(stat.S_IFMT(info.st_mode))
            target = os.readlink(path) if kind == "link" else ""
        except OSError:
            return None
        if kind is None:
            return None
        return Entry(
            path, kind, stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_size,
            info.st_mtime_ns, info.st_ctime_ns, born, info.st_nlink, target,
        )  # fmt: skip

    def _add_one(self, path: str) -> bool:
        """Whether something can be below it."""
        if path in self.contents.entries:
            return self.contents.entries[path].kind == "directory"
        entry = self._look(path)
        if entry is None:
            return False
        if entry.kind == "file" and path in self._inputs:
            entry = self._with_content(entry)
        self.contents.entries[path] = entry
        return entry.kind == "directory"

    def _with_content(self, entry: Entry) -> Entry:
        record = self._changed.get(entry.path)
        if record and record["extents"] is not None:
            return entry  # the trace has it, as it was before the run
        reason = ""
        if any(fnmatch.fnmatch(entry.path, pattern) for pattern in self._excluded):
            reason = "excluded"
        elif entry.size > self._bytes_left:
            reason = "more than the limit"
        elif not os.access(entry.path, os.R_OK):
            reason = "not readable"
        if reason:
            self.contents.left_out[entry.path] = reason
            return entry
        self._bytes_left -= entry.size
        self._count += 1
        return Entry(**{**asdict(entry), "content": self._count})

    def _add_names(self, folder: str) -> None:
        """The other names in a directory that was opened, which may have been listed."""
        names = self._names.get(folder)
        if names is None:
            with suppress(OSError):
                names = set(os.listdir(folder))
        for name in sorted(names or ()) if len(names or ()) <= _NAMES_MAX else ():
            self._add_one(posixpath.join(folder, name))


def write_bundle(trace: Path, contents: Contents, target: Path) -> None:
    """Writes it beside, then puts it in place. DstrunError: it cannot be written."""
    index = {
        "version": VERSION,
        "entries": [asdict(entry) for entry in contents.entries.values()],
        "left_out": contents.left_out,
        "user": contents.user,
    }
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tarfile.open(temporary, "w:gz", compresslevel=_COMPRESSION) as archive:
            _add_bytes(archive, INDEX, json.dumps(index).encode())
            archive.add(trace, TRACE, recursive=False)
            for entry in contents.entries.values():
                if entry.content:
                    archive.add(os.path.realpath(entry.path), f"{CONTENT}{entry.content}")
        temporary.replace(target)
    except OSError as error:
        raise DstrunError(f"{target}: cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))
