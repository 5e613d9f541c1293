"""What a program was doing when a run had to be ended, and who was stuck in a run that was not.

At a limit, a deadlock or Ctrl-C every thread is told: what it waits for, what it repeats (out of
the trace), where it spins without any call (by stepping it), and its frames. A partial deadlock is
looked for at the same places, and while the run goes on when the shim asks (shims/shim/look.c).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dstrun import abi
from dstrun.errors import TraceError
from dstrun.launch.backtrace import GDB_PATIENCE_S, ThreadTrace, backtraces
from dstrun.launch.pids import Pids
from dstrun.launch.stuck import groups, stuck_for_ever
from dstrun.launch.waits import Waits
from dstrun.launch.world import World
from dstrun.spec import StuckInfo, ThreadInfo

if TYPE_CHECKING:
    from dstrun.launch.spins import Spin
    from dstrun.trace.loops import TaskEnd

_FRAMES_OF_MAX = 64  # threads that gdb is asked of
_QUIET_NS = 100_000


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


def describe_threads(
    world: World, pids: Pids, trace: Path | None, patience_s: float = GDB_PATIENCE_S
) -> list[ThreadInfo]:
    """All that are still there. The run is over: those that run are stopped. Nothing where the run
    was stopped in the middle of a change, and makes no sense."""
    try:
        return _describe_threads(world, pids, trace, patience_s)
    except (LookupError, ValueError, OSError, struct.error):
        return []


def describe_holder(world: World, pids: Pids) -> list[ThreadInfo]:
    """The thread that has the token, where its call was made."""
    task = world.get(abi.World.token_task)
    try:
        frames = backtraces(world, pids, [task], {})
        return [_thread(Waits(world, pids), task, frames.get(task))]
    except (LookupError, ValueError, OSError, struct.error):
        return []


def _describe_threads(
    world: World, pids: Pids, trace: Path | None, patience_s: float
) -> list[ThreadInfo]:
    waits = Waits(world, pids)
    spins = _spins(waits, pids)
    frames = backtraces(world, pids, waits.tasks[:_FRAMES_OF_MAX], spins, patience_s)
    ends = _ends(trace, (waits.ids(task)[1] for task in waits.tasks))
    found = []
    for task in waits.tasks:
        thread = _thread(waits, task, frames.get(task), spins.get(task))
        end = ends.get(thread.tid)
        if end and _makes_no_call(waits, task, end):
            thread = replace(thread, state=_describe_quiet(world, task))
        elif end:
            thread = replace(thread, loop=end.loop)
        found.append(thread)
    return found


def _describe_quiet(world: World, task: int) -> str:
    """What moves the clock, and is not recorded."""
    reads = world.get(abi.World.clock_reads)
    points = world.task(task, abi.Task.points_passed)
    text = f"reads the clock again and again ({reads} times)"
    if points > reads:
        text = f"locks, unlocks or asks for memory again and again ({points} points passed)"
    return f"{text}, and makes no call"


def _makes_no_call(waits: Waits, task: int, end: TaskEnd) -> bool:
    """It runs, and the clock has moved without any call of its own."""
    is_running = waits.world.task(task, abi.Task.state) == abi.TASK_RUNNING
    return is_running and waits.now_ns - end.last_ns > _QUIET_NS


def _thread(
    waits: Waits, task: int, trace: ThreadTrace | None, spin: Spin | None = None,
    stuck: bool = False,
) -> ThreadInfo:  # fmt: skip
    pid, tid = waits.ids(task)
    name = abi.Task.comm.get_text(waits.world.memory, abi.World.tasks.at(task))
    trace = trace or ThreadTrace()
    state = name_futex(waits.describe(task, with_times=not stuck), trace.frames)
    if spin:
        state = "turns in a loop without any call" if spin.is_loop else "computes, without any call"
        state += " but reading the clock" if spin.reads_clock else ""
    places = trace.places if spin and spin.is_loop else ()
    return ThreadInfo(pid, tid, name, state, trace.frames, places=places)


# By the name of the C library's function that waits: what it is, and which argument names it.
_FUTEX_USERS = (
    ("pthread_cond_", "a condition variable", "cond"),
    ("pthread_rwlock_", "a read-write lock", "rwlock"),
    ("sem_", "a semaphore", "sem"),
    ("pthread_barrier_", "a barrier", "barrier"),
    ("pthread_once", "another thread's pthread_once", "once_control"),
    ("pthread_mutex_", "a mutex", "mutex"),
)
_CALL = re.compile(r"(?:^| )_*(?:GI_+|new_+)*((?:pthread|sem)_\w+) \((.*)")


def name_futex(state: str, frames: Sequence[str]) -> str:
    """What the futex belongs to, by the C library's function that waits, and its variable."""
    found = re.match(r"waits for (a futex|a [a-z -]+) at 0x[0-9a-f]+", state)
    if not found:
        return state
    what = name = ""
    for function, arguments in (call.groups() for call in map(_CALL.search, frames) if call):
        for prefix, kind, argument in _FUTEX_USERS:
            if not function.startswith(prefix) or (what and what != kind):
                continue
            what = kind
            variable = re.search(rf"\b{argument}=0x[0-9a-f]+ <([^>]+)>", arguments)
            name = name or (f" {variable[1]}" if variable else "")
    if found[1] != "a futex":
        what = found[1]
    return f"waits for {what}{name}{state[found.end(1) :]}" if what else state


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


def _ends(path: Path | None, tids: Iterable[int]) -> dict[int, TaskEnd]:
    if not path:
        return {}
    from dstrun.trace.loops import task_ends
    from dstrun.trace.reader import Trace

    try:
        with Trace(path) as trace:
            return task_ends(trace, frozenset(tids))
    except TraceError:
        return {}
