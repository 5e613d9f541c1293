"""Whom a run belonged to, and how files of other owners looked to it, for who makes it again.

Without root, and in a replay by somebody else than the recorded user, the program runs in a user
namespace in which one id is known: ours, shown to it as the recorded one. All files of a bundle are
ours there. So that the program meets what it met then, each has the rights for its owner that the
run had to it, and the shim shows owner and mode as they were (shims/abi_start.h).
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dstrun.errors import DstrunError
from dstrun.native import INIT

_PR_SET_DUMPABLE = 4
_NOBODY = 65534  # linux/highuid.h
_OWNER_SHIFT, _GROUP_SHIFT = 6, 3
_RIGHTS = 0o7


@dataclass(frozen=True)
class User:
    """Whom a run belongs to. `others_unknown`: it is in a user namespace that has only these ids;
    other ones look like `overflow_uid` and `overflow_gid`."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    others_unknown: bool
    overflow_uid: int
    overflow_gid: int

    def meta(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @property
    def is_root(self) -> bool:
        """Whether all that only root may do was possible."""
        return self.uid == 0 and not self.others_unknown

    def shown(self, uid: int, gid: int) -> tuple[int, int]:
        """A file's owner and group, as the run sees them."""
        if self.others_unknown:
            uid = uid if uid == self.uid else self.overflow_uid
            gid = gid if gid == self.gid else self.overflow_gid
        return uid, gid

    def rights(self, mode: int, uid: int, gid: int) -> int:
        """A mode whose rights for the owner are those that the run has to a file of that mode."""
        if self.is_root or uid == self.uid:
            return mode
        shift = _GROUP_SHIFT if gid == self.gid or gid in self.groups else 0
        return mode & ~(_RIGHTS << _OWNER_SHIFT) | (mode >> shift & _RIGHTS) << _OWNER_SHIFT


def overflow_id(kind: str) -> int:
    """What an owner ("uid") or group ("gid") looks like where it is not known."""
    try:
        return int(Path(f"/proc/sys/fs/overflow{kind}").read_text())
    except OSError:
        return _NOBODY


def current_user(others_unknown: bool) -> User:
    """Ours."""
    return User(
        os.geteuid(), os.getegid(), tuple(os.getgroups()), others_unknown,
        overflow_id("uid"), overflow_id("gid"),
    )  # fmt: skip


def user_of(description: dict[str, Any]) -> User | None:
    """Of startfiles.description; None: an older dstrun did not tell."""
    found = description.get("user")
    return User(**found | {"groups": tuple(found["groups"])}) if found else None


def become(user: User) -> None:
    """Root becomes whose the run was, for good, so that it finds itself as it was. DstrunError:
    dstrun cannot be used by that one."""
    import ctypes

    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    # Or our own files in /proc would go on belonging to root.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    for needed in (os.__file__, str(INIT)):
        if not os.access(needed, os.R_OK):
            raise DstrunError(
                f"the run was that of uid {user.uid}, as whom it is replayed, but that user may "
                f"not read {needed} (use a dstrun and a Python that all may read)"
            )


def needs_namespace(recorded: User | None) -> bool:
    """Whether a bundle's files can only be had as our own, in a user namespace: we cannot give them
    away, or the run is to find itself in one. To be asked outside of any."""
    return os.geteuid() != 0 or bool(recorded and not recorded.is_root)
