"""The shim into a new program: after execve, before the dynamic loader has run one instruction.

At the exec's ptrace stop a small bootstrap (shims/shim/boot.S) is written over the bytes at RIP. It
makes a socket pair; we take one end out of the process and hand the descriptors of the shim, the
world and the trace in through it; it maps them at their fixed addresses and closes them. Then the
bytes come back, jumps are written over the vDSO's entries, RIP goes to the shim's start, and ptrace
lets go. Static or dynamic, whatever libc: all the same.
"""

from __future__ import annotations

import array
import ctypes
import ctypes.util
import os
import signal
import socket
import struct
import time
import warnings
from dataclasses import dataclass

from dstrun import abi
from dstrun.errors import DstrunError
from dstrun.launch import kernel
from dstrun.launch.world import World
from dstrun.native import BOOT, SHIM, ShimImage

# python-ptrace 0.9.9 trips over itself on Python 3.12, and it has `ldconfig -p` run to find the
# libc that is loaded already: with None it takes that one.
_find_library = ctypes.util.find_library
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ctypes.util.find_library = lambda name: None
    from ptrace import PtraceError
    from ptrace.binding import ptrace_cont, ptrace_detach, ptrace_getregs, ptrace_setregs
    from ptrace.binding.func import ptrace as ptrace_raw
ctypes.util.find_library = _find_library

_PTRACE_SEIZE, _PTRACE_INTERRUPT, _PTRACE_SINGLESTEP = 0x4206, 0x4207, 9
_OPTIONS = 0x10 | 0x100000  # PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL
_EVENT_EXEC = 4
_DYING_MS = 200  # what a killed process may take to be a zombie
_WALL = 0x40000000
_SIZES_FROM_END = 8 * 9  # ours_bytes and what follows, in boot.S
_VDSO_FUNCTIONS = (
    "clock_gettime", "gettimeofday", "time", "clock_getres", "getcpu", "getrandom",
)  # fmt: skip


class ProcessGone(Exception):
    """The process died while we were at it; `status` is as waitpid gave it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class InjectionFailed(DstrunError):
    """The shim could not be brought into a program."""


@dataclass(frozen=True)
class Payload:
    """What goes into every program."""

    world: World
    shim_fd: int
    trace_fd: int | None
    replay_fd: int | None  # with a trace_fd only
    image: ShimImage
    boot: bytes
    vdso_jumps: tuple[tuple[int, bytes], ...]  # offset in the vDSO, code


def make_payload(
    world: World, image: ShimImage, trace_fd: int | None, replay_fd: int | None
) -> Payload:
    """Opens and prepares, once per run, what `inject` then writes."""
    boot = bytearray(BOOT.read_bytes())
    trace_bytes = abi.TRACE_SIZE_MAX if trace_fd is not None else 0
    replay_bytes = os.fstat(replay_fd).st_size if replay_fd is not None else 0
    shim_bytes = (image.memory_bytes + 4095) & ~4095
    struct.pack_into(
        "<9Q", boot, len(boot) - _SIZES_FROM_END, abi.OURS_END - abi.OURS_START,
        image.base, shim_bytes, abi.WORLD_BASE, world.bytes(), abi.TRACE_BASE, trace_bytes,
        abi.REPLAY_BASE, replay_bytes,
    )  # fmt: skip
    shim_fd = os.open(SHIM, os.O_RDONLY | os.O_CLOEXEC)
    return Payload(world, shim_fd, trace_fd, replay_fd, image, bytes(boot), _vdso_jumps(image))


def _vdso_jumps(image: ShimImage) -> tuple[tuple[int, bytes], ...]:
    """mov rax, target; jmp rax. None where the vDSO cannot be asked: it is hidden instead."""
    libc = ctypes.CDLL(None)
    libc.getauxval.restype = ctypes.c_ulong
    base = libc.getauxval(ctypes.c_ulong(kernel.AT_SYSINFO_EHDR))
    try:
        vdso = ctypes.CDLL("linux-vdso.so.1")
    except OSError:
        return ()
    jumps = []
    for name in _VDSO_FUNCTIONS:
        entry = getattr(vdso, "__vdso_" + name, None)
        if entry is not None:
            address = ctypes.cast(entry, ctypes.c_void_p).value or 0
            target = image.base + image.exports["vdso_" + name]
            jumps.append((address - base, b"\x48\xb8" + struct.pack("<Q", target) + b"\xff\xe0"))
    return tuple(jumps)


def seize(pid: int) -> None:
    """Takes a running process under ptrace, for its next exec; OSError when that is refused."""
    try:
        ptrace_raw(_PTRACE_SEIZE, pid, 0, _OPTIONS)
    except PtraceError as error:
        raise OSError(error.errno, os.strerror(error.errno)) from None


def interrupt(pid: int) -> None:
    """Stops a seized thread wherever it is; waitpid tells when."""
    ptrace_raw(_PTRACE_INTERRUPT, pid, 0, 0)


def single_step(pid: int) -> None:
    """One instruction of a stopped thread; waitpid tells when it is done."""
    ptrace_raw(_PTRACE_SINGLESTEP, pid, 0, 0)


def release(pid: int) -> None:
    """Lets go of a stopped process, without a signal."""
    ptrace_detach(pid)


def wait_for_exec(pid: int, thread: int | None = None) -> bool:
    """Waits for the seized process's exec; False when that failed (it tells by SIGTRAP).

    When a thread that is not the leader was seized, its exec is reported at the leader's pid: the
    thread's own id is gone by then, and a wait for it would never end.
    """
    thread = thread or pid
    while True:
        status = _wait_stop(thread if thread == pid else _next_of(pid, thread))
        if status >> 16 == _EVENT_EXEC:
            return True
        if os.WSTOPSIG(status) == signal.SIGTRAP and status >> 16 == 0:
            return False
        ptrace_cont(thread, os.WSTOPSIG(status) if status >> 16 == 0 else 0)


def _next_of(pid: int, thread: int) -> int:
    """Which of the two has something to tell; nothing is taken from who waits for another."""
    told = os.waitid(os.P_ALL, 0, os.WEXITED | os.WSTOPPED | os.WNOWAIT | _WALL)
    if told and told.si_pid in (pid, thread):
        return told.si_pid
    raise ProcessGone(signal.SIGKILL)  # the container's init: all is gone


def _wait_stop(pid: int) -> int:
    _, status = os.waitpid(pid, _WALL)
    if not os.WIFSTOPPED(status):
        raise ProcessGone(status)
    return status


def inject(pid: int, task: int, payload: Payload) -> None:
    """Brings the shim into a process at its exec stop and lets it run. `pid` is as we see it."""
    try:
        _inject(pid, task, payload)
    except (PtraceError, OSError, InjectionFailed):  # SIGKILL ends a ptrace stop as well
        status = _end_of(pid)
        if status is None:
            raise
        raise ProcessGone(status) from None


def _end_of(pid: int) -> int | None:
    """The wait status of a process that is dying under our hands; None: it lives."""
    for _ in range(_DYING_MS):
        found, status = os.waitpid(pid, _WALL | os.WNOHANG)
        if found and not os.WIFSTOPPED(status):
            return status
        time.sleep(0.001)
    return None


def _inject(pid: int, task: int, payload: Payload) -> None:
    registers = ptrace_getregs(pid)
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        entry = registers.rip
        saved = os.pread(memory, len(payload.boot), entry)
        _write(memory, payload.boot, entry)
        _run_bootstrap(pid, payload)
        _write(memory, saved, entry)
        _patch_vdso(pid, memory, registers.rsp, payload)
    finally:
        os.close(memory)
    registers.r12, registers.r13, registers.r14 = task, entry, registers.rsp
    registers.rsp = payload.world.stack_top(task)
    registers.rip = payload.image.base + payload.image.exports["start"]
    registers.orig_rax = (1 << 64) - 1
    ptrace_setregs(pid, registers)
    ptrace_detach(pid)


def _write(memory: int, data: bytes, address: int) -> None:
    if os.pwrite(memory, data, address) != len(data):
        raise InjectionFailed("the new program's memory cannot be written")


def _run_bootstrap(pid: int, payload: Payload) -> None:
    descriptor = _run_to_trap(pid).rbx & 0xFFFFFFFF
    fds = [payload.shim_fd, payload.world.fd]
    if payload.trace_fd is not None:
        fds.append(payload.trace_fd)
    if payload.replay_fd is not None:
        fds.append(payload.replay_fd)
    with socket.socket(fileno=kernel.pidfd_getfd(pid, descriptor)) as end:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
        end.sendmsg([b"\0"], [rights])
    error = ctypes.c_int64(_run_to_trap(pid).rax).value
    if error:
        raise InjectionFailed(f"the shim cannot be mapped: {os.strerror(-error)}")


def _run_to_trap(pid: int) -> ctypes.Structure:
    ptrace_cont(pid)
    status = _wait_stop(pid)
    registers: ctypes.Structure = ptrace_getregs(pid)
    if os.WSTOPSIG(status) != signal.SIGTRAP:
        raise InjectionFailed(
            f"the bootstrap met signal {os.WSTOPSIG(status)} at {registers.rip:#x}"
        )
    return registers


def _patch_vdso(pid: int, memory: int, stack: int, payload: Payload) -> None:
    """Jumps over the vDSO's entries; where its functions are not known, the vDSO is hidden."""
    with open(f"/proc/{pid}/auxv", "rb") as file:
        auxv = file.read()
    for offset in range(0, len(auxv), 16):
        tag, base = struct.unpack_from("<QQ", auxv, offset)
        if tag == kernel.AT_SYSINFO_EHDR:
            for place, code in payload.vdso_jumps:
                _write(memory, code, base + place)
            if not payload.vdso_jumps:
                _hide_vdso(memory, stack, auxv[offset : offset + 16])


def _hide_vdso(memory: int, stack: int, entry: bytes) -> None:
    """Turns the auxiliary vector's AT_SYSINFO_EHDR into AT_IGNORE."""
    image = os.pread(memory, 1 << 16, stack)
    at = image.find(entry)
    if at < 0:
        raise InjectionFailed("the auxiliary vector cannot be found")
    _write(memory, struct.pack("<QQ", 1, 0), stack + at)
