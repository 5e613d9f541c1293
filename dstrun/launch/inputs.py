"""What a run has read and executed: the list that the shim keeps, with fingerprints.

Size and time of change are those at the first open. A hash tells a file that was only copied anew
from one that is another; those of programs and libraries, which seldom change, are remembered (by
device, inode, size and time) in the user's cache. Of other files it is made as long as they are
small and few: a run that reads a large source tree does not wait for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.launch.world import World

_BASE = abi.World.before.offset
_CACHED_BYTES_MIN = 1 << 16  # smaller ones are hashed as fast as looked up
_HASHED_BYTES_MAX = 32 << 20  # in all, of what no cache knows
_HASHED_FILES_MAX = 1000
_HASHED_FILE_BYTES_MAX = 16 << 20
_CACHE_FILES_MAX = 4096
_PT_INTERP = 3
_KINDS = {
    abi.INPUT_FILE: "file", abi.INPUT_PROGRAM: "program", abi.INPUT_DIRECTORY: "directory"
}  # fmt: skip


def inputs_of(world: World, program: str) -> list[dict[str, Any]]:
    """Path, device, inode, size (bytes), mtime_ns, kind (program, file,
    directory) and blake2b ("": not made) of each.

    In the order in which they were opened, the run's own program first.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in _programs(program):
        _add_now(found, path)
    for entry in _listed(world):
        found.setdefault(entry["path"], entry)
        if entry["kind"] == "program":
            for path in _programs(entry["path"]):
                _add_now(found, path)
    files = list(found.values())
    _Hashes().add_to(files)
    return files


def inputs_missed(world: World) -> int:
    """How many more there were than the list can hold."""
    return world.get(abi.BeforeWorld.inputs_missed.within(abi.World.before))


def _listed(world: World) -> list[dict[str, Any]]:
    f, b = abi.InputFile, abi.BeforeWorld
    memory = world.memory
    paths = b.input_paths.offset + _BASE
    result = []
    for index in range(b.used_inputs.get(memory, _BASE)):
        base = b.inputs.at(index, _BASE)
        start = paths + f.path.get(memory, base)
        result.append({
            "path": os.fsdecode(memory[start : memory.find(b"\0", start)]),
            "dev": f.dev.get(memory, base),
            "ino": f.ino.get(memory, base),
            "size": f.bytes.get(memory, base),
            "mtime_ns": f.mtime_ns.get(memory, base),
            "kind": _KINDS[f.kind.get(memory, base)],
        })  # fmt: skip
    return result


def names_listed(world: World) -> dict[str, list[str]]:
    """The names in each directory that the run has listed, as they were before the run."""
    start = abi.BeforeWorld.listed.offset + _BASE
    size = world.get(abi.BeforeWorld.used_listed.within(abi.World.before))
    words = iter(os.fsdecode(bytes(world.memory[start : start + size])).split("\0"))
    return {path: list(takewhile(bool, words)) for path in takewhile(bool, words)}


def _add_now(found: dict[str, dict[str, Any]], path: str) -> None:
    path = os.path.realpath(path)
    with suppress(OSError):
        info = os.stat(path)
        found.setdefault(path, {
            "path": path, "dev": info.st_dev, "ino": info.st_ino, "size": info.st_size,
            "mtime_ns": info.st_mtime_ns, "kind": "program",
        })  # fmt: skip


def _programs(path: str) -> list[str]:
    """A program, and what the kernel loads with it: interpreters of scripts, and the loader."""
    result: list[str] = []
    while path and path not in result:
        result.append(path)
        path = interpreter_of(path)
    return result


def interpreter_of(path: str) -> str:
    """What a script's first line names, or an ELF file's loader; "" for none."""
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return ""
    if head.startswith(b"#!"):
        words = head[2:].split(b"\n", 1)[0].split(None, 1)
        return os.fsdecode(words[0]) if words else ""
    if not head.startswith(b"\x7fELF\x02") or len(head) < 64:
        return ""
    offset, size, count = struct.unpack_from("<Q14xHH", head, 32)
    for place in range(offset, offset + size * count, size or 1):
        if place + 40 > len(head):
            break
        kind, start, length = struct.unpack_from("<I4xQ16xQ", head, place)
        if kind == _PT_INTERP:
            return os.fsdecode(head[start : start + length].split(b"\0", 1)[0])
    return ""


class _Hashes:
    """Hashes of files, those of larger ones remembered between runs."""

    def __init__(self) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self._path = Path(base, "dstrun", "files.json")
        self._known: dict[str, str] | None = None
        self._new = False
        self._bytes_left = _HASHED_BYTES_MAX
        self._files_left = _HASHED_FILES_MAX

    def add_to(self, files: list[dict[str, Any]]) -> None:
        """`blake2b` of each, of programs and libraries first."""
        for entry in sorted(files, key=_is_data):
            entry["blake2b"] = self._of(entry)
        if self._new:
            self._save()

    def _of(self, entry: dict[str, Any]) -> str:
        size = entry["size"]
        if entry["kind"] == "directory":
            return ""
        is_large = size >= _CACHED_BYTES_MIN
        key = "{dev}:{ino}:{size}:{mtime_ns}".format_map(entry)
        if is_large and key in self._cache():
            return self._cache()[key]
        if size > min(self._bytes_left, _HASHED_FILE_BYTES_MAX) or not self._files_left:
            return ""
        self._bytes_left -= size
        self._files_left -= 1
        digest = _digest(entry)
        if is_large and digest:
            self._cache()[key] = digest
            self._new = True
        return digest

    def _cache(self) -> dict[str, str]:
        if self._known is None:
            try:
                loaded = json.loads(self._path.read_bytes())
                self._known = loaded if isinstance(loaded, dict) else {}
            except (OSError, ValueError):
                self._known = {}
        return self._known

    def _save(self) -> None:
        """As one file that replaces the old one; that it cannot be written is no error."""
        kept = dict(list(self._cache().items())[-_CACHE_FILES_MAX:])
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(kept))
            temporary.replace(self._path)


def _is_data(entry: dict[str, Any]) -> bool:
    return entry["kind"] != "program" and ".so" not in entry["path"]


def _digest(entry: dict[str, Any]) -> str:
    """ "" when the file is not any more what was opened, or is none."""
    try:
        fd = os.open(entry["path"], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(fd, "rb") as file:
        info = os.fstat(fd)
        if (info.st_size, info.st_mtime_ns) != (entry["size"], entry["mtime_ns"]):
            return ""
        digest = hashlib.blake2b(digest_size=16)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()
