"""core/ring.c and fifo.c do what a queue does, wherever the ring starts; random is uniform."""

from __future__ import annotations

import ctypes
from collections import deque

import pytest
from core_lib import World
from hypothesis import given, settings
from hypothesis import strategies as st

from dstrun import abi
from dstrun.layout import Member
from dstrun.strategies import parse_strategy

tasks = st.integers(1, 12)
operations = st.lists(
    st.tuples(st.just("add"), tasks)
    | st.tuples(st.just("remove"), tasks)
    | st.tuples(st.just("take"), st.just(0)),
    max_size=100,
)
SCHED = abi.World.sched.offset


def ready(world: World) -> list[int]:
    """The ring's content in order."""
    head = abi.SchedState.head.get(world.memory, SCHED)
    count = abi.SchedState.count.get(world.memory, SCHED)
    return [
        abi.SchedState.ready.get(world.memory, SCHED, (head + i) % abi.TASKS_MAX)
        for i in range(count)
    ]


@settings(deadline=None)
@given(operations, st.integers(abi.TASKS_MAX - 14, abi.TASKS_MAX - 1) | st.just(0))
def test_fifo_does_what_a_queue_does(
    core: ctypes.CDLL, steps: list[tuple[str, int]], head: int
) -> None:
    queue: deque[int] = deque()
    choices = 0
    with World() as world:
        abi.SchedState.head.set(world.memory, head, SCHED)
        for name, task in steps:
            if name == "add" and task not in queue:
                core.sched_add(world.address, task)
                queue.append(task)
                state = abi.Task.state.get(world.memory, abi.World.tasks.at(task))
                assert state == abi.TASK_READY
            elif name == "remove":
                core.sched_remove(world.address, task)
                if task in queue:
                    queue.remove(task)
            elif name == "take":
                expected = queue.popleft() if queue else 0
                choices += expected != 0
                assert core.sched_choose(world.address, 0) == expected
            assert ready(world) == list(queue)
        assert abi.SchedState.choices.get(world.memory, SCHED) == choices


def test_all_tasks_fit(core: ctypes.CDLL) -> None:
    with World() as world:
        abi.SchedState.head.set(world.memory, 1000, SCHED)
        for task in range(1, abi.TASKS_MAX):
            core.sched_add(world.address, task)
        core.sched_remove(world.address, 2048)
        taken = [core.sched_choose(world.address, 0) for _ in range(abi.TASKS_MAX - 1)]
    assert taken == [task for task in range(1, abi.TASKS_MAX) if task != 2048] + [0]


def test_fifo_does_not_preempt(core: ctypes.CDLL) -> None:
    with World() as world:
        core.sched_add(world.address, 2)
        assert core.sched_choose(world.address, 1) == 1
        assert core.sched_choose(world.address, 0) == 2


@pytest.mark.parametrize(
    ("strategy", "since"),
    [("fifo", abi.World.slice_start_ns), ("random", abi.World.point_ns),
     ("pct", abi.World.point_ns)],
)  # fmt: skip
def test_clock_reads_yield_in_the_end(core: ctypes.CDLL, strategy: str, since: Member) -> None:
    config = abi.World.config.offset
    with World() as world:

        def yields(elapsed_ns: int) -> bool:
            abi.World.now_ns.set(world.memory, since.get(world.memory) + elapsed_ns)
            return bool(core.sched_read_asks(world.address))

        parse_strategy(strategy).write(world.memory, config)
        abi.Config.cost_syscall_ns.set(world.memory, 1000, config)
        since.set(world.memory, 10**12)
        assert not yields(10**12), "to nobody"
        core.sched_add(world.address, 2)
        assert not yields(999)
        assert yields(2_000_000)


def _random_choices(core: ctypes.CDLL, seed: int, draws: int) -> list[int]:
    """Tasks 1, 2 and 3 are ready, 4 runs: who runs next, time after time."""
    config = abi.World.config.offset
    chosen = []
    running = 4
    with World() as world:
        parse_strategy("random").write(world.memory, config)
        abi.Config.sched_seed.set(world.memory, seed, config)
        for task in (1, 2, 3):
            core.sched_add(world.address, task)
        for _ in range(draws):
            running = core.sched_choose(world.address, running)
            chosen.append(running)
    return chosen


def test_random_is_uniform_over_all_that_could_run(core: ctypes.CDLL) -> None:
    chosen = _random_choices(core, seed=11, draws=8000)
    for task in (1, 2, 3, 4):
        assert abs(chosen.count(task) - 2000) < 200  # 5 standard deviations


def _waiters(core: ctypes.CDLL, strategy: str, seed: int, draws: int) -> list[int]:
    config = abi.World.config.offset
    with World() as world:
        parse_strategy(strategy).write(world.memory, config)
        abi.Config.sched_seed.set(world.memory, seed, config)
        return [core.sched_choose_waiter(world.address, 4) for _ in range(draws)]


def test_who_is_woken_is_the_strategys_choice(core: ctypes.CDLL) -> None:
    assert set(_waiters(core, "fifo", 5, 100)) == {0}
    assert set(_waiters(core, "delay", 5, 100)) == {0}
    assert set(_waiters(core, "pct", 5, 100)) == {0, 1, 2, 3}
    chosen = _waiters(core, "random", 5, 4000)
    for waiter in range(4):
        assert abs(chosen.count(waiter) - 1000) < 140  # 5 standard deviations
    assert chosen == _waiters(core, "random", 5, 4000)
    assert chosen != _waiters(core, "random", 6, 4000)


def test_random_is_a_function_of_the_seed(core: ctypes.CDLL) -> None:
    assert _random_choices(core, 5, 100) == _random_choices(core, 5, 100)
    assert _random_choices(core, 5, 100) != _random_choices(core, 6, 100)
