"""The files that a run started from, as its trace keeps them: what it changed, what it read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dstrun.launch.before import BeforeKeeper, Contents
from dstrun.launch.inherited import describe_inherited
from dstrun.launch.owners import User, current_user
from dstrun.launch.pids import Pids
from dstrun.launch.views import mount_lists
from dstrun.launch.world import World
from dstrun.spec import RunSpec

# Names of attachments: the description (StartFiles.description), the bytes that it points into.
FILES, CONTENTS = "start.json", "start.contents"


class StartFiles:
    """Gathered while a run is recorded, saved with its trace."""

    def __init__(self, spec: RunSpec, world: World) -> None:
        self._spec = spec
        self._world = world
        self._keeper: BeforeKeeper | None = None
        self._mount_lists: list[str] = []
        self._user: User | None = None
        self._contents = Contents(spec.trace)
        self._inherited: list[dict[str, Any]] = []
        self._extents: dict[int, list[tuple[int, int, int]]] = {}
        self._notes: list[str] = []

    def describe_inherited(self, replaced: set[int]) -> list[dict[str, Any]]:
        """The program's descriptors, but those that are replaced. Files there are kept."""
        self._inherited = describe_inherited(replaced)
        for entry in self._inherited:
            reads = entry["flags"] & os.O_ACCMODE != os.O_WRONLY
            if entry["kind"] == "file" and reads and entry["one_with"] not in self._extents:
                self._keep_inherited(entry)
        return self._inherited

    def _keep_inherited(self, entry: dict[str, Any]) -> None:
        link = f"/proc/self/fd/{entry['fd']}"
        try:
            self._extents[entry["fd"]] = self._contents.keep(link, os.stat(link))
        except OSError as error:
            why = f"{entry['path']} as it is now: not kept ({error.strerror})"
            self._notes.append(f"replay needs {why}")

    def note_container(self, pid: int, user_namespace: bool) -> None:
        """The mounts, and whose it is, as the program finds them."""
        self._mount_lists = mount_lists(pid)
        self._user = current_user(user_namespace)

    def keeper(self, pids: Pids) -> BeforeKeeper:
        """Who keeps what is changed; made at the first change."""
        if self._keeper is None:
            self._keeper = BeforeKeeper(self._spec, self._world, pids, self._contents)
        return self._keeper

    def notes(self) -> list[str]:
        """For the summary."""
        return self._notes + (self._keeper.notes() if self._keeper else [])

    def description(self) -> dict[str, Any]:
        """Plain JSON types: `changed` (before.Kept), `inputs` (inputs.inputs_of), `listed`
        (inputs.names_listed), `mounts`, `user` (owners.User), `inherited`: extents of inherited
        files."""
        from dstrun.launch.inputs import inputs_missed, inputs_of, names_listed

        return {
            "changed": self._keeper.records() if self._keeper else [],
            "inputs": inputs_of(self._world, self._spec.program_path),
            "inputs_missed": inputs_missed(self._world),
            "listed": names_listed(self._world),
            "mounts": self._mount_lists,
            "user": self._user.meta() if self._user else None,
            "inherited": list(self._extents.items()),
        }

    def attachments(self) -> dict[str, Path | bytes]:
        """What the trace is to keep of them."""
        result: dict[str, Path | bytes] = {FILES: json.dumps(self.description()).encode()}
        contents = self._contents.file()
        if contents:
            result[CONTENTS] = contents
        return result

    def close(self) -> None:
        """Lets go of what was kept."""
        self._contents.close()
