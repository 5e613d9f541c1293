"""What the world is told of the run's own views of files: which file system each one covers.

A program is then shown the device and the kind of file system that it would see without them, and
the mounts without theirs (shims/abi_views.h).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from dstrun import abi
from dstrun.launch import kernel
from dstrun.launch.world import World

# Type, block size, five counts and the id, length of names, fragment size, flags.
_STATFS = struct.Struct("<2q6Q3q")
_BASE = abi.World.views.offset


class Views:
    """Written while they are mounted, into the world's memory, which the run shares."""

    def __init__(self, world: World) -> None:
        self._memory = world.memory

    def note_mounts(self) -> None:
        """The lists of mounts as they are now are those that the program sees."""
        v = abi.ViewsWorld
        for name, text, size in (
            ("mounts", v.mounts, v.mounts_bytes),
            ("mountinfo", v.mountinfo, v.mountinfo_bytes),
        ):
            data = Path("/proc/self", name).read_bytes()
            if len(data) <= text.size:
                start = _BASE + text.offset
                self._memory[start : start + len(data)] = data
                size.set(self._memory, len(data), _BASE)

    def add(self, view: str, covered: str) -> None:
        """A view that was mounted at one path, and the directory that it covers at another."""
        count = abi.ViewsWorld.used_views.get(self._memory, _BASE)
        if count == abi.VIEWS_MAX:
            return
        base, f = abi.ViewsWorld.views.at(count, _BASE), abi.FileView
        kind, block, *_counts, name_bytes, fragment, flags = _STATFS.unpack_from(
            kernel.statfs(covered)
        )
        for member, value in {
            f.dev: os.stat(view).st_dev,
            f.real_dev: os.stat(covered).st_dev,
            f.fs_type: kind,
            f.block_bytes: block,
            f.fragment_bytes: fragment,
            f.name_bytes_max: name_bytes,
            f.mount_flags: flags,
        }.items():
            member.set(self._memory, value, base)
        abi.ViewsWorld.used_views.set(self._memory, count + 1, _BASE)

    def add_copy(self, copy: kernel.Statx, ctime_ns: int, birth_ns: int) -> None:
        """A file of a view that is a copy, and the times of what it is a copy of."""
        index = abi.World.used_start_files.get(self._memory) + 1
        if index == abi.START_FILES_MAX:
            return
        bucket = (copy.dev * 31 + copy.ino) % 2**64 % abi.START_INDEX_SIZE
        base, f = abi.World.start_files.at(index), abi.StartFile
        for member, value in {
            f.dev: copy.dev,
            f.ino: copy.ino,
            f.real_birth_ns: copy.birth_ns,
            f.ctime_ns: ctime_ns,
            f.birth_ns: birth_ns,
            f.next: abi.World.start_index.get(self._memory, index=bucket),
        }.items():
            member.set(self._memory, value, base)
        abi.World.start_index.set(self._memory, index, index=bucket)
        abi.World.used_start_files.set(self._memory, index)
