"""How Python looks into the shared memory that C lays out.

`dstrun/abi.py` (generated) has a class per struct, and in it a Member per field. A member knows
where it lies and how to read and write itself in any buffer, so the control plane never spells an
offset: `abi.World.token.get(world)`, `abi.Proc.pid.get(world, abi.World.procs.at(3))`.
"""

from __future__ import annotations

import struct
from typing import Any


class Member:
    """One field of a C struct.

    offset: from the struct's start; size: of the whole field; count, stride: of an array's
    elements (1 and size for a scalar); code: struct-module letter of an element, "" for a struct.
    """

    __slots__ = ("code", "count", "offset", "size", "stride")

    def __init__(self, offset: int, size: int, count: int, stride: int, code: str) -> None:
        self.offset = offset
        self.size = size
        self.count = count
        self.stride = stride
        self.code = code

    def at(self, index: int, base: int = 0) -> int:
        """Where element `index` starts, for a struct that starts at `base`."""
        if not 0 <= index < self.count:
            raise IndexError(f"index {index} of {self.count}")
        return base + self.offset + index * self.stride

    def within(self, outer: Member) -> Member:
        """The same field as a member of the struct that holds its struct."""
        return Member(outer.offset + self.offset, self.size, self.count, self.stride, self.code)

    def get(self, buffer: Any, base: int = 0, index: int = 0) -> int:
        """The number in element `index`."""
        value: int = struct.unpack_from("<" + self.code, buffer, self.at(index, base))[0]
        return value

    def set(self, buffer: Any, value: int, base: int = 0, index: int = 0) -> None:
        """Write a number into element `index`."""
        struct.pack_into("<" + self.code, buffer, self.at(index, base), value)

    def get_all(self, buffer: Any, base: int = 0) -> tuple[int, ...]:
        """All numbers of an array."""
        return struct.unpack_from(f"<{self.count}{self.code}", buffer, base + self.offset)

    def get_bytes(self, buffer: Any, base: int = 0) -> bytes:
        """The field as it lies in memory."""
        return bytes(memoryview(buffer)[base + self.offset : base + self.offset + self.size])

    def get_text(self, buffer: Any, base: int = 0) -> str:
        """A char array up to its NUL."""
        return self.get_bytes(buffer, base).split(b"\0", 1)[0].decode(errors="surrogateescape")

    def set_text(self, buffer: Any, text: str, base: int = 0) -> None:
        """Write a char array, NUL-terminated; ValueError when it does not fit."""
        data = text.encode(errors="surrogateescape") + b"\0"
        if len(data) > self.size:
            raise ValueError(f"{len(data) - 1} bytes, at most {self.size - 1} fit")
        memoryview(buffer)[base + self.offset : base + self.offset + len(data)] = data
