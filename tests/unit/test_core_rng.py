"""core/rng.c is Philox4x64-10, and its streams do not know of each other."""

from __future__ import annotations

import ctypes
import itertools

import pytest
from core_lib import rng_block
from hypothesis import given
from hypothesis import strategies as st

MASK = (1 << 64) - 1
words = st.integers(0, MASK)

# (counter, key, output): tests/kat_vectors of Random123, lines "philox4x64 10".
KNOWN_ANSWERS = [
    (
        [0, 0, 0, 0],
        [0, 0],
        [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B],
    ),
    (
        [MASK, MASK, MASK, MASK],
        [MASK, MASK],
        [0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0],
    ),
    (
        [0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89],
        [0x452821E638D01377, 0xBE5466CF34E90C6C],
        [0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6],
    ),
]


def philox(counter: list[int], key: list[int]) -> list[int]:
    """The paper's Philox4x64-10; rng_block only ever uses two of the counter's words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = c[0] * 0xD2E7470EE14C6C93, c[2] * 0xCA5A826395121157
        c = [
            (second >> 64) ^ c[1] ^ k[0], second & MASK, (first >> 64) ^ c[3] ^ k[1], first & MASK,
        ]  # fmt: skip
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_the_model_gives_the_published_answers(
    counter: list[int], key: list[int], output: list[int]
) -> None:
    assert philox(counter, key) == output


def test_zero_gives_the_published_answer(core: ctypes.CDLL) -> None:
    assert rng_block(core, 0, 0, 0, 0) == KNOWN_ANSWERS[0][2]


@given(words, words, words, words)
def test_a_block_is_philox(
    core: ctypes.CDLL, seed: int, stream: int, entity: int, counter: int
) -> None:
    assert rng_block(core, seed, stream, entity, counter) == philox(
        [counter, entity, 0, 0], [seed, stream]
    )


@given(words, words, words, words)
def test_a_block_is_that_of_numpy(
    core: ctypes.CDLL, seed: int, stream: int, entity: int, counter: int
) -> None:
    numpy = pytest.importorskip("numpy")
    # numpy counts up before it draws; the counter is one number of 256 bits.
    before = (counter + (entity << 64) - 1) % (1 << 256)
    state = numpy.array([before >> shift & MASK for shift in (0, 64, 128, 192)], dtype="uint64")
    key = numpy.array([seed, stream], dtype="uint64")
    theirs = numpy.random.Philox(counter=state, key=key).random_raw(4)
    assert rng_block(core, seed, stream, entity, counter) == [int(word) for word in theirs]


@given(words, words, words, words, st.integers(1, MASK))
def test_below_scales_the_first_word(
    core: ctypes.CDLL, seed: int, stream: int, entity: int, counter: int, bound: int
) -> None:
    drawn = core.rng_below(seed, stream, entity, counter, bound)
    assert drawn == rng_block(core, seed, stream, entity, counter)[0] * bound >> 64
    assert drawn < bound


def test_a_draw_depends_on_nothing_drawn_before(core: ctypes.CDLL) -> None:
    places = list(itertools.product(range(3), range(3), range(3), range(3)))
    forwards = {place: rng_block(core, *place) for place in places}
    backwards = {place: rng_block(core, *place) for place in reversed(places)}
    assert forwards == backwards
    assert [rng_block(core, *place) for place in places[::7]] == [
        forwards[place] for place in places[::7]
    ]


@pytest.mark.parametrize("axis", range(4), ids=["seed", "stream", "entity", "counter"])
def test_neighbours_share_no_bits(core: ctypes.CDLL, axis: int) -> None:
    """Words of neighbouring places differ in half their bits, as those of strangers do."""
    differing = 0
    for step in range(500):
        place = [7, 1, 2, 3]
        place[axis] += step
        here = rng_block(core, *place)
        place[axis] += 1
        there = rng_block(core, *place)
        differing += sum((a ^ b).bit_count() for a, b in zip(here, there, strict=True))
    bits = 500 * 256
    assert abs(differing - bits / 2) < 5 * (bits / 4) ** 0.5


def test_no_two_places_give_the_same_word(core: ctypes.CDLL) -> None:
    seen = [
        word
        for place in itertools.product(range(4), range(1, 6), range(16), range(16))
        for word in rng_block(core, *place)
    ]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("bound", [2, 3, 10, 64])
def test_draws_are_uniform(core: ctypes.CDLL, bound: int) -> None:
    draws = 20_000
    counts = [0] * bound
    for counter in range(draws):
        counts[core.rng_below(7, 1, 0, counter, bound)] += 1
    expected = draws / bound
    chi_square = sum((count - expected) ** 2 / expected for count in counts)
    freedom = bound - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5
