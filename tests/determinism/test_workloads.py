"""The systems under test in workloads/: dstrun finds what their READMEs say is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, FULL, ROOT

SEEDS = range(1, 201 if FULL else 41)
Build = Callable[[str], str]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def compile_one(name: str) -> str:
        program = tmp_path / name.replace("-", "_")
        source = ROOT / "workloads" / name / f"{program.name}.c"
        subprocess.run(["cc", "-g", "-pthread", source, "-o", program], check=True)
        return str(program)

    return compile_one


def simulate(folder: Path, program: str, *options: str) -> tuple[str, dict[str, object]]:
    """The program's output and dstrun's summary."""
    done = subprocess.run(
        [sys.executable, "-m", "dstrun", "--json", "-q", "--no-trace", *options, "--", program],
        cwd=folder, env=FIXED_ENV | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


def test_a_lost_update_has_an_outcome_for_each_seed(tmp_path: Path, build: Build) -> None:
    program = build("lost-update")

    def outcomes(strategy: str) -> list[str]:
        options = ("--strategy", strategy)
        return [simulate(tmp_path, program, "--seed", str(s), *options)[0] for s in SEEDS]

    drawn = outcomes("random")
    assert len(Counter(drawn)) >= 3
    assert outcomes("random") == drawn
    assert set(outcomes("fifo")) == {"9\n"}


def test_a_cyclic_lock_is_a_deadlock_with_both_threads_named(tmp_path: Path, build: Build) -> None:
    _, summary = simulate(tmp_path, build("lock-order"), "--seed", "7")
    assert summary["outcome"] == "deadlock"
    threads = summary["threads"]
    assert isinstance(threads, list)
    assert len(threads) == 3
    states = [thread["state"] for thread in threads]
    assert states[0].startswith("waits for the end of thread 3")
    assert states[1].startswith("waits for a mutex")
    assert "that thread 4 holds" in states[1]
    assert "that thread 3 holds" in states[2]
    assert all(thread["frames"] for thread in threads)
