"""gdb on a process of a run that stands still.

The thread sits in the shim, which gdb is told to see through (launch/backtrace.py): the innermost
frame is that of the program's call. The command `dstrun` in gdb asks us, over a socket.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dstrun import abi
from dstrun.errors import BadUsage, DstrunError
from dstrun.launch.backtrace import shim_frames, wanted_frames
from dstrun.launch.waits import Waits
from dstrun.native import PRELOAD
from dstrun.stop.terminal import lent_terminal
from dstrun.stop.view import View

_BATCH_PATIENCE_S = 60.0
_WORDS = ("time", "tasks", "events", "fds")
_SETUP = """
import re
names = {names!r}
ours = range({start}, {end})

libraries = re.compile(r"/(ld-|libc[.-]|libpthread[.-])[^/]*$|/{preload}$")

def program_frame():
    "The innermost outside the shim and the C library; else outside the shim."
    frame = outside = gdb.newest_frame()
    while frame and frame.pc() in ours:
        frame = outside = frame.older()
    while frame and libraries.search(gdb.solib_name(frame.pc()) or ""):
        frame = frame.older()
    return frame if frame and frame.name() else outside

def leave_shim():
    "What is shown after a switch of threads is the program, not the shim."
    try:
        if gdb.selected_thread() and gdb.selected_frame().pc() in ours:
            program_frame().select()
    except (gdb.error, AttributeError):
        pass

class WithoutShim:
    name, priority, enabled = "dstrun", 1, True
    def filter(self, frames):
        return (frame for frame in frames if frame.inferior_frame().pc() not in ours)

gdb.frame_filters["dstrun"] = WithoutShim()
gdb.execute("handle SIGSYS nostop noprint pass", to_string=True)
gdb.execute("set confirm off")
for thread in gdb.selected_inferior().threads():
    if thread.ptid[1] in names:
        thread.name = names[thread.ptid[1]]
    if thread.ptid[1] == {lwp}:
        thread.switch()
leave_shim()
"""
_TALK = """
import socket
link = socket.socket(fileno={fd}).makefile("rwb")

class Dstrun(gdb.Command):
    "dstrun time|tasks|events [N]|fds [PID]: the simulation, which stands still meanwhile."
    def __init__(self):
        super().__init__("dstrun", gdb.COMMAND_STATUS)
    def complete(self, text, word):
        return [name for name in {words!r} if name.startswith(text)]
    def invoke(self, arg, from_tty):
        link.write(json.dumps(arg).encode() + b"\\n")
        link.flush()
        gdb.write(json.loads(link.readline()))

Dstrun()
gdb.events.before_prompt.connect(leave_shim)
gdb.execute("frame")
"""
_BATCH = """
try:
    text = gdb.execute({command!r}, to_string=True)
except gdb.error as error:
    text = "%s\\n" % error
json.dump(text, open({path!r}, "w"))
"""

Answer = Callable[[str], list[str]]


@dataclass(frozen=True)
class _Process:
    """What gdb is to attach to, in our numbers."""

    pid: int
    lwp: int
    names: dict[int, str]
    registers: dict[int, object]


def check_gdb() -> None:
    """BadUsage: there is none."""
    if not shutil.which("gdb"):
        raise BadUsage("gdb: not found (install gdb to look into a process)")


def attach(view: View, pid: int, args: Sequence[str], stdin: int, answer: Answer) -> None:
    """gdb with the user, until it is left, on process `pid` of the run. `answer`: what its command
    `dstrun` is to say. DstrunError: it cannot be."""
    check_gdb()
    process = _find(view, pid)
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryDirectory(prefix="dstrun-") as folder, theirs:
        talk = _TALK.format(fd=theirs.fileno(), words=_WORDS)
        script = _write_script(Path(folder), process, talk)
        command = ["gdb", "-q", "-p", str(process.pid), "-x", str(script), *args]
        with lent_terminal(), _answering(ours, answer):
            gdb = subprocess.Popen(command, stdin=stdin, pass_fds=(theirs.fileno(),))
            theirs.close()
            gdb.wait()


def run_command(view: View, command: str) -> list[str]:
    """What gdb answers to a command, in the frame of the event's call. DstrunError: no gdb, or it
    does not get at the process."""
    check_gdb()
    process = _find(view, view.event.pid)
    with tempfile.TemporaryDirectory(prefix="dstrun-") as folder:
        answer = Path(folder, "answer")
        batch = _BATCH.format(command=command, path=str(answer))
        script = _write_script(Path(folder), process, batch)
        gdb = subprocess.Popen(
            ["gdb", "-nx", "-batch", "-p", str(process.pid), "-x", str(script)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, text=True,
        )  # fmt: skip
        try:
            errors = gdb.communicate(timeout=_BATCH_PATIENCE_S)[1]
            text: str = json.loads(answer.read_text())
        except subprocess.TimeoutExpired:
            raise DstrunError(f"gdb: no answer within {_BATCH_PATIENCE_S:g} s") from None
        except OSError:
            reason = " ".join(errors.split()) or "it cannot attach"
            raise DstrunError(f"gdb: {reason}") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(gdb.pid, signal.SIGKILL)
            gdb.wait()
    return text.splitlines()


def _find(view: View, pid: int) -> _Process:
    world, pids = view.stand.world, view.stand.pids
    waits = Waits(world, pids)
    tasks = [task for task in waits.tasks if waits.ids(task)[0] == pid]
    if not tasks:
        raise DstrunError(f"there is no process {pid} any more (tasks lists them)")
    if any(world.task(task, abi.Task.wait) == abi.WAIT_VFORK for task in tasks):
        raise DstrunError(f"process {pid} is held by vfork: its child has to exec or end first")
    try:
        outer = pids.outer(pid)
        lwps = {pids.outer_thread(outer, waits.ids(task)[1]): task for task in tasks}
        registers = wanted_frames(world, pids, outer, tasks)
    except OSError:
        raise DstrunError(f"process {pid} is gone") from None
    chosen = next((lwp for lwp, task in lwps.items() if task == view.stand.holder), outer)
    names = {lwp: _name(waits, task) for lwp, task in lwps.items()}
    return _Process(outer, chosen, names, {**registers})


def _name(waits: Waits, task: int) -> str:
    name = abi.Task.comm.get_text(waits.world.memory, abi.World.tasks.at(task))
    return f"{name}, thread {waits.ids(task)[1]}"


def _write_script(folder: Path, process: _Process, last: str) -> Path:
    path = folder / "registers"
    path.write_text(json.dumps(process.registers))
    setup = _SETUP.format(
        names=process.names, lwp=process.lwp, start=abi.OURS_START, end=abi.OURS_END,
        preload=re.escape(PRELOAD.name),
    )  # fmt: skip
    script = folder / "dstrun.py"
    script.write_text(shim_frames(str(path)) + setup + last)
    return script


@contextmanager
def _answering(link: socket.socket, answer: Answer) -> Iterator[None]:
    thread = threading.Thread(target=_serve, args=(link, answer), daemon=True)
    thread.start()
    try:
        yield
    finally:
        link.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(link: socket.socket, answer: Answer) -> None:
    with link.makefile("rwb") as file:
        while line := file.readline():
            try:
                lines = answer(json.loads(line))
            except DstrunError as error:
                lines = [str(error)]
            file.write(json.dumps("\n".join([*lines, ""])).encode() + b"\n")
            file.flush()
