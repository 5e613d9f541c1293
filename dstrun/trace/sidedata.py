"""The side data of an event: what the shim copied of the memory that a call's words point to.

The encoding is told in shims/abi_trace.h (enum field_kind). All functions are pure, and raise
ValueError on anything that the shim would not have written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from dstrun import abi

ARGS_MAX: Final = 6
_WORD_BYTES: Final = 8
_NUMBER_BITS_MAX: Final = 63
_WORD_LIMIT: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Field:
    """Side data of one argument. FIELD_BYTES: `total` is how many bytes there were, `hash` their
    XXH64; where all of them are in `data` it is another hash, alike for the like."""

    kind: int
    data: bytes
    total: int = 0
    hash: int = 0


class Waker(NamedTuple):
    """Who let a task go on that had parked in its call: the call that did it is that thread's first
    event from `event` on (its last one before, where it makes no other)."""

    tid: int
    event: int


def parse_fields(data: bytes | memoryview) -> tuple[list[int], dict[int, list[Field]]]:
    """The arguments, and the fields of each argument, of one event's side data."""
    args: list[int] = []
    fields: dict[int, list[Field]] = {}
    for _start, kind, arg, found in _scan(bytes(data)):
        if isinstance(found, Field):
            fields.setdefault(arg, []).append(found)
        elif kind == abi.FIELD_ARGS:
            args = found
    return args, fields


def parse_arguments(data: bytes) -> tuple[int, ...]:
    """A call's argument words alone, which come first; none where the side data is damaged."""
    if not data or data[0] & 15 != abi.FIELD_ARGS:
        return ()
    try:
        return tuple(_words(data, 1, data[0] >> 4)[0])
    except (ValueError, IndexError):
        return ()


def parse_waker(data: bytes | memoryview) -> Waker | None:
    """Of one event's side data (EVENT_WOKEN); None where the task had not parked, or was woken by
    time."""
    for _start, kind, _arg, found in _scan(bytes(data)):
        if kind == abi.FIELD_WAKER and not isinstance(found, Field):
            return Waker(*found)
    return None


def parse_took(data: bytes) -> int | None:
    """How long a call took, in ns, where that is in its side data."""
    for _start, kind, _arg, found in _scan(data):
        if kind == abi.FIELD_TOOK and not isinstance(found, Field):
            return found[0]
    return None


def without_waker(data: bytes) -> bytes:
    """Side data without what differs from wait to wait: who woke the task."""
    try:
        stop = next(start for start, kind, _, _ in _scan(data) if kind == abi.FIELD_WAKER)
    except (StopIteration, ValueError):
        return data
    return data[:stop]


def _scan(data: bytes) -> Iterator[tuple[int, int, int, Field | list[int]]]:
    """Start, kind, argument and content of each field; numbers where it is not of an argument."""
    position = 0
    while position < len(data) and data[position]:
        start = position
        kind, arg = data[position] & 15, data[position] >> 4
        if arg >= ARGS_MAX + (kind == abi.FIELD_ARGS):
            raise ValueError(f"side data: no argument {arg}")
        found: Field | list[int]
        if kind == abi.FIELD_ARGS:
            found, position = _words(data, position + 1, arg)
        elif kind == abi.FIELD_BYTES:
            found, position = _bytes(data, position + 1)
        elif kind == abi.FIELD_WAKER:
            tid, position = _number(data, position + 1)
            event, position = _number(data, position)
            found = [tid, event]
        elif kind == abi.FIELD_TOOK:
            raw, position = _take(data, position + 1, _WORD_BYTES)
            found = [int.from_bytes(raw, "little")]
        elif kind in abi.FIELD_KIND_NAMES:
            size, position = _number(data, position + 1)
            raw, position = _take(data, position, size)
            found = Field(kind, raw)
        else:
            raise ValueError(f"side data: unknown kind of field {kind}")
        yield start, kind, arg, found


def _take(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    stop = start + size
    if stop > len(data):
        raise ValueError(f"side data: field at {start} is longer than the data")
    return data[start:stop], stop


def _number(data: bytes, position: int) -> tuple[int, int]:
    """A number, and where what follows it starts."""
    value = shift = 0
    while position < len(data) and shift <= _NUMBER_BITS_MAX:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value % _WORD_LIMIT, position
        shift += 7
    raise ValueError(f"side data: no number ends at {position}")


def _words(data: bytes, position: int, count: int) -> tuple[list[int], int]:
    codes, position = _take(data, position, (count + 1) // 2)
    words = []
    for index in range(count):
        code = codes[index // 2] >> 4 * (index % 2) & 15
        size = code if code <= _WORD_BYTES else code - _WORD_BYTES
        raw, position = _take(data, position, size)
        word = int.from_bytes(raw, "little")
        if code > _WORD_BYTES:
            word += _WORD_LIMIT - (1 << 8 * size)
        words.append(word)
    return words, position


def _bytes(data: bytes, position: int) -> tuple[Field, int]:
    total, position = _number(data, position)
    size, position = _number(data, position)
    if size > total:
        raise ValueError(f"side data: {size} of {total} bytes")
    shown, position = _take(data, position, size)
    if size == total:
        return Field(abi.FIELD_BYTES, shown, total, zlib.crc32(shown)), position
    raw, position = _take(data, position, _WORD_BYTES)
    return Field(abi.FIELD_BYTES, shown, total, int.from_bytes(raw, "little")), position
