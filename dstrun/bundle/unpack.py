"""A bundle's files in a directory that stands for "/" in a replay."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dstrun.bundle.pack import CONTENT, INDEX, NEVER, TRACE, VERSION, Entry
from dstrun.errors import TraceError
from dstrun.launch.owners import User, needs_namespace, user_of
from dstrun.native import PRELOAD

_DAMAGES = (
    tarfile.TarError, zlib.error, EOFError, OSError, KeyError, TypeError, ValueError,
    AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class Unpacked:
    """Where things are. `missing`: what was left out and is not on this machine either."""

    trace: Path
    root: str
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]


@contextmanager
def unpacked(path: Path) -> Iterator[Unpacked]:
    """In a directory of its own, removed afterwards. TraceError: it is damaged."""
    with tempfile.TemporaryDirectory(prefix="dstrun-bundle-") as folder:
        try:
            yield _unpack(path, Path(folder))
        finally:
            _make_writable(Path(folder, "root"))


def _unpack(path: Path, folder: Path) -> Unpacked:
    root = folder / "root"
    root.mkdir()
    contents = folder / "files"
    contents.mkdir()
    try:
        with tarfile.open(path) as archive:
            index = {}
            for member in archive:
                source = archive.extractfile(member)
                if source is None:
                    continue
                if member.name == INDEX:
                    index = json.load(source)
                elif member.name == TRACE:
                    _save(source, folder / TRACE)
                elif member.name.removeprefix(CONTENT).isdigit():
                    _save(source, contents / member.name.removeprefix(CONTENT))
        entries = [Entry(**entry) for entry in index["entries"]]
        if index["version"] != VERSION or not (folder / TRACE).is_file():
            raise TraceError(f"{path}: is a bundle of another dstrun")
        missing = _build(entries, contents, root, index["left_out"])
    except _DAMAGES as error:
        raise TraceError(f"{path}: is no bundle, or damaged ({error})") from None
    for place in (*NEVER, str(PRELOAD.parent)):
        Path(f"{root}{place}").mkdir(parents=True, exist_ok=True)
    user = user_of(index)
    for entry in sorted(entries, key=lambda e: e.path, reverse=True):
        _describe(entry, f"{root}{entry.path}", user, all_ours=needs_namespace(user))
    return Unpacked(folder / TRACE, str(root), tuple(entries), tuple(missing))


def _save(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _build(entries: list[Entry], contents: Path, root: Path, left_out: list[str]) -> list[str]:
    missing = []
    for entry in sorted(entries, key=lambda e: e.path):
        target = f"{root}{entry.path}"
        if entry.path != "/":
            _check_place(entry.path, root)
        if entry.kind == "directory":
            os.makedirs(target, exist_ok=True)
        elif entry.kind == "link":
            os.symlink(entry.target, target)
        elif entry.kind == "fifo":
            os.mkfifo(target)
        elif entry.content:
            os.rename(contents / str(entry.content), target)
        elif entry.path not in left_out or not _take_from_here(entry, target):
            with open(target, "wb") as file:
                file.truncate(entry.size)
            if entry.path in left_out:
                missing.append(entry.path)
    return missing


def extract_trace(path: Path, to: IO[bytes]) -> None:
    """Writes the trace alone. TraceError: there is none, or the bundle is damaged."""
    try:
        with tarfile.open(path) as archive:
            source = next((archive.extractfile(m) for m in archive if m.name == TRACE), None)
            if source is None:
                raise TraceError(f"{path}: is no bundle of dstrun")
            shutil.copyfileobj(source, to)
    except _DAMAGES as error:
        raise TraceError(f"{path}: is no bundle, or damaged ({error})") from None
    to.flush()


def bundle_user(path: Path) -> User | None:
    """Whom the run belonged to; None: the bundle does not tell, or is damaged."""
    try:
        with tarfile.open(path) as archive:
            first = archive.next()
            index = archive.extractfile(first) if first and first.name == INDEX else None
            return user_of(json.load(index)) if index else None
    except _DAMAGES:
        return None  # unpacking tells


def _make_writable(root: Path) -> None:
    """Without root nothing could be removed from a directory that is not."""
    for folder, names, _ in os.walk(root):
        for name in names:
            if not os.path.islink(f"{folder}/{name}"):
                os.chmod(f"{folder}/{name}", 0o700)


def _check_place(path: str, root: Path) -> None:
    """Nothing is written elsewhere, whatever the index says."""
    parent = os.path.dirname(f"{root}{path}")
    parts = path.split("/")
    if not path.startswith("/") or ".." in parts or os.path.realpath(parent) != parent:
        raise TraceError(f"a damaged bundle: {path}")


def _take_from_here(entry: Entry, target: str) -> bool:
    try:
        shutil.copyfile(entry.path, target)
    except OSError:
        return False
    return True


def _describe(entry: Entry, path: str, user: User | None, *, all_ours: bool) -> None:
    mode = entry.mode
    if not all_ours:
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    elif user:
        mode = user.rights(mode, entry.uid, entry.gid)
    with suppress(OSError):
        if entry.kind != "link":
            os.chmod(path, mode)
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
