"""Who can never run again: the closure, and who belongs together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dstrun.launch.stuck import Needs, groups, stuck_for_ever

RUNS = Needs(itself=True)
ANYBODY = Needs(anybody=True)


def by(*tasks: int) -> Needs:
    return Needs(frozenset(tasks))


def test_a_cycle_is_stuck_while_another_runs() -> None:
    needs = {1: RUNS, 2: by(3), 3: by(2), 4: by(3)}
    assert stuck_for_ever(needs) == {2, 3, 4}
    assert groups(needs, frozenset({2, 3, 4})) == [[2, 3, 4]]


def test_whom_a_runner_frees_frees_others() -> None:
    needs = {1: RUNS, 2: by(3), 3: by(1, 2), 4: by(4)}
    assert stuck_for_ever(needs) == {4}


def test_where_anybody_will_do_somebody_must_be_alive() -> None:
    assert stuck_for_ever({1: RUNS, 2: ANYBODY, 3: by(2)}) == set()
    assert stuck_for_ever({2: ANYBODY, 3: by(2)}) == {2, 3}


def test_nobody_who_frees_is_for_ever() -> None:
    assert stuck_for_ever({1: RUNS, 2: by()}) == {2}


def test_groups_are_apart() -> None:
    needs = {1: RUNS, 2: by(3), 3: by(2), 5: by(5), 7: by(8), 8: by(7), 9: by(5)}
    assert groups(needs, stuck_for_ever(needs)) == [[2, 3], [5, 9], [7, 8]]


def plainly(needs: dict[int, Needs]) -> set[int]:
    """The same, from the definition: step by step until nothing changes."""
    alive = {t for t, n in needs.items() if n.itself}
    while True:
        more = {
            t for t, n in needs.items() if t not in alive and alive and (n.anybody or n.by & alive)
        }
        if not more:
            return set(needs) - alive
        alive |= more


@st.composite
def worlds(draw: st.DrawFn) -> dict[int, Needs]:
    tasks = range(draw(st.integers(0, 9)))
    needs = st.builds(
        Needs, st.frozensets(st.integers(0, 9), max_size=3), st.booleans(), st.booleans()
    )
    return {task: draw(needs) for task in tasks}


@given(worlds())
def test_as_defined(needs: dict[int, Needs]) -> None:
    assert stuck_for_ever(needs) == plainly(needs)


@given(worlds())
def test_every_stuck_one_is_in_one_group(needs: dict[int, Needs]) -> None:
    stuck = stuck_for_ever(needs)
    found = groups(needs, stuck)
    assert sorted(task for group in found for task in group) == sorted(stuck)
    for group in found:
        assert all(needs[task].by & stuck <= set(group) for task in group)
