"""The place of a trace, made ready before its run, for that changes the directory it lies in.

The directory keeps its time of modification, as if no trace came or went: the program may look at
it (an archive has it), and must find the same in each run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


def make_room(path: Path) -> None:
    """Leaves an empty file, or one to be truncated; OSError when that cannot be."""
    folder = path.parent
    with ExitStack() as stack:
        if not folder.exists():
            above = next(f for f in folder.parents if f.exists())
            stack.enter_context(keeps_its_time(above))
            folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(keeps_its_time(folder))
        _drop_old(path)
        with path.open("ab"):
            pass


@contextmanager
def keeps_its_time(folder: Path) -> Iterator[None]:
    """Names come and go in a directory, whose time of modification stays; not in another's one."""
    before = folder.stat()
    yield
    with suppress(OSError):
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))


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
