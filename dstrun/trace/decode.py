"""One recorded call as a line of text, the way strace writes it.

A call is its number, six words, its result, and side data: what the shim copied of the memory that
the words point to. Here the two come together: the kind of each argument (shims/arg_kinds.def)
chooses how its word or its data is written. An argument of which nothing was recorded is shown as
the address that it is, never guessed.

All functions are pure. Odd values are shown as numbers or bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dstrun import abi
from dstrun._syscalls import ARG_KINDS, SYSCALLS
from dstrun.trace import structs, structs_io, tables, text
from dstrun.trace.sidedata import ARGS_MAX, Field

ERRNO_MAX: Final = 4095
AT_FDCWD: Final = -100


@dataclass(frozen=True, slots=True)
class _Call:
    """What the renderers look at."""

    name: str
    kinds: tuple[str, ...]
    args: Sequence[int]
    fields: Mapping[int, Sequence[Field]]
    result: int | None
    string_max: int | None

    def word(self, index: int) -> int:
        return self.args[index] if index < len(self.args) else 0

    def of_kind(self, kind: str) -> int:
        """The value of the first argument of a kind, 0 when there is none."""
        return self.word(self.kinds.index(kind)) if kind in self.kinds else 0

    def field(self, index: int, last: bool = False) -> Field | None:
        found = self.fields.get(index)
        if not found:
            return None
        return found[-1] if last else found[0]


def render_call(
    nr: int,
    args: Sequence[int],
    fields: Mapping[int, Sequence[Field]],
    result: int | None,
    *,
    string_max: int | None = text.STRING_MAX,
) -> str:
    """`read(3, "root:x"..., 4096) = 2996`; a result of None is a call that did not return."""
    row = SYSCALLS.get(nr)
    if row is None:
        shown = ", ".join(text.hexa(word) for word in args)
        call = _Call(f"syscall_{nr:#x}", (), args, fields, result, string_max)
        return f"{call.name}({shown}) = {_result(call)}"
    call = _Call(row.name, row.kinds, args, fields, result, string_max)
    return f"{call.name}({', '.join(_arguments(call))}) = {_result(call)}"


def _arguments(call: _Call) -> list[str]:
    """Each argument's text; those that the call does not look at are left out."""
    if call.name in _SPLIT_OFFSETS:
        return _with_whole_offset(call)
    if call.name == "futex":
        used = tables.FUTEX_ARGS.get(_futex_name(call.word(1)), ARGS_MAX)
    else:
        used = len(call.kinds)
    texts = (_argument(call, index) for index in range(min(used, len(call.args), len(call.kinds))))
    return [shown for shown in texts if shown is not None]


_SPLIT_OFFSETS: Final = frozenset({"preadv", "pwritev", "preadv2", "pwritev2"})


def _with_whole_offset(call: _Call) -> list[str]:
    """The fifth argument of these is the upper half of the fourth, where that is 32 bits wide."""
    places = [at for at in range(min(len(call.args), len(call.kinds))) if at != 4]
    return [shown for at in places if (shown := _argument(call, at)) is not None]


def _argument(call: _Call, index: int) -> str | None:
    """One argument; None when the call ignores it."""
    kind = call.kinds[index]
    word = call.word(index)
    if kind in _CONTEXTUAL:
        return _CONTEXTUAL[kind](call, index)
    shown = scalar_text(kind, word)
    if shown is not None:
        return shown
    field = call.field(index)
    if field is not None:
        return _structure(structs.STRUCTS.get(kind), field, call)
    return text.pointer(word)


def scalar_text(kind: str, word: int) -> str | None:
    """The text of an argument that is a number alone; None: it is something else."""
    if kind in tables.FLAGS:
        return text.flags(_low_bytes(kind, word), tables.FLAGS[kind])
    if kind in _SCALARS:
        return _SCALARS[kind](word)
    if kind in tables.NAMES:
        return text.named(text.signed32(word), tables.NAMES[kind])
    return None


def _low_bytes(kind: str, word: int) -> int:
    return word & (1 << 8 * ARG_KINDS[kind].bytes) - 1


def _structure(decoder: Callable[[bytes], str] | None, field: Field, call: _Call) -> str:
    """A struct's text; its bytes when it has no decoder or is not what it should be."""
    if decoder is not None:
        try:
            return decoder(field.data)
        except (struct.error, ValueError):
            pass
    return text.quote(field.data, field.total, call.string_max)


# ---- arguments that are a number ----


def _unsigned(word: int) -> str:
    return str(word & 0xFFFFFFFF)


def _int(word: int) -> str:
    return str(text.signed32(word))


def _long(word: int) -> str:
    return str(text.signed64(word))


def _dirfd(word: int) -> str:
    return "AT_FDCWD" if text.signed32(word) == AT_FDCWD else _int(word)


def _uid(word: int) -> str:
    return "-1" if word & 0xFFFFFFFF == 0xFFFFFFFF else _unsigned(word)


def _signal(word: int) -> str:
    return text.signal(text.signed32(word))


def _mode(word: int) -> str:
    return text.file_mode(word & 0xFFFFFFFF)


def _futex_name(word: int) -> str:
    return text.named(word & 0x7F, tables.FUTEX)


def _futex_op(word: int) -> str:
    private = "_PRIVATE" if word & 0x80 else ""
    clock = "|FUTEX_CLOCK_REALTIME" if word & 0x100 else ""
    rest = word & 0xFFFFFE00
    return _futex_name(word) + private + clock + (f"|{rest:#x}" if rest else "")


_IOC_DIRECTIONS: Final = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")


def _ioctl_command(word: int) -> str:
    value = word & 0xFFFFFFFF
    name = tables.IOCTLS.get(value)
    if name is not None:
        return name
    direction = _IOC_DIRECTIONS[value >> 30]
    parts = (value >> 8 & 0xFF, value & 0xFF, value >> 16 & 0x3FFF)
    return f"_IOC({direction}, {', '.join(map(text.hexa, parts))})"


_SCALARS: Final[dict[str, Callable[[int], str]]] = {
    "INT": _int,
    "FD": _int,
    "PID": _int,
    "POLL_TIMEOUT": _int,
    "DIRFD": _dirfd,
    "UINT": _unsigned,
    "UID": _uid,
    "LONG": _long,
    "OFF": _long,
    "SIZE": str,
    "HEX": text.hexa,
    "SIG": _signal,
    "MODE": _mode,
    "DEV": text.device,
    "FUTEX_OP": _futex_op,
    "IOCTL_CMD": _ioctl_command,
    "ADDR": text.pointer,
}


# ---- arguments that need more than their own word ----


def _buffer(call: _Call, index: int) -> str:
    field = call.field(index)
    if field is None:
        return text.pointer(call.word(index))
    return text.quote(field.data, field.total, call.string_max)


def _vectors(call: _Call, index: int) -> str:
    """The bytes that went through, as one: how they were spread is not recorded."""
    return f"[{_buffer(call, index)}]" if call.field(index) else _buffer(call, index)


def _messages(call: _Call, index: int) -> str:
    """Name, bytes and control data of each message, which were recorded one after another."""
    shown: list[list[tuple[str, object]]] = []
    name: list[tuple[str, object]] = []
    for field in call.fields.get(index, ()):
        if field.kind == abi.FIELD_STRUCT:
            name = [("msg_name", _structure(structs.STRUCTS["SOCKADDR_IN"], field, call))]
        elif field.kind == abi.FIELD_CONTROL:
            pair = ("msg_control", _structure(structs_io.control, field, call))
            if shown:
                shown[-1].append(pair)
        else:
            iov = f"[{text.quote(field.data, field.total, call.string_max)}]"
            shown.append([*name, ("msg_iov", iov)])
            name = []
    if not shown:
        return text.pointer(call.word(index))
    texts = [text.members(pairs) for pairs in shown]
    return texts[0] if call.kinds[index] == "MSGHDR" else f"[{', '.join(texts)}]"


def _string(call: _Call, index: int) -> str:
    """A path or a name is shown whole."""
    field = call.field(index)
    if field is None:
        return text.pointer(call.word(index))
    return text.quote(field.data.removesuffix(b"\0"), field.total)


def _string_out(call: _Call, index: int) -> str:
    """getcwd counts the terminating NUL as part of what it gives, readlink has none."""
    field = call.field(index)
    if field is None:
        return text.pointer(call.word(index))
    cut = field.total > len(field.data)
    return text.quote(field.data.removesuffix(b"\0")) + ("..." if cut else "")


def _strings(field: Field) -> list[bytes]:
    return field.data.removesuffix(b"\0").split(b"\0") if field.data else []


def _argv(call: _Call, index: int) -> str:
    field = call.field(index)
    if field is None:
        return text.pointer(call.word(index))
    return f"[{', '.join(text.quote(each) for each in _strings(field))}]"


def _envp(call: _Call, index: int) -> str:
    """Too long to be read: strace too tells only how many there are."""
    field = call.field(index)
    address = text.pointer(call.word(index))
    if field is None:
        return address
    count = len(_strings(field))
    return f"{address} /* {count} var{'' if count == 1 else 's'} */"


def _entries(call: _Call, index: int) -> str:
    field = call.field(index)
    if field is None:
        return text.pointer(call.word(index))
    is_64 = call.name == "getdents64"

    def decoder(data: bytes) -> str:
        return structs.directory(data, field.total, is_64)

    return _structure(decoder, field, call)


def _open_mode(call: _Call, index: int) -> str | None:
    creates = call.of_kind("OPEN_FLAGS") & (tables.O_CREAT | tables.O_TMPFILE_BIT)
    return text.permissions(call.word(index) & 0xFFFFFFFF) if creates else None


_FCNTL_ARGS: Final[dict[str, Callable[[int], str] | None]] = {
    **dict.fromkeys(["F_GETFD", "F_GETFL", "F_GETOWN", "F_GETSIG", "F_GETLEASE"]),
    **dict.fromkeys(["F_GETPIPE_SZ", "F_GET_SEALS"]),
    **dict.fromkeys(["F_DUPFD", "F_DUPFD_CLOEXEC", "F_SETOWN", "F_SETPIPE_SZ"], _int),
    "F_DUPFD_QUERY": _int,
    "F_SETFD": lambda word: text.flags(word & 0xFFFFFFFF, tables.FLAGS["fd_flags"]),
    "F_SETFL": lambda word: text.flags(word & 0xFFFFFFFF, tables.FLAGS["OPEN_FLAGS"]),
    "F_ADD_SEALS": lambda word: text.flags(word & 0xFFFFFFFF, tables.FLAGS["seals"]),
    "F_SETSIG": _signal,
    "F_SETLEASE": lambda word: text.named(text.signed32(word), tables.NAMES["lock_type"]),
}


def _fcntl_argument(call: _Call, index: int) -> str | None:
    command = text.named(text.signed32(call.of_kind("FCNTL_CMD")), tables.FCNTL)
    if command in _FCNTL_ARGS:
        shown = _FCNTL_ARGS[command]
        return shown(call.word(index)) if shown else None
    field = call.field(index, last=True)
    if field is not None and "LK" in command:
        is_asked = command in ("F_GETLK", "F_OFD_GETLK")
        return _structure(lambda data: structs.flock(data, with_pid=is_asked), field, call)
    return text.pointer(call.word(index))


def _ioctl_argument(call: _Call, index: int) -> str | None:
    command = _ioctl_command(call.of_kind("IOCTL_CMD"))
    if command in tables.IOCTLS_WITHOUT_ARG:
        return None
    if command in tables.IOCTLS_WITH_INT:
        return _int(call.word(index))
    field = call.field(index, last=True)
    if field is None:
        return text.pointer(call.word(index))
    try:
        shown = structs_io.ioctl(command, field.data)
    except (struct.error, ValueError):
        shown = None
    return shown or _buffer(call, index)


def _prctl_argument(call: _Call, index: int) -> str | None:
    operation = text.named(text.signed32(call.of_kind("PRCTL_OP")), tables.PRCTL)
    if index > tables.PRCTL_ARGS.get(operation, 2):
        return None
    field = call.field(index, last=True)
    if field is not None:
        return text.quote(field.data.split(b"\0", 1)[0])
    if operation == "PR_SET_PDEATHSIG":
        return _signal(call.word(index))
    value = call.word(index)
    return str(value) if value < 4096 else hex(value)


def _option_value(call: _Call, index: int) -> str:
    """What setsockopt and getsockopt move; of other calls that have such bytes the bytes."""
    field = call.field(index)
    if field is None or "SOCKET_OPTION" not in call.kinds:
        return _buffer(call, index)
    level, option = text.signed32(call.word(1)), text.signed32(call.word(2))
    try:
        shown = structs_io.socket_option(level, option, field.data)
    except (struct.error, ValueError):
        shown = None
    return shown or _buffer(call, index)


def _descriptor_flags(call: _Call, index: int) -> str:
    names = tables.FD_FLAGS_OF.get(call.name, tables.FLAGS["FD_FLAGS"])
    return text.flags(call.word(index) & 0xFFFFFFFF, names)


def _integer(call: _Call, index: int) -> str:
    """A socket's protocol has a name where it is one of the internet's."""
    word = call.word(index)
    if (call.name, index) == ("socket", 2) and call.word(0) & 0xFFFFFFFF in (2, 10):
        return text.named(text.signed32(word), tables.PROTOCOLS)
    return _int(word)


def _offset(call: _Call, index: int) -> str:
    return text.hexa(call.word(index)) if call.name == "mmap" else _long(call.word(index))


def _device(call: _Call, index: int) -> str | None:
    """mknod's last argument is one for devices alone."""
    is_device = call.of_kind("MODE") & 0o170000 in (0o020000, 0o060000)
    return text.device(call.word(index)) if is_device else None


def _ipc_flags(call: _Call, index: int) -> str:
    """Those of the calls that make an object have permissions, too."""
    word = call.word(index) & 0xFFFFFFFF
    if not call.name.endswith("get"):
        return text.flags(word, tables.FLAGS["ipc_flags"])
    bits = text.flags(word & ~0o777, tables.FLAGS["ipc_flags"])
    mode = text.permissions(word & 0o777)
    return mode if bits == "0" else f"{bits}|{mode}"


def _semctl_argument(call: _Call, index: int) -> str | None:
    command = text.named(text.signed32(call.of_kind("SEMCTL_CMD")), tables.NAMES["SEMCTL_CMD"])
    if command == "SETVAL":
        return _int(call.word(index))
    used = ("SETALL", "GETALL", "IPC_SET", "IPC_STAT", "IPC_INFO", "SEM_STAT", "SEM_INFO")
    return text.pointer(call.word(index)) if command in (*used, "SEM_STAT_ANY") else None


def _message(call: _Call, index: int) -> str:
    field = call.field(index)
    if field is None:
        return text.pointer(call.word(index))
    total = field.total or len(field.data)

    def decoder(data: bytes) -> str:
        return structs.message(data, total, call.string_max)

    return _structure(decoder, field, call)


def _socket_option(call: _Call, index: int) -> str:
    level = text.signed32(call.of_kind("SOCKET_LEVEL"))
    names = tables.SOCKET_OPTIONS.get(level, {})
    return text.named(text.signed32(call.word(index)), names)


_CONTEXTUAL: Final[dict[str, Callable[[_Call, int], str | None]]] = {
    "PATH": _string,
    "STR": _string,
    "ARGV": _argv,
    "ENVP": _envp,
    "DATA_IN": _buffer,
    "DATA_OUT": _buffer,
    "BLOB_IN": _option_value,
    "BLOB_OUT": _option_value,
    "FD_FLAGS": _descriptor_flags,
    "INT": _integer,
    "OFF": _offset,
    "DEV": _device,
    "IOVEC_IN": _vectors,
    "IOVEC_OUT": _vectors,
    "MSGHDR": _messages,
    "MMSGHDRS": _messages,
    "STRING_OUT": _string_out,
    "DENTS_OUT": _entries,
    "OPEN_MODE": _open_mode,
    "FCNTL_ARG": _fcntl_argument,
    "IOCTL_ARG": _ioctl_argument,
    "PRCTL_ARG": _prctl_argument,
    "SOCKET_OPTION": _socket_option,
    "IPC_FLAGS": _ipc_flags,
    "SEMCTL_ARG": _semctl_argument,
    "MSGBUF_IN": _message,
    "MSGBUF_OUT": _message,
}


# ---- results ----

_ADDRESS_RESULTS: Final = frozenset({"mmap", "mremap", "brk", "shmat"})
_TIMED: Final = frozenset({"poll", "ppoll", "select", "pselect6"})


def _result(call: _Call) -> str:
    if call.result is None or call.name in ("exit", "exit_group"):
        return "?"
    if -ERRNO_MAX <= call.result < 0:
        return f"-1 {text.error(-call.result)}"
    if call.name in _ADDRESS_RESULTS:
        return text.hexa(call.result & 2**64 - 1)
    if call.name == "umask":
        return text.permissions(call.result)
    return str(call.result) + _remark(call, call.result)


def _remark(call: _Call, result: int) -> str:
    """What strace adds in brackets to some results."""
    if call.name == "fcntl":
        return _fcntl_remark(call, result)
    if call.name in _TIMED and result == 0:
        return " (Timeout)"
    if call.name in ("poll", "ppoll"):
        return _poll_remark(call)
    return f" ({text.signal(result)})" if call.name == "rt_sigtimedwait" and result else ""


def _fcntl_remark(call: _Call, result: int) -> str:
    names = {1: "fd_flags", 3: "OPEN_FLAGS", 1034: "seals"}.get(call.word(1) & 0xFFFFFFFF)
    if names is None or (names == "fd_flags" and result == 0):
        return ""
    return f" (flags {text.flags(result, tables.FLAGS[names])})"


def _poll_remark(call: _Call) -> str:
    """Which descriptors were ready, and how."""
    field = call.field(0, last=True)
    if field is None:
        return ""
    ready = [
        text.members([("fd", fd), ("revents", structs.poll_events(revents))])
        for fd, _, revents in structs.polled(field.data)
        if revents
    ]
    return f" ([{', '.join(ready)}])" if ready else ""
