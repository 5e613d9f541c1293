"""core/hash.c is XXH64, however the data are cut."""

from __future__ import annotations

import ctypes

import pytest
from core_lib import HashState
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, (1 << 64) - 1)
data = st.binary(max_size=300)

KNOWN_ANSWERS = [
    (b"", 0, 0xEF46DB3751D8E999),
    (b"a", 0, 0xD24EC4F1A98C6E5B),
    (b"abc", 0, 0x44BC2CF5AD770999),
]


def stream(core: ctypes.CDLL, pieces: list[bytes], seed: int) -> int:
    """The hash of the pieces, one after the other."""
    state = HashState()
    core.hash_start(ctypes.byref(state), seed)
    for piece in pieces:
        core.hash_add(ctypes.byref(state), piece, len(piece))
    return int(core.hash_end(ctypes.byref(state)))


@pytest.mark.parametrize(("text", "seed", "hash_"), KNOWN_ANSWERS)
def test_known_answers(core: ctypes.CDLL, text: bytes, seed: int, hash_: int) -> None:
    assert core.hash_bytes(text, len(text), seed) == hash_
    assert stream(core, [text], seed) == hash_


@given(data, seeds)
def test_one_go_is_that_of_xxhash(core: ctypes.CDLL, text: bytes, seed: int) -> None:
    xxhash = pytest.importorskip("xxhash")
    assert core.hash_bytes(text, len(text), seed) == xxhash.xxh64_intdigest(text, seed)


def test_every_length_around_the_blocks_is_that_of_xxhash(core: ctypes.CDLL) -> None:
    xxhash = pytest.importorskip("xxhash")
    text = bytes(range(256))
    for n in range(len(text) + 1):
        assert core.hash_bytes(text, n, n) == xxhash.xxh64_intdigest(text[:n], n)


@given(st.lists(st.binary(max_size=70), max_size=12), seeds)
def test_pieces_give_the_hash_of_the_whole(
    core: ctypes.CDLL, pieces: list[bytes], seed: int
) -> None:
    whole = b"".join(pieces)
    assert stream(core, pieces, seed) == core.hash_bytes(whole, len(whole), seed)


@pytest.mark.parametrize("step", [1, 3, 7, 31, 32, 33])
def test_odd_pieces_give_the_hash_of_the_whole(core: ctypes.CDLL, step: int) -> None:
    text = bytes(i * 37 & 255 for i in range(1000))
    pieces = [text[i : i + step] for i in range(0, len(text), step)]
    assert stream(core, pieces, 5) == core.hash_bytes(text, len(text), 5)


@given(data, st.binary(max_size=40), seeds)
def test_the_end_changes_nothing(core: ctypes.CDLL, first: bytes, second: bytes, seed: int) -> None:
    """A hash may be read off in the middle."""
    state = HashState()
    core.hash_start(ctypes.byref(state), seed)
    core.hash_add(ctypes.byref(state), first, len(first))
    assert core.hash_end(ctypes.byref(state)) == stream(core, [first], seed)
    core.hash_add(ctypes.byref(state), second, len(second))
    assert core.hash_end(ctypes.byref(state)) == stream(core, [first + second], seed)
