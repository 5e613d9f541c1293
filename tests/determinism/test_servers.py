"""Real servers and their clients: as natively, and one trace for a seed, loaded or not.

All runs are strict: nothing may be out of control. One that spins is learned first. With more than
one CPU to be seen runtimes spin for each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, FULL, Burners, Native, Run, Simulate
from scenarios_lib import SCENARIOS, Scenario, Scenarios, free_ports, search_path

RUNS, LOADED = (50, 10) if FULL else (3, 1)
SEED, OTHER_SEED = 7, 8
_PORT = 7001  # in a simulation every port is free
_POINTS_MAX = 8  # that one scenario learns
_SPIN_FOR_EACH_OTHER = ("go_http", "java_pool", "postgres", "redis_threads")

Once = Callable[..., Run]


@pytest.fixture(scope="session")
def scenarios() -> Iterator[Scenarios]:
    with tempfile.TemporaryDirectory(prefix="dstrun-scenarios-") as name:
        Path(name).chmod(0o755)
        yield Scenarios(Path(name))


@pytest.fixture
def work() -> Iterator[Path]:
    """Where the runs take place. PostgreSQL's user can reach it, pytest's own folders it cannot."""
    with tempfile.TemporaryDirectory(prefix="dstrun-servers-") as name:
        Path(name).chmod(0o755)
        path = Path(name) / "work"
        path.mkdir()
        yield path


@pytest.fixture
def once(
    simulate: Simulate,
    fresh: Callable[[], None],
    scenarios: Scenarios,
    monkeypatch: pytest.MonkeyPatch,
) -> Once:
    """once(scenario, seed, *options): one simulated run, in an empty directory."""
    monkeypatch.setitem(FIXED_ENV, "XDG_CACHE_HOME", str(scenarios.folder / "cache"))

    def run(scenario: Scenario, seed: int, *more: str) -> Run:
        fresh()
        settings = (f"PATH={search_path()}", f"PORT={_PORT}", *scenario.short)
        options = ["--strict", *more, *(word for s in settings for word in ("--env", s))]
        return simulate(*scenarios.command(scenario), seed=seed, options=tuple(options))

    return run


def _learned(once: Once, scenario: Scenario, *options: str) -> Run:
    """The first run that is decided by the seed alone: loops that wait are learned."""
    for _ in range(_POINTS_MAX):
        run = once(scenario, SEED, *options)
        if "that is learned now" not in run.err:
            break
    return run


@pytest.fixture
def one_trace(once: Once, burners: Burners) -> Once:
    """one_trace(scenario, *options): RUNS runs that agree, of which it gives the first."""

    def judge(scenario: Scenario, *options: str) -> Run:
        if scenario.missing:
            pytest.skip(f"{scenario.missing} is not installed: nothing is known about it here")
        first = _learned(once, scenario, *options)
        assert first.status == 0, first

        def others(count: int) -> list[Run]:
            runs = [once(scenario, SEED, *options) for _ in range(count)]
            return [run for run in runs if run.identity != first.identity]

        different = others(RUNS - LOADED - 1)
        with burners():
            different += others(LOADED)
        assert not different, f"{len(different)} of {RUNS}: {first} {different[0]}"
        return first

    return judge


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_as_native_and_one_trace(
    scenario: Scenario,
    once: Once,
    one_trace: Once,
    native: Native,
    fresh: Callable[[], None],
    scenarios: Scenarios,
) -> None:
    first = one_trace(scenario)
    other = once(scenario, OTHER_SEED)
    assert other.status == 0, other
    assert other.hash != first.hash
    fresh()
    settings = (f"PATH={search_path()}", f"PORT={free_ports()}", *scenario.short)
    alone = native("env", *settings, *scenarios.command(scenario))
    assert (first.status, first.out) == (alone.status, alone.out), alone.err


@pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS if s.name in _SPIN_FOR_EACH_OTHER], ids=lambda s: s.name
)
def test_at_four_cpus(scenario: Scenario, one_trace: Once) -> None:
    one_trace(scenario, "--cpus", "4", "--strategy", "random")
