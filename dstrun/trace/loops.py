"""What a task does again and again: the loop at the end of its events.

A program that makes no progress makes the same calls over and over. The last events of each task
are compared by call, place and kind of outcome (not by arguments and times, which may well differ
from turn to turn), and the shortest sequence that repeats is its loop. Where a call is made now
once, now several times, the repetitions count as one. Pure, but for reading the trace.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from dstrun import abi
from dstrun.spec import LoopInfo
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer, event_name

EVENTS_MAX = 300_000  # that are looked at
_CALLS_MAX = 64  # in a turn
_CALLS_SHOWN = 12
_TURNS_MIN = 4  # that make a loop
_TURNS_COMPARED = 50
_CLOCK_CALLS = frozenset({"clock_gettime", "gettimeofday", "time", "tsc"})

Numbered = tuple[int, Event]


@dataclass(frozen=True)
class Period:
    """A sequence that ends in repetitions: how long one is, and how many of its last elements
    they take."""

    length: int
    covered: int


def find_period(keys: Sequence[Hashable], length_max: int = _CALLS_MAX) -> Period | None:
    """The shortest one that the sequence ends in; None where it ends in no repetition."""
    for length in range(1, min(length_max, len(keys) // _TURNS_MIN) + 1):
        if keys[-1] != keys[-1 - length]:
            continue
        at = len(keys) - 1
        while at >= length and keys[at] == keys[at - length]:
            at -= 1
        covered = len(keys) - 1 - at + length
        if covered >= length * _TURNS_MIN:
            return Period(length, covered)
    return None


@dataclass(frozen=True)
class TaskEnd:
    """The end of what is recorded of a thread: its loop if it is in one, and when it last did
    something else than read the clock."""

    last_ns: int
    loop: LoopInfo | None


def task_ends(trace: Trace, tids: frozenset[int]) -> dict[int, TaskEnd]:
    """Of these threads, as far as they made any of the last events."""
    renderer = Renderer(trace)
    is_cut = len(trace) > EVENTS_MAX
    return {
        tid: TaskEnd(_last_ns(events), _loop_of(events, renderer, is_cut))
        for tid, events in _last_events(trace, tids).items() if events
    }  # fmt: skip


def _last_ns(events: list[Numbered]) -> int:
    calls = (event for _, event in reversed(events))
    other = next((e for e in calls if event_name(e) not in _CLOCK_CALLS), events[0][1])
    return other.time_ns


def _last_events(trace: Trace, tids: frozenset[int]) -> dict[int, list[Numbered]]:
    """By thread, oldest first. A thread id is not used twice in a run."""
    events: dict[int, list[Numbered]] = {tid: [] for tid in tids}
    start = max(0, len(trace) - EVENTS_MAX)
    for index, event in trace.numbered(start):
        if event.tid in events and event.kind != abi.EVENT_INPUT:
            events[event.tid].append((index, event))
    return events


def _key(event: Event) -> Hashable:
    if event.kind == abi.EVENT_YIELD:
        return event.kind, event.result
    outcome = event.result if event.result < 0 else int(event.result > 0)
    return event.kind, event.nr, event.rip, outcome


def _without_points(events: list[Numbered]) -> list[Numbered]:
    """Without the places where others happened to run, but where there is nothing else."""
    last = events[-2 * _TURNS_MIN :]
    if all(event.kind == abi.EVENT_POINT for _, event in last):
        return events
    return [item for item in events if item[1].kind != abi.EVENT_POINT]


def _loop_of(events: list[Numbered], renderer: Renderer, is_cut: bool) -> LoopInfo | None:
    events = _without_points(events)
    keys = [_key(event) for _index, event in events]
    period = find_period(keys)
    if period:
        turn = [(item, False) for item in events[-period.length :]]
        first = len(events) - period.covered
        alike = _turns_are_alike([_identity(event) for _, event in events], period)
        return _info(period, turn, events[first], renderer, alike, is_cut and first < period.length)
    runs = [list(run) for _key_, run in groupby(events, key=lambda item: _key(item[1]))]
    period = find_period([_key(run[0][1]) for run in runs])
    if not period:
        return None
    first = len(runs) - period.covered
    turn = [(run[-1], _is_repeated(runs, at, period)) for at, run in _last_turn(runs, period)]
    return _info(period, turn, runs[first][0], renderer, False, is_cut and first < period.length)


def _last_turn(runs: list[list[Numbered]], period: Period) -> Iterator[tuple[int, list[Numbered]]]:
    start = len(runs) - period.length
    yield from enumerate(runs[start:], start)


def _is_repeated(runs: list[list[Numbered]], at: int, period: Period) -> bool:
    compared = runs[at :: -period.length][: period.covered // period.length]
    return any(len(run) > 1 for run in compared)


def _identity(event: Event) -> int:
    """Points of the preload library are counted; that is nothing that the program sees."""
    return event.nr if event.kind == abi.EVENT_POINT else event.identity


def _turns_are_alike(identities: list[int], period: Period) -> bool:
    """Nothing that the program could see was new in the last turns, but for times."""
    compared = min(period.covered, period.length * _TURNS_COMPARED)
    last = identities[-compared:]
    return all(last[at] == last[at - period.length] for at in range(period.length, len(last)))


def _info(
    period: Period, turn: list[tuple[Numbered, bool]], first: Numbered, renderer: Renderer,
    alike: bool, began_earlier: bool,
) -> LoopInfo:  # fmt: skip
    calls = [
        renderer.text(event) + (" (once or more)" if repeated else "")
        for (_index, event), repeated in turn[:_CALLS_SHOWN]
    ]
    return LoopInfo(
        calls=tuple(calls),
        length=period.length,
        turns=period.covered // period.length,
        since_ns=max(0, first[1].enter_ns - renderer.start_ns),
        from_event=first[0],
        alike=alike,
        began_earlier=began_earlier,
    )
