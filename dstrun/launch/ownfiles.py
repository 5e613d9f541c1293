"""dstrun's own files among the user's: the trace, and the directory of traces without a name.

They tell of what was run before and grow while the program runs, so no listing shows them: the view
of `--fs overlay` is without them, elsewhere the shim leaves them out (shims/shim/own_files.c). A
replay leaves out those of the recorded run, wherever its trace lies now.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.launch.world import World
from dstrun.spec import TRACE_DIR, RunSpec

_RUN_OF_VERIFY = re.compile(r"\.run\d+$")


@dataclass(frozen=True)
class OwnFile:
    """A name in a directory: absolute, without symbolic links."""

    folder: str
    name: str  # also with ".runN" at its end: the runs of one --verify
    stays: bool  # in the program's view it is there: its directory cannot be removed

    def names(self) -> list[str]:
        """Those that are in the directory now."""
        own = re.compile(re.escape(self.name) + r"(\.run\d+)?")
        try:
            return [name for name in os.listdir(self.folder) if own.fullmatch(name)]
        except OSError:
            return []


def own_files(spec: RunSpec) -> tuple[OwnFile, ...]:
    """Of a run whose trace has been made; of a replay those of the recorded run."""
    if spec.start:
        return spec.start.own_files
    folder = os.path.realpath(spec.cwd)
    if not spec.trace:
        return (OwnFile(folder, TRACE_DIR, stays=False),)
    trace = os.path.realpath(Path(spec.cwd, spec.trace))
    holder, name = os.path.split(trace)
    holds_trace = _is_in(trace, os.path.join(folder, TRACE_DIR))
    return (
        OwnFile(folder, TRACE_DIR, stays=holds_trace and not _is_covered(spec, folder)),
        OwnFile(holder, _RUN_OF_VERIFY.sub("", name), stays=not _is_covered(spec, holder)),
    )


def _is_in(path: str, root: str) -> bool:
    return os.path.commonpath((path, root)) == root


def _is_covered(spec: RunSpec, folder: str) -> bool:
    """Whether the run has a view of its own of a directory."""
    if spec.fs != "overlay":
        return False
    roots = (spec.cwd, *spec.overlay_dirs, "/tmp")
    return any(_is_in(folder, os.path.realpath(root)) for root in roots)


def describe_own_files(spec: RunSpec) -> list[dict[str, Any]]:
    """Plain JSON types, for the trace's header."""
    return [asdict(file) for file in own_files(spec)]


def write_own_files(spec: RunSpec, world: World) -> None:
    """Tells the shim."""
    f = abi.OwnFile
    for index, file in enumerate(own_files(spec)):
        base = abi.World.own_files.at(index)
        f.folder.set_text(world.memory, file.folder, base)
        f.name.set_text(world.memory, file.name, base)
        f.stays.set(world.memory, int(file.stays), base)
