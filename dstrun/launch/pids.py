"""Pids as the program sees them, and as we do."""

from __future__ import annotations

import fcntl
import os

from dstrun.launch.container import Container

_NS_GET_TGID_FROM_PIDNS = 0x8004B707  # Linux 6.11


class Pids:
    """Translates pids of the container's namespace into ours."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._namespace: int | None = None
        if container.pid_namespace:
            self._namespace = os.open(f"/proc/{container.init_pid}/ns/pid", os.O_RDONLY)

    def close(self) -> None:
        """Nothing is asked any more."""
        if self._namespace is not None:
            os.close(self._namespace)

    def outer(self, pid: int) -> int:
        """Our pid of the container's process `pid`; ProcessLookupError when there is none."""
        if self._namespace is None:
            return pid
        try:
            return fcntl.ioctl(self._namespace, _NS_GET_TGID_FROM_PIDNS, pid)
        except OSError:
            return self._search(pid)

    def outer_thread(self, process: int, tid: int) -> int:
        """Our id of a thread `tid` of the process that we know as `process`."""
        for name in os.listdir(f"/proc/{process}/task"):
            if self._namespace is None and int(name) == tid:
                return tid
            if self._namespace is not None and _inner(f"{process}/task/{name}") == tid:
                return int(name)
        raise ProcessLookupError(tid)

    def is_dead(self, pid: int, tid: int) -> bool:
        """Whether a thread of the container's process `pid` is gone, or a zombie."""
        try:
            outer = self.outer(pid)
            thread = outer if tid == pid else self.outer_thread(outer, tid)
            with open(f"/proc/{outer}/task/{thread}/stat", "rb") as file:
                return file.read().rpartition(b")")[2].split()[0] == b"Z"
        except (ProcessLookupError, FileNotFoundError):
            return True

    def _search(self, pid: int) -> int:
        """By the NSpid lines of /proc/*/status: what kernels before 6.11 leave us."""
        identity = os.stat(f"/proc/{self._container.init_pid}/ns/pid").st_ino
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                if os.stat(f"/proc/{name}/ns/pid").st_ino == identity and _inner(name) == pid:
                    return int(name)
            except OSError:
                continue
        raise ProcessLookupError(pid)


def cpu_seconds(pid: int) -> float:
    """User CPU time of a process (of ours), in seconds."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def _inner(name: str) -> int:
    with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return -1
