"""The files that a run started from, as its trace keeps them: what it changed, what it read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dstrun.launch.pids import Pids
from dstrun.launch.views import mount_lists
from dstrun.launch.world import World
from dstrun.spec import RunSpec

if TYPE_CHECKING:
    from dstrun.launch.before import BeforeKeeper

# Names of attachments: the description (StartFiles.description), the bytes that it points into.
FILES, CONTENTS = "start.json", "start.contents"


class StartFiles:
    """Gathered while a run is recorded, saved with its trace."""

    def __init__(self, spec: RunSpec, world: World) -> None:
        self._spec = spec
        self._world = world
        self._keeper: BeforeKeeper | None = None
        self._mount_lists: list[str] = []

    def note_mounts(self, pid: int) -> None:
        """As the program finds them."""
        self._mount_lists = mount_lists(pid)

    def keeper(self, pids: Pids) -> BeforeKeeper:
        """Who keeps what is changed; made at the first change."""
        if self._keeper is None:
            from dstrun.launch.before import BeforeKeeper

            self._keeper = BeforeKeeper(self._spec, self._world, pids)
        return self._keeper

    def notes(self) -> list[str]:
        """For the summary."""
        return self._keeper.notes() if self._keeper else []

    def description(self) -> dict[str, Any]:
        """Plain JSON types: `changed` (before.Kept), `inputs` (inputs.inputs_of), `mounts`."""
        from dstrun.launch.inputs import inputs_missed, inputs_of

        return {
            "changed": self._keeper.records() if self._keeper else [],
            "inputs": inputs_of(self._world, self._spec.program),
            "inputs_missed": inputs_missed(self._world),
            "mounts": self._mount_lists,
        }

    def attachments(self) -> dict[str, Path | bytes]:
        """What the trace is to keep of them."""
        result: dict[str, Path | bytes] = {FILES: json.dumps(self.description()).encode()}
        contents = self._keeper.contents() if self._keeper else None
        if contents:
            result[CONTENTS] = Path(f"/proc/self/fd/{contents.fileno()}")
        return result

    def close(self) -> None:
        """Lets go of what was kept."""
        if self._keeper:
            self._keeper.close()
