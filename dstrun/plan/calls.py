"""Sets of calls: names, numbers, classes, regular expressions, globs.

Besides the system calls there are the *pseudo-calls* of the preload layer (malloc, for one), which
make no system call: they have numbers of their own beyond the kernel's, are meant by their names
and by the classes of this module only, never by "all" or by what strace's grammar can say.

The classes are strace's, of its version 6.1, and hold for system calls that came later too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from typing import Final

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.errors import did_you_mean


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PSEUDO_CALLS: Final = {
    name.removeprefix("POINT_"): number for number, name in abi.PRELOAD_POINT_NAMES.items()
}
ALLOCATIONS: Final = _words("malloc calloc realloc posix_memalign")

CLASSES: Final = {
    name: _words(names)
    for name, names in {
        "desc": """
            read write open close fstat poll lseek mmap ioctl pread64 pwrite64 readv writev pipe
            select dup dup2 sendfile fcntl flock fsync fdatasync ftruncate getdents fchdir creat
            fchmod fchown fstatfs readahead fsetxattr fgetxattr flistxattr fremovexattr
            epoll_create getdents64 fadvise64 epoll_wait epoll_ctl mq_open mq_timedsend
            mq_timedreceive mq_notify mq_getsetattr inotify_init inotify_add_watch
            inotify_rm_watch openat mkdirat mknodat fchownat futimesat newfstatat unlinkat
            renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll splice tee
            sync_file_range vmsplice utimensat epoll_pwait signalfd timerfd_create eventfd
            fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3
            pipe2 inotify_init1 preadv pwritev perf_event_open fanotify_init fanotify_mark
            name_to_handle_at open_by_handle_at syncfs setns finit_module renameat2 memfd_create
            kexec_file_load bpf execveat userfaultfd copy_file_range preadv2 pwritev2 statx
            pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree
            move_mount fsopen fsconfig fsmount fspick pidfd_open openat2 pidfd_getfd faccessat2
            process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset
            landlock_add_rule landlock_restrict_self memfd_secret process_mrelease cachestat
            fchmodat2 setxattrat getxattrat listxattrat removexattrat open_tree_attr
            file_getattr file_setattr""",
        "file": """
            open stat lstat access execve truncate getcwd chdir rename mkdir rmdir creat link
            unlink symlink readlink chmod chown lchown utime mknod uselib statfs pivot_root
            chroot acct mount umount2 swapon swapoff quotactl setxattr lsetxattr getxattr
            lgetxattr listxattr llistxattr removexattr lremovexattr utimes inotify_add_watch
            openat mkdirat mknodat fchownat futimesat newfstatat unlinkat renameat linkat
            symlinkat readlinkat fchmodat faccessat utimensat fanotify_mark name_to_handle_at
            renameat2 execveat statx open_tree move_mount fsconfig fspick openat2 faccessat2
            mount_setattr fchmodat2 setxattrat getxattrat listxattrat removexattrat
            open_tree_attr file_getattr file_setattr""",
        "memory": """
            mmap mprotect munmap brk mremap msync mincore madvise shmat shmdt mlock munlock
            mlockall munlockall io_setup io_destroy remap_file_pages mbind set_mempolicy
            get_mempolicy migrate_pages move_pages mlock2 pkey_mprotect io_uring_register
            set_mempolicy_home_node map_shadow_stack mseal""",
        "process": """
            clone fork vfork execve exit wait4 kill rt_sigqueueinfo tkill exit_group tgkill
            waitid rt_tgsigqueueinfo execveat pidfd_send_signal clone3""",
        "creds": """
            getuid getgid setuid setgid geteuid getegid setreuid setregid getgroups setgroups
            setresuid getresuid setresgid getresgid setfsuid setfsgid capget capset prctl""",
        "signal": """
            rt_sigaction rt_sigprocmask rt_sigreturn pause kill rt_sigpending rt_sigtimedwait
            rt_sigqueueinfo rt_sigsuspend sigaltstack tkill tgkill signalfd signalfd4
            rt_tgsigqueueinfo pidfd_send_signal io_uring_enter""",
        "ipc": """
            shmget shmat shmctl semget semop semctl shmdt msgget msgsnd msgrcv msgctl semtimedop""",
        "net": """
            sendfile socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen
            getsockname getpeername socketpair setsockopt getsockopt getpmsg putpmsg accept4
            recvmmsg sendmmsg""",
        "stat": "stat",
        "lstat": "lstat",
        "fstat": "fstat newfstatat statx",
        "%stat": "stat fstat lstat newfstatat statx",
        "statfs": "statfs",
        "fstatfs": "fstatfs",
        "%statfs": "ustat statfs fstatfs",
        "pure": "getpid getuid getgid geteuid getegid getppid getpgrp gettid",
        "clock": """
            gettimeofday adjtimex settimeofday time clock_settime clock_gettime clock_getres
            clock_adjtime""",
    }.items()
}  # fmt: skip
_SAME_CLASS: Final = {"network": "net"}
# Names that strace took before there was a "%".
_OLD_CLASSES: Final = ("desc", "file", "memory", "process", "signal", "ipc", "network")

# Calls of 32-bit programs: strace knows them and they hit nothing here.
_OF_32_BIT: Final = _words(
    """
    _llseek _newselect bdflush break chown32 clock_adjtime64 clock_getres_time64
    clock_gettime64 clock_nanosleep_time64 clock_settime64 fadvise64_64 fchown32 fcntl64
    fstat64 fstatat64 fstatfs64 ftime ftruncate64 futex_time64 getegid32 geteuid32 getgid32
    getgroups32 getresgid32 getresuid32 getuid32 gtty idle io_pgetevents_time64 ipc lchown32
    lock lstat64 mmap2 mpx mq_timedreceive_time64 mq_timedsend_time64 nice oldfstat oldlstat
    oldolduname oldstat olduname ppoll_time64 prof profil pselect6_time64 readdir
    recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64
    sendfile64 setfsgid32 setfsuid32 setgid32 setgroups32 setregid32 setresgid32 setresuid32
    setreuid32 setuid32 sgetmask sigaction signal sigpending sigprocmask sigreturn sigsuspend
    socketcall ssetmask stat64 statfs64 stime stty timer_gettime64 timer_settime64
    timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit ulimit umount utimensat_time64
    vm86 vm86old waitpid
    """
)

READS: Final = _words(
    """
    read pread64 readv preadv preadv2 recvfrom recvmsg recvmmsg sendfile splice copy_file_range
    mq_timedreceive msgrcv
    """
)
WRITES: Final = _words(
    """
    write pwrite64 writev pwritev pwritev2 sendto sendmsg sendmmsg sendfile splice copy_file_range
    tee vmsplice mq_timedsend msgsnd
    """
)
SYNCS: Final = _words("fsync fdatasync sync_file_range msync sync syncfs")
CLOCK_READS: Final = _words("clock_gettime gettimeofday time")
FUTEX_WAITS: Final = _words("futex futex_waitv futex_wait")
FUTEX_WAKES: Final = _words("futex futex_wake")

OWN_CLASSES: Final = {
    "read": READS,
    "write": WRITES,
    "sync": SYNCS,
    "time": CLOCK_READS,
    "alloc": ALLOCATIONS,
    "lock": frozenset(PSEUDO_CALLS) - ALLOCATIONS,
}

_GLOB = re.compile(r"[*?\[]")
_PERSONALITY = re.compile(r"(.*)@(\w*)", re.DOTALL)
_POSIX_CLASSES: Final = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "lower": "a-z", "upper": "A-Z",
    "xdigit": "0-9a-fA-F", "space": r"\s", "punct": "!-/:-@\\[-`{-~", "blank": " \t",
}  # fmt: skip


class UnknownCalls(ValueError):
    """A word that means no call; the message says why."""


@dataclass(frozen=True)
class Calls:
    """A set of calls, and the words that it was given by."""

    words: tuple[str, ...]
    numbers: frozenset[int]

    @property
    def names(self) -> list[str]:
        """In the order of their numbers."""
        return [call_name(number) for number in sorted(self.numbers)]


@cache
def _numbers() -> dict[str, int]:
    return {row.name: number for number, row in SYSCALLS.items()} | PSEUDO_CALLS


def call_number(name: str) -> int | None:
    """The number of a call or pseudo-call."""
    return _numbers().get(name)


def call_name(number: int) -> str:
    """The name of a call or pseudo-call."""
    if number in SYSCALLS:
        return SYSCALLS[number].name
    return next((name for name, nr in PSEUDO_CALLS.items() if nr == number), f"call {number}")


def numbers_of(names: Iterable[str]) -> frozenset[int]:
    """Numbers of those names that are known."""
    known = _numbers()
    return frozenset(known[name] for name in names if name in known)


def _regex(text: str) -> re.Pattern[str]:
    """A POSIX extended expression; unanchored where it is used."""
    text = re.sub(
        r"\[:(\w+):\]", lambda part: _POSIX_CLASSES.get(part[1], part[0]), text
    )  # fmt: skip
    try:
        return re.compile(text)
    except re.error as error:
        raise UnknownCalls(f'"/{text}" is not a regular expression: {error}') from None


def _matching(pattern: re.Pattern[str]) -> frozenset[int]:
    return frozenset(number for number, row in SYSCALLS.items() if pattern.search(row.name))


# ---- the plan language ----
def parse_calls(words: Iterable[str]) -> Calls:
    """Names, globs, %classes, /regexes/, "all"; "!" before a word takes its calls away."""
    words = tuple(words)
    found: frozenset[int] = frozenset()
    if words and words[0].startswith("!"):
        found = frozenset(SYSCALLS)
    for word in words:
        if word.startswith("!"):
            found -= _of_word(word[1:])
        else:
            found |= _of_word(word)
    if not found:
        raise UnknownCalls("no call is meant")
    return Calls(words, found)


def _of_word(word: str) -> frozenset[int]:
    if word == "all":
        return frozenset(SYSCALLS)
    if len(word) > 2 and word[0] == word[-1] == "/":
        found = _matching(_regex(word[1:-1]))
        if not found:
            raise UnknownCalls(f'no call matches "{word}"')
        return found
    if word.startswith("%"):
        return _of_class(word)
    if _GLOB.search(word):
        pattern = re.compile(translate(word))
        found = frozenset(number for name, number in _numbers().items() if pattern.match(name))
        if not found:
            raise UnknownCalls(f'no call matches "{word}"')
        return found
    number = call_number(word)
    if number is None:
        raise UnknownCalls(f'unknown call "{word}"{did_you_mean(word, _numbers())}')
    return frozenset([number])


def class_names() -> list[str]:
    """All that can stand after "%"."""
    return [*CLASSES, *_SAME_CLASS, *OWN_CLASSES]


def _of_class(word: str) -> frozenset[int]:
    name = _SAME_CLASS.get(word[1:], word[1:])
    names = CLASSES.get(name) or OWN_CLASSES.get(name)
    if names is None:
        known = [f"%{known}" for known in class_names()]
        raise UnknownCalls(f'unknown class "{word}"{did_you_mean(word, known)}')
    return numbers_of(names)


# ---- strace's grammar ----
def parse_strace_set(text: str) -> Calls:
    """strace's SET, with all of its corners."""
    body = text.lstrip("!")
    is_negated = (len(text) - len(body)) % 2 == 1
    if body == "none":
        found: frozenset[int] = frozenset()
    elif body == "all":
        found = frozenset(SYSCALLS)
    else:
        items = [item for item in body.split(",") if item]
        if not items:
            raise UnknownCalls(f'invalid system call "{body}"')
        found = frozenset().union(*(_strace_item(item) for item in items))
    return Calls((text,), frozenset(SYSCALLS) - found if is_negated else found)


def _strace_item(item: str) -> frozenset[int]:
    name = item.lstrip("?")
    is_optional = name != item
    is_ours = True
    personality = _PERSONALITY.fullmatch(name)
    if personality:
        name, bits = personality[1], personality[2]
        if bits not in ("64", "32", "x32"):
            raise UnknownCalls(f'incorrect personality "{bits}" in "{item}" (it must be 64)')
        is_ours = bits == "64"
    found = _strace_name(name)
    if found is None:
        if is_optional or (name in _OF_32_BIT):
            return frozenset()
        meant = did_you_mean(name, [*_numbers(), *(f"%{known}" for known in CLASSES)])
        raise UnknownCalls(f'invalid system call "{name}"{meant}')
    return found if is_ours else frozenset()


def _strace_name(name: str) -> frozenset[int] | None:
    """The calls that an item of a SET means; None: it is not known."""
    if name.startswith("/"):
        return _matching(_regex(name[1:])) or None
    if name.isascii() and name.isdecimal():
        return frozenset([int(name)]) if int(name) in SYSCALLS else None
    if name == "all":
        return frozenset(SYSCALLS)
    group = name[1:] if name.startswith("%") else name if name in _OLD_CLASSES else None
    if group is not None:
        names = CLASSES.get(_SAME_CLASS.get(group, group))
        return None if names is None else numbers_of(names)
    number = call_number(name)
    return frozenset([number]) if number in SYSCALLS else None
