"""What this machine allows, and what that means for a run.

Every check tries the thing itself, in a forked child where it would leave a mark: a kernel's
configuration does not tell what a container's profile refuses. A check that fails is either needed
(no run is possible) or has a fallback, and says which.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dstrun.errors import DstrunError
from dstrun.native import NATIVE, check_native

State = Literal["ok", "limited", "missing"]

PR_SET_TSC = 26
PR_TSC_SIGSEGV = 2
PR_SET_SYSCALL_USER_DISPATCH = 59
PR_SYS_DISPATCH_ON = 1
ARCH_SET_CPUID = 0x1012
SYS_MOUNT = 165
SYS_ARCH_PRCTL = 158
SYS_UNSHARE = 272
SYS_PIDFD_OPEN = 434
SYS_PIDFD_GETFD = 438
SYS_FUTEX_WAITV = 449
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
ENOSYS = 38
PTRACE_TRACEME = 0

# A run's trace grows by 64 bytes an event and what it reads and writes.
DISK_BYTES_MIN = 1 << 30
MEMORY_BYTES_MIN = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    found: str
    meaning: str


def examine() -> list[Finding]:
    """All findings, what is needed first."""
    return [check() for check in _CHECKS]


def runs_possible(findings: list[Finding]) -> bool:
    """Whether nothing is missing that a run cannot do without."""
    return all(finding.state != "missing" for finding in findings)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *args: int | bytes | None) -> int:
    """The result, or -errno."""
    converted = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    result = int(_libc().syscall(ctypes.c_long(number), *converted))
    return result if result >= 0 else -ctypes.get_errno()


def _try_in_child(attempt: Callable[[], int]) -> int:
    """What `attempt` returns (0, or -errno) in a child that dies with it."""
    child = os.fork()
    if child == 0:
        status = 255
        try:
            status = min(255, max(0, -attempt()))
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return -255
    return -os.WEXITSTATUS(status)


def _reason(result: int) -> str:
    return "allowed" if result == 0 else os.strerror(-result)


def _optional(name: str, result: int, without: str, with_it: str = "") -> Finding:
    state: State = "ok" if result == 0 else "limited"
    return Finding(name, state, _reason(result), with_it if result == 0 else without)


def _check_machine() -> Finding:
    machine = platform.machine()
    if machine != "x86_64":
        return Finding("machine", "missing", machine, "dstrun runs on x86-64 only")
    return Finding("machine", "ok", machine, "")


def _check_kernel() -> Finding:
    release = platform.release()
    major, minor = (int("".join(filter(str.isdigit, p)) or 0) for p in release.split(".")[:2])
    if (major, minor) < (5, 11):
        return Finding("kernel", "missing", release, "Syscall User Dispatch needs Linux 5.11")
    return Finding("kernel", "ok", release, "")


def _check_native() -> Finding:
    try:
        check_native()
    except DstrunError as error:
        return Finding("native parts", "missing", "not usable", str(error))
    return Finding("native parts", "ok", str(NATIVE), "")


def _check_dispatch() -> Finding:
    def attempt() -> int:
        # The whole address space may make calls: nothing is trapped, only the permission is tried.
        selector = ctypes.c_char(0)
        address = ctypes.addressof(selector)
        args = [ctypes.c_ulong(a) for a in (PR_SYS_DISPATCH_ON, 0, 0, address)]
        if _libc().prctl(PR_SET_SYSCALL_USER_DISPATCH, *args) == 0:
            return 0
        return -ctypes.get_errno()

    result = _try_in_child(attempt)
    if result == 0:
        return Finding("syscall user dispatch", "ok", "allowed", "every syscall can be trapped")
    return Finding(
        "syscall user dispatch", "missing", _reason(result),
        "no run is possible (CONFIG_GENERIC_ENTRY; a seccomp profile may refuse the prctl)",
    )  # fmt: skip


def _check_ptrace() -> Finding:
    def attempt() -> int:
        return 0 if _libc().ptrace(PTRACE_TRACEME, 0, None, None) == 0 else -ctypes.get_errno()

    result = _try_in_child(attempt)
    scope_file = Path("/proc/sys/kernel/yama/ptrace_scope")
    scope = scope_file.read_text().strip() if scope_file.exists() else "none"
    found = f"{_reason(result)}, yama scope {scope}"
    if result != 0:
        return Finding("ptrace", "missing", found, "nothing can be injected (container profile?)")
    return Finding("ptrace", "ok", found, "")


def _namespace_flags() -> int:
    """As root no user namespace is needed."""
    return 0 if os.geteuid() == 0 else CLONE_NEWUSER


def _check_user_namespace() -> Finding:
    result = _try_in_child(lambda: _syscall(SYS_UNSHARE, CLONE_NEWUSER))
    return _optional(
        "user namespaces", result,
        "" if os.geteuid() == 0 else "no namespaces without root: pids vary, the network is shared",
    )  # fmt: skip


def _check_pid_namespace() -> Finding:
    def attempt() -> int:
        result = _syscall(SYS_UNSHARE, CLONE_NEWPID | _namespace_flags())
        return result or _try_in_child(lambda: 0)

    return _optional("pid namespaces", _try_in_child(attempt), "pids differ from run to run")


def _check_net_namespace() -> Finding:
    result = _try_in_child(lambda: _syscall(SYS_UNSHARE, CLONE_NEWNET | _namespace_flags()))
    return _optional("network namespaces", result, "--net isolated cannot cut off the network")


def _check_overlay() -> Finding:
    with tempfile.TemporaryDirectory(prefix="dstrun-doctor-") as folder:
        for name in ("lower", "upper", "work", "merged"):
            Path(folder, name).mkdir()
        result = _try_in_child(lambda: _mount_overlay(folder))
    fallback = "--fs overlay and --verify copy the working directory"
    if result == 0 and os.geteuid() != 0:
        return Finding(
            "overlayfs", "limited", "allowed without privilege",
            f"files of foreign owners stay read-only; else {fallback}",
        )  # fmt: skip
    return _optional("overlayfs", result, fallback)


def _mount_overlay(folder: str) -> int:
    result = _syscall(SYS_UNSHARE, CLONE_NEWNS | _namespace_flags())
    if result:
        return result
    private = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC: nothing of it shows outside
    result = _syscall(SYS_MOUNT, b"none", b"/", None, private, None)
    if result:
        return result
    extra = ",redirect_dir=on" if os.geteuid() == 0 else ",userxattr"
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work{extra}"
    target = f"{folder}/merged".encode()
    return _syscall(SYS_MOUNT, b"overlay", target, b"overlay", 0, options.encode())


def _check_tsc() -> Finding:
    def attempt() -> int:
        return 0 if _libc().prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) == 0 else -ctypes.get_errno()

    return _optional("rdtsc faulting", _try_in_child(attempt), "programs that read rdtsc vary")


def _check_cpuid() -> Finding:
    result = _try_in_child(lambda: _syscall(SYS_ARCH_PRCTL, ARCH_SET_CPUID, 0))
    return _optional(
        "cpuid faulting", result,
        "CPU features are seen as they are: traces of other machines may differ",
    )  # fmt: skip


def _check_futex_waitv() -> Finding:
    result = _syscall(SYS_FUTEX_WAITV, None, 0, 0, None, 0)
    missing = result == -ENOSYS
    return _optional("futex_waitv", -ENOSYS if missing else 0, "not needed: emulated")


def _check_pidfd() -> Finding:
    pidfd = _syscall(SYS_PIDFD_OPEN, os.getpid(), 0)
    if pidfd < 0:
        return Finding("pidfd", "missing", _reason(pidfd), "needs Linux 5.6")
    copy = _syscall(SYS_PIDFD_GETFD, pidfd, 0, 0)
    os.close(pidfd)
    if copy >= 0:
        os.close(copy)
    result = min(copy, 0) if copy != -9 else 0  # EBADF: allowed, stdin is closed
    return _optional("pidfd_getfd", result, "descriptors are passed another way")


def _check_cores() -> Finding:
    usable = len(os.sched_getaffinity(0))
    return Finding("cores", "ok", f"{usable} of {os.cpu_count()}", "a run uses one")


def _check_memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    state: State = "ok" if free >= MEMORY_BYTES_MIN else "limited"
    meaning = "" if state == "ok" else "large programs may be killed"
    return Finding("memory", state, f"{free / 2**30:.1f} GiB free", meaning)


def _check_disk() -> Finding:
    free = shutil.disk_usage(".").free
    state: State = "ok" if free >= DISK_BYTES_MIN else "limited"
    meaning = "" if state == "ok" else "long traces may fill it (--no-trace)"
    return Finding("disk", state, f"{free / 2**30:.1f} GiB free here", meaning)


def _check_gdb() -> Finding:
    path = shutil.which("gdb")
    if path:
        return Finding("gdb", "ok", path, "")
    return Finding("gdb", "limited", "not found", "no looking inside a stopped run")


_CHECKS: tuple[Callable[[], Finding], ...] = (
    _check_machine, _check_kernel, _check_native, _check_dispatch, _check_ptrace, _check_pidfd,
    _check_user_namespace, _check_pid_namespace, _check_net_namespace, _check_overlay, _check_tsc,
    _check_cpuid, _check_futex_waitv, _check_cores, _check_memory, _check_disk, _check_gdb,
)  # fmt: skip
