"""core/clocks.c: a clock that was moved; deadlines on it."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dstrun import abi

SECOND = 10**9
STANDS = -SECOND
Clock = ctypes.c_uint64 * (abi.FaultClock.SIZE // 8)
bases = st.integers(0, 10**15)
rates = st.integers(-SECOND + 1, 20 * SECOND)


def moved(core: ctypes.CDLL, *changes: tuple[int, int, int, int]) -> tuple[object, int]:
    """A clock after changes (at, jump, rate, for how long), and its address."""
    clock = Clock()
    for at, jump, ppb, for_ns in changes:
        core.clock_change(ctypes.addressof(clock), at, jump, ppb, for_ns)
    return clock, ctypes.addressof(clock)


def test_a_jump_stays(core: ctypes.CDLL) -> None:
    _clock, at = moved(core, (100, 5 * SECOND, 0, 0), (200, -SECOND, 0, 0))
    assert core.clock_ahead(at, 10**12) == 4 * SECOND
    assert core.clock_takes(at, 300, 77) == 77


def test_drift_ends(core: ctypes.CDLL) -> None:
    _clock, at = moved(core, (0, 0, SECOND, 10 * SECOND))
    ahead = [core.clock_ahead(at, s * SECOND) for s in (0, 1, 10, 20)]
    assert ahead == [0, SECOND, 10 * SECOND, 10 * SECOND]
    assert core.clock_takes(at, 0, 4 * SECOND) == 2 * SECOND
    assert core.clock_takes(at, 0, 24 * SECOND) == 14 * SECOND


def test_a_frozen_one_waits(core: ctypes.CDLL) -> None:
    _clock, at = moved(core, (SECOND, 0, STANDS, 3 * SECOND))
    shown = [s * SECOND + core.clock_ahead(at, s * SECOND) for s in (1, 2, 4, 6)]
    assert shown == [SECOND, SECOND, SECOND, 3 * SECOND]
    assert core.clock_takes(at, 2 * SECOND, 1) == 2 * SECOND + 1
    _clock, at = moved(core, (SECOND, 0, STANDS, 0))
    assert core.clock_takes(at, 2 * SECOND, 1) >= 1 << 62


@given(bases, rates, st.integers(0, 10**12), st.integers(0, 10**14), st.integers(0, 10**12))
def test_deadlines(
    core: ctypes.CDLL, base: int, ppb: int, for_ns: int, later: int, left: int
) -> None:
    """When the time has passed the clock has moved on by so much, and not a moment earlier."""
    _clock, at = moved(core, (base, 0, ppb, for_ns))
    now = base + later
    takes = core.clock_takes(at, now, left)

    def shown(moment: int) -> int:
        return moment + int(core.clock_ahead(at, moment))

    assert shown(now + takes) >= shown(now) + left
    assert not takes or shown(now + takes - 1) < shown(now) + left


@given(bases, rates, st.integers(0, 10**12), st.integers(0, 10**14), st.integers(0, 10**12))
@example(base=0, ppb=9_223_372_047, for_ns=0, later=0, left=10_223_372_016)
def test_what_is_left(
    core: ctypes.CDLL, base: int, ppb: int, for_ns: int, later: int, left: int
) -> None:
    """The inverse of how long it takes, up to a step of the clock; also where it stands."""
    for rate in (ppb, STANDS):
        _clock, at = moved(core, (base, 0, rate, for_ns))
        now = base + later
        until = now + core.clock_takes(at, now, left)
        step = 2 + max(0, rate // SECOND)
        assert left <= core.clock_left(at, now, until) < left + step


@given(bases, rates, st.lists(st.integers(0, 10**12), min_size=2, max_size=8))
def test_it_never_goes_backwards(
    core: ctypes.CDLL, base: int, ppb: int, moments: list[int]
) -> None:
    _clock, at = moved(core, (base, 0, ppb, 0), (base + 5, 0, -ppb // 30, 10**9))
    seen = [base + m + core.clock_ahead(at, base + m) for m in sorted([*moments, 5, 4])]
    assert seen == sorted(seen)


@pytest.mark.parametrize("ppb", [0, 1, -1, SECOND])
def test_no_time_takes_none(core: ctypes.CDLL, ppb: int) -> None:
    _clock, at = moved(core, (0, 0, ppb, 0))
    assert core.clock_takes(at, 5, 0) == 0
