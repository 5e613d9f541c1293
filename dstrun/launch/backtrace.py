"""Where a thread stands: a backtrace from its last call.

A parked thread sleeps in the shim, on the shim's stack. The registers that the program had at its
call lie there too, in the world; gdb is attached, is given these registers, walks the program's own
frames, and puts the thread's registers back. Without gdb: module and offset.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dstrun import abi
from dstrun.launch.pids import Pids
from dstrun.launch.world import World

if TYPE_CHECKING:
    from dstrun.launch.spins import Spin

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
gdb.execute("set print entry-values no")

def take(registers):
    for name, value in registers.items():
        gdb.execute("set $%s = %d" % (name, value))

def place(address):
    line = gdb.find_pc_line(address)
    symbol = gdb.execute("info symbol %d" % address, to_string=True).split(" in section")[0].strip()
    if line.symtab and line.line:
        return "%s (%s:%d)" % (symbol.split(" + ")[0], line.symtab.filename, line.line)
    return "%#x %s" % (address, symbol if "No symbol" not in symbol else "")

for thread in gdb.selected_inferior().threads():
    task = wanted.get(str(thread.ptid[1]))
    if task is None:
        continue
    thread.switch()
    frame = gdb.newest_frame()
    own = {{name: int(frame.read_register(name)) & (2**64 - 1)
            for name in [*task["registers"], "orig_rax"]}}
    take(task["registers"])
    try:
        text = gdb.execute("bt {frames}", to_string=True)
    except gdb.error as error:
        text = str(error)
    places = list(dict.fromkeys(place(address) for address in task["places"]))
    found[thread.ptid[1]] = text.splitlines(), places
    gdb.execute("frame 0", to_string=True)
    take(own)
json.dump(found, open({path!r} + ".out", "w"))
gdb.execute("detach")
"""
_PLACES_MAX = 200


@dataclass(frozen=True)
class ThreadTrace:
    """One thread: its frames, innermost first, and the places of the loop that it turns in."""

    frames: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def backtraces(
    world: World, pids: Pids, tasks: Iterable[int], spins: Mapping[int, Spin]
) -> dict[int, ThreadTrace]:
    """By task. All are as they were afterwards. What cannot be found out is left out; `spins` has
    those that run in their own code."""
    by_process: dict[int, list[int]] = {}
    for index in tasks:
        by_process.setdefault(world.task(index, abi.Task.proc), []).append(index)
    traces = {}
    for proc, members in by_process.items():
        try:
            outer = pids.outer(world.proc(proc, abi.Proc.pid))
        except (OSError, ValueError):
            continue
        registers = {task: _registers(world, task, spins) for task in members}
        known = {task: values for task, values in registers.items() if values}
        found = _by_gdb(world, pids, outer, known, spins) if shutil.which("gdb") else {}
        for task, values in known.items():
            traces[task] = found.get(task) or _without_gdb(outer, values, spins.get(task))
    return traces


def _registers(world: World, task: int, spins: Mapping[int, Spin]) -> dict[str, int]:
    if task in spins:
        return {name: spins[task].registers[name] for name in _REGISTERS}
    place = world.task(task, abi.Task.trap_registers) - abi.WORLD_BASE
    if not 0 < place < world.bytes():
        return {}
    return dict(zip(_REGISTERS, struct.unpack_from("<17Q", world.memory, place), strict=True))


def _by_gdb(
    world: World, pids: Pids, outer: int, registers: dict[int, dict[str, int]],
    spins: Mapping[int, Spin],
) -> dict[int, ThreadTrace]:  # fmt: skip
    """Nothing where it does not come about: a process that is gone, a gdb without Python."""
    try:
        lwps = {pids.outer_thread(outer, world.task(t, abi.Task.tid)): t for t in registers}
        wanted = {
            lwp: {
                "registers": registers[task],
                "places": spins[task].places[:_PLACES_MAX] if task in spins else (),
            }
            for lwp, task in lwps.items()
        }
        found = _run_gdb(outer, wanted)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    return {
        lwps[int(lwp)]: ThreadTrace(tuple(lines), tuple(places))
        for lwp, (lines, places) in found.items() if lines
    }  # fmt: skip


def _run_gdb(outer: int, wanted: dict[int, Any]) -> dict[str, Any]:
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
            found: dict[str, Any] = json.load(file)
    return found


def _without_gdb(outer: int, registers: dict[str, int], spin: Spin | None) -> ThreadTrace:
    """Module and offset of the innermost frame, and of the loop's two ends."""
    try:
        frame = f"#0  {_module_and_offset(outer, registers['rip'])}"
        ends = {min(spin.places), max(spin.places)} if spin else set()
        places = [_module_and_offset(outer, place) for place in sorted(ends)]
        return ThreadTrace((frame,), tuple(places))
    except OSError:
        return ThreadTrace()


def _module_and_offset(outer: int, place: int) -> str:
    with open(f"/proc/{outer}/maps") as file:
        for line in file:
            fields = line.split(None, 5)
            start, end = (int(x, 16) for x in fields[0].split("-"))
            if start <= place < end:
                name = fields[5].strip() if len(fields) > 5 else "anonymous memory"
                return f"{place:#018x} in {name}+{place - start + int(fields[2], 16):#x}"
    return f"{place:#018x}"
