"""The strategies on programs so small that all their schedules can be enumerated.

What a strategy promises is checked by counting over many seeds. A count may fall short of what is
expected by chance: five standard deviations are allowed, which no honest count needs.
"""

from __future__ import annotations

import ctypes
import resource
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, pairwise, product
from pathlib import Path

import pytest
from core_lib import SHIMS, World
from sched_model import (
    CONFIG,
    IDENTITY,
    SCHED,
    Core,
    Delaying,
    Events,
    Outcome,
    Programs,
    all_outcomes,
    execute,
    order_sets,
    satisfies,
)

from dstrun import abi
from dstrun.strategies import STRATEGIES, parse_strategy

SPUN = abi.SchedTask.spun.within(abi.Task.sched)
PRIORITY = abi.SchedTask.priority.within(abi.Task.sched)
TWO = (("a1", "a2", "a3"), ("b1", "b2", "b3"))
THREE = (("a1", "a2"), ("b1", "b2"), ("c1",))
# Who takes a lock first would be one of a bug's orderings; here no bug needs it.
LOCKED = (("a1", "+m", "a2", "-m", "a3"), ("b1", "+m", "b2", "-m"))
CYCLE = (("+m", "+n", "a", "-n", "-m"), ("+n", "+m", "b", "-m", "-n"), ("c",))


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


def outcomes(
    core: ctypes.CDLL, world: World, strategy: str, programs: Programs, seeds: int
) -> list[Outcome]:
    scheduler = Core(core, world, strategy)
    return [scheduler.run(seed, programs) for seed in range(seeds)]


def enough(found: int, seeds: int, probability: float) -> bool:
    """Whether that many is no less than expected, chance aside."""
    expected = seeds * probability
    return found >= expected - 5 * expected**0.5


def points_max(programs: Programs) -> int:
    return max(outcome.points for outcome in all_outcomes(programs))


def test_the_model_enumerates_all_schedules() -> None:
    assert len({outcome.events for outcome in all_outcomes(TWO)}) == 20  # 6 over 3
    assert len({outcome.events for outcome in all_outcomes(THREE)}) == 30
    assert sum(outcome.deadlock for outcome in all_outcomes(CYCLE)) > 0
    assert not any(outcome.deadlock for outcome in all_outcomes(LOCKED))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_only_schedules_that_are_possible_come(
    core: ctypes.CDLL, world: World, strategy: str
) -> None:
    for programs in (TWO, THREE, LOCKED):
        possible = {outcome.events for outcome in all_outcomes(programs)}
        assert {o.events for o in outcomes(core, world, strategy, programs, 200)} <= possible


@pytest.mark.parametrize("strategy", sorted(STRATEGIES.keys() - {"fifo"}))
def test_the_seed_decides_all(core: ctypes.CDLL, world: World, strategy: str) -> None:
    long = [[f"{name}{i}" for i in range(40)] for name in "abcd"]
    once = [outcome.events for outcome in outcomes(core, world, strategy, long, 30)]
    assert [outcome.events for outcome in outcomes(core, world, strategy, long, 30)] == once
    assert len(set(once)) > 20


# ---- pct ----
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("programs", [TWO, THREE, LOCKED], ids=["two", "three", "locked"])
def test_pct_finds_every_bug_of_a_depth_as_often_as_it_promises(
    core: ctypes.CDLL, world: World, programs: Programs, depth: int
) -> None:
    n, k, seeds = len(programs), points_max(programs), (500, 4000, 16000)[depth - 1]
    found = outcomes(core, world, f"pct:d={depth},k={k}", programs, seeds)
    counts = Counter(outcome.events for outcome in found)
    possible = {outcome.events for outcome in all_outcomes(programs)}
    bugs = 0
    for bug in order_sets(programs, depth):
        if any(satisfies(events, bug) for events in possible):
            bugs += 1
            times = sum(count for events, count in counts.items() if satisfies(events, bug))
            assert enough(times, seeds, 1 / (n * k ** (depth - 1))), (bug, times)
    assert bugs >= 8


def test_pct_finds_a_deadlock_of_depth_two(core: ctypes.CDLL, world: World) -> None:
    k, seeds = points_max(CYCLE), 4000
    found = outcomes(core, world, f"pct:d=2,k={k}", CYCLE, seeds)
    assert enough(sum(outcome.deadlock for outcome in found), seeds, 1 / (len(CYCLE) * k))


def test_pct_without_a_change_point_never_preempts(core: ctypes.CDLL, world: World) -> None:
    """So the counts above can fail: what needs one more ordering is not found by chance."""
    found = outcomes(core, world, "pct:d=1,k=100", TWO, 1000)
    assert {outcome.events for outcome in found} == {(*TWO[0], *TWO[1]), (*TWO[1], *TWO[0])}
    assert not any(o.deadlock for o in outcomes(core, world, "pct:d=1,k=100", CYCLE, 1000))


def test_pct_makes_each_schedule_of_a_few_preemptions(core: ctypes.CDLL, world: World) -> None:
    k, seeds = points_max(TWO), 16000
    for depth in (1, 2, 3):
        counts = Counter(
            outcome.events for outcome in outcomes(core, world, f"pct:d={depth},k={k}", TWO, seeds)
        )
        for events in {outcome.events for outcome in all_outcomes(TWO)}:
            if preemptions(events, TWO) < depth:
                assert enough(counts[events], seeds, 0.5 / k ** (depth - 1)), events


def preemptions(events: Events, programs: Programs) -> int:
    """How often somebody else came, although who ran could have gone on."""
    last = {program[-1] for program in programs}
    return sum(a[0] != b[0] and a not in last for a, b in pairwise(events))


def test_pct_knows_tasks_by_whose_child_they_are(core: ctypes.CDLL, world: World) -> None:
    """Not by their slots, which depend on who else came and went."""
    scheduler = Core(core, world, "pct:d=1")

    def first_of(slots: Sequence[int], seed: int) -> int:
        scheduler.start(seed, 9)
        for child, slot in enumerate(slots, 1):
            identity = core.sched_identity(77, child)
            IDENTITY.set(world.memory, identity, abi.World.tasks.at(slot))
            scheduler.add(slot)
        return list(slots).index(scheduler.choose(0))

    orders = [[first_of(slots, seed) for seed in range(100)] for slots in ((1, 2, 3), (9, 4, 7))]
    assert orders[0] == orders[1]
    assert set(orders[0]) == {0, 1, 2}


def test_identities_are_those_of_a_family_tree(core: ctypes.CDLL) -> None:
    children = [core.sched_identity(0, n) for n in range(1, 1000)]
    grandchildren = [core.sched_identity(child, 1) for child in children]
    assert len({0, *children, *grandchildren}) == 1999


def spinners(core: ctypes.CDLL, world: World, options: str, seed: int) -> Core:
    """Of two tasks the one with the higher priority runs."""
    scheduler = Core(core, world, f"pct:d=1,k=1000000,{options}")
    scheduler.start(seed, 3)
    scheduler.add(1)
    scheduler.add(2)
    return scheduler


def test_pct_lets_others_run_when_a_task_yields(core: ctypes.CDLL, world: World) -> None:
    for seed in range(20):
        scheduler = spinners(core, world, "spin=1000", seed)
        running = scheduler.choose(0)
        order = []
        for _ in range(6):
            scheduler.yields(running)
            scheduler.add(running)
            running = scheduler.choose(0)
            order.append(running)
        assert order == [3 - running, running] * 3


def test_pct_lets_others_run_when_a_task_spins(core: ctypes.CDLL, world: World) -> None:
    for seed in range(20):
        scheduler = spinners(core, world, "spin=100", seed)
        running = scheduler.choose(0)
        stretch = [scheduler.choose(running) for _ in range(100)]
        assert stretch == [running] * 99 + [3 - running]


def test_pct_lets_others_run_when_a_task_finds_nothing(core: ctypes.CDLL, world: World) -> None:
    scheduler = spinners(core, world, "spin=10000", 5)
    running = scheduler.choose(0)
    stretch = []
    for _ in range(16):
        core.sched_found_nothing(world.address, running)
        stretch.append(scheduler.choose(running))
    assert stretch == [running] * 15 + [3 - running]


def test_pct_forgets_what_was_spun_alone(core: ctypes.CDLL, world: World) -> None:
    scheduler = Core(core, world, "pct:d=1,spin=16")
    scheduler.start(1, 1)
    for _ in range(100):
        core.sched_found_nothing(world.address, 1)
        core.sched_yields(world.address, 1)
        assert scheduler.choose(1) == 1
    spun = SPUN.get(world.memory, abi.World.tasks.at(1))
    priority = PRIORITY.get(world.memory, abi.World.tasks.at(1))
    assert (spun, priority) == (0, 0)


@pytest.mark.parametrize("strategy", ["pct:d=3,k=50", "pct:d=3", "delay:d=2,k=50"])
def test_rounds_go_on_for_as_long_as_the_run(
    core: ctypes.CDLL, world: World, strategy: str
) -> None:
    """In the last tenth of a long run there are as many switches as change points promise."""
    scheduler = Core(core, world, strategy)
    programs = [[f"{name}{i}" for i in range(2000)] for name in "ab"]
    late = 0
    for seed in range(20):
        events = scheduler.run(seed, programs).events[3000:3400]
        late += sum(a[0] != b[0] for a, b in pairwise(events))
    assert late > (20 if "k=" in strategy else 1)


def test_pct_starves_nobody(core: ctypes.CDLL, world: World) -> None:
    """Two tasks that wake each other never leave the others without anything to run, and yet ..."""
    scheduler = Core(core, world, "pct:d=3,k=100")
    for seed in range(20):
        scheduler.start(seed, 3)
        scheduler.add(3)
        scheduler.add(1)
        other, ran = 2, set()
        for _ in range(3000):
            running = scheduler.choose(0)
            ran.add(running)
            if running == 3:
                scheduler.add(3)
            else:  # wakes its partner and waits
                scheduler.add(other)
                other = running
        assert ran == {1, 2, 3}


def longest_wait(core: ctypes.CDLL, world: World, strategy: str, points: int) -> int:
    """Of three tasks that never wait: for how long one of them was passed over."""
    scheduler = Core(core, world, strategy)
    longest = 0
    for seed in range(10):
        scheduler.start(seed, 3)
        for task in (1, 2):
            scheduler.add(task)
        running, last = 3, dict.fromkeys((1, 2, 3), 0)
        for point in range(points):
            running = scheduler.choose(running)
            last[running] = point
            longest = max(longest, point - min(last.values()))
    return longest


@pytest.mark.parametrize("name", ["pct", "pos"])
def test_rounds_let_everybody_run_some_day(core: ctypes.CDLL, world: World, name: str) -> None:
    """Without them the wait grows with the run."""
    assert longest_wait(core, world, f"{name}:k=100", 10_000) < 4000
    assert longest_wait(core, world, f"{name}:k=1000000", 10_000) > 4000


# ---- delay ----
@pytest.mark.parametrize("delays", [1, 2])
@pytest.mark.parametrize("programs", [TWO, THREE, LOCKED], ids=["two", "three", "locked"])
def test_delay_makes_exactly_the_schedules_of_so_many_delays(
    core: ctypes.CDLL, world: World, programs: Programs, delays: int
) -> None:
    k = points_max(programs)
    expected = Counter(
        execute(programs, Delaying(at)).events for at in product(range(k), repeat=delays)
    )
    seeds = 400 * len(expected)
    found = outcomes(core, world, f"delay:d={delays},k={k}", programs, seeds)
    counts = Counter(outcome.events for outcome in found)
    assert set(counts) == set(expected)
    for events, ways in expected.items():
        assert enough(counts[events], seeds, ways / k**delays)
    fewer = {
        execute(programs, Delaying(at)).events
        for size in range(delays + 1)
        for at in combinations_with_replacement(range(k), size)
    }
    assert set(expected) <= fewer


def test_delay_without_a_delay_is_fifo(core: ctypes.CDLL, world: World) -> None:
    fifo = outcomes(core, world, "fifo", LOCKED, 1)[0].events
    late = outcomes(core, world, "delay:d=1,k=1000000", LOCKED, 20)
    assert {outcome.events for outcome in late} == {fifo}


def test_delay_has_the_slice_of_fifo(core: ctypes.CDLL, world: World) -> None:
    for strategy in ("fifo:slice=1ms", "delay:d=1,k=1000000,slice=1ms"):
        scheduler = Core(core, world, strategy)
        scheduler.start(3, 3)
        scheduler.add(2)
        scheduler.add(3)
        world_now(world, 999_999)
        assert scheduler.choose(1) == 1
        world_now(world, 1_000_000)
        assert scheduler.choose(1) == 2
        assert ring(world) == [3, 1]
        world_now(world, 0)


def world_now(world: World, now_ns: int) -> None:
    abi.World.now_ns.set(world.memory, now_ns)


def ring(world: World) -> list[int]:
    state = abi.SchedState
    head = state.head.get(world.memory, SCHED.offset)
    count = state.count.get(world.memory, SCHED.offset)
    slots = [(head + i) % abi.TASKS_MAX for i in range(count)]
    return [state.ready.get(world.memory, SCHED.offset, slot) for slot in slots]


# ---- pos ----
@pytest.mark.parametrize(("strategy", "probability"), [("pos", 1 / 8), ("random", 1 / 2**7)])
def test_pos_leaves_a_step_behind_for_long(
    core: ctypes.CDLL, world: World, strategy: str, probability: float
) -> None:
    seeds = 8000
    found = outcomes(core, world, strategy, (["a"], [f"b{i}" for i in range(7)]), seeds)
    last = sum(outcome.events[-1] == "a" for outcome in found)
    assert abs(last - seeds * probability) < 5 * (seeds * probability) ** 0.5


def test_pos_makes_every_schedule(core: ctypes.CDLL, world: World) -> None:
    for programs in (TWO, THREE, LOCKED):
        possible = {outcome.events for outcome in all_outcomes(programs)}
        assert {o.events for o in outcomes(core, world, "pos", programs, 4000)} == possible


# ---- sticky ----
@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_sticky_goes_on_as_often_as_it_says(core: ctypes.CDLL, world: World, share: float) -> None:
    scheduler = Core(core, world, f"sticky:p={share}")
    scheduler.start(7, 4)
    for task in (1, 2, 3):
        scheduler.add(task)
    running, draws = 4, 20000
    moves: Counter[tuple[int, int]] = Counter()
    for _ in range(draws):
        following = scheduler.choose(running)
        moves[running, following] += 1
        running = following
    stays = sum(count for (a, b), count in moves.items() if a == b)
    assert abs(stays - draws * share) <= 5 * (draws * share * (1 - share)) ** 0.5
    expected = (draws - stays) / 12
    for a, b in product(range(1, 5), repeat=2):
        if a != b:
            assert abs(moves[a, b] - expected) < 6 * expected**0.5


# ---- what a point is ----
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_points_are_where_more_than_one_could_run(
    core: ctypes.CDLL, world: World, strategy: str
) -> None:
    scheduler = Core(core, world, strategy)
    scheduler.start(1, 2)
    scheduler.add(1)
    assert scheduler.choose(0) == 1
    assert [scheduler.choose(1) for _ in range(10)] == [1] * 10
    assert scheduler.points == 0
    scheduler.add(2)
    scheduler.choose(1)
    assert scheduler.points == 1


def test_a_killed_task_leaves_the_heap(core: ctypes.CDLL, world: World) -> None:
    scheduler = Core(core, world, "pct:d=1,k=1000")
    for seed in range(50):
        scheduler.start(seed, 40)
        for task in range(1, 41):
            scheduler.add(task)
        gone = {scheduler.choose(0)}  # the round's start: priorities are drawn
        for task in {1 + (seed * 7 + i * 11) % 40 for i in range(25)} - gone:
            core.sched_remove(world.address, task)
            core.sched_remove(world.address, task)
            gone.add(task)
        taken = [scheduler.choose(0) for _ in range(40 - len(gone))]
        assert set(taken) == set(range(1, 41)) - gone
        assert scheduler.choose(0) == 0
        priorities = [PRIORITY.get(world.memory, abi.World.tasks.at(task)) for task in taken]
        assert priorities == sorted(priorities, reverse=True)


def test_the_table_names_all_strategies_of_the_core() -> None:
    strategies = {s.number for s in STRATEGIES.values()}
    assert strategies == set(abi.STRATEGY_NAMES) - {abi.STRATEGY_REPLAY}
    for name, strategy in STRATEGIES.items():
        assert abi.STRATEGY_NAMES[strategy.number] == f"STRATEGY_{name.upper()}"
        assert parse_strategy(name).strategy is strategy


@pytest.mark.alone
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_choice_costs_about_as_much_among_many(tmp_path: Path, strategy: str) -> None:
    """Looking at each of a thousand would cost a hundred times as much."""
    program = tmp_path / "choices"
    source = SHIMS.parent / "scripts" / "bench.d" / "choices.c"
    sources = [source, *sorted((SHIMS / "core").glob("*.c"))]
    subprocess.run(["cc", "-O2", "-std=gnu11", f"-I{SHIMS}", "-o", program, *sources], check=True)
    with World() as world:
        parse_strategy(strategy).write(world.memory, CONFIG)
        base = abi.Config.sched.at(0, CONFIG)
        members = ("strategy", "depth", "points", "keep_ppm", "slice_ns", "spin")
        numbers = [str(getattr(abi.SchedConfig, m).get(world.memory, base)) for m in members]

    def choice_ns(tasks: int) -> float:
        times = []
        for turns in (100_000, 1_000_000):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([program, str(tasks), str(turns), *numbers], check=True)
            times.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        return (times[1] - times[0]) / 900_000 * 1e9

    assert choice_ns(1000) < 5 * max(choice_ns(2), 10) + 150
