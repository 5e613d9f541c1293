"""What the run shares by name is its own: /dev/shm and /dev/mqueue.

Named semaphores and shared memory objects are files right in /dev/shm. What an earlier run left
there, or another program has there, would make the next run another one; so the run gets an empty
one, which goes with it, as its System V objects and message queues do in its IPC namespace.
Directories in /dev/shm are no such objects but files of users', and stay as they are. So does all
of it with `--net host`, which shares what is the machine's, and where the working directory, the
program or a view of --overlay is right there.
"""

from __future__ import annotations

import os
from contextlib import suppress

from dstrun.launch import kernel
from dstrun.launch.world import DEFAULT_EPOCH_NS
from dstrun.spec import RunSpec

_SHM, _MQUEUE = "/dev/shm", "/dev/mqueue"


def mount_own(spec: RunSpec) -> list[str]:
    """Mounts both in the current mount namespace; changes the working directory. Returns notes."""
    if spec.net != "isolated":
        return []
    if os.path.isdir(_MQUEUE):
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        with suppress(OSError):  # it stays the machine's, which only who looks into it can tell
            kernel.mount("mqueue", _MQUEUE, "mqueue", flags)
            _give_time(spec, _MQUEUE)
    if not os.path.isdir(_SHM):
        return []
    if _is_needed(spec):
        return [f"{_SHM} is the machine's own: the run works right in it"]
    try:
        _mount_shm()
        _give_time(spec, _SHM)
    except OSError as error:
        return [f"{_SHM} is the machine's own: {error.strerror}"]
    return []


def _is_needed(spec: RunSpec) -> bool:
    """Whether the run works right in /dev/shm, and not in a directory of it."""
    places = [spec.cwd, *spec.overlay_dirs]
    return _SHM in map(os.path.realpath, [*places, os.path.dirname(spec.program)])


def _give_time(spec: RunSpec, path: str) -> None:
    """A directory's mtime is shown as it is, and these are made in the run's real time."""
    epoch_ns = DEFAULT_EPOCH_NS if spec.epoch_ns is None else spec.epoch_ns
    os.utime(path, ns=(epoch_ns, epoch_ns))


def _mount_shm() -> None:
    entries = [e for e in os.scandir(_SHM) if e.is_dir(follow_symlinks=False)]
    kept = {e.name: os.open(e.path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC) for e in entries}
    kernel.mount("dstrun", _SHM, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    for name, fd in sorted(kept.items()):
        os.mkdir(f"{_SHM}/{name}")
        os.fchdir(fd)
        kernel.mount(".", f"{_SHM}/{name}", None, kernel.MS_BIND | kernel.MS_REC)
        os.close(fd)
    os.chdir("/")
