"""The files from which a recorded run started, for who makes it again.

A run on the user's own files has changed some of them: the trace has these as they were
(dstrun/launch/before.py). Made again, the run gets a view of its own of all files, in which they
are put back (dstrun/launch/restore.py); whatever it does there, the user's files stay as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dstrun.launch.overlay import is_below
from dstrun.launch.owners import User, needs_namespace, user_of
from dstrun.launch.startfiles import CONTENTS, FILES
from dstrun.spec import RunSpec

if TYPE_CHECKING:
    from dstrun.bundle.pack import Entry
    from dstrun.launch.before import Kept
    from dstrun.launch.ownfiles import OwnFile
    from dstrun.trace.reader import Trace


@dataclass(frozen=True)
class StartState:
    """What the run changed, as it was; `contents`: the bytes that the records point into."""

    records: tuple[Kept, ...]
    contents: memoryview
    root: str = ""  # a directory that stands for "/": all files are those of a bundle
    bundled: tuple[Entry, ...] = ()  # what is in there
    restores: bool = True  # it ran on the user's own files; its changes were to these
    own_files: tuple[OwnFile, ...] = ()  # of the recorded run's dstrun
    mounts: tuple[str, ...] = ("", "")  # /proc/self/mounts and mountinfo; empty: as they are
    come_since: frozenset[str] = frozenset()  # into directories that the run listed
    user: User | None = None  # whom it belonged to; None: not known
    all_ours: bool = False  # of a bundle's files, in a user namespace
    descriptors: tuple[dict[str, Any], ...] = ()  # inherited.describe_inherited
    descriptor_extents: Mapping[int, list[tuple[int, int, int]]] = field(default_factory=dict)

    def places(self, wanted: list[str]) -> list[str]:
        """Directories that hold all that was changed, where not everything can be covered. What we
        may not change ourselves needs no cover: nor could the run, whatever it tried."""
        changed = [kept.path for kept in self.records if kept.path not in self.come_since]
        folders = {Path(path).parent for path in changed if _is_changeable(path)}
        return sorted({*wanted, *(str(folder) for folder in folders if folder.is_dir())})

    def of_place(self, path: str, places: list[str]) -> Iterator[Kept]:
        """The records of files in a covered directory, less those in one below that is another."""
        for kept in self.records:
            owner = next((p for p in reversed(places) if is_below(kept.path, p)), None)
            if owner == path:
                yield kept

    def by_path(self) -> dict[str, Kept]:
        """The records, those of what was not there left out."""
        return {kept.path: kept for kept in self.records if kept.kind != "absent"}

    def write(self, kept: Kept, path: str) -> None:
        """The content of a file that was kept, holes included."""
        with Path(path).open("wb") as file:
            self._write(kept.extents or (), file.fileno())
            file.truncate(kept.size)

    def write_descriptor(self, number: int, file: int) -> None:
        """The content of a file that the program inherited."""
        self._write(self.descriptor_extents.get(number, ()), file)

    def _write(self, extents: Iterable[tuple[int, int, int]], file: int) -> None:
        for offset, size, place in extents:
            done = 0
            while done < size:
                view = self.contents[place + done : place + size]
                done += os.pwrite(file, view, offset + done)


def _is_changeable(path: str) -> bool:
    folder = Path(path).parent
    if not os.path.lexists(path):
        return os.access(folder, os.W_OK)
    is_ours = os.lstat(path).st_uid == os.geteuid()
    return is_ours or any(os.access(place, os.W_OK) for place in (path, folder))


def trace_user(trace: Trace) -> User | None:
    """Whom the run belonged to. None: its dstrun was killed, or is older."""
    return user_of(json.loads(trace.attachment(FILES))) if FILES in trace.attachments() else None


def _come_since(listed: Mapping[str, list[str]], own: Iterable[OwnFile]) -> Iterator[str]:
    """What is in directories that the run listed, and was not when it did; `own`: not listed."""
    for folder, names in listed.items():
        with suppress(OSError):
            known = {*names, *(n for f in own if f.folder == folder for n in f.names())}
            yield from (str(p) for p in Path(folder).iterdir() if p.name not in known)


def start_state(
    trace: Trace, spec: RunSpec, root: str = "", bundled: tuple[Entry, ...] = ()
) -> RunSpec:
    """The spec of a run that starts where the recorded one did. `root`: of a bundle's files."""
    from dstrun.launch.before import Kept
    from dstrun.launch.ownfiles import OwnFile

    has_files = FILES in trace.attachments()  # its dstrun was not killed
    description = json.loads(trace.attachment(FILES)) if has_files else {}
    contents = trace.attachment(CONTENTS) if CONTENTS in trace.attachments() else b""
    user = user_of(description)
    records = [Kept(**record) for record in description.get("changed", ())]
    own_files = tuple(OwnFile(**file) for file in trace.meta.get("own_files", ()))
    since: frozenset[str] = frozenset()
    if spec.fs == "host" and not root:
        since = frozenset(_come_since(description.get("listed", {}), own_files))
        records += [Kept(path, "absent") for path in sorted(since)]
    start = StartState(
        records=tuple(records),
        contents=memoryview(contents),
        root=root,
        bundled=bundled,
        restores=spec.fs == "host",
        own_files=own_files,
        mounts=tuple(description.get("mounts", ("", ""))),
        come_since=since,
        user=user,
        all_ours=bool(root) and needs_namespace(user),
        descriptors=tuple(trace.meta.get("descriptors", ())),
        descriptor_extents=dict(description.get("inherited", ())),
    )
    return replace(spec, fs="overlay", start=start)
