"""--fs overlay: the run's own copy-on-write view of the working directory, /tmp and what is named.

Everything lives on one tmpfs, the stage, mounted in the container's mount namespace and detached
again as soon as the views stand on it: it dies with the last process inside, whoever is killed,
and no path leads to it. We keep descriptors of the layers, by which keep.py finds what changed.

A place is a directory to be covered: the roots (working directory, /tmp, --overlay), and every
mount below one of them, because an overlay shows of its lower directory only the one file system.
A place becomes

- an overlay, where the kernel allows one that behaves like a file system: as root. Unprivileged
  overlays cannot rename directories of the lower layer, nor copy up files of foreign owners. One
  thing overlayfs cannot do: who has a file open for reading only, from before its first change,
  goes on seeing the old bytes.
- otherwise a copy in the stage, up to a limit; of /tmp what is the user's own in it;
- itself, where nothing in it is a user's file or it is read-only.

dstrun's own files (`.dstrun` in the working directory, the trace given by name) are hidden: they
change during the run, from outside, and are not the same in two runs.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dstrun.errors import DstrunError
from dstrun.launch import kernel
from dstrun.launch.owners import User
from dstrun.launch.ownfiles import own_files
from dstrun.launch.views import Original, Views
from dstrun.native import PRELOAD
from dstrun.spec import RunSpec

COPY_BYTES_MAX = 1 << 30
COPY_FILES_MAX = 100_000

# The stage's mount point while it is built. Nothing below it is a place (see _NO_FILES), and the
# container gets a new one anyway.
_STAGE_AT = "/proc"
# File systems that hold no files of users'.
_NO_FILES = frozenset(
    (
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
        "devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore",
        "securityfs", "selinuxfs", "sysfs", "tracefs",
    )
)  # fmt: skip
# xino and index: a file's number, and which names are links of it, outlive its copying up.
_OVERLAY_OPTIONS = (
    "redirect_dir=on,index=on,xino=on,metacopy=off",
    "redirect_dir=on,metacopy=off",
    "redirect_dir=on",
)
_MACHINES = ("/proc", "/sys", "/dev")
_MOUNT_FLAGS = {
    "nosuid": kernel.MS_NOSUID, "nodev": kernel.MS_NODEV, "noexec": kernel.MS_NOEXEC,
}  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Layer:
    """A place that was covered."""

    path: str
    lower: int | None = None  # the files as they were; None: the place is shown as it is
    upper: int | None = None  # what overlayfs has written; None: the place is a copy
    hidden: tuple[str, ...] = ()  # files of dstrun's own that are not shown

    def close(self) -> None:
        """Lets go of the descriptors."""
        for fd in (self.lower, self.upper):
            if fd is not None:
                os.close(fd)


class _TooLarge(Exception):
    pass


@dataclass(frozen=True)
class _Mount:
    path: str
    kind: str
    options: frozenset[str]

    @property
    def keeps_nothing(self) -> bool:
        return self.kind in _NO_FILES or "ro" in self.options


def mount_overlays(
    spec: RunSpec, user_namespace: bool, views: Views
) -> tuple[list[str], list[Layer]]:
    """Mounts them in the current mount namespace. Returns notes for the summary, and the layers.

    Changes the process's working directory, and with "/" among the places also its root.
    """
    if spec.fs != "overlay":
        return [], []
    return _Stage(spec, user_namespace, views).mount()


def is_below(path: str, root: str) -> bool:
    """Whether a path is `root` or in it; both absolute and without symbolic links."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _mounted() -> list[_Mount]:
    """What is mounted, parents before children."""
    found = {}
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    for line in text.splitlines():
        fields, _, rest = line.partition(" - ")
        words, (kind, _source, super_options) = fields.split(" "), rest.split(" ", 2)
        path = os.fsdecode(_OCTAL.sub(lambda m: chr(int(m[1], 8)), words[4]))
        options = frozenset(words[5].split(",") + super_options.split(","))
        found[path] = _Mount(path, kind, options)  # a later one at the same path covers it
    return [found[path] for path in sorted(found)]


def _hidden_files(spec: RunSpec) -> dict[str, list[str]]:
    """dstrun's own files, which a view is without: names by directory."""
    hidden: dict[str, list[str]] = {}
    if spec.start and spec.start.restores:  # the recorded run had no views
        return hidden
    for file in own_files(spec):
        is_hidden = any(is_below(file.folder, f"{d}/{n}") for d, ns in hidden.items() for n in ns)
        if not file.stays and not is_hidden:
            hidden.setdefault(file.folder, []).extend({file.name, *file.names()})
    return hidden


class _Stage:
    def __init__(self, spec: RunSpec, user_namespace: bool, views: Views) -> None:
        self._views = views
        self._mounts = _mounted()
        self._overlay_allowed = not user_namespace
        self._temporary = os.path.realpath("/tmp")
        self._start = None
        if spec.start and (spec.start.restores or spec.start.root):
            self._start = spec.start
        self._wanted = [os.path.realpath(p) for p in (spec.cwd, *spec.overlay_dirs)]
        if self._start:
            everything = self._overlay_allowed or self._start.root
            self._wanted = ["/"] if everything else self._start.places(self._wanted)
        self._hidden = _hidden_files(spec)
        self._places = self._find_places()
        # A mount over "/" does not reach those who are there: the new root is built in the stage.
        self._prefix = f"{_STAGE_AT}/0/root" if "/" in self._places else ""
        self._notes: list[str] = []

    def _find_places(self) -> list[str]:
        """Roots that are in no other, and the mounts below them; parents before children."""
        # A replay knows what the run changed: no /tmp has to be copied for it.
        common = () if self._start else (self._temporary,)
        if self._start and self._start.all_ours:
            return ["/", *(p for p in _MACHINES if p != _STAGE_AT)]
        roots = {p for p in (*self._wanted, *common) if Path(p).is_dir()}
        roots = {p for p in roots if not self._mount_of(p).keeps_nothing}
        mounts = {m.path for m in self._mounts}
        below = {m for m in mounts if any(is_below(m, r) for r in roots) and Path(m).exists()}
        inner = {p for p in roots if any(is_below(p, r) and p != r for r in roots)}
        places = (roots - inner) | below
        if self._start and self._start.root:  # of the machine's own files only these are shown
            places = {p for p in places if p == "/" or any(is_below(p, m) for m in _MACHINES)}
        return sorted(p for p in places if not is_below(p, _STAGE_AT))

    def _mount_of(self, path: str) -> _Mount:
        return next(m for m in reversed(self._mounts) if is_below(path, m.path))

    def mount(self) -> tuple[list[str], list[Layer]]:
        kernel.mount("dstrun", _STAGE_AT, "tmpfs", 0, "mode=700")
        stage = os.open(_STAGE_AT, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fchdir(stage)
        # All are fetched before the first is covered.
        for number, path in enumerate(self._places):
            os.mkdir(str(number))
            _mount_point(path, f"{number}/lower")
            self._fetch(path, f"{number}/lower")
        layers = [self._covered(str(number), path) for number, path in enumerate(self._places)]
        if self._start and self._start.root:
            own = str(PRELOAD.parent)  # no part of the bundle
            kernel.mount(own, self._prefix + own, None, kernel.MS_BIND)
        if self._prefix:
            os.chdir("0/root")
            kernel.mount(".", "/", None, kernel.MS_MOVE)
            os.chroot(".")
        os.fchdir(stage)
        kernel.umount(".", kernel.MNT_DETACH)
        os.close(stage)
        return self._notes, layers

    def _fetch(self, path: str, to: str) -> None:
        if path == "/" and self._start and self._start.root:
            kernel.mount(self._start.root, to, None, kernel.MS_BIND)
        else:
            kernel.mount(path, to, None, kernel.MS_BIND | kernel.MS_REC)

    def _covered(self, own: str, path: str) -> Layer:
        layer = self._cover(own, path)
        target, lower = self._prefix + path, f"{own}/lower"
        if os.stat(lower).st_dev != os.stat(target).st_dev:
            self._views.add(target, lower)
            if layer.upper is not None or self._start:
                self._tell_copies(own, target.rstrip("/"), path.rstrip("/"))
        return layer

    def _tell_copies(self, own: str, target: str, path: str) -> None:
        """What was written to the upper layer, for the view's sake, and what it is a copy of."""
        start = self._start
        kept = start.by_path() if start else {}
        bundled = {entry.path: entry for entry in start.bundled} if start and not path else {}
        if start and start.all_ours:
            self._add_copies(target, {**bundled, **kept}, start.user)
            return
        self._add_copies(target, bundled, None)
        for folder, _, names in os.walk(f"{own}/upper"):
            rest = folder[len(f"{own}/upper") :]
            for below in (rest, *(f"{rest}/{name}" for name in names)):
                with suppress(FileNotFoundError, NotADirectoryError):
                    copy = kernel.statx(target + (below or "/"))
                    of = kept.get(path + below or "/") or kernel.statx(f"{own}/lower{below}")
                    self._views.add_copy(copy, of)

    def _add_copies(
        self, target: str, originals: Mapping[str, Original], seen_by: User | None
    ) -> None:
        for path, of in originals.items():
            with suppress(FileNotFoundError, NotADirectoryError):
                self._views.add_copy(kernel.statx(target + path), of, seen_by)

    def _cover(self, own: str, path: str) -> Layer:
        """Covers one place; `own` is its directory in the stage."""
        target = self._prefix + path
        if self._prefix and path == "/":
            os.mkdir(target)
        bundle = self._start.root if self._start and path == "/" else ""
        source = self._mount_of(bundle or path)
        ours = self._start is not None and self._start.all_ours and path != "/"
        if ours or (path == source.path and source.keeps_nothing):
            kernel.mount(f"{own}/lower", target, None, kernel.MS_BIND | kernel.MS_REC)
            return Layer(path)
        if not Path(own, "lower").is_dir():
            _copy_file(f"{own}/lower", f"{own}/upper")
            kernel.mount(f"{own}/upper", target, None, kernel.MS_BIND)
            return Layer(path)
        lower = os.open(f"{own}/lower", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if self._overlay_allowed and self._mount_overlay(own, path, target, source):
            upper = os.open(f"{own}/upper", os.O_PATH | os.O_CLOEXEC)
            return Layer(path, lower, upper, self._hidden_in(path))
        self._copy(own, path)
        kernel.mount(f"{own}/upper", target, None, kernel.MS_BIND)
        return Layer(path, lower, None, self._hidden_in(path))

    def _hidden_in(self, path: str) -> tuple[str, ...]:
        return tuple(
            f"{folder.rstrip('/')}/{name}"
            for folder, names in self._hidden.items()
            for name in names
            if self._place_of(folder) == path
        )

    def _mount_overlay(self, own: str, path: str, target: str, source: _Mount) -> bool:
        flags = sum(flag for name, flag in _MOUNT_FLAGS.items() if name in source.options)
        layers = f"lowerdir={own}/lower,upperdir={own}/upper,workdir={own}/work"
        for options in _OVERLAY_OPTIONS:
            self._make_upper(own, path)
            try:
                kernel.mount("overlay", target, "overlay", flags, f"{layers},{options}")
            except OSError:
                _remove_tree(f"{own}/upper")
                _remove_tree(f"{own}/work")
            else:
                return True
        return False

    def _make_upper(self, own: str, path: str) -> None:
        """The upper directory: its root's attributes are those of the view's, and whiteouts."""
        os.mkdir(f"{own}/work")
        os.mkdir(f"{own}/upper")
        made = {""}
        for folder, names in self._hidden.items():
            if self._place_of(folder) != path:
                continue
            parts = [p for p in os.path.relpath(folder, path).split("/") if p != "."]
            if not Path(own, "lower", *parts).is_dir():  # in a replay: not any more
                continue
            for depth in range(len(parts)):
                made.add("/".join(parts[: depth + 1]))
            for part in sorted(made):
                Path(own, "upper", part).mkdir(exist_ok=True)
            for name in names:
                os.mknod(Path(own, "upper", *parts, name), stat.S_IFCHR, 0)
        for part in sorted(made, reverse=True):
            copy_attributes(f"{own}/lower/{part}", f"{own}/upper/{part}")
        self._restore(own, path, whiteouts=True)

    def _restore(self, own: str, path: str, *, whiteouts: bool) -> None:
        """A run that is made again finds the files as they were."""
        if self._start is None:
            return
        from dstrun.launch.restore import Restorer

        below = self._start.of_place(path, self._places)
        Restorer(path, f"{own}/lower", f"{own}/upper", self._start, whiteouts).restore(below)

    def _place_of(self, path: str) -> str | None:
        return next((p for p in reversed(self._places) if is_below(path, p)), None)

    def _copy(self, own: str, path: str) -> None:
        """The whole place; of a large /tmp only what was asked for."""
        copy = _Copy(path, self._temporary, self._wanted, self._places, self._hidden)
        upper = f"{own}/upper"
        try:
            copy.tree(f"{own}/lower", upper, path)
        except _TooLarge as limit:
            if self._start and self._start.all_ours:
                raise DstrunError(
                    f"the bundle has more than {limit}, and is copied for a replay as another user "
                    "than root (leave files out: dstrun bundle --limit, --exclude)"
                ) from None
            if path != self._temporary:
                why = "" if self._overlay_allowed else " without root"
                raise DstrunError(
                    f"--fs overlay: {path}: overlayfs cannot be used here{why}, and it has more "
                    f"than {limit} to copy (run as root, or in a smaller directory)"
                ) from None
            _remove_tree(upper)
            copy = self._copy_wanted(own, path)
            self._notes.append(f"{path} is empty in the run's view: it has more than {limit}")
        self._notes += copy.notes()
        self._restore(own, path, whiteouts=False)

    def _copy_wanted(self, own: str, path: str) -> _Copy:
        """Only the roots below `path`, with the directories on the way."""
        os.mkdir(f"{own}/upper")
        copy = _Copy(path, self._temporary, self._wanted, self._places, self._hidden)
        needed = [p for p in (*self._wanted, *self._places) if is_below(p, path) and p != path]
        on_the_way: set[str] = set()
        for root in sorted(set(needed)):
            parts = os.path.relpath(root, path).split("/")
            for depth in range(1, len(parts)):
                on_the_way.add("/".join(parts[:depth]))
            Path(own, "upper", *parts[:-1]).mkdir(parents=True, exist_ok=True)
            rest = "/".join(parts)
            if root in self._places:
                _mount_point(root, f"{own}/upper/{rest}")
            elif not Path(own, "upper", rest).exists():
                try:
                    copy.tree(f"{own}/lower/{rest}", f"{own}/upper/{rest}", root)
                except _TooLarge as limit:
                    raise DstrunError(
                        f"--fs overlay: {root}: has more than {limit} to copy "
                        "(run as root, or in a smaller directory)"
                    ) from None
        for part in (*sorted(on_the_way, reverse=True), ""):
            copy_attributes(f"{own}/lower/{part}", f"{own}/upper/{part}")
        return copy


class _Copy:
    """Copies a tree, with times, modes, symbolic and hard links, up to a limit."""

    def __init__(
        self, root: str, common: str, wanted: list[str], places: list[str],
        hidden: dict[str, list[str]],
    ) -> None:  # fmt: skip
        self._root = root
        self._common = common
        self._wanted = {*wanted, *places} - {root}
        self._places = set(places) - {root}
        self._hidden = {f"{d.rstrip('/')}/{n}" for d, names in hidden.items() for n in names}
        self._links: dict[tuple[int, int], str] = {}
        self._files = self._bytes = 0
        self._unreadable = self._foreign = 0
        self._uid = os.geteuid()

    def notes(self) -> list[str]:
        """What is not as it is in the original."""
        notes = []
        if self._unreadable:
            notes.append(f"{self._root}: {self._unreadable} unreadable files are empty in the copy")
        if self._foreign:
            notes.append(f"{self._root}: {self._foreign} files of other owners are copied as yours")
        return notes

    def tree(self, source: str, target: str, path: str, common: bool = False) -> None:
        """`path`: the directory's own, outside the stage. `common`: see _is_anothers."""
        common = common or path == self._common
        os.mkdir(target, 0o700)
        try:
            entries = sorted(os.scandir(source), key=lambda e: e.name)
        except PermissionError:
            self._unreadable += 1
            entries = []
        for entry in entries:
            own = f"{path.rstrip('/')}/{entry.name}"
            if own not in self._hidden:
                self._entry(entry, f"{target}/{entry.name}", own, common)
        copy_attributes(source, target)

    def _is_anothers(self, path: str, info: os.stat_result) -> bool:
        """In a common directory: not the user's own, and not what was asked for.

        Common is /tmp, and what is another's in there but on the way to what was asked for.
        """
        return info.st_uid != self._uid and path not in self._wanted

    def _entry(self, entry: os.DirEntry[str], target: str, path: str, common: bool) -> None:
        if path in self._places:
            _mount_point(path, target)
            return
        try:
            info = entry.stat(follow_symlinks=False)
            common = common and self._is_anothers(path, info)
            if common and not any(is_below(wanted, path) for wanted in self._wanted):
                return
            self._count(info)
            if stat.S_ISDIR(info.st_mode):
                self.tree(entry.path, target, path, common)
            elif info.st_nlink > 1 and (info.st_dev, info.st_ino) in self._links:
                os.link(self._links[info.st_dev, info.st_ino], target, follow_symlinks=False)
            else:
                self._leaf(entry.path, target, info)
        except FileNotFoundError:  # somebody deleted it meanwhile
            return

    def _count(self, info: os.stat_result) -> None:
        self._files += 1
        self._foreign += info.st_uid != self._uid
        if stat.S_ISREG(info.st_mode):
            self._bytes += info.st_size
        if self._bytes > COPY_BYTES_MAX:
            raise _TooLarge(f"{COPY_BYTES_MAX >> 20} MiB")
        if self._files > COPY_FILES_MAX:
            raise _TooLarge(f"{COPY_FILES_MAX} files")

    def _leaf(self, source: str, target: str, info: os.stat_result) -> None:
        if stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISFIFO(info.st_mode):
            os.mkfifo(target)
        elif stat.S_ISREG(info.st_mode):
            try:
                _copy_file(source, target)
            except PermissionError:
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0))
                self._unreadable += 1
        else:  # sockets and devices: nobody of the run could talk to them
            return
        copy_attributes(source, target)
        if info.st_nlink > 1:
            self._links[info.st_dev, info.st_ino] = target


def _mount_point(like: str, path: str) -> None:
    if Path(like).is_dir():
        os.mkdir(path)
    else:
        Path(path).touch()


def _copy_file(source: str, target: str) -> None:
    from shutil import copyfile

    copyfile(source, target, follow_symlinks=False)
    copy_attributes(source, target)


def copy_attributes(source: str, target: str) -> None:
    """Owner where that is allowed, extended attributes, mode and times."""
    from shutil import copystat

    info = os.lstat(source)
    with suppress(OSError):  # unprivileged: EPERM, or EINVAL for an owner that is not mapped
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    copystat(source, target, follow_symlinks=False)


def _remove_tree(path: str) -> None:
    from shutil import rmtree

    rmtree(path, ignore_errors=True)
