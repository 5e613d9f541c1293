"""What makes two events the same when two different runs are compared, and what is left out of it.

The identity that the shim records names the task by its ids and counts everything that the program
could see; that is right for two runs that should be alike to the byte. To align runs that are not,
keys are made here from the decoded event: process ids become the tasks' places in the process tree
(dstrun.trace.tasks); addresses, inode numbers (given in the order in which files are met) and what
the schedule alone decides are left out, and so is whatever an ignoring rule names.

Each event has two keys. The strong one is what must agree for the events to count as the same. The
weak one, the call and the paths it names, says that they are the same step with another outcome.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterable, Mapping
from typing import Final

from dstrun import abi
from dstrun._syscalls import ARG_KINDS, SYSCALLS
from dstrun.errors import BadUsage, did_you_mean
from dstrun.trace.decode import ERRNO_MAX
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name, fault_record
from dstrun.trace.sidedata import Field, parse_fields
from dstrun.trace.text import signed32

# What may be left out, and what that means.
RULES: Final[dict[str, str]] = {
    "time": "what clocks give, time stamps of files, timeouts, CPU times",
    "pid": "process and thread ids (those of tasks that match count as the same anyway)",
    "result": "results of calls",
    "data": "bytes read and written, and structs",
    "size": "lengths, and results that count bytes",
    "fd": "descriptor numbers",
    "path": "paths and other strings",
    "port": "ports in socket addresses",
    "addr": "addresses (they never count)",
    "random": "what getrandom gives",
    "wait": "calls that wait or let others run (futex, poll, epoll_wait, sched_yield, ...)",
    "signal": "signals that arrive",
    "fault": "that a fault was injected; its effects count",
    "order": "which task ran when: only what each task does counts",
}

# Events that tell of the schedule, not of what a task does.
SCHEDULE_KINDS: Final = frozenset({abi.EVENT_POINT, abi.EVENT_YIELD, abi.EVENT_FORCED})

_WAIT_NAMES = """
    futex futex_waitv poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 sched_yield
    nanosleep clock_nanosleep pause rt_sigsuspend rt_sigtimedwait wait4 waitid
"""
_CLOCK_NAMES = """
    clock_gettime gettimeofday time times clock_getres sysinfo getrusage timer_gettime getitimer
    timerfd_gettime
"""
_TIME_KIND_NAMES = """
    TIMESPEC_IN TIMESPEC_OUT TIMESPEC2_IN TIMEVAL_IN TIMEVAL_OUT TIMEVAL2_IN ITIMERVAL_IN
    ITIMERVAL_OUT ITIMERSPEC_IN ITIMERSPEC_OUT TMS_OUT RUSAGE_OUT SYSINFO_OUT UTIMBUF_IN
    POLL_TIMEOUT
"""
_PID_RESULT_NAMES = """
    clone clone3 fork vfork wait4 getpid gettid getppid set_tid_address getpgrp getpgid getsid
    setsid
"""
_FD_RESULT_NAMES = """
    open openat openat2 creat socket accept accept4 dup dup2 dup3 eventfd eventfd2 signalfd
    signalfd4 timerfd_create epoll_create epoll_create1 inotify_init inotify_init1 pidfd_open
    pidfd_getfd memfd_create mq_open open_by_handle_at
"""
_SIZE_RESULT_NAMES = """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 sendto sendmsg
    recvfrom recvmsg sendfile splice tee copy_file_range
"""
WAITS: Final = frozenset(_WAIT_NAMES.split())
_WAIT_NUMBERS: Final = frozenset(nr for nr, row in SYSCALLS.items() if row.name in WAITS)
CLOCKS: Final = frozenset(_CLOCK_NAMES.split())
_TIME_KINDS: Final = frozenset(_TIME_KIND_NAMES.split())
_PID_RESULTS: Final = frozenset(_PID_RESULT_NAMES.split())
_FD_RESULTS: Final = frozenset(_FD_RESULT_NAMES.split())
_SIZE_RESULTS: Final = frozenset(_SIZE_RESULT_NAMES.split())
_ADDRESS_RESULTS: Final = frozenset({"mmap", "mremap", "brk", "shmat"})
_STAT_TIMES: Final = {"STAT_OUT": (72, 120), "STATX_OUT": (64, 128)}
_STAT_INODES: Final = {"STAT_OUT": (8, 16), "STATX_OUT": (32, 40)}
_SOCKADDRS: Final = frozenset({"SOCKADDR_IN", "SOCKADDR_OUT", "MSGHDR", "MMSGHDRS"})
_FD_KINDS: Final = frozenset({"FD", "DIRFD"})
_SIZE_KINDS: Final = frozenset({"SIZE"})
# Recorded, but no part of an event's identity: holds addresses.
_RAW_HOW: Final = frozenset({"IN_RAW", "OUT_RAW", "POINTER", "ARRAY_OUT_RAW"})


def parse_rules(texts: Iterable[str]) -> frozenset[str]:
    """Rules as given to --ignore, several separated by commas."""
    rules = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    for word in rules:
        if word not in RULES:
            raise BadUsage(
                f'--ignore: unknown rule "{word}"{did_you_mean(word, RULES)}; there are '
                f"{', '.join(RULES)}"
            )
    return frozenset(rules)


class Numbers:
    """Gives keys as small integers, the same for both traces that are compared."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self.waits: set[int] = set()  # weak keys of calls that wait
        self.names: dict[int, str] = {}  # by weak key: what its events are called

    def number(self, key: Hashable) -> int:
        """The key's number."""
        return self._numbers.setdefault(key, len(self._numbers))


class KeyMaker:
    """The keys of one trace's events.

    `places`: by thread id what stands for it on both sides. Events of the same recorded identity
    have the same keys, which are made once: nothing counts here that does not count there.
    """

    def __init__(
        self, trace: Trace, places: Mapping[int, Hashable], rules: frozenset[str], keys: Numbers
    ) -> None:
        self._trace = trace
        self._rules = rules
        self._keys = keys
        self._places = places
        self._known: dict[tuple[int, int], tuple[int, int] | None] = {}

    def keys(self, event: Event) -> tuple[int, int] | None:
        """The strong and the weak key; None: the event does not count."""
        known = (event.identity, event.kind)
        if known in self._known:
            return self._known[known]
        made = self._make(event)
        numbers = (self._keys.number(made[0]), self._keys.number(made[1])) if made else None
        if numbers and numbers[1] not in self._keys.names:
            self._keys.names[numbers[1]] = event_name(event)
            if event.kind == abi.EVENT_SYSCALL and event.nr in _WAIT_NUMBERS:
                self._keys.waits.add(numbers[1])
        self._known[known] = numbers
        return numbers

    def _make(self, event: Event) -> tuple[Hashable, Hashable] | None:
        if event.kind == abi.EVENT_SYSCALL:
            return self._call(event)
        if event.kind in SCHEDULE_KINDS or self._leaves_out(event):
            return None
        weak = (event.kind, event.nr)
        return (weak, self._other_detail(event)), weak

    def _leaves_out(self, event: Event) -> bool:
        rules = self._rules
        return (
            ("signal" in rules and event.kind == abi.EVENT_SIGNAL)
            or ("fault" in rules and event.kind == abi.EVENT_INJECTED)
            or ("time" in rules and event.kind == abi.EVENT_TSC)
        )

    def _other_detail(self, event: Event) -> Hashable:
        """What counts of an event that is no call."""
        if event.kind == abi.EVENT_FORK:
            return ()  # the parent follows from the task's place
        if event.kind == abi.EVENT_TSC:
            return ()
        if event.kind == abi.EVENT_INJECTED:
            return self._fault_detail(event)
        detail: tuple[Hashable, ...] = ()
        if "result" not in self._rules and event.kind != abi.EVENT_INPUT:
            detail += (event.result,)
        return (*detail, *self._field_details(event, (), self._fields(event)))

    def _fault_detail(self, event: Event) -> Hashable:
        data, r = fault_record(self._trace, event), abi.FaultRecord
        if data is None:
            return ()
        return r.rule.get(data), r.did.get(data), r.match.get(data), r.after.get(data)

    def _call(self, event: Event) -> tuple[Hashable, Hashable] | None:
        row = SYSCALLS.get(event.nr)
        name = row.name if row else str(event.nr)
        if "wait" in self._rules and name in WAITS:
            return None
        kinds = row.kinds if row else ()
        args, fields = self._parts(event)
        strings: tuple[Hashable, ...] = ()
        if "path" not in self._rules:
            strings = tuple(
                (at, f.data) for at, fs in fields.items() for f in fs
                if f.kind in (abi.FIELD_STRING, abi.FIELD_STRINGS) and not _is(kinds, at, "ENVP")
            )  # fmt: skip
        weak = (event.nr, strings)
        if "random" in self._rules and name == "getrandom":
            fields = {}
        if "time" in self._rules and name in CLOCKS:
            return (weak, ()), weak
        words = tuple(self._word(kind, at, args, name) for at, kind in enumerate(kinds))
        details = tuple(self._field_details(event, kinds, fields))
        result = None if "result" in self._rules else self._result(event, name)
        told = abi.EVENT_WOKEN | (abi.EVENT_FAULT if "fault" in self._rules else 0)
        return (weak, words, details, result, event.flags & ~told), weak

    def _word(self, kind: str, at: int, args: list[int], name: str) -> Hashable:
        """An argument that is a number; None for what does not count."""
        word = args[at] if at < len(args) else 0
        row = ARG_KINDS[kind]
        if row.how != "SCALAR":
            return None
        if kind == "PID":
            return self._pid(signed32(word))
        if (
            (kind in _FD_KINDS and "fd" in self._rules)
            or (kind in _SIZE_KINDS and "size" in self._rules)
            or (kind in _TIME_KINDS and "time" in self._rules)
        ):
            return None
        if name == "futex" and at > 1:
            return None  # what the lock's word held: a thread id, or who waits for it
        return word & (1 << 8 * row.bytes) - 1 if row.bytes else None

    def _pid(self, number: int) -> Hashable:
        """A process id as the task's place, where it is one's."""
        if "pid" in self._rules:
            return None
        return self._places.get(number) or self._places.get(-number) or number

    def _result(self, event: Event, name: str) -> Hashable:
        result = event.result
        if -ERRNO_MAX <= result < 0:
            return result
        if name in _ADDRESS_RESULTS or name == "futex":
            return 0
        if name in _PID_RESULTS and result:
            return self._pid(result)
        if name in _FD_RESULTS and "fd" in self._rules:
            return 0
        if name in _SIZE_RESULTS and ("size" in self._rules or "data" in self._rules):
            return result > 0
        return result

    def _field_details(
        self, event: Event, kinds: tuple[str, ...], fields: dict[int, list[Field]]
    ) -> Iterable[Hashable]:
        """What counts of the memory that was recorded with an event."""
        for at, found in fields.items():
            kind = kinds[at] if at < len(kinds) else ""
            for field in found:
                detail = self._field(event, kind, field)
                if detail is not None:
                    yield at, detail

    def _field(self, event: Event, kind: str, field: Field) -> Hashable:
        if field.kind in (abi.FIELD_STRING, abi.FIELD_STRINGS):
            if kind and kind != "ENVP":
                return None  # in the weak key already
            return None if "path" in self._rules or kind == "ENVP" else field.data
        if "data" in self._rules:
            return None
        if field.kind == abi.FIELD_BYTES:
            return field.total, 0 if kind == "DENTS_OUT" else field.hash
        if field.kind != abi.FIELD_STRUCT:
            return None
        return self._struct(kind, field.data)

    def _struct(self, kind: str, data: bytes) -> Hashable:
        if kind in _TIME_KINDS and "time" in self._rules:
            return None
        if kind in _STAT_INODES:
            start, stop = _STAT_INODES[kind]
            data = data[:start] + b"\0" * (stop - start) + data[stop:]
        if kind in _STAT_TIMES and "time" in self._rules:
            start, stop = _STAT_TIMES[kind]
            data = data[:start] + data[stop:]
        if kind == "EPOLL_EVENTS_OUT":
            return _events_alone(data)
        if kind in _SOCKADDRS and "port" in self._rules:
            return _without_port(data)
        if kind in ("SIGINFO_OUT", "CHILDINFO_OUT"):
            number, _, code = struct.unpack_from("<iii", data.ljust(12, b"\0"))
            return number, code
        how = ARG_KINDS[kind].how if kind in ARG_KINDS else ""
        return None if how in _RAW_HOW else data

    def _fields(self, event: Event) -> dict[int, list[Field]]:
        return self._parts(event)[1]

    def _parts(self, event: Event) -> tuple[list[int], dict[int, list[Field]]]:
        try:
            args, fields = parse_fields(self._trace.side_data(event))
        except ValueError:
            return [], {}
        return list(args), fields


def _is(kinds: tuple[str, ...], at: int, kind: str) -> bool:
    return at < len(kinds) and kinds[at] == kind


def _events_alone(data: bytes) -> Hashable:
    """What an epoll told, without the program's own data beside it."""
    return tuple(struct.unpack_from("<I", data, at)[0] for at in range(0, len(data) - 11, 12))


def _without_port(data: bytes) -> bytes:
    """An internet address without its port."""
    return data[:2] + data[4:] if data[:2] in (b"\2\0", b"\x0a\0") else data
