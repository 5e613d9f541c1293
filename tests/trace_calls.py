"""Calls for synthetic traces, by name."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from tracefile import TraceWriter, args_field, field_bytes

from dstrun import abi
from dstrun._syscalls import SYSCALLS

NUMBERS = {row.name: nr for nr, row in SYSCALLS.items()}


def inet(port: int, host: str = "127.0.0.1") -> bytes:
    """struct sockaddr_in."""
    return struct.pack("<H", 2) + struct.pack(">H", port) + socket.inet_aton(host) + b"\0" * 8


def call(
    writer: TraceWriter,
    name: str,
    *args: int,
    result: int = 0,
    pid: int = 2,
    tid: int | None = None,
    strings: Mapping[int, str] = {},
    structs: Mapping[int, bytes] = {},
    data: Mapping[int, bytes] = {},
    control: bytes = b"",
    flags: int = 0,
    identity: int | None = None,
) -> int:
    """Adds a call with its side data by argument; returns the event's number."""
    side = args_field(*args) if args else b""
    for at, text in strings.items():
        side += field_bytes(abi.FIELD_STRING, at, text.encode())
    for at, payload in structs.items():
        side += field_bytes(abi.FIELD_STRUCT, at, payload)
    for at, payload in data.items():
        head = struct.pack("<QQ", len(payload), hash(payload) & 2**64 - 1)
        side += field_bytes(abi.FIELD_BYTES, at, head + payload[:32])
    if control:
        side += field_bytes(abi.FIELD_CONTROL, 1, control)
    if tid is not None and identity is None:
        identity = hash((name, side, result, tid)) & 2**64 - 1
    writer.add(
        nr=NUMBERS[name], result=result, pid=pid, tid=tid, data=side, flags=flags, identity=identity
    )
    return len(writer.records) - 1
