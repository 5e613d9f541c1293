"""A shell inside a run that stands still: its files, its processes, its network.

It is a process of the container, but not of the simulation. When it ends, what it has left running
is killed, and the next process id of the container is what it was: the run goes on as if nobody had
been there, unless files were changed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from dstrun.errors import EXIT_ERROR, EXIT_NOT_FOUND, DstrunError
from dstrun.launch import kernel
from dstrun.launch.container import Container, join
from dstrun.stop.terminal import lent_terminal
from dstrun.stop.view import View

_NAMESPACES = {
    "user": kernel.CLONE_NEWUSER, "mnt": kernel.CLONE_NEWNS, "pid": kernel.CLONE_NEWPID,
    "net": kernel.CLONE_NEWNET, "uts": kernel.CLONE_NEWUTS, "ipc": kernel.CLONE_NEWIPC,
}  # fmt: skip
_KILL_S = 5.0
_LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def run_shell(view: View, command: str, stdin: int) -> int:
    """The user's shell, until it ends; or one command by it. Its exit status. DstrunError: the
    container cannot be entered."""
    container = view.stand.container
    shell = os.environ.get("SHELL") or "/bin/sh"
    argv = [shell, "-c", command] if command else [shell]
    places = (f"/proc/{view.event.pid}/cwd", view.stand.spec.cwd)

    def become_shell() -> NoReturn:
        os.dup2(stdin, 0)
        for place in places:
            with suppress(OSError):
                os.chdir(place)
                break
        try:
            os.execv(shell, argv)
        except OSError as error:
            start = view.stand.spec.start
            why = f"{error.strerror}"
            if start and start.root:
                why += " among the bundle's files (set SHELL to a shell that the run used)"
            os.write(2, f"dstrun: {shell}: {why}\n".encode())
            os._exit(EXIT_NOT_FOUND)

    before = _members(container)
    last_pid = _last_pid(container)
    try:
        with lent_terminal():
            return _inside(container, become_shell)
    finally:
        _kill(container, before)
        _inside(container, lambda: _set_last_pid(last_pid))


def _inside(container: Container, act: Callable[[], object]) -> int:
    """Exit status of a process in there that does it; 0 when `act` returns."""
    pid = os.fork()
    if pid == 0:
        _go_inside(container, act)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _go_inside(container: Container, act: Callable[[], object]) -> NoReturn:
    """Runs in a child, and never returns. A process id namespace is that of children only."""
    status = EXIT_ERROR
    try:
        join(container.init_pid, _namespaces(container.init_pid))
        pid = os.fork()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if pid == 0:
            act()
            status = 0
        else:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status < 0:
                status = 128 - status
    except OSError as error:
        os.write(2, f"dstrun: the run's container: {error.strerror}\n".encode())
    finally:
        os._exit(status)


def _namespaces(init_pid: int) -> int:
    """Those in which init is not where we are."""
    found = 0
    for name, flag in _NAMESPACES.items():
        theirs, ours = (Path(f"/proc/{pid}/ns/{name}").stat().st_ino for pid in (init_pid, "self"))
        if theirs != ours:
            found |= flag
    return found


def _members(container: Container) -> set[int]:
    """Our ids of the processes in the container."""
    namespace = Path(f"/proc/{container.init_pid}/ns/pid").stat().st_ino
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or somebody else's
            if (process / "ns" / "pid").stat().st_ino == namespace:
                found.add(int(process.name))
    return found


def _kill(container: Container, spared: set[int]) -> None:
    """All in the container but those."""
    end_s = time.monotonic() + _KILL_S
    while (found := _members(container) - spared) and time.monotonic() < end_s:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _last_pid(container: Container) -> int:
    """The process id that was given last in the container, before ours."""
    read, write = os.pipe()
    try:
        _inside(container, lambda: os.write(write, str(os.getpid() - 1).encode()))
        os.close(write)
        data = os.read(read, 32)
    finally:
        os.close(read)
    if not data:
        raise DstrunError("the run's container cannot be entered")
    return int(data)


def _set_last_pid(last_pid: int) -> None:
    _LAST_PID.write_text(str(last_pid))
