"""core/timers.c does what a sorted list of deadlines does."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from core_lib import Timer, World
from hypothesis import given, settings
from hypothesis import strategies as st

from dstrun import abi

NEVER = (1 << 64) - 1
Key = tuple[int, int]  # kind, id

keys = st.tuples(
    st.sampled_from([abi.TIMER_TASK, abi.TIMER_ITIMER_REAL, abi.TIMER_OBJECT]), st.integers(0, 9)
)
deadlines = st.integers(0, 40) | st.sampled_from([NEVER - 1, NEVER])
operations = st.lists(
    st.tuples(st.just("arm"), keys, deadlines)
    | st.tuples(st.just("cancel"), keys, st.just(0))
    | st.tuples(st.just("take"), st.just((0, 0)), deadlines),
    max_size=120,
)


class Heap:
    """The C heap in a world, driven by kind and id."""

    def __init__(self, core: ctypes.CDLL, world: World) -> None:
        self.core, self.world = core, world

    def ref(self, key: Key) -> int:
        return int(self.core.timer_ref_of(self.world.address, *key))

    def arm(self, key: Key, deadline_ns: int) -> bool:
        return bool(self.core.timer_arm(self.world.address, self.ref(key), deadline_ns, *key))

    def cancel(self, key: Key) -> None:
        self.core.timer_cancel(self.world.address, self.ref(key))

    def take(self, now_ns: int) -> tuple[int, Key] | None:
        due = Timer()
        if not self.core.timer_take_due(self.world.address, now_ns, ctypes.byref(due)):
            return None
        return due.deadline_ns, (due.kind, due.id)

    def next_ns(self) -> int:
        """timer_next_ns of timers.h, which is inline."""
        armed = abi.World.timers_count.get(self.world.memory)
        first = abi.World.timers.at(1)
        return abi.Timer.deadline_ns.get(self.world.memory, first) if armed else NEVER

    def check_places(self) -> set[Key]:
        """The armed timers; each one's reference leads to its place and no parent is later."""
        memory, found, order = self.world.memory, set(), {}
        for pos in range(1, abi.World.timers_count.get(memory) + 1):
            base = abi.World.timers.at(pos)
            key = (abi.Timer.kind.get(memory, base), abi.Timer.id.get(memory, base))
            offset = self.ref(key) - self.world.address
            assert abi.TimerRef.heap_pos.get(memory, offset) == pos
            order[pos] = (
                abi.Timer.deadline_ns.get(memory, base), abi.Timer.seq.get(memory, base),
            )  # fmt: skip
            assert pos == 1 or order[pos // 2] < order[pos]
            found.add(key)
        return found


class Model:
    """A dictionary from key to (deadline, order of arming)."""

    def __init__(self) -> None:
        self.armed: dict[Key, tuple[int, int]] = {}
        self.seq = 0

    def arm(self, key: Key, deadline_ns: int) -> None:
        self.seq += 1
        self.armed[key] = (deadline_ns, self.seq)

    def take(self, now_ns: int) -> tuple[int, Key] | None:
        if not self.armed:
            return None
        key = min(self.armed, key=lambda k: self.armed[k])
        if self.armed[key][0] > now_ns:
            return None
        return self.armed.pop(key)[0], key

    def next_ns(self) -> int:
        return min(self.armed.values())[0] if self.armed else NEVER


@pytest.fixture
def heap(core: ctypes.CDLL) -> Iterator[Heap]:
    with World() as world:
        yield Heap(core, world)


@settings(deadline=None)
@given(operations)
def test_the_heap_does_what_the_model_does(
    core: ctypes.CDLL, steps: list[tuple[str, Key, int]]
) -> None:
    with World() as world:
        heap, model = Heap(core, world), Model()
        for name, key, when in steps:
            if name == "arm":
                assert heap.arm(key, when)
                model.arm(key, when)
            elif name == "cancel":
                heap.cancel(key)
                model.armed.pop(key, None)
            else:
                assert heap.take(when) == model.take(when)
            assert heap.check_places() == set(model.armed)
            assert heap.next_ns() == model.next_ns()
        while model.armed:
            assert heap.take(NEVER) == model.take(NEVER)
        assert heap.take(NEVER) is None


def test_equal_deadlines_fire_in_the_order_of_arming(heap: Heap) -> None:
    order = [(abi.TIMER_TASK, i) for i in (5, 1, 9, 3, 7, 2)]
    for key in order:
        heap.arm(key, 100)
    heap.arm(order[0], 100)  # armed anew: now the last
    assert [heap.take(100) for _ in order] == [(100, key) for key in [*order[1:], order[0]]]


def test_nothing_is_due_before_its_time(heap: Heap) -> None:
    assert heap.take(NEVER) is None
    heap.arm((abi.TIMER_TASK, 1), 50)
    assert heap.take(49) is None
    assert heap.take(50) == (50, (abi.TIMER_TASK, 1))


def test_a_timer_that_was_taken_can_be_cancelled(heap: Heap) -> None:
    key = (abi.TIMER_OBJECT, 4)
    heap.arm(key, 1)
    heap.arm((abi.TIMER_OBJECT, 5), 2)
    heap.take(1)
    heap.cancel(key)
    assert heap.check_places() == {(abi.TIMER_OBJECT, 5)}


def test_a_full_table_refuses_and_stays_whole(heap: Heap) -> None:
    ids = range(1, abi.TIMERS_MAX)
    for i in ids:
        assert heap.arm((abi.TIMER_OBJECT, i), abi.TIMERS_MAX - i)
    late = (abi.TIMER_OBJECT, abi.TIMERS_MAX)
    assert not heap.arm(late, 1)
    assert late not in heap.check_places()
    assert heap.arm((abi.TIMER_OBJECT, 1), 0)  # re-arming needs no room
    assert heap.take(0) == (0, (abi.TIMER_OBJECT, 1))
    assert heap.arm(late, 0)
    assert heap.take(0) == (0, late)
    taken = [heap.take(NEVER) for _ in range(len(ids) - 1)]
    assert taken == [
        (abi.TIMERS_MAX - i, (abi.TIMER_OBJECT, i)) for i in range(abi.TIMERS_MAX - 1, 1, -1)
    ]
