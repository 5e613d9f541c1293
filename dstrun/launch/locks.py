"""Who has the lock whose futex a thread sleeps on: what C libraries keep beside the word.

A thread asleep on a futex has told the kernel a word's address and the value that it saw. Where
the word belongs to a lock that keeps its owner's thread id, the id stands at a fixed place near by.
Each library's layout is a rule here; a rule answers only where all that it can check is as it must
be. Pure: memory is read through a function.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from dstrun import abi

Read = Callable[[int, int], bytes]  # address, size: the bytes, fewer where there are none

_LOCKED_WITH_WAITERS = 2  # glibc's low-level lock
_RWLOCK_USED = (2, 3)  # glibc: PTHREAD_RWLOCK_FUTEX_USED, and a bit
_RWLOCK_WRITER = 3  # __readers: a writer has it
_KIND_ROBUST = 16
_KIND_KNOWN = 0x3FF
_USERS_MAX = 1 << 20


@dataclass(frozen=True)
class Lock:
    """What is waited for; its owner: a thread's id, or its task."""

    what: str
    owner: int


def owner_of(read: Read, address: int, value: int) -> Lock | None:
    """The lock that a futex at `address` belongs to, waited for while it held `value`."""
    if value & abi.ROBUST_WAITERS:
        return _glibc_robust(read, address, value) or _musl_mutex(read, address, value)
    if value == _LOCKED_WITH_WAITERS:
        mutex = _glibc_mutex(read, address)
        if mutex:
            return mutex
    return _glibc_rwlock(read, address) if value in _RWLOCK_USED else None


def _words(read: Read, address: int, count: int) -> tuple[int, ...]:
    data = read(address, 4 * count) if address > 0 else b""
    return struct.unpack(f"<{count}I", data) if len(data) == 4 * count else ()


def _glibc_mutex(read: Read, address: int) -> Lock | None:
    """__lock, __count, __owner, __nusers, __kind."""
    words = _words(read, address, 5)
    if not words:
        return None
    lock, _count, owner, users, kind = words
    known = kind & ~_KIND_KNOWN == 0 and 0 < users < _USERS_MAX
    return Lock("a mutex", owner) if lock == _LOCKED_WITH_WAITERS and owner and known else None


def _glibc_robust(read: Read, address: int, value: int) -> Lock | None:
    words = _words(read, address, 5)
    owner = value & abi.ROBUST_TID_MASK
    if not words or words[0] & abi.ROBUST_TID_MASK != owner or words[2] != owner:
        return None
    return Lock("a robust mutex", owner) if words[4] & _KIND_ROBUST else None


def _musl_mutex(read: Read, address: int, value: int) -> Lock | None:
    """_m_type, _m_lock. A plain one (type 0) has no owner."""
    words = _words(read, address - 4, 2)
    if not words or not words[0] & 15 or words[0] > 255:
        return None
    owner = value & abi.ROBUST_TID_MASK
    return Lock("a mutex", owner) if words[1] & abi.ROBUST_TID_MASK == owner else None


def _glibc_rwlock(read: Read, address: int) -> Lock | None:
    """__readers, __writers, __wrphase_futex, __writers_futex, two more, __cur_writer. Who has it
    for reading is written nowhere."""
    for place in (8, 12):
        words = _words(read, address - place, 7)
        if words and words[0] & 3 == _RWLOCK_WRITER and words[6]:
            return Lock("a read-write lock", words[6])
    return None
