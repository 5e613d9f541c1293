"""What a program was doing when a run had to be ended, and who was stuck in a run that was not.

At a limit, a deadlock or Ctrl-C every thread is told: what it waits for, what it repeats (out of
the trace), where it spins without any call (by stepping it), and its frames. A partial deadlock is
looked for at the same places, and while the run goes on when the shim asks (shims/shim/look.c).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dstrun import abi
from dstrun.errors import TraceError
from dstrun.launch.backtrace import ThreadTrace, backtraces
from dstrun.launch.pids import Pids
from dstrun.launch.stuck import groups, stuck_for_ever
from dstrun.launch.waits import Waits
from dstrun.launch.world import World
from dstrun.spec import LoopInfo, StuckInfo, ThreadInfo

if TYPE_CHECKING:
    from dstrun.launch.spins import Spin

_FRAMES_OF_MAX = 64  # threads that gdb is asked of


@dataclass(frozen=True)
class _Wait:
    """A wait for ever: whose, and since when."""

    task: int
    tid: int
    since_ns: int


class StuckWatch:
    """Collects the threads that nothing can set free, each with its frames at first sight."""

    def __init__(self, world: World, pids: Pids) -> None:
        self._world = world
        self._pids = pids
        self._threads: dict[_Wait, ThreadInfo] = {}
        self._groups: dict[frozenset[_Wait], int] = {}

    def look(self) -> None:
        """Everything must stand still meanwhile."""
        waits = Waits(self._world, self._pids)
        needs = waits.needs()
        stuck = stuck_for_ever(needs)
        if len(stuck) in (0, len(needs)):  # all: that is a deadlock, told as such
            return
        found = {
            task: _Wait(task, waits.ids(task)[1], waits.since_ns(task)) for task in sorted(stuck)
        }
        new = [task for task, wait in found.items() if wait not in self._threads]
        frames = backtraces(self._world, self._pids, new[:_FRAMES_OF_MAX], {})
        for task in new:
            self._threads[found[task]] = _thread(waits, task, frames.get(task), stuck=True)
        for group in groups(needs, stuck):
            members = frozenset(found[task] for task in group)
            for smaller in [known for known in self._groups if known < members]:
                del self._groups[smaller]  # more have joined them
            since_ns = max(min(wait.since_ns for wait in members), 0)
            if len(members) > 1 and not any(known >= members for known in self._groups):
                since_ns = _complete_since(members)
            self._groups.setdefault(members, since_ns)

    def result(self) -> list[StuckInfo]:
        """Groups that hang on each other, the oldest first."""
        ordered = sorted(self._groups.items(), key=lambda item: item[1])
        return [
            StuckInfo(
                since_ns,
                tuple(self._threads[wait] for wait in sorted(members, key=lambda w: w.tid)),
            )
            for members, since_ns in ordered
        ]


def _complete_since(members: frozenset[_Wait]) -> int:
    """They hang on each other since the last of those that made it so; of a queue behind two that
    block each other that is not to be told from outside, so: the second."""
    return sorted(wait.since_ns for wait in members)[1]


def describe_threads(world: World, pids: Pids, trace: Path | None) -> list[ThreadInfo]:
    """All that are still there. The run is over: those that run are stopped."""
    waits = Waits(world, pids)
    spins = _spins(waits, pids)
    frames = backtraces(world, pids, waits.tasks[:_FRAMES_OF_MAX], spins)
    repeated = _loops(trace, (waits.ids(task)[1] for task in waits.tasks))
    found = []
    for task in waits.tasks:
        thread = _thread(waits, task, frames.get(task), spins.get(task))
        found.append(replace(thread, loop=repeated.get(thread.tid)))
    return found


def _thread(
    waits: Waits, task: int, trace: ThreadTrace | None, spin: Spin | None = None,
    stuck: bool = False,
) -> ThreadInfo:  # fmt: skip
    pid, tid = waits.ids(task)
    name = abi.Task.comm.get_text(waits.world.memory, abi.World.tasks.at(task))
    state = waits.describe(task, with_times=not stuck)
    if spin:
        state = "turns in a loop without any call" if spin.is_loop else "computes, without any call"
        state += " but reading the clock" if spin.reads_clock else ""
    trace = trace or ThreadTrace()
    places = trace.places if spin and spin.is_loop else ()
    return ThreadInfo(pid, tid, name, state, trace.frames, places=places)


def _spins(waits: Waits, pids: Pids) -> dict[int, Spin]:
    """The one that runs, if it is in its own code."""
    world = waits.world
    found = {}
    for task in waits.tasks:
        is_running = world.task(task, abi.Task.state) == abi.TASK_RUNNING
        if not is_running or world.task(task, abi.Task.place) != abi.PLACE_PROGRAM:
            continue
        from dstrun.launch.spins import look_at

        pid, tid = waits.ids(task)
        try:
            spin = look_at(pids.outer_thread(pids.outer(pid), tid))
        except OSError:
            continue
        if spin:
            found[task] = spin
    return found


def _loops(path: Path | None, tids: Iterable[int]) -> dict[int, LoopInfo]:
    if not path:
        return {}
    from dstrun.trace.loops import loops
    from dstrun.trace.reader import Trace

    try:
        with Trace(path) as trace:
            return loops(trace, frozenset(tids))
    except TraceError:
        return {}
