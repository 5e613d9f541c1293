"""Files as they were before a run, put over what they are today.

For an overlay they are written to its upper directory, with whiteouts for what was not there; in a
copy the files themselves are replaced. All is done before the run starts, so that nothing of it is
seen as the run's own doing.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dstrun.launch.before import Kept
from dstrun.launch.overlay import copy_attributes
from dstrun.startstate import StartState


class Restorer:
    """One place: `lower` has its files as they are today, `upper` is what is written to."""

    def __init__(
        self, place: str, lower: str, upper: str, start: StartState, whiteouts: bool
    ) -> None:
        self._place = place
        self._lower = lower
        self._upper = upper
        self._start = start
        self._whiteouts = whiteouts
        self._files: dict[tuple[int, int], str] = {}  # restored ones, for their other names
        # Whose attributes are set last: the place itself too, in which things were made.
        self._folders: list[tuple[str, Kept | None]] = [("", None)]

    def restore(self, records: Iterable[Kept]) -> None:
        """Raises OSError where the stage is full."""
        records = sorted(records, key=lambda kept: kept.path)
        for kept in records:
            below = "" if kept.path == self._place else kept.path[len(self._place.rstrip("/")) :]
            self._make_parents(below)
            getattr(self, f"_restore_{kept.kind}")(kept, below)
        for kept in records:
            self._restore_names(kept)
        for below, of in sorted(self._folders, key=lambda item: item[0], reverse=True):
            if of is None:
                if os.path.isdir(self._lower + below):
                    copy_attributes(self._lower + below, self._upper + below)
            else:
                self._describe(of, self._upper + below)

    def _make_parents(self, below: str) -> None:
        """The directories on the way, as they are today."""
        parts = below.split("/")[1:-1]
        for depth in range(len(parts)):
            part = "/" + "/".join(parts[: depth + 1])
            if not os.path.isdir(self._upper + part):
                self._clear(self._upper + part)
                os.mkdir(self._upper + part, 0o755)
                self._folders.append((part, None))

    @staticmethod
    def _clear(path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def _hide(self, below: str) -> None:
        self._clear(self._upper + below)
        if self._whiteouts and os.path.lexists(self._lower + below):
            os.mknod(self._upper + below, stat.S_IFCHR, 0)

    # ---- kinds ----
    def _restore_directory(self, kept: Kept, below: str) -> None:
        target = self._upper + below
        if not os.path.isdir(target) or os.path.islink(target):
            self._clear(target)
            os.mkdir(target, 0o755)
        self._folders.append((below, kept))
        if kept.names is None:
            return
        names = {name for name, _ino in kept.names}
        with suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(self._lower + below):
                if name not in names:
                    self._hide(f"{below}/{name}")

    def _restore_file(self, kept: Kept, below: str) -> None:
        source, target = self._lower + below, self._upper + below
        if kept.extents is None:
            if not self._is_file(source) or self._is_as_it_was(kept, source):
                return
            if self._whiteouts:
                shutil.copyfile(source, target)
        else:
            self._clear(target)
            self._start.write(kept, target)
        self._files[kept.dev, kept.ino] = target
        self._describe(kept, target)

    @staticmethod
    def _is_file(path: str) -> bool:
        return os.path.isfile(path) and not os.path.islink(path)

    @staticmethod
    def _is_as_it_was(kept: Kept, path: str) -> bool:
        info = os.lstat(path)
        now = replace(
            kept, mode=stat.S_IMODE(info.st_mode), uid=info.st_uid, gid=info.st_gid,
            size=info.st_size, mtime_ns=info.st_mtime_ns,
        )  # fmt: skip
        return now == kept

    def _restore_link(self, kept: Kept, below: str) -> None:
        self._clear(self._upper + below)
        os.symlink(kept.target, self._upper + below)
        self._describe(kept, self._upper + below)

    def _restore_fifo(self, kept: Kept, below: str) -> None:
        self._clear(self._upper + below)
        os.mkfifo(self._upper + below)
        self._describe(kept, self._upper + below)

    def _restore_socket(self, kept: Kept, below: str) -> None:
        self._clear(self._upper + below)
        os.mknod(self._upper + below, stat.S_IFSOCK | kept.mode)
        self._describe(kept, self._upper + below)

    def _restore_absent(self, _kept: Kept, below: str) -> None:
        self._hide(below)

    def _restore_names(self, kept: Kept) -> None:
        """Other names of files that were restored."""
        folder = "" if kept.path == self._place else kept.path[len(self._place.rstrip("/")) :]
        for name, ino in kept.names or ():
            file = self._files.get((kept.dev, ino))
            target = f"{self._upper}{folder}/{name}"
            if file and file != target:
                self._clear(target)
                os.link(file, target)

    def _describe(self, kept: Kept, path: str) -> None:
        mode = kept.mode
        if self._start.all_ours and self._start.user:
            mode = self._start.user.rights(mode, kept.uid, kept.gid)
        with suppress(OSError):  # unprivileged: EPERM, or EINVAL for an owner that is not mapped
            os.chown(path, kept.uid, kept.gid, follow_symlinks=False)
        if kept.kind != "link":
            for name, value in kept.xattrs.items():
                with suppress(OSError):
                    os.setxattr(path, name, bytes.fromhex(value))
            Path(path).chmod(mode)
        os.utime(path, ns=(kept.atime_ns, kept.mtime_ns), follow_symlinks=False)
