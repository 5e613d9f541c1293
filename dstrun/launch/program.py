"""Whether a program can be taken under control, found out before anything is started.

What the kernel would do at execve is followed through scripts to their interpreter; the error says
what stands in the way.
"""

from __future__ import annotations

import os
import stat

from dstrun.errors import CommandNotExecutable

_EM_386, _EM_X86_64 = 3, 62
_MACHINES = {
    2: "SPARC", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S390", 40: "ARM", 183: "AArch64",
    243: "RISC-V", 258: "LoongArch",
}  # fmt: skip
_SCRIPT_DEPTH_MAX = 5


def check_program(path: str) -> None:
    """CommandNotExecutable when this program cannot run as a simulation."""
    for _ in range(_SCRIPT_DEPTH_MAX):
        interpreter = _check_file(path)
        if interpreter is None:
            return
        if not os.path.exists(interpreter):
            raise CommandNotExecutable(f"{path}: its interpreter {interpreter} is not there")
        path = interpreter
    raise CommandNotExecutable(f"{path}: interpreters of scripts are nested too deeply")


def _check_file(path: str) -> str | None:
    """The interpreter where it is a script; None where it is a program of ours."""
    try:
        with open(path, "rb") as file:
            head = file.read(256)
            status = os.fstat(file.fileno())
    except PermissionError:
        raise CommandNotExecutable(
            f"{path}: may be executed but not read, so it cannot be controlled (chmod +r?)"
        ) from None
    except OSError as error:
        raise CommandNotExecutable(f"{path}: {error.strerror}") from None
    if not os.access(path, os.X_OK):
        raise CommandNotExecutable(f"{path}: not executable (chmod +x?)")
    _check_privilege(path, status)
    if head.startswith(b"#!"):
        words = head[2:].split(b"\n", 1)[0].split(None, 1)
        if not words:
            raise CommandNotExecutable(f"{path}: a script without an interpreter in its first line")
        return os.fsdecode(words[0])
    _check_elf(path, head)
    return None


def _check_elf(path: str, head: bytes) -> None:
    if len(head) < 20 or not head.startswith(b"\x7fELF"):
        raise CommandNotExecutable(
            f"{path}: neither an ELF program nor a script (does it lack a #! line?)"
        )
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    if head[4] == 1 and machine in (_EM_386, _EM_X86_64):
        raise CommandNotExecutable(
            f"{path}: a 32-bit program; dstrun runs x86-64 programs only (build it with -m64)"
        )
    if head[4] != 2 or machine != _EM_X86_64:
        name = _MACHINES.get(machine, f"machine {machine}")
        raise CommandNotExecutable(f"{path}: built for {name}; dstrun runs x86-64 programs only")


def _check_privilege(path: str, status: os.stat_result) -> None:
    """Under ptrace a set-user-ID program would run without its privilege: not what it is."""
    if os.geteuid() == 0:
        return
    gains_uid = status.st_mode & stat.S_ISUID and status.st_uid != os.geteuid()
    gains_gid = status.st_mode & stat.S_ISGID and status.st_gid not in (
        os.getegid(),
        *os.getgroups(),
    )
    if gains_uid or gains_gid:
        raise CommandNotExecutable(
            f"{path}: a set-user-ID program gains nothing under dstrun (run dstrun as root)"
        )
