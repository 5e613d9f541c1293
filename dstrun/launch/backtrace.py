"""Where a thread stands: a backtrace from its last call.

A parked thread sleeps in the shim, on the shim's stack. The registers that the program had at its
call lie there too, in the world: gdb is told that these are what the shim's frame returns to, and
walks on through the program's own. It changes nothing, so the run may go on afterwards. Without
gdb: module and offset.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dstrun import abi
from dstrun.launch.pids import Pids
from dstrun.launch.world import World

if TYPE_CHECKING:
    from dstrun.launch.spins import Spin

_FRAMES_MAX = 20
GDB_PATIENCE_S = 20.0
# struct sigcontext of x86-64, in its order.
_REGISTERS = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax",
    "rcx", "rsp", "rip",
)  # fmt: skip
# In gdb: frames of the shim return to the registers that the program had at its call.
_SHIM_FRAMES = """
import gdb, gdb.unwinder, json
wanted = json.load(open({path!r}))

class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc

class ShimFrame(gdb.unwinder.Unwinder):
    def __init__(self):
        super().__init__("dstrun")

    def stands_aside(self, pc, sp, task):
        "It is on a stack of the shim's; or it turns: not where it was seen, but no further out."
        at = task["registers"]
        return {start} <= sp < {end} or (task["turns"] and (pc, sp) != (at["rip"], at["rsp"])
                                         and sp <= at["rsp"])

    def __call__(self, pending):
        pc, sp = pending.read_register("rip"), pending.read_register("rsp")
        task = wanted.get(str(gdb.selected_thread().ptid[1]))
        if task is None or not self.stands_aside(int(pc), int(sp), task):
            return None
        task["claimed"] = True
        # Stacks grow down: a caller on another stack, lower than the shim's, would be no caller.
        at = gdb.Value(task["registers"]["rsp"]).cast(sp.type)
        unwound = pending.create_unwind_info(FrameId(at, pc))
        for name, value in task["registers"].items():
            kind = pending.read_register(name).type
            unwound.add_saved_register(name, gdb.Value(value).cast(kind))
        return unwound

gdb.unwinder.register_unwinder(None, ShimFrame())
"""
_WALK = """
found = {{}}
gdb.execute("set pagination off")
gdb.execute("set print frame-arguments scalars")
gdb.execute("set print entry-values no")

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
    try:
        text = gdb.execute("bt {frames}", to_string=True)
    except gdb.error as error:
        text = str(error)
    places = list(dict.fromkeys(place(address) for address in task["places"]))
    found[thread.ptid[1]] = text.splitlines()["claimed" in task:], places
json.dump(found, open({path!r} + ".out", "w"))
gdb.execute("detach")
"""
_PLACES_MAX = 200
_FRAME_NUMBER = re.compile(r"^#\d+ +")


@dataclass(frozen=True)
class ThreadTrace:
    """One thread: its frames, innermost first, and the places of the loop that it turns in."""

    frames: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def backtraces(
    world: World, pids: Pids, tasks: Iterable[int], spins: Mapping[int, Spin],
    patience_s: float = GDB_PATIENCE_S,
) -> dict[int, ThreadTrace]:  # fmt: skip
    """By task. All are as they were afterwards. What cannot be found out is left out; `spins` has
    those that run in their own code. gdb has `patience_s` for all of it."""
    end_s = time.monotonic() + patience_s
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
        # A thread in vfork cannot be stopped by gdb until its child lets it go.
        able = shutil.which("gdb") and not _is_in_vfork(world, members)
        left_s = end_s - time.monotonic()
        found = _by_gdb(world, pids, outer, known, spins, left_s) if able and left_s > 0 else {}
        for task, values in known.items():
            traces[task] = found.get(task) or _without_gdb(outer, values, spins.get(task))
    return traces


def _is_in_vfork(world: World, tasks: list[int]) -> bool:
    return any(world.task(task, abi.Task.wait) == abi.WAIT_VFORK for task in tasks)


def _registers(world: World, task: int, spins: Mapping[int, Spin]) -> dict[str, int]:
    if task in spins:
        return {name: spins[task].registers[name] for name in _REGISTERS}
    place = world.task(task, abi.Task.trap_registers) - abi.WORLD_BASE
    if not 0 < place < world.bytes():
        return {}
    return dict(zip(_REGISTERS, struct.unpack_from("<17Q", world.memory, place), strict=True))


def _by_gdb(
    world: World, pids: Pids, outer: int, registers: dict[int, dict[str, int]],
    spins: Mapping[int, Spin], patience_s: float,
) -> dict[int, ThreadTrace]:  # fmt: skip
    """Nothing where it does not come about: a process that is gone, a gdb without Python."""
    try:
        lwps = {pids.outer_thread(outer, world.task(t, abi.Task.tid)): t for t in registers}
        wanted = {
            lwp: {
                "registers": registers[task],
                "turns": task in spins,
                "places": spins[task].places[:_PLACES_MAX] if task in spins else (),
            }
            for lwp, task in lwps.items()
        }
        found = _run_gdb(outer, wanted, patience_s)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    return {
        lwps[int(lwp)]: ThreadTrace(tuple(_own_frames(lines)), tuple(places))
        for lwp, (lines, places) in found.items() if lines
    }  # fmt: skip


def shim_frames(path: str) -> str:
    """Python for gdb: it sees through the shim. `path`: what wanted_frames gives, as JSON."""
    return _SHIM_FRAMES.format(path=path, start=abi.OURS_START, end=abi.OURS_END)


def wanted_frames(world: World, pids: Pids, outer: int, tasks: Iterable[int]) -> dict[int, Any]:
    """By our thread id: the registers that the program has there. `outer`: their process."""
    found = {task: _registers(world, task, {}) for task in tasks}
    return {
        pids.outer_thread(outer, world.task(task, abi.Task.tid)): {
            "registers": registers, "turns": False, "places": (),
        }
        for task, registers in found.items() if registers
    }  # fmt: skip


def _own_frames(lines: list[str]) -> list[str]:
    """Without the shim's, and numbered anew."""
    own = [line for line in lines if not _is_of_shim(line)]
    return [_FRAME_NUMBER.sub(f"#{number:<3}", line) for number, line in enumerate(own)]


def _is_of_shim(line: str) -> bool:
    found = re.match(r"#\d+ +(0x[0-9a-f]{16}) in", line)
    return bool(found and abi.OURS_START <= int(found[1], 16) < abi.OURS_END)


def _run_gdb(outer: int, wanted: dict[int, Any], patience_s: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dstrun-") as folder:
        path = os.path.join(folder, "registers")
        script = os.path.join(folder, "walk.py")
        with open(path, "w") as file:
            json.dump(wanted, file)
        with open(script, "w") as file:
            file.write(shim_frames(path) + _WALK.format(path=path, frames=_FRAMES_MAX))
        gdb = subprocess.Popen(
            ["gdb", "-nx", "-batch", "-p", str(outer), "-x", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            gdb.wait(patience_s)
        finally:
            was_late = gdb.poll() is None
            with suppress(ProcessLookupError):  # it has children of its own while it starts
                os.killpg(gdb.pid, signal.SIGKILL)
            gdb.wait()
            if was_late:
                with suppress(ProcessLookupError):  # it may have been about to stop it
                    os.kill(outer, signal.SIGCONT)
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
