"""Owners of locks, found beside the words that threads sleep on."""

from __future__ import annotations

import struct

import pytest

from dstrun.launch.locks import Lock, owner_of

AT = 0x1000


def owner(words: list[int], offset: int, value: int) -> Lock | None:
    """What is found at `offset` in these words of memory."""
    memory = struct.pack(f"<{len(words)}I", *words)

    def read(address: int, size: int) -> bytes:
        start = address - AT
        return memory[start : start + size] if start >= 0 else b""

    return owner_of(read, AT + offset, value)


def test_glibc_mutex() -> None:
    assert owner([2, 0, 7, 1, 0], 0, 2) == Lock("a mutex", 7)
    assert owner([2, 3, 7, 1, 1], 0, 2) == Lock("a mutex", 7)  # recursive


@pytest.mark.parametrize(
    "words",
    [
        [1, 0, 7, 1, 0],  # nobody waits for it
        [2, 0, 0, 1, 0],  # being handed on
        [2, 0, 7, 0, 0],  # nobody uses it
        [2, 0, 7, 1, 0x7F00],  # no kind that there is
        [2, 0, 7],  # at the end of memory
    ],
)
def test_what_is_no_glibc_mutex(words: list[int]) -> None:
    assert owner(words, 0, 2) is None


def test_other_values_are_no_locks() -> None:
    for value in (0, 1, 7, 0x7FFFFFFF):
        assert owner([value, 0, 7, 1, 0], 0, value) is None


def test_robust_mutex() -> None:
    assert owner([0x80000007, 0, 7, 1, 16], 0, 0x80000007) == Lock("a robust mutex", 7)
    assert owner([0x80000007, 0, 8, 1, 16], 0, 0x80000007) is None
    assert owner([0x80000007, 0, 7, 1, 0], 0, 0x80000007) is None


def test_musl_mutex() -> None:
    assert owner([1, 0x80000007, 1, 0], 4, 0x80000007) == Lock("a mutex", 7)
    assert owner([0, 0x80000010, 1, 0], 4, 0x80000010) is None  # plain: EBUSY, and no owner


def test_read_write_lock() -> None:
    words = [3, 0, 2, 1, 0, 0, 7]
    assert owner(words, 8, 2) == Lock("a read-write lock", 7)
    assert owner(words, 12, 3) == Lock("a read-write lock", 7)
    assert owner([8, 0, 2, 1, 0, 0, 0], 8, 2) is None  # readers have it: who is not written down
