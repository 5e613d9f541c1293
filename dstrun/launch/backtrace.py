"""Where each thread of a stuck run stands: a backtrace from its last call.

A parked thread sleeps in the shim, on the shim's stack. The registers that the program had at its
call lie there too, in the world; gdb is attached, is given these registers, and walks the program's
own frames. The run is over, so nothing has to be put back. Without gdb: module and offset.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass

from dstrun import abi
from dstrun.launch.pids import Pids
from dstrun.launch.world import World

_FRAMES_MAX = 20
_GDB_TIMEOUT_S = 20
# struct sigcontext of x86-64, in its order.
_REGISTERS = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax",
    "rcx", "rsp", "rip",
)  # fmt: skip
_WALK = """
import gdb, json
wanted = json.load(open({path!r}))
found = {{}}
gdb.execute("set pagination off")
gdb.execute("set print frame-arguments scalars")
for thread in gdb.selected_inferior().threads():
    registers = wanted.get(str(thread.ptid[1]))
    if registers is None:
        continue
    thread.switch()
    gdb.execute("frame 0", to_string=True)
    for name, value in registers.items():
        gdb.execute("set $%s = %d" % (name, value))
    try:
        text = gdb.execute("bt {frames}", to_string=True)
    except gdb.error as error:
        text = str(error)
    found[thread.ptid[1]] = text.splitlines()
json.dump(found, open({path!r} + ".out", "w"))
gdb.execute("kill")  # its registers are not its own any more: it must not run on
"""


@dataclass(frozen=True)
class ThreadTrace:
    """One thread: its ids inside, and its frames, innermost first."""

    pid: int
    tid: int
    frames: tuple[str, ...]


def backtraces(world: World, pids: Pids) -> list[ThreadTrace]:
    """All threads that are still there. What cannot be found out is left out."""
    by_process: dict[int, list[int]] = {}
    for index in world.tasks():
        if world.task(index, abi.Task.state) not in (abi.TASK_FREE, abi.TASK_EXITING):
            by_process.setdefault(world.task(index, abi.Task.proc), []).append(index)
    traces = []
    for proc, tasks in by_process.items():
        pid = world.proc(proc, abi.Proc.pid)
        try:
            outer = pids.outer(pid)
            frames = _by_gdb(world, pids, outer, tasks) if shutil.which("gdb") else {}
            for index in tasks:
                tid = world.task(index, abi.Task.tid)
                lines = frames.get(index) or [_module_and_offset(outer, _registers(world, index))]
                traces.append(ThreadTrace(pid, tid, tuple(lines)))
        except (OSError, ValueError, subprocess.SubprocessError):
            continue
    return traces


def _registers(world: World, task: int) -> dict[str, int]:
    place = world.task(task, abi.Task.trap_registers) - abi.WORLD_BASE
    if not 0 < place < world.bytes():
        raise ValueError("no registers")
    return dict(zip(_REGISTERS, struct.unpack_from("<17Q", world.memory, place), strict=True))


def _by_gdb(world: World, pids: Pids, outer: int, tasks: list[int]) -> dict[int, list[str]]:
    lwps = {pids.outer_thread(outer, world.task(t, abi.Task.tid)): t for t in tasks}
    wanted = {lwp: _registers(world, task) for lwp, task in lwps.items()}
    with tempfile.TemporaryDirectory(prefix="dstrun-") as folder:
        path = os.path.join(folder, "registers")
        script = os.path.join(folder, "walk.py")
        with open(path, "w") as file:
            json.dump(wanted, file)
        with open(script, "w") as file:
            file.write(_WALK.format(path=path, frames=_FRAMES_MAX))
        subprocess.run(
            ["gdb", "-nx", "-batch", "-p", str(outer), "-x", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=_GDB_TIMEOUT_S, check=False,
        )  # fmt: skip
        with open(path + ".out") as file:
            found = json.load(file)
    return {lwps[int(lwp)]: lines for lwp, lines in found.items() if lines}


def _module_and_offset(outer: int, registers: dict[str, int]) -> str:
    rip = registers["rip"]
    with open(f"/proc/{outer}/maps") as file:
        for line in file:
            fields = line.split(None, 5)
            start, end = (int(x, 16) for x in fields[0].split("-"))
            if start <= rip < end:
                name = fields[5].strip() if len(fields) > 5 else "anonymous memory"
                return f"#0  {rip:#018x} in {name}+{rip - start + int(fields[2], 16):#x}"
    return f"#0  {rip:#018x}"
