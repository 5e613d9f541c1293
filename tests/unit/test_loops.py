"""Loops at the ends of event sequences."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracefile import NR_GETPID, NR_READ, TraceWriter

from dstrun import abi
from dstrun.spec import LoopInfo
from dstrun.trace import loops
from dstrun.trace.loops import Period, find_period
from dstrun.trace.reader import Trace

EAGAIN = -11


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("", None),
        ("aaa", None),  # too few to tell
        ("aaaa", Period(1, 4)),
        ("xyzabababab", Period(2, 8)),
        ("xyzbabababab", Period(2, 9)),
        ("abcabcabcabc", Period(3, 12)),
        ("aabaabaabaab", Period(3, 12)),
        ("abcdefghijkl", None),
        ("ababababx", None),  # it has left the loop
    ],
)
def test_periods(keys: str, found: Period | None) -> None:
    assert find_period(keys) == found


@given(st.lists(st.integers(0, 2), max_size=5), st.lists(st.integers(0, 2), min_size=1, max_size=6),
       st.integers(4, 9))  # fmt: skip
def test_what_repeats_is_found(before: list[int], turn: list[int], turns: int) -> None:
    keys = before + turn * turns
    found = find_period(keys)
    assert found
    assert found.length <= len(turn)
    tail = keys[-found.covered :]
    assert all(tail[at] == tail[at - found.length] for at in range(found.length, len(tail)))


def end_of(writer: TraceWriter, path: Path) -> LoopInfo | None:
    with Trace(writer.write(path / "t")) as trace:
        return loops.task_ends(trace, frozenset({2}))[2].loop


def test_calls_of_a_turn(tmp_path: Path) -> None:
    writer = TraceWriter()
    writer.add(nr=NR_READ, result=1)
    for _ in range(10):
        writer.add(nr=NR_GETPID, result=2)
        writer.add(nr=NR_READ, result=EAGAIN)
        writer.add(pid=3)  # another one's are not among them
    loop = end_of(writer, tmp_path)
    assert loop
    assert (loop.length, loop.turns, loop.from_event, loop.since_ns) == (2, 10, 1, 1000)
    assert loop.alike
    assert loop.calls[0].startswith("getpid() = 2")
    assert "EAGAIN" in loop.calls[1]


def test_what_varies_is_told(tmp_path: Path) -> None:
    writer = TraceWriter()
    for number in range(10):
        writer.add(nr=NR_READ, result=number + 1)
    loop = end_of(writer, tmp_path)
    assert loop
    assert (loop.length, loop.alike) == (1, False)


def test_some_calls_more_often_than_others(tmp_path: Path) -> None:
    writer = TraceWriter()
    for number in range(10):
        for _ in range(1 + number % 3):
            writer.add(nr=NR_READ, result=EAGAIN)
        writer.add(nr=NR_GETPID, result=2)
    loop = end_of(writer, tmp_path)
    assert loop
    assert (loop.length, loop.turns) == (2, 10)
    assert "(once or more)" in loop.calls[0]
    assert "(once or more)" not in loop.calls[1]


def test_where_others_ran_is_no_part_of_a_loop(tmp_path: Path) -> None:
    writer = TraceWriter()
    for number in range(20):
        writer.add(nr=NR_READ, result=EAGAIN)
        if number % 7 == 3:
            writer.add(kind=abi.EVENT_POINT, nr=1, result=number)
    loop = end_of(writer, tmp_path)
    assert loop
    assert (loop.length, loop.turns, loop.alike) == (1, 20, True)


def test_but_where_there_is_nothing_else(tmp_path: Path) -> None:
    writer = TraceWriter()
    writer.add(nr=NR_READ, result=1)
    for number in range(20):
        writer.add(kind=abi.EVENT_POINT, nr=1, result=number + 1)
    loop = end_of(writer, tmp_path)
    assert loop
    assert (loop.length, loop.turns, loop.alike) == (1, 20, True)


def test_progress_is_no_loop(tmp_path: Path) -> None:
    writer = TraceWriter()
    for number in range(60):
        writer.add(nr=number * number % 61, result=0)
    assert end_of(writer, tmp_path) is None


def test_a_loop_longer_than_what_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "EVENTS_MAX", 50)
    writer = TraceWriter()
    for _ in range(100):
        writer.add()
    loop = end_of(writer, tmp_path)
    assert loop
    assert loop.began_earlier
    assert loop.turns == 50
