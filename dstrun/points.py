"""Learned yield points: places in loops that only wait for another task, without any system call.

Such a loop would keep the token for ever. Where one is met (launch/spins.py) a branch in it is
chosen, and from then on a breakpoint stands there in every run: who comes by without having made
progress lets others run (shims/shim/points.c). What was learned is kept by build id in the user's
cache; a program is recognised by its size and the code at the place, stripped or not.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from dstrun import abi

CODE_BYTES = abi.POINT_CODE_BYTES
_PT_NOTE, _NT_GNU_BUILD_ID = 4, 3


@dataclass(frozen=True)
class Point:
    """One place: `code` is hex, what stands at `file_offset` without a breakpoint."""

    path: str  # where the file was when it was learned
    build_id: str  # GNU build id, or "blake2b:" and a digest of the whole file
    file_bytes: int
    file_offset: int
    code: str
    counters: int = 0  # registers that count turns: bits in the order of struct sigcontext

    def __str__(self) -> str:
        return f"{self.path}+{self.file_offset:#x}"


def cache_file() -> Path:
    """Where learned points are kept: $XDG_CACHE_HOME/dstrun/points.json."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base, "dstrun", "points.json")


def load_points() -> tuple[Point, ...]:
    """All that were learned, the newest first when there are too many; an unreadable cache is
    an empty one: everything in it can be learned again."""
    try:
        points = [Point(**fields) for fields in json.loads(cache_file().read_bytes())]
    except (OSError, ValueError, TypeError):
        return ()
    return tuple(points[-abi.POINTS_MAX :])


def save_point(point: Point) -> None:
    """Adds one. OSError when the cache cannot be written: then it is learned again next time."""
    path = cache_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        points = [known for known in load_points() if known != point]
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps([asdict(known) for known in [*points, point]], indent=1))
        fresh.replace(path)


def build_id(path: str) -> str:
    """A file's GNU build id in hex; without one, a digest of all of it."""
    from dstrun.launch.machine import file_digest

    with Path(path).open("rb") as file:
        head = file.read(64)
        if head[:5] == b"\x7fELF\x02":
            offset, size, count = struct.unpack_from("<32xQ14xHH", head)
            for index in range(count):
                file.seek(offset + index * size)
                kind, start, length = struct.unpack("<I4xQ16xQ16x", file.read(56))
                if kind == _PT_NOTE:
                    file.seek(start)
                    found = _gnu_note(file.read(min(length, 1 << 16)))
                    if found:
                        return found
    return f"blake2b:{file_digest(path)}"


def _gnu_note(notes: bytes) -> str:
    at = 0
    while at + 12 <= len(notes):
        name_bytes, bytes_, kind = struct.unpack_from("<III", notes, at)
        name = at + 12
        content = name + (name_bytes + 3 & ~3)
        if kind == _NT_GNU_BUILD_ID and notes[name : name + 4] == b"GNU\0":
            return notes[content : content + bytes_].hex()
        at = content + (bytes_ + 3 & ~3)
    return ""
