"""What the world is told of the run's own views of files: which file system each one covers.

A program is then shown the device and the kind of file system that it would see without them
(shims/abi_views.h).
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dstrun import abi
from dstrun.launch import kernel
from dstrun.launch.owners import User, overflow_id
from dstrun.launch.world import World
from dstrun.layout import Member

# Type, block size, five counts and the id, length of names, fragment size.
_STATFS = struct.Struct("<2q6Q2q")
_UNUSED_MAJOR = 4095
_BASE = abi.World.views.offset


def mount_lists(pid: int) -> list[str]:
    """A process's lists of mounts: the texts of /proc/PID/mounts and of mountinfo."""
    return [
        Path("/proc", str(pid), name).read_text(encoding="utf-8", errors="surrogateescape")
        for name in ("mounts", "mountinfo")
    ]


def show_mount_lists(world: World, lists: Sequence[str], pid: int) -> None:
    """A run that is made again is shown those of the first time, with its own devices."""
    v = abi.ViewsWorld
    members = (v.mounts, v.mounts_bytes), (v.mountinfo, v.mountinfo_bytes)
    mounts, infos = lists
    infos = _with_devices_of(infos, mount_lists(pid)[1])
    for text, (place, size) in zip((mounts, infos), members, strict=True):
        data = text.encode(errors="surrogateescape")
        if len(data) <= place.size:
            start = _BASE + place.offset
            world.memory[start : start + len(data)] = data
            size.set(world.memory, len(data), _BASE)


def _with_devices_of(infos: str, today: str) -> str:
    """A mountinfo with the devices that its file systems have today; a mount that is covered by
    another one may have none."""
    now = {words[4]: words[2] for words in map(str.split, today.splitlines())}
    lines = [line.split(" ", 5) for line in infos.splitlines()]
    uppermost = {words[4]: words[2] for words in lines}
    devices = {dev: now[path] for path, dev in uppermost.items() if path in now}
    for words in lines:
        words[2] = devices.setdefault(words[2], f"{_UNUSED_MAJOR}:{len(devices)}")
    return "".join(" ".join(words) + "\n" for words in lines)


def show_unknown_owners(world: World, user: User) -> None:
    """In a user namespace that knows our ids only: what belongs to others is shown as it was to a
    run that knew all of them, most likely root's."""
    v = abi.ViewsWorld
    for member, value in {
        v.unknown_are_roots: int(user.is_root),
        v.unknown_uid: overflow_id("uid"),
        v.unknown_gid: overflow_id("gid"),
    }.items():
        member.set(world.memory, value, _BASE)


class Original(Protocol):
    """What a copy was made of: kernel.Statx, before.Kept, bundle.pack.Entry."""

    @property
    def mode(self) -> int:
        """With or without the file's kind."""

    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def links(self) -> int: ...
    @property
    def ctime_ns(self) -> int: ...
    @property
    def birth_ns(self) -> int:
        """0: not known."""


class Views:
    """Written while they are mounted, into the world's memory, which the run shares."""

    def __init__(self, world: World) -> None:
        self._memory = world.memory

    def add(self, view: str, covered: str) -> None:
        """A view that was mounted at one path, and the directory that it covers at another."""
        count = abi.ViewsWorld.used_views.get(self._memory, _BASE)
        if count == abi.VIEWS_MAX:
            return
        base, f = abi.ViewsWorld.views.at(count, _BASE), abi.FileView
        kind, block, *_counts, name_bytes, fragment = _STATFS.unpack_from(kernel.statfs(covered))
        for member, value in {
            f.dev: os.stat(view).st_dev,
            f.real_dev: os.stat(covered).st_dev,
            f.fs_type: kind,
            f.block_bytes: block,
            f.fragment_bytes: fragment,
            f.name_bytes_max: name_bytes,
        }.items():
            member.set(self._memory, value, base)
        abi.ViewsWorld.used_views.set(self._memory, count + 1, _BASE)

    def add_copy(self, copy: kernel.Statx, of: Original, seen_by: User | None = None) -> None:
        """A file of a view that is a copy, and what is shown of what it is a copy of: of a file the
        number of its names, until they change. `seen_by`: also owner and mode, as they looked to
        this user."""
        f = abi.StartFile
        links = 0 if stat.S_ISDIR(copy.mode) else of.links
        shown = {f.ctime_ns: of.ctime_ns, f.birth_ns: of.birth_ns, f.shown_links: links}
        self._add(copy, shown | _owner(copy, seen_by, of.uid, of.gid, of.mode))

    def add_descriptor(
        self, copy: kernel.Statx, original: Mapping[str, Any], seen_by: User | None
    ) -> None:
        """A descriptor's file that stands for another (inherited.describe_inherited)."""
        f = abi.StartFile
        ctime_ns = original.get("ctime_ns", 0)
        owner = _owner(copy, seen_by, *(original[name] for name in ("uid", "gid", "mode")))
        self._add(copy, {
            f.ctime_ns: ctime_ns, f.birth_ns: 0, f.shown_dev: original["dev"],
            f.shown_ino: original["ino"], f.shown_rdev: original["rdev"],
            f.shown_links: original["links"], **owner,
        })  # fmt: skip

    def add_owner(self, copy: kernel.Statx, original: Mapping[str, Any], seen_by: User) -> None:
        """A pipe or a socket, which may have been made by another user."""
        f = abi.StartFile
        owner = _owner(copy, seen_by, original["uid"], original["gid"], copy.mode)
        self._add(copy, {f.ctime_ns: copy.ctime_ns, f.birth_ns: copy.birth_ns, **owner})

    def _add(self, copy: kernel.Statx, shown: Mapping[Member, int]) -> None:
        index = abi.World.used_start_files.get(self._memory) + 1
        if index == abi.START_FILES_MAX:
            return
        bucket = (copy.dev * 31 + copy.ino) % 2**64 % abi.START_INDEX_SIZE
        base, f = abi.World.start_files.at(index), abi.StartFile
        for member, value in {
            f.dev: copy.dev,
            f.ino: copy.ino,
            f.real_birth_ns: copy.birth_ns,
            f.real_ctime_ns: copy.ctime_ns,
            **shown,
            f.next: abi.World.start_index.get(self._memory, index=bucket),
        }.items():
            member.set(self._memory, value, base)
        abi.World.start_index.set(self._memory, index, index=bucket)
        abi.World.used_start_files.set(self._memory, index)


def _owner(
    copy: kernel.Statx, seen_by: User | None, uid: int, gid: int, mode: int
) -> dict[Member, int]:
    """Whose the original was, and its mode, as they looked; None: the copy's are shown."""
    if seen_by is None:
        return {}
    f = abi.StartFile
    uid, gid = seen_by.shown(uid, gid)
    mode = stat.S_IFMT(copy.mode) | stat.S_IMODE(mode)
    shown = {f.shown_uid: uid, f.shown_gid: gid, f.shown_mode: mode}
    return {f.owned: 1, f.real_mode: copy.mode, **shown}
