"""The system calls that Python's library has no name for."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from typing import NamedTuple

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

SYS_STATFS = 137
SYS_FUTEX = 202
SYS_TGKILL = 234
SYS_SETNS = 308
SYS_PIDFD_GETFD = 438
SYS_FUTEX_WAITV = 449
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
AT_SYSINFO_EHDR = 33
_SYS_STATX, _AT_FDCWD, _AT_SYMLINK_NOFOLLOW = 332, -100, 0x100
_STATX_BASIC_AND_BIRTH, _STATX_BTIME = 0xFFF, 0x800
_FUTEX_WAIT, _FUTEX_WAKE, _FUTEX2_SIZE_U32 = 0, 1, 2
_CLOCK_MONOTONIC = 1
_PROGRAMS_FDS = 256  # as many as the shims take over
_STATFS_BYTES = 120


class Statx(NamedTuple):
    """What statx(2) tells of a file itself, not of what a symbolic link leads to. Times: ns."""

    dev: int
    ino: int
    mode: int
    uid: int
    gid: int
    links: int
    ctime_ns: int
    birth_ns: int  # 0: not known


def statx(path: str, *, follow: bool = False) -> Statx:
    """OSError on failure. `follow`: of what a symbolic link leads to."""
    flags = 0 if follow else _AT_SYMLINK_NOFOLLOW
    data = ctypes.create_string_buffer(256)
    syscall(_SYS_STATX, _AT_FDCWD, os.fsencode(path), flags, _STATX_BASIC_AND_BIRTH, data)
    mask, _, _, links, uid, gid, mode, _, ino = struct.unpack_from("<IIQIIIHHQ", data)
    birth_s, birth_ns = struct.unpack_from("<qI", data, 80)
    ctime_s, ctime_ns = struct.unpack_from("<qI", data, 96)
    major, minor = struct.unpack_from("<II", data, 136)
    birth = birth_s * 10**9 + birth_ns if mask & _STATX_BTIME else 0
    ctime = ctime_s * 10**9 + ctime_ns
    return Statx(os.makedev(major, minor), ino, mode, uid, gid, links, ctime, birth)


def syscall(number: int, *args: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """A raw call; OSError on failure."""
    converted = [
        ctypes.c_long(a) if isinstance(a, int) else ctypes.c_void_p(None) if a is None else a
        for a in args
    ]
    result: int = _libc.syscall(ctypes.c_long(number), *converted)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def prctl(option: int, value: int | bytes) -> None:
    """prctl(2) with one argument."""
    if _libc.prctl(option, value if isinstance(value, bytes) else ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def setns(pidfd: int, namespaces: int) -> None:
    """Joins these namespaces of a process."""
    syscall(SYS_SETNS, pidfd, namespaces)


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2); OSError names the target."""
    encoded = [None if s is None else os.fsencode(s) for s in (source, target, kind, data)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def umount(target: str, flags: int) -> None:
    """umount2(2)."""
    if _libc.umount2(os.fsencode(target), flags):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def statfs(path: str) -> bytes:
    """struct statfs of the file system that a file is in."""
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    syscall(SYS_STATFS, os.fsencode(path), buffer)
    return buffer.raw


def current_cpu() -> int:
    """The CPU that we run on now."""
    cpu: int = _libc.sched_getcpu()
    return cpu


def tgkill(process: int, thread: int, signal: int) -> None:
    """A signal to one thread."""
    syscall(SYS_TGKILL, process, thread, signal)


def futex_wake(address: int) -> None:
    """Wakes one waiter of a shared futex word."""
    syscall(SYS_FUTEX, address, _FUTEX_WAKE, 1, 0, 0, 0)


def futex_wait_any(words: list[tuple[int, int]], timeout_s: float) -> None:
    """Sleeps until one of the futex words (address, expected value) is woken or changed.

    Falls back on the first word where the kernel (before 5.16) has no futex_waitv.
    """
    import time

    deadline = time.monotonic_ns() + int(timeout_s * 1e9)
    vector = b"".join(struct.pack("<QQII", v, a, _FUTEX2_SIZE_U32, 0) for a, v in words)
    until = struct.pack("<qq", deadline // 10**9, deadline % 10**9)
    try:
        syscall(SYS_FUTEX_WAITV, vector, len(words), 0, until, _CLOCK_MONOTONIC)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            relative = struct.pack("<qq", int(timeout_s), int(timeout_s % 1 * 1e9))
            _libc.syscall(
                ctypes.c_long(SYS_FUTEX), ctypes.c_long(words[0][0]), ctypes.c_long(_FUTEX_WAIT),
                ctypes.c_long(words[0][1]), relative, 0, 0,
            )  # fmt: skip


def pidfd_getfd(pid: int, fd: int) -> int:
    """A copy of another process's descriptor."""
    pidfd = os.pidfd_open(pid)
    try:
        return syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
    finally:
        os.close(pidfd)


def out_of_the_way(fd: int) -> int:
    """The same file, not inherited, out of the way of the numbers inside."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _PROGRAMS_FDS)
    os.close(fd)
    return high
