"""The place of a trace, made ready before its run, for that changes the directory it lies in."""

from __future__ import annotations

import stat
from pathlib import Path


def make_room(path: Path) -> None:
    """Leaves an empty file, or one to be truncated; OSError when that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_old(path)
    with path.open("ab"):
        pass


def _drop_old(path: Path) -> None:
    """Removes the file of an earlier run: to truncate it makes some file systems wait for the disk.

    A link to elsewhere, a device, or a file with another name is truncated all the same.
    """
    try:
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size:
            path.unlink()
    except OSError:
        pass
