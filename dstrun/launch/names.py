"""What the run shares by name is its own: /dev/shm and /dev/mqueue.

Named semaphores and shared memory objects are files right in /dev/shm. What an earlier run left
there, or another program has there, would make the next run another one; so the run gets an empty
one (shims/init/init.c), which goes with it, as its System V objects and message queues do in its
IPC namespace. Directories in /dev/shm are no such objects but files of users', and stay as they
are. So does all of it with `--net host`, which shares what is the machine's, and where the working
directory, the program or a view of --overlay is right there.
"""

from __future__ import annotations

import os

from dstrun.launch.world import DEFAULT_EPOCH_NS
from dstrun.spec import RunSpec

_SHM = "/dev/shm"


def has_own(spec: RunSpec) -> bool:
    """Whether the run is to have its own."""
    return spec.net == "isolated" and not _works_in_it(spec)


def note_of_names(spec: RunSpec, refused: bool) -> str:
    """What is to be told when it should have its own and has not; or nothing."""
    if spec.net == "isolated" and _works_in_it(spec):
        return f"{_SHM} is the machine's own: the run works right in it"
    return f"{_SHM} is the machine's own: no other one can be mounted" if refused else ""


def time_of_names(spec: RunSpec) -> int:
    """In seconds: the mtime of the directories, which would be the real time of their making."""
    epoch_ns = DEFAULT_EPOCH_NS if spec.epoch_ns is None else spec.epoch_ns
    return epoch_ns // 10**9


def _works_in_it(spec: RunSpec) -> bool:
    places = [spec.cwd, *spec.overlay_dirs, os.path.dirname(spec.program)]
    return _SHM in map(os.path.realpath, places)
