"""core/sched_fifo.c does what a queue does, wherever its ring starts."""

from __future__ import annotations

import ctypes
from collections import deque

from core_lib import World
from hypothesis import given, settings
from hypothesis import strategies as st

from dstrun import abi

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
                assert core.sched_take(world.address) == expected
            assert ready(world) == list(queue)
        assert abi.SchedState.choices.get(world.memory, SCHED) == choices


def test_all_tasks_fit(core: ctypes.CDLL) -> None:
    with World() as world:
        abi.SchedState.head.set(world.memory, 1000, SCHED)
        for task in range(1, abi.TASKS_MAX):
            core.sched_add(world.address, task)
        core.sched_remove(world.address, 2048)
        taken = [core.sched_take(world.address) for _ in range(abi.TASKS_MAX - 1)]
    assert taken == [task for task in range(1, abi.TASKS_MAX) if task != 2048] + [0]
