"""workloads/races: a seed's run is the same run again, whether the bug shows in it or not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FULL, ROOT, Simulate

from dstrun.strategies import STRATEGIES

RACES = sorted((ROOT / "workloads" / "races").glob("*.c"))
SEEDS = 20 if FULL else 1
# Each has its turn with some strategy; with TEST_FULL=1 all have with all.
PAIRS = [
    (path, strategy)
    for index, path in enumerate(RACES)
    for turn, strategy in enumerate(STRATEGIES)
    if FULL or index % len(STRATEGIES) == turn
]

Build = Callable[[Path], str]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A race, compiled."""
    folder = tmp_path_factory.mktemp("races")

    def compile_one(source: Path) -> str:
        output = folder / source.stem
        if not output.exists():
            command = ["cc", "-O1", "-g", "-pthread", source, "-o", output]
            subprocess.run(command, check=True)
        return str(output)

    return compile_one


@pytest.mark.parametrize(
    ("path", "strategy"), PAIRS, ids=[f"{path.stem}-{strategy}" for path, strategy in PAIRS]
)
def test_a_seed_is_a_run(
    path: Path, strategy: str, build: Build, fresh: Callable[[Path | None], None],
    simulate: Simulate,
) -> None:  # fmt: skip
    program = build(path)
    options = ("--strategy", strategy, "--max-time", "1h")
    for seed in range(SEEDS):
        runs = []
        for _ in range(2):
            fresh(None)
            runs.append(simulate(program, seed=seed, options=options))
        assert runs[0].outcome in ("exited", "killed", "deadlock")
        one, two = ((run.status, run.out, run.outcome, run.hash) for run in runs)
        assert one == two
