"""What a fault does, as values: how short, how late, to which address, which bytes, which clock."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Final

from dstrun import abi
from dstrun.plan.values import (
    NO_END,
    BadValue,
    Range,
    decimal,
    found,
    one_of,
    parse_flag,
    parse_integer,
    parse_offset,
    parse_range,
    parse_strings,
    parse_table,
    parse_time,
    show_offset,
    show_strings,
    show_time,
    split_words,
)


# ---- how much, how long ----
@dataclass(frozen=True)
class Short:
    """How little is transferred. how: bytes, ppm, random."""

    how: str
    value: int = 0

    def show(self) -> object:
        if self.how == "random":
            return "random"
        return self.value if self.how == "bytes" else f"{self.value / 10_000:g}%"


def parse_short(value: object) -> Short:
    """A number of bytes, "50%" or "random"."""
    if value == "random":
        return Short("random")
    if isinstance(value, str) and value.strip().endswith("%"):
        percent = decimal(value.strip()[:-1])
        if percent is None or not 0 < percent < 100:
            raise BadValue(f"{found(value)} is out of range (more than 0%, less than 100%)")
        return Short("ppm", max(1, int(percent * 10_000)))
    try:
        return Short("bytes", parse_integer(value, 0))
    except BadValue:
        raise BadValue(
            f'{found(value)} is not understood (a number of bytes, a part like "50%", or "random")'
        ) from None


@dataclass(frozen=True)
class Delay:
    """A distribution of times. kind: constant (a), uniform (a to b), exponential (mean a),
    normal (mean a, deviation b; cut at 0)."""

    kind: str
    a_ns: int
    b_ns: int = 0

    def show(self) -> object:
        if self.kind == "constant":
            return show_time(self.a_ns)
        if self.kind == "exponential":
            return {self.kind: show_time(self.a_ns)}
        return {self.kind: [show_time(self.a_ns), show_time(self.b_ns)]}


_DELAY_FORMS: Final = (
    "a duration, uniform:A..B, exponential:MEAN or normal:MEAN,DEVIATION; "
    'as a table { uniform = ["A", "B"] } and so on'
)
_DELAY_VALUES: Final = {"uniform": 2, "exponential": 1, "normal": 2}
_DELAY_TEXT = re.compile(r"(\w+):(.+)")


def parse_delay(value: object) -> Delay:
    """A duration or a distribution."""
    kind, values = None, value
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise BadValue(f"{found(value)} is not understood ({_DELAY_FORMS})")
        kind, values = next(iter(value.items()))
    elif isinstance(value, str) and (match := _DELAY_TEXT.fullmatch(value.strip())):
        kind, values = match[1], re.split(r"\.\.|,", match[2])
    if kind is None:
        return Delay("constant", parse_time(value, zero=True))
    one_of(kind, _DELAY_VALUES)
    numbers = list(values) if isinstance(values, (list, tuple)) else [values]
    if len(numbers) != _DELAY_VALUES[kind]:
        raise BadValue(f"{found(value)} has {len(numbers)} values ({_DELAY_FORMS})")
    times = [parse_time(number, zero=True) for number in numbers]
    if kind == "uniform" and times[0] > times[1]:
        raise BadValue(f"{found(value)} ends before it begins")
    return Delay(kind, *times)


# ---- network addresses ----
@dataclass(frozen=True)
class Peer:
    """Addresses with a prefix, and ports."""

    text: str
    ip: bytes  # 16 bytes, IPv4 mapped
    prefix_bits: int
    port_first: int
    port_last: int
    host: str | None = None  # a node's name, which /etc/hosts of the run gives the address


_PEER_FORMS: Final = "HOST, HOST:PORT, :PORT, HOST a name of this host, an address, NET/BITS or *"
_PEER = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::(.*))?")
_MAPPED_BITS: Final = 96
_HOSTNAME = re.compile(r"[A-Za-z](?:[\w.-]*\w)?", re.ASCII)
_NODE_ADDRESS: Final = "127.0.1.1"


def parse_peers(value: object) -> tuple[Peer, ...]:
    """One or more of _PEER_FORMS."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = f":{value}"
    return tuple(
        peer
        for text in parse_strings(value)
        for part in text.split(",")
        for peer in _parse_peer(part.strip())
    )


def _parse_peer(text: str) -> list[Peer]:
    if re.fullmatch(r"[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*(/\d+)?", text):
        raise BadValue(f"{found(text)}: an IPv6 address stands in [brackets] ({_PEER_FORMS})")
    if text.isascii() and text.isdecimal():
        text = f":{text}"
    match = _PEER.fullmatch(text)
    if not match or not text:
        raise BadValue(f"{found(text)} is not an address ({_PEER_FORMS})")
    host = match[1] if match[1] is not None else match[2]
    first, last = _parse_ports(text, match[3])
    if host == "localhost":
        loopback = [_network("127.0.0.0/8"), _network("::1")]
        return [Peer(text, ip, bits, first, last) for ip, bits in loopback]
    if _HOSTNAME.fullmatch(host):
        return [Peer(text, *_network(_NODE_ADDRESS), first, last, host)]
    if host in ("", "*"):
        return [Peer(text, bytes(16), 0, first, last)]
    try:
        ip, bits = _network(host)
    except ValueError:
        raise BadValue(f"{found(text)}: {found(host)} is no address ({_PEER_FORMS})") from None
    return [Peer(text, ip, bits, first, last)]


def _network(host: str) -> tuple[bytes, int]:
    network = ipaddress.ip_network(host, strict=False)
    if network.version == 4:
        mapped = bytes(10) + b"\xff\xff" + network.network_address.packed
        return mapped, _MAPPED_BITS + network.prefixlen
    return network.network_address.packed, network.prefixlen


def _parse_ports(text: str, ports: str | None) -> tuple[int, int]:
    if ports in (None, "*"):
        return 0, 65535
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", ports or "")
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not 0 <= first <= last <= 65535:
        raise BadValue(f"{found(text)}: {found(ports)} is no port or range of ports (1 to 65535)")
    return first, last


# ---- pokes ----
@dataclass(frozen=True)
class Poke:
    """Bytes for the memory that an argument points to; the first argument is 0."""

    argument: int
    data: bytes


_POKE = re.compile(r"@arg([1-7])=(?:0[xX])?((?:[0-9a-fA-F]{2})+)")


def parse_pokes(value: object) -> tuple[Poke, ...]:
    """ "@arg1=0011,@arg2=ff": strace's P."""
    text = ",".join(parse_strings(value))
    pokes: dict[int, Poke] = {}
    for part in text.split(","):
        if not part:
            continue
        match = _POKE.fullmatch(part)
        if not match:
            raise BadValue(f"{found(part)} is not understood (@argN=HEX, N from 1 to 7)")
        number = int(match[1]) - 1
        if number in pokes:
            raise BadValue(f"{found(text)} has @arg{match[1]} twice")
        pokes[number] = Poke(number, bytes.fromhex(match[2]))
    if not pokes:
        raise BadValue(f"{found(text)} is not understood (@argN=HEX, N from 1 to 7)")
    return tuple(pokes.values())


def show_pokes(pokes: tuple[Poke, ...]) -> object:
    """As parse_pokes reads it."""
    return ",".join(f"@arg{poke.argument + 1}={poke.data.hex()}" for poke in pokes)


@dataclass(frozen=True)
class Corrupt:
    """What becomes of data. count: bits (flip) or bytes, 0: all; within offsets first to last."""

    how: str
    where: str | None = None  # read, write, rest; None: as the call does
    count: int = 0
    first: int = 0
    last: int = NO_END

    def show(self) -> object:
        table: dict[str, object] = {"how": self.how}
        if self.where:
            table["where"] = self.where
        if self.count:
            table["bits" if self.how == "flip" else "bytes"] = self.count
        if (self.first, self.last) != (0, NO_END):
            table["range"] = Range(self.first, self.last).show()
        return self.how if len(table) == 1 else table


CORRUPTIONS: Final = ("flip", "zero", "junk", "truncate")


def parse_corrupt(value: object) -> Corrupt:
    """A way to corrupt, or a table with more."""
    if isinstance(value, str):
        value = {"how": value}
    table = parse_table(
        value,
        {
            "how": lambda item: one_of(item, CORRUPTIONS),
            "where": lambda item: one_of(item, ("read", "write", "rest")),
            "bits": lambda item: parse_integer(item, 1, 1 << 20),
            "bytes": lambda item: parse_integer(item, 1),
            "range": parse_range,
        },
    )
    how = table.get("how")
    if how is None:
        raise BadValue(f"how is missing ({', '.join(CORRUPTIONS)})")
    wrong = "bytes" if how == "flip" else "bits"
    if wrong in table:
        raise BadValue(f'"{wrong}" has no meaning with {how}')
    count = table.get("bits", 1) if how == "flip" else table.get("bytes", 0)
    span = table.get("range", Range(0, NO_END))
    return Corrupt(how, table.get("where"), count, span.first, span.last)


CLOCKS: Final = {  # bits 1 << clockid
    "wall": abi.CLOCKS_WALL,
    "monotonic": abi.CLOCKS_MONOTONIC,
    "all": abi.CLOCKS_WALL | abi.CLOCKS_MONOTONIC,
    "realtime": 1 << 0,
    "monotonic_only": 1 << 1,
    "monotonic_raw": 1 << 4,
    "realtime_coarse": 1 << 5,
    "monotonic_coarse": 1 << 6,
    "boottime": 1 << 7,
    "tai": 1 << 11,
}
_DRIFT_MAX: Final = 10**6  # times as fast


@dataclass(frozen=True)
class Clock:
    """What becomes of some clocks."""

    names: tuple[str, ...]
    jump_ns: int = 0
    drift_ppb: int = 0
    freeze: bool = False
    for_ns: int = 0

    @property
    def bits(self) -> int:
        """1 << clockid for each."""
        return reduce(or_, (CLOCKS[name] for name in self.names))

    def show(self) -> object:
        table: dict[str, object] = {"of": show_strings(self.names)}
        if self.jump_ns:
            table["jump"] = show_offset(self.jump_ns)
        if self.drift_ppb:
            table["drift"] = f"{format(Decimal(self.drift_ppb) / 10_000_000, 'f')}%"
        if self.freeze:
            table["freeze"] = True
        if self.for_ns:
            table["for"] = show_time(self.for_ns)
        return table


def _parse_drift(value: object) -> int:
    """ "+5%", "-100ppm": billionths."""
    match = re.fullmatch(r"([+-]?[\d.]+)\s*(%|ppm|ppb)", value) if isinstance(value, str) else None
    number = decimal(match[1]) if match else None
    if not match or number is None:
        raise BadValue(f"{found(value)} is not a rate (like +5% or -200ppm)")
    ppb = int(number * {"%": 10_000_000, "ppm": 1000, "ppb": 1}[match[2]])
    if not -(10**9) < ppb <= _DRIFT_MAX * 10**9 or not ppb:
        raise BadValue(f"{found(value)} is out of range (more than -100%, not 0; to stop: freeze)")
    return ppb


def parse_clock(value: object) -> Clock:
    """A table: of which clocks, and jump, drift or freeze."""
    table = parse_table(
        value,
        {
            "of": lambda item: tuple(one_of(word, CLOCKS) for word in split_words(item)),
            "jump": parse_offset,
            "drift": _parse_drift,
            "freeze": parse_flag,
            "for": parse_time,
        },
    )
    clock = Clock(
        table.get("of", ("wall",)), table.get("jump", 0), table.get("drift", 0),
        table.get("freeze", False), table.get("for", 0),
    )  # fmt: skip
    if not (clock.jump_ns or clock.drift_ppb or clock.freeze):
        raise BadValue("nothing happens to the clock (jump, drift or freeze)")
    if clock.freeze and clock.drift_ppb:
        raise BadValue("a clock that stands still has no drift (freeze or drift)")
    if clock.for_ns and not (clock.freeze or clock.drift_ppb):
        raise BadValue('"for" has no meaning with a jump alone')
    if clock.jump_ns < 0 and clock.bits & abi.CLOCKS_MONOTONIC:
        raise BadValue(
            f"jump: {show_offset(clock.jump_ns)}: a monotonic clock never goes backwards "
            '(of = "wall" for the wall clock alone)'
        )
    return clock
