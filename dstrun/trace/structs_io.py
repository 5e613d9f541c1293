"""What ioctl, setsockopt and messages carry, as text: structs that another argument chooses.

As in structs.py the functions may raise struct.error on bytes that are too short: the caller then
shows the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from dstrun.trace import structs, tables
from dstrun.trace.tables import FlagSet
from dstrun.trace.text import flags, members, named, quote

# ---- terminals ----

_BAUD = ["B0", "B50", "B75", "B110", "B134", "B150", "B200", "B300", "B600", "B1200", "B1800"]
_BAUD += ["B2400", "B4800", "B9600", "B19200", "B38400"]


def _octal_bits(names: str) -> dict[int, str]:
    """Names by bit, from the lowest on; - for none."""
    return {1 << at: name for at, name in enumerate(names.split()) if name != "-"}


_IFLAGS: Final = FlagSet(
    _octal_bits(
        "IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL"
        " IUTF8"
    )
)
_OFLAGS: Final = FlagSet(_octal_bits("OPOST OLCUC ONLCR OCRNL ONOCR ONLRET OFILL OFDEL"))
_CFLAGS: Final = FlagSet(
    {
        **{0x40: "CSTOPB", 0x80: "CREAD", 0x100: "PARENB", 0x200: "PARODD"},
        **{0x400: "HUPCL", 0x800: "CLOCAL"},
    }
)
_SIZES: Final = ("CS5", "CS6", "CS7", "CS8")
_LFLAGS: Final = FlagSet(
    _octal_bits(
        "ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP ECHOCTL ECHOPRT ECHOKE FLUSHO -"
        " PENDIN IEXTEN EXTPROC"
    )
)


def termios(data: bytes) -> str:
    """The kernel's struct termios."""
    iflag, oflag, cflag, lflag = struct.unpack_from("<4I", data)
    speed = cflag & 0x100F
    control = [_BAUD[speed] if speed < len(_BAUD) else hex(speed), _SIZES[cflag >> 4 & 3]]
    rest = cflag & ~0x103F
    if rest:
        control.append(flags(rest, _CFLAGS))
    pairs = [
        ("c_iflag", flags(iflag, _IFLAGS)),
        ("c_oflag", flags(oflag, _OFLAGS)),
        ("c_cflag", "|".join(control)),
        ("c_lflag", flags(lflag, _LFLAGS)),
    ]
    return members(pairs, more=True)


# ---- network interfaces ----


def ifreq(data: bytes) -> str:
    """struct ifreq: which interface; the rest by the request is shown as an address or a number."""
    name = quote(data[:16].split(b"\0", 1)[0])
    (family,) = struct.unpack_from("<H", data, 16)
    if family in (2, 10) and any(data[20:24]):
        return members([("ifr_name", name), ("ifr_addr", structs.sockaddr(data[16:32]))])
    (number,) = struct.unpack_from("<i", data, 16)
    return members([("ifr_name", name), ("ifr_value", number)])


def ioctl(command: str, data: bytes) -> str | None:
    """What an ioctl's argument points to; None: it has no decoder."""
    if command in ("TCGETS", "TCSETS", "TCSETSW", "TCSETSF"):
        return termios(data)
    if command in ("TIOCGWINSZ", "TIOCSWINSZ"):
        return structs.winsize(data)
    if command.startswith("SIOC") and len(data) >= 32:
        return ifreq(data)
    if len(data) == 4:
        return f"[{struct.unpack_from('<i', data)[0]}]"
    return None


# ---- socket options ----

_TIMES: Final = frozenset({"SO_RCVTIMEO", "SO_SNDTIMEO"})
_NAMES: Final = frozenset({"SO_BINDTODEVICE", "TCP_CONGESTION"})


def socket_option(level: int, number: int, data: bytes) -> str | None:
    """An option's value; None: it is shown as bytes."""
    name = tables.SOCKET_OPTIONS.get(level, {}).get(number, "")
    if name in _NAMES:
        return quote(data.split(b"\0", 1)[0])
    if name == "SO_LINGER":
        on, seconds = struct.unpack_from("<ii", data)
        return members([("l_onoff", on), ("l_linger", seconds)])
    if name == "SO_PEERCRED":
        return _credentials(data)
    if name in _TIMES and len(data) >= 16:
        seconds, micros = struct.unpack_from("<qq", data)
        return members([("tv_sec", seconds), ("tv_usec", micros)])
    if len(data) == 4:
        value = struct.unpack_from("<i", data)[0]
        names = {
            "SO_TYPE": tables.FLAGS["SOCKET_TYPE"].choices,
            "SO_DOMAIN": tables.NAMES["SOCKET_DOMAIN"],
        }
        return f"[{named(value, names.get(name, {}))}]"
    return None


def _credentials(data: bytes) -> str:
    return members(zip(["pid", "uid", "gid"], struct.unpack_from("<iII", data), strict=True))


# ---- control messages ----

_RIGHTS: Final = 1
_TYPES: Final[dict[int, dict[int, str]]] = {
    1: {_RIGHTS: "SCM_RIGHTS", 2: "SCM_CREDENTIALS", 3: "SCM_SECURITY", 4: "SCM_PIDFD"}
    | {29: "SO_TIMESTAMP_OLD", 35: "SO_TIMESTAMPNS_OLD"},
    0: {1: "IP_TOS", 2: "IP_TTL", 8: "IP_PKTINFO", 11: "IP_RECVERR"},
    17: {103: "UDP_SEGMENT", 104: "UDP_GRO"},
    41: {50: "IPV6_PKTINFO", 52: "IPV6_HOPLIMIT", 67: "IPV6_TCLASS"},
}
_HEADER: Final = struct.Struct("<Qii")


def control_messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """struct cmsghdr's length, level and type, and what follows it, of each that is there."""
    position = 0
    while position + _HEADER.size <= len(data):
        length, level, kind = _HEADER.unpack_from(data, position)
        if length < _HEADER.size or position + length > len(data):
            return
        yield length, level, kind, data[position + _HEADER.size : position + length]
        position += (length + 7) // 8 * 8


def control(data: bytes) -> str:
    """msg_control as strace shows it."""
    return f"[{', '.join(_control_message(*each) for each in control_messages(data))}]"


def _control_message(length: int, level: int, kind: int, body: bytes) -> str:
    pairs: list[tuple[str, object]] = [
        ("cmsg_len", length),
        ("cmsg_level", named(level, tables.NAMES["SOCKET_LEVEL"])),
        ("cmsg_type", named(kind, _TYPES.get(level, {}))),
    ]
    decoders: dict[tuple[int, int], Callable[[bytes], str]] = {
        (1, _RIGHTS): lambda b: f"[{', '.join(str(fd) for (fd,) in struct.iter_unpack('<i', b))}]",
        (1, 2): _credentials,
    }
    decoder = decoders.get((level, kind))
    if decoder is None or len(body) % 4:
        return members([*pairs, ("cmsg_data", quote(body))])
    return members([*pairs, ("cmsg_data", decoder(body))])
