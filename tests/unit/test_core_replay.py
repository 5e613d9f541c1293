"""shims/core/replay.c: the schedule that a trace's decisions say."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from core_lib import World

from dstrun import abi
from dstrun.replay import in_order
from dstrun.trace.decisions import Decision, pack_decision

CHOOSER = abi.SchedConfig.chooser.within(abi.Config.sched)
IDENTITY = abi.SchedTask.identity.within(abi.Task.sched)
NOT_APPLIED = abi.ReplayState.not_applied.within(abi.World.replay)
IMAGE_BYTES = 1 << 16
_PROT_READ_WRITE, _MAP_PRIVATE_ANONYMOUS_FIXED = 3, 0x32
TASKS = (1, 2, 3)


class Replay:
    """A world that follows decisions; task k has tid 100 + k and identity 1000 + k."""

    def __init__(self, core: ctypes.CDLL, world: World, *decisions: Decision) -> None:
        self.core, self.world = core, world
        header = bytearray(abi.ReplayImage.SIZE)
        abi.ReplayImage.decisions.set(header, len(decisions))
        abi.ReplayImage.decisions_at.set(header, len(header))
        image = bytes(header) + b"".join(map(pack_decision, in_order(decisions)))
        ctypes.memmove(abi.REPLAY_BASE, image, len(image))
        CHOOSER.set(world.memory, abi.STRATEGY_REPLAY, abi.World.config.offset)
        for task in TASKS:
            base = abi.World.tasks.at(task)
            abi.Task.tid.set(world.memory, 100 + task, base)
            IDENTITY.set(world.memory, 1000 + task, base)
            abi.World.task_of_tid.set(world.memory, task, index=100 + task)

    def add(self, *tasks: int) -> None:
        for task in tasks:
            self.core.sched_add(self.world.address, task)

    def choose(self, holder: int, *, goes_on: bool = True) -> int:
        """At the holder's next scheduling point."""
        abi.World.token_task.set(self.world.memory, holder)
        chosen = self.core.sched_choose(self.world.address, holder if goes_on else 0)
        assert isinstance(chosen, int)
        return chosen

    @property
    def not_applied(self) -> int:
        return NOT_APPLIED.get(self.world.memory)


@pytest.fixture
def world() -> Iterator[World]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    place = libc.mmap(
        abi.REPLAY_BASE, IMAGE_BYTES, _PROT_READ_WRITE, _MAP_PRIVATE_ANONYMOUS_FIXED, -1, 0
    )
    assert place == abi.REPLAY_BASE
    with World() as world:
        yield world
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.munmap(abi.REPLAY_BASE, IMAGE_BYTES)


def to(giver: int, number: int, taker: int) -> Decision:
    """At the giver's `number`-th point the taker is next."""
    return Decision(1000 + giver, 1000 + taker, number, abi.DECISION_NEXT, 100 + taker, 0)


def test_who_runs_goes_on_until_a_decision_says_otherwise(core: ctypes.CDLL, world: World) -> None:
    replay = Replay(core, world, to(1, 3, 2), to(2, 2, 1), to(1, 4, 2))
    replay.add(2)
    assert [replay.choose(1) for _ in range(3)] == [1, 1, 2]
    assert [replay.choose(2) for _ in range(2)] == [2, 1]
    assert replay.choose(1) == 2
    assert replay.not_applied == 0


def test_a_choice_among_several_when_the_holder_waits(core: ctypes.CDLL, world: World) -> None:
    replay = Replay(core, world, to(1, 1, 3))
    replay.add(2, 3)
    assert replay.choose(1, goes_on=False) == 3
    assert replay.choose(3, goes_on=False) == 2  # the only one: no point, no decision
    assert replay.choose(2, goes_on=False) == 0


def test_where_the_trace_says_nothing_the_longest_ready_is_next(
    core: ctypes.CDLL, world: World
) -> None:
    replay = Replay(core, world)
    replay.add(3, 2)
    assert [replay.choose(1, goes_on=False), replay.choose(3, goes_on=False)] == [3, 2]


def test_a_decision_for_who_cannot_run_is_counted(core: ctypes.CDLL, world: World) -> None:
    replay = Replay(core, world, to(1, 1, 3), to(1, 2, 2))
    replay.add(2)
    assert replay.choose(1) == 1 and replay.not_applied == 1
    assert replay.choose(1) == 2 and replay.not_applied == 1


def test_a_task_is_known_by_its_identity_where_tids_are_others(
    core: ctypes.CDLL, world: World
) -> None:
    replay = Replay(core, world, to(1, 1, 3)._replace(tid=102))
    replay.add(2, 3)
    assert replay.choose(1) == 3
