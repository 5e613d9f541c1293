"""Numbers and bytes as text, the way strace writes them.

Every function takes plain values and never fails on odd ones: what has no name is shown as a
number, because a trace may come from a program that passes garbage.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from itertools import zip_longest

from dstrun.trace import tables
from dstrun.trace.tables import FlagSet

STRING_MAX = 32  # strace's -s

_ESCAPES = {9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
# Where two names share a number, Python and strace differ in their choice.
_ERRNO_NAMES = {11: "EAGAIN", 35: "EDEADLK", 95: "EOPNOTSUPP"}


def signed32(value: int) -> int:
    """The low 32 bits as a C int."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def signed64(value: int) -> int:
    """The low 64 bits as a C long."""
    return ((value & (2**64 - 1)) ^ 2**63) - 2**63


def hexa(value: int) -> str:
    """C's %#x."""
    return hex(value) if value else "0"


def pointer(value: int) -> str:
    return hex(value) if value else "NULL"


def _octal(byte: int, following: int | None) -> str:
    """The shortest escape; three digits where the next character would be taken for one."""
    is_digit = following is not None and 0x30 <= following <= 0x37
    return f"\\{byte:03o}" if is_digit else f"\\{byte:o}"


def escape(data: bytes) -> str:
    """Bytes with strace's escapes, without quotes."""
    parts = []
    for byte, following in zip_longest(data, data[1:]):
        if byte in _ESCAPES:
            parts.append(_ESCAPES[byte])
        elif 0x20 <= byte < 0x7F:
            parts.append(chr(byte))
        else:
            parts.append(_octal(byte, following))
    return "".join(parts)


def quote(data: bytes, total: int = 0, limit: int | None = None) -> str:
    """Bytes in quotes; "..." when there were more (`total`) than are shown."""
    shown = data if limit is None else data[:limit]
    more = "..." if max(total, len(data)) > len(shown) else ""
    return f'"{escape(shown)}"{more}'


def flags(value: int, names: FlagSet) -> str:
    """The names of the bits joined by |, unknown ones in hex."""
    parts = []
    choice = ""
    if names.mask:
        low = value & names.mask
        choice = names.choices.get(low, hexa(low))
    rest = value & ~names.mask
    for bits, name in names.bits.items():
        if rest & bits == bits:
            parts.append(name)
            rest &= ~bits
    if rest:
        parts.append(hex(rest))
    if choice:
        parts.insert(len(parts) if names.choice_last else 0, choice)
    return "|".join(parts) or names.zero


def named(value: int, names: Mapping[int, str]) -> str:
    """The value's name, or the number: in decimal while it is small."""
    name = names.get(value)
    if name is not None:
        return name
    return str(value) if -4096 < value < 4096 else hexa(value & 0xFFFFFFFF)


def signal(number: int) -> str:
    """SIGINT; the real-time ones counted as the kernel does, from 32."""
    if 32 < number <= 64:
        return f"SIGRT_{number - 32}"
    return tables.SIGNALS.get(number, str(number))


def sigset(mask: int) -> str:
    """[INT TERM], or ~[INT TERM] for all but these."""
    inverted = mask.bit_count() > 32
    wanted = ~mask if inverted else mask
    numbers = [bit + 1 for bit in range(64) if wanted >> bit & 1]
    inner = " ".join(signal(number).removeprefix("SIG") for number in numbers)
    return f"~[{inner}]" if inverted else f"[{inner}]"


def error_name(number: int) -> str:
    """ENOENT."""
    return error(number).partition(" (")[0]


def error(number: int) -> str:
    """ENOENT (No such file or directory)."""
    if number in tables.RESTARTS:
        name, meaning = tables.RESTARTS[number]
    else:
        name = _ERRNO_NAMES.get(number) or errno.errorcode.get(number, f"errno {number}")
        meaning = os.strerror(number)
    return f"{name} ({meaning})"


def permissions(mode: int) -> str:
    """Octal with at least three digits, as %#03o does."""
    return f"0{mode:o}" if mode else "000"


def file_mode(mode: int) -> str:
    """S_IFREG|0644."""
    kind = mode & 0o170000
    parts = [tables.FILE_TYPES.get(kind, f"0{kind:o}")] if kind else []
    parts += [name for bit, name in tables.MODE_BITS.items() if kind and mode & bit]
    rest = mode & ~0o170000
    return "|".join([*parts, permissions(rest & 0o777 if kind else rest)])


def device(number: int) -> str:
    """makedev(0x8, 0x1), from the kernel's encoding as user space sees it."""
    major = (number >> 8 & 0xFFF) | (number >> 32 & ~0xFFF)
    minor = (number & 0xFF) | (number >> 12 & 0xFFFFFF00)
    return f"makedev({hexa(major)}, {hexa(minor)})"


def wait_status(status: int) -> str:
    """What wait4 stored: the macros that are true of it."""
    low = status & 0x7F
    if status == 0xFFFF:
        return "{WIFCONTINUED(s)}"
    if status & 0xFF == 0x7F:
        return f"{{WIFSTOPPED(s) && WSTOPSIG(s) == {signal(status >> 8 & 0xFF)}}}"
    if low == 0:
        return f"{{WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8 & 0xFF}}}"
    core = " && WCOREDUMP(s)" if status & 0x80 else ""
    return f"{{WIFSIGNALED(s) && WTERMSIG(s) == {signal(low)}{core}}}"


def members(pairs: Iterable[tuple[str, object]], more: bool = False) -> str:
    """{name=value, ...} as strace writes a struct."""
    inner = [f"{name}={value}" for name, value in pairs]
    return "{" + ", ".join([*inner, "..."] if more else inner) + "}"
