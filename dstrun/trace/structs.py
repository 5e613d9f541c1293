"""The kernel's structs as text.

`STRUCTS` maps an argument's kind to a function from the recorded bytes to text. The functions may
raise struct.error on bytes that are too short: the caller then shows the bytes.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Iterator
from typing import Final

from dstrun.trace import tables
from dstrun.trace.text import (
    device,
    escape,
    file_mode,
    flags,
    hexa,
    members,
    named,
    permissions,
    pointer,
    quote,
    signal,
    sigset,
    wait_status,
)

UTIME_NOW: Final = 0x3FFFFFFF
UTIME_OMIT: Final = 0x3FFFFFFE
RLIM_INFINITY: Final = 2**64 - 1


def _text(data: bytes) -> bytes:
    """A NUL-terminated string in a fixed field."""
    return data.split(b"\0", 1)[0]


def _timespec(data: bytes, offset: int = 0) -> str:
    seconds, nanoseconds = struct.unpack_from("<qq", data, offset)
    if nanoseconds in (UTIME_NOW, UTIME_OMIT):
        return "UTIME_NOW" if nanoseconds == UTIME_NOW else "UTIME_OMIT"
    return members([("tv_sec", seconds), ("tv_nsec", nanoseconds)])


def _timeval(data: bytes, offset: int = 0) -> str:
    seconds, microseconds = struct.unpack_from("<qq", data, offset)
    return members([("tv_sec", seconds), ("tv_usec", microseconds)])


def _pair(one: Callable[[bytes, int], str], *names: str) -> Callable[[bytes], str]:
    """Two of the same 16-byte struct, with names of their own or as an array."""

    def text(data: bytes) -> str:
        both = [one(data, 0), one(data, 16)]
        return members(zip(names, both, strict=True)) if names else f"[{', '.join(both)}]"

    return text


def _integers(code: str) -> Callable[[bytes], str]:
    """One or more numbers that the kernel stored, as [3, 4]."""

    def text(data: bytes) -> str:
        return "[" + ", ".join(str(value) for value in struct.unpack_from(code, data)) + "]"

    return text


def _stat(data: bytes) -> str:
    (mode,) = struct.unpack_from("<I", data, 24)
    rdev, size = struct.unpack_from("<Qq", data, 40)
    is_device = mode & 0o170000 in (0o020000, 0o060000)
    last = ("st_rdev", device(rdev)) if is_device else ("st_size", str(size))
    return members([("st_mode", file_mode(mode)), last], more=True)


def _statx(data: bytes) -> str:
    mask, _, attributes = struct.unpack_from("<IIQ", data)
    (mode,) = struct.unpack_from("<H", data, 28)
    (size,) = struct.unpack_from("<Q", data, 40)
    pairs = [
        ("stx_mask", flags(mask, tables.FLAGS["STATX_MASK"])),
        ("stx_attributes", flags(attributes, tables.FLAGS["statx_attributes"])),
        ("stx_mode", file_mode(mode)),
        ("stx_size", str(size)),
    ]
    return members(pairs, more=True)


def _statfs(data: bytes) -> str:
    kind, *counts = struct.unpack_from("<7q", data)
    length, fragment = struct.unpack_from("<2q", data, 64)
    names = ["f_bsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree"]
    pairs = [("f_type", named(kind & 0xFFFFFFFF, tables.NAMES["fs_magic"]))]
    pairs += [(name, str(count)) for name, count in zip(names, counts, strict=True)]
    return members([*pairs, ("f_namelen", str(length)), ("f_frsize", str(fragment))], more=True)


def _utsname(data: bytes) -> str:
    names = ["sysname", "nodename", "release", "version", "machine", "domainname"]
    fields = [data[65 * index : 65 * index + 65] for index in range(6)]
    return members((name, quote(_text(part))) for name, part in zip(names, fields, strict=True))


def _sysinfo(data: bytes) -> str:
    uptime, *loads = struct.unpack_from("<q3Q", data)
    memory = struct.unpack_from("<6Q", data, 32)
    (processes,) = struct.unpack_from("<H", data, 80)
    names = ["totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"]
    pairs: list[tuple[str, object]] = [("uptime", uptime), ("loads", loads)]
    return members([*pairs, *zip(names, memory, strict=True), ("procs", processes)], more=True)


def _rusage(data: bytes) -> str:
    pairs = [("ru_utime", _timeval(data)), ("ru_stime", _timeval(data, 16))]
    return members(pairs, more=True)


def _tms(data: bytes) -> str:
    names = ["tms_utime", "tms_stime", "tms_cutime", "tms_cstime"]
    return members(zip(names, struct.unpack_from("<4q", data), strict=True))


def _limit(value: int) -> str:
    if value == RLIM_INFINITY:
        return "RLIM64_INFINITY"
    return f"{value // 1024}*1024" if value > 1024 and value % 1024 == 0 else str(value)


def _rlimit(data: bytes) -> str:
    soft, hard = struct.unpack_from("<QQ", data)
    return members([("rlim_cur", _limit(soft)), ("rlim_max", _limit(hard))])


def _sigset(data: bytes) -> str:
    return sigset(struct.unpack_from("<Q", data)[0])


def _sigaction(data: bytes) -> str:
    handler, bits, restorer, mask = struct.unpack_from("<4Q", data)
    pairs = [
        ("sa_handler", {0: "SIG_DFL", 1: "SIG_IGN"}.get(handler, hexa(handler))),
        ("sa_mask", sigset(mask)),
        ("sa_flags", flags(bits, tables.FLAGS["sa_flags"])),
    ]
    if bits & 0x04000000:
        pairs.append(("sa_restorer", hexa(restorer)))
    return members(pairs)


def _stack(data: bytes) -> str:
    address, bits, size = struct.unpack_from("<QIxxxxQ", data)
    text = flags(bits, tables.FLAGS["ss_flags"])
    return members([("ss_sp", pointer(address)), ("ss_flags", text), ("ss_size", size)])


def _siginfo(data: bytes) -> str:
    """siginfo_t, or as much of it as waitid stores."""
    number, _, code = struct.unpack_from("<iii", data)
    if number == 0:
        return "{}"
    pairs = [("si_signo", signal(number)), ("si_code", _signal_code(number, code))]
    if number in (4, 5, 7, 8, 11) and code > 0:
        (address,) = struct.unpack_from("<Q", data, 16)
        return members([*pairs, ("si_addr", pointer(address))])
    pid, uid, status = struct.unpack_from("<iIi", data, 16)
    pairs += [("si_pid", str(pid)), ("si_uid", str(uid))]
    if number == 17 and code > 0:
        text = str(status) if code == 1 else signal(status)
        return members([*pairs, ("si_status", text)])
    return members(pairs)


def _signal_code(number: int, code: int) -> str:
    table = "cld_code" if number == 17 and code > 0 else "si_code"
    return named(code, tables.NAMES[table])


def _clone_args(data: bytes) -> str:
    bits, pidfd, child, parent, number, stack, size, tls = struct.unpack_from("<8Q", data)
    pairs = [("flags", flags(bits, tables.FLAGS["clone3_flags"]))]
    optional = [("pidfd", pidfd), ("child_tid", child), ("parent_tid", parent)]
    pairs += [(name, hexa(value)) for name, value in optional if value]
    pairs += [
        ("exit_signal", signal(number)),
        ("stack", pointer(stack)),
        ("stack_size", hexa(size)),
    ]
    return members([*pairs, ("tls", hexa(tls))] if tls else pairs)


def _open_how(data: bytes) -> str:
    bits, mode, resolve = struct.unpack_from("<3Q", data)
    pairs = [("flags", flags(bits, tables.FLAGS["OPEN_FLAGS"]))]
    if bits & (tables.O_CREAT | tables.O_TMPFILE_BIT):
        pairs.append(("mode", permissions(mode)))
    return members([*pairs, ("resolve", flags(resolve, tables.FLAGS["resolve"]))])


def _epoll_event(data: bytes, offset: int = 0) -> str:
    bits, value = struct.unpack_from("<IQ", data, offset)
    return members([("events", flags(bits, tables.FLAGS["epoll_events"])), ("data", hexa(value))])


def epoll_events(data: bytes) -> str:
    """The array that epoll_wait filled."""
    return f"[{', '.join(_epoll_event(data, at) for at in range(0, len(data) - 11, 12))}]"


def polled(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Descriptor, events and revents of each struct pollfd; a cut last one is left out."""
    yield from struct.iter_unpack("<iHH", data[: len(data) // 8 * 8])


def poll_events(bits: int) -> str:
    return flags(bits, tables.FLAGS["poll_events"])


def _pollfds(data: bytes) -> str:
    texts = [
        members([("fd", fd), ("events", poll_events(events))]) if fd >= 0 else members([("fd", fd)])
        for fd, events, _ in polled(data)
    ]
    return f"[{', '.join(texts)}]"


def _bits(data: bytes) -> list[int]:
    value = int.from_bytes(data, "little")
    return [bit for bit in range(value.bit_length()) if value >> bit & 1]


def _bitset(data: bytes) -> str:
    """fd_set, cpu_set_t: the numbers that are in it."""
    return f"[{' '.join(map(str, _bits(data)))}]"


def flock(data: bytes, with_pid: bool = True) -> str:
    """fcntl's struct flock; who holds the lock is told where that was asked."""
    kind, whence, start, length, pid = struct.unpack_from("<hhxxxxqqi", data)
    pairs: list[tuple[str, object]] = [
        ("l_type", named(kind, tables.NAMES["lock_type"])),
        ("l_whence", named(whence, tables.NAMES["WHENCE"])),
        ("l_start", start),
        ("l_len", length),
    ]
    return members([*pairs, ("l_pid", pid)] if pid and with_pid else pairs)


def winsize(data: bytes) -> str:
    names = ["ws_row", "ws_col", "ws_xpixel", "ws_ypixel"]
    return members(zip(names, struct.unpack_from("<4H", data), strict=True))


def _semaphores(data: bytes) -> str:
    names = ["sem_num", "sem_op", "sem_flg"]
    values = struct.iter_unpack("<Hhh", data[: len(data) // 6 * 6])
    return f"[{', '.join(members(zip(names, each, strict=True)) for each in values)}]"


def message(data: bytes, total: int, string_max: int | None) -> str:
    """A System V message: its type, and as much of its text as was recorded."""
    (kind,) = struct.unpack_from("<q", data)
    text = quote(data[8:], total - 8, string_max)
    return members([("mtype", kind), ("mtext", text)])


def _mq_attributes(data: bytes) -> str:
    bits, *numbers = struct.unpack_from("<4q", data)
    pairs: list[tuple[str, object]] = [("mq_flags", flags(bits, tables.FLAGS["OPEN_FLAGS"]))]
    names = ["mq_maxmsg", "mq_msgsize", "mq_curmsgs"]
    return members([*pairs, *zip(names, numbers, strict=True)])


def _sigevent(data: bytes) -> str:
    value, number, how = struct.unpack_from("<Qii", data)
    pairs = [("sigev_value", hexa(value)), ("sigev_signo", signal(number))]
    return members([*pairs, ("sigev_notify", named(how, tables.NAMES["sigev_notify"]))])


def _completions(data: bytes) -> str:
    """The io_events that io_getevents stored."""
    values = struct.iter_unpack("<QQqq", data[: len(data) // 32 * 32])
    texts = [
        members([("data", hexa(one)), ("obj", hexa(request)), ("res", result)])
        for one, request, result, _ in values
    ]
    return f"[{', '.join(texts)}]"


def _capability_header(data: bytes) -> str:
    version, pid = struct.unpack_from("<Ii", data)
    names = {0x19980330: "1", 0x20071026: "2", 0x20080522: "3"}
    text = f"_LINUX_CAPABILITY_VERSION_{names[version]}" if version in names else hexa(version)
    return members([("version", text), ("pid", pid)])


def _capabilities(data: bytes) -> str:
    low, high = struct.unpack_from("<3I", data), struct.unpack_from("<3I", data, 12)
    names = ["effective", "permitted", "inheritable"]
    sets = [hexa(one | two << 32) for one, two in zip(low, high, strict=True)]
    return members(zip(names, sets, strict=True))


def _utimbuf(data: bytes) -> str:
    return members(zip(["actime", "modtime"], struct.unpack_from("<2q", data), strict=True))


def _timezone(data: bytes) -> str:
    names = ["tz_minuteswest", "tz_dsttime"]
    return members(zip(names, struct.unpack_from("<2i", data), strict=True))


def _xattr_args(data: bytes) -> str:
    value, size, bits = struct.unpack_from("<QII", data)
    text = flags(bits, tables.FLAGS["XATTR_FLAGS"])
    return members([("value", pointer(value)), ("size", size), ("flags", text)])


def _sun_path(data: bytes) -> str:
    """A path, or an abstract name, which strace marks with @."""
    if data[:1] == b"\0" and len(data) > 1:
        return "@" + quote(data[1:])
    return quote(_text(data))


def _unix(data: bytes) -> str:
    return f"sun_path={_sun_path(data[2:])}" if len(data) > 2 else ""


def _inet(data: bytes) -> str:
    (port,) = struct.unpack_from(">H", data, 2)
    address = ipaddress.IPv4Address(data[4:8])
    return f'sin_port=htons({port}), sin_addr=inet_addr("{address}")'


def _inet6(data: bytes) -> str:
    port, flow = struct.unpack_from(">HI", data, 2)
    address = ipaddress.IPv6Address(data[8:24])
    (scope,) = struct.unpack_from("<I", data, 24)
    head = f"sin6_port=htons({port}), sin6_flowinfo=htonl({flow})"
    return f'{head}, inet_pton(AF_INET6, "{address}", &sin6_addr), sin6_scope_id={scope}'


def _netlink(data: bytes) -> str:
    pid, groups = struct.unpack_from("<II", data, 4)
    return f"nl_pid={pid}, nl_groups={groups:08x}"


_FAMILIES: Final[dict[int, Callable[[bytes], str]]] = {
    1: _unix,
    2: _inet,
    10: _inet6,
    16: _netlink,
}


def sockaddr(data: bytes) -> str:
    """A socket address of any family."""
    (family,) = struct.unpack_from("<H", data)
    name = named(family, tables.NAMES["SOCKET_DOMAIN"])
    decoder = _FAMILIES.get(family)
    body = decoder(data) if decoder else f'sa_data="{escape(data[2:])}"'
    return f"{{sa_family={name}, {body}}}" if body else f"{{sa_family={name}}}"


def _entries(data: bytes, header: int) -> Iterator[bytes]:
    """Names of the directory entries that are there whole; `header` is the offset of the name."""
    position = 0
    while position + header < len(data):
        (length,) = struct.unpack_from("<H", data, position + 16)
        if length <= header or position + length > len(data):
            return
        yield _text(data[position + header : position + length])
        position += length


def directory(data: bytes, total: int, is_64: bool) -> str:
    """The names that getdents gave, as far as they were recorded."""
    names = [quote(name) for name in _entries(data, 19 if is_64 else 18)]
    more = ["..."] if total > len(data) else []
    return f"[{', '.join(names + more)}]"


STRUCTS: Final[dict[str, Callable[[bytes], str]]] = {
    "STAT_OUT": _stat,
    "STATX_OUT": _statx,
    "STATFS_OUT": _statfs,
    "TIMESPEC_IN": _timespec,
    "TIMESPEC_OUT": _timespec,
    "TIMESPEC2_IN": _pair(_timespec),
    "TIMEVAL_IN": _timeval,
    "TIMEVAL_OUT": _timeval,
    "TIMEVAL2_IN": _pair(_timeval),
    "ITIMERVAL_IN": _pair(_timeval, "it_interval", "it_value"),
    "ITIMERVAL_OUT": _pair(_timeval, "it_interval", "it_value"),
    "ITIMERSPEC_IN": _pair(_timespec, "it_interval", "it_value"),
    "ITIMERSPEC_OUT": _pair(_timespec, "it_interval", "it_value"),
    "UTSNAME_OUT": _utsname,
    "SYSINFO_OUT": _sysinfo,
    "RUSAGE_OUT": _rusage,
    "TMS_OUT": _tms,
    "RLIMIT_IN": _rlimit,
    "RLIMIT_OUT": _rlimit,
    "INT_OUT": _integers("<i"),
    "INT2_OUT": _integers("<2i"),
    "UINT_OUT": _integers("<I"),
    "UID_OUT": _integers("<I"),
    "LONG_OUT": _integers("<q"),
    "OFF_INOUT": _integers("<q"),
    "SCHED_PARAM_IN": _integers("<i"),
    "SCHED_PARAM_OUT": _integers("<i"),
    "SIGSET_IN": _sigset,
    "SIGSET_OUT": _sigset,
    "SIGACTION_IN": _sigaction,
    "SIGACTION_OUT": _sigaction,
    "STACK_IN": _stack,
    "STACK_OUT": _stack,
    "SIGINFO_IN": _siginfo,
    "SIGINFO_OUT": _siginfo,
    "CHILDINFO_OUT": _siginfo,
    "WAIT_STATUS_OUT": lambda data: f"[{wait_status(struct.unpack_from('<I', data)[0])}]",
    "CLONE_ARGS": _clone_args,
    "OPEN_HOW": _open_how,
    "EPOLL_EVENT_IN": _epoll_event,
    "EPOLL_EVENTS_OUT": epoll_events,
    "POLLFDS": _pollfds,
    "FDSET": _bitset,
    "CPUSET_IN": _bitset,
    "CPUSET_OUT": _bitset,
    "SEMBUFS": _semaphores,
    "MQ_ATTR_IN": _mq_attributes,
    "MQ_ATTR_OUT": _mq_attributes,
    "SIGEVENT_IN": _sigevent,
    "IO_EVENTS_OUT": _completions,
    "CAP_HEADER_IN": _capability_header,
    "CAP_DATA_IN": _capabilities,
    "UTIMBUF_IN": _utimbuf,
    "TIMEZONE_OUT": _timezone,
    "XATTR_ARGS": _xattr_args,
    "SOCKADDR_IN": sockaddr,
    "SOCKADDR_OUT": sockaddr,
}
