"""--keep DIR: what a run with --fs overlay changed, as plain files.

DIR/files/<path> holds every file and link that is new or changed, with mode and times, and every
new directory (a file with several names under the one by which it was changed); DIR/deleted.txt
names what is gone, one path a line, directories with a slash.

All is reached from outside, the layers by our descriptors, the views through init, which must be
alive: DIR is the user's, also where the program saw a view of it.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dstrun.launch.container import Container
from dstrun.launch.overlay import Layer, is_below

_OPAQUE = "trusted.overlay.opaque"
_REDIRECT = "trusted.overlay.redirect"


@dataclass(frozen=True)
class _Change:
    path: str  # as the program knew it
    source: str | None  # where it can be read; None: deleted
    was_dir: bool = False


def keep_changes(container: Container, asked_for: Sequence[str], directory: Path) -> None:
    """Copies what changed to `directory`. Raises OSError when that fails.

    `asked_for`: the working directory and what --overlay named.
    """
    asked_for = [os.path.realpath(path) for path in asked_for]
    # All is found before anything is written: the directory may itself lie in a layer.
    changes = [
        change
        for layer in container.layers
        if layer.lower is not None
        for change in _Comparison(container, layer, asked_for).changes()
    ]
    files = directory / "files"
    files.mkdir(parents=True, exist_ok=True)
    deleted = []
    for change in changes:
        if change.source is None:
            deleted.append(change.path + ("/" if change.was_dir else ""))
        else:
            _copy(change.source, files / change.path.lstrip("/"))
    text = "".join(f"{path}\n" for path in sorted(deleted))
    (directory / "deleted.txt").write_text(text, encoding="utf-8", errors="surrogateescape")


class _Comparison:
    """One layer: the program's view of it beside the files as they were."""

    def __init__(self, container: Container, layer: Layer, asked_for: Sequence[str]) -> None:
        self._asked_for = asked_for
        self._path = layer.path
        self._view = f"/proc/{container.init_pid}/root{layer.path.rstrip('/')}"
        self._lower = f"/proc/self/fd/{layer.lower}"
        self._upper = f"/proc/self/fd/{layer.upper}" if layer.upper is not None else None
        self._hidden = layer.hidden
        self._others = {other.path for other in container.layers} - {layer.path}

    def changes(self) -> Iterator[_Change]:
        """In the order of paths."""
        yield from self._folder("", self._upper is not None)

    def _folder(self, below: str, guided: bool) -> Iterator[_Change]:
        """`guided`: whatever changed in this directory has a name in the upper one."""
        if guided:
            names = _names(f"{self._upper}{below}")
        else:
            names = _names(f"{self._view}{below}") | _names(f"{self._lower}{below}")
        for name in sorted(names):
            path = f"{self._path.rstrip('/')}{below}/{name}"
            if path not in self._others:
                yield from self._entry(path, f"{below}/{name}", guided)

    def _entry(self, path: str, below: str, guided: bool) -> Iterator[_Change]:
        view, lower = f"{self._view}{below}", f"{self._lower}{below}"
        now, before = _lstat(view), _lstat(lower)
        if any(is_below(path, hidden) for hidden in self._hidden):
            before = None  # it was not there for the program
        if now is None:
            if before is not None and not self._was_left_out(path, before):
                yield _Change(path, None, stat.S_ISDIR(before.st_mode))
        elif stat.S_ISDIR(now.st_mode):
            if before is None or not stat.S_ISDIR(before.st_mode):
                yield _Change(path, view)
            yield from self._folder(below, guided and not self._is_replaced(below))
        elif before is None or self._differ(view, now, lower, before, guided):
            yield _Change(path, view)

    def _was_left_out(self, path: str, before: os.stat_result) -> bool:
        """A copy of /tmp has nothing of other users' but what was asked for."""
        foreign = self._upper is None and before.st_uid != os.geteuid()
        return foreign and not any(is_below(path, asked) for asked in self._asked_for)

    def _is_replaced(self, below: str) -> bool:
        """A directory of its own in the upper layer, or one that was renamed."""
        return any(
            attribute in (_OPAQUE, _REDIRECT)
            for attribute in os.listxattr(f"{self._upper}{below}", follow_symlinks=False)
        )

    def _differ(
        self, view: str, now: os.stat_result, lower: str, before: os.stat_result, guided: bool
    ) -> bool:
        fields = ["st_mode", "st_size", "st_rdev", "st_mtime_ns"]
        if guided:
            fields += ["st_uid", "st_gid"]
        elif not os.access(lower, os.R_OK, follow_symlinks=False):
            return now.st_size != 0 or not stat.S_ISREG(now.st_mode)  # could not be copied
        if any(getattr(now, field) != getattr(before, field) for field in fields):
            return True
        if stat.S_ISLNK(now.st_mode):
            return os.readlink(view) != os.readlink(lower)
        return guided and stat.S_ISREG(now.st_mode) and not filecmp.cmp(view, lower, shallow=False)


def _names(path: str) -> set[str]:
    try:
        return set(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return set()


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _copy(source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = os.lstat(source).st_mode
    if stat.S_ISDIR(mode):
        target.mkdir(exist_ok=True)
        shutil.copystat(source, target)
    elif stat.S_ISFIFO(mode):
        os.mkfifo(target)
    elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        shutil.copy2(source, target, follow_symlinks=False)
    # Sockets and devices mean nothing without those who made them.
