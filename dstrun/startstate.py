"""The files from which a recorded run started, for who makes it again.

A run on the user's own files has changed some of them: the trace has these as they were
(dstrun/launch/before.py). Made again, the run gets a view of its own of all files, in which they
are put back (dstrun/launch/restore.py); whatever it does there, the user's files stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dstrun.launch.overlay import is_below
from dstrun.launch.startfiles import CONTENTS, FILES
from dstrun.spec import RunSpec

if TYPE_CHECKING:
    from dstrun.launch.before import Kept
    from dstrun.trace.reader import Trace


@dataclass(frozen=True)
class StartState:
    """What the run changed, as it was; `contents`: the bytes that the records point into."""

    records: tuple[Kept, ...]
    contents: memoryview
    mounts: tuple[str, ...] = ("", "")  # /proc/self/mounts and mountinfo; empty: as they are

    def places(self, wanted: list[str]) -> list[str]:
        """Directories that hold all that was changed, where not everything can be covered."""
        folders = {Path(kept.path).parent for kept in self.records}
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
            for offset, size, place in kept.extents or ():
                file.seek(offset)
                file.write(self.contents[place : place + size])
            file.truncate(kept.size)


def start_state(trace: Trace, spec: RunSpec) -> RunSpec:
    """The spec of a run that starts where the recorded one did."""
    if spec.fs == "overlay":
        return spec  # its changes were not to the user's files
    if FILES not in trace.attachments():  # its dstrun was killed
        return replace(spec, fs="overlay", start=StartState((), memoryview(b"")))
    from dstrun.launch.before import Kept

    description = json.loads(trace.attachment(FILES))
    contents = trace.attachment(CONTENTS) if CONTENTS in trace.attachments() else b""
    records = tuple(Kept(**record) for record in description["changed"])
    mounts = tuple(description["mounts"])
    return replace(spec, fs="overlay", start=StartState(records, memoryview(contents), mounts))
