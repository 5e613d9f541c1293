"""A task that spins without a call must not hold up the others for ever, and it is told.

One that looks at the clock meanwhile is no such task: it yields where the seed says.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, FULL, PROGRAMS, ROOT

RUNS = 50 if FULL else 6
SPIN = 'python3 -S -c "while 1: pass" & sleep 1; kill $!; wait; echo ended'


def summary(folder: Path, script: str, *options: str) -> tuple[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "dstrun", "--seed", "7", "--json", "-q",
         "--wall-limit", "90s", *(options or ("--no-trace",)), "--", "bash", "-c", script],
        cwd=folder, env=FIXED_ENV | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


def test_who_spins_is_interrupted_and_counted(tmp_path: Path) -> None:
    out, told = summary(tmp_path, SPIN)
    assert (out, told["outcome"], told["exit_code"]) == ("ended\n", "exited", 0)
    uncontrolled = told["uncontrolled"]
    assert isinstance(uncontrolled, dict)
    assert uncontrolled["forced switch"] >= 1


@pytest.mark.parametrize("strategy", ["fifo", "random"])
def test_who_looks_at_the_clock_is_not_interrupted(strategy: str, tmp_path: Path) -> None:
    source, binary = PROGRAMS / "threads" / "clock_spin.c", tmp_path / "clock_spin"
    subprocess.run(["gcc", "-O1", "-pthread", "-o", binary, source], check=True)
    options = ("--strategy", strategy, "-o", "t.trace", "--force")
    hashes = set()
    for _ in range(20):
        out, told = summary(tmp_path, f"exec {binary}", *options)
        assert (out, told["exit_code"], told["uncontrolled"]) == ("ok\n", 0, {})
        hashes.add(told["trace_hash"])
    assert len(hashes) == 1
    _, other = summary(tmp_path, f"exec {binary}", *options, "--seed", "8")
    assert other["trace_hash"] not in hashes


def test_who_computes_while_nobody_waits_is_left_alone(tmp_path: Path) -> None:
    _, told = summary(tmp_path, 'exec python3 -S -c "for i in range(60_000_000): pass"')
    assert told["uncontrolled"] == {}


@pytest.mark.parametrize("source", sorted((PROGRAMS / "spins").glob("*.c")), ids=lambda p: p.stem)
def test_a_loop_that_waits_is_learned(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some runs learn; from then on every run is decided by the seed alone. Linked statically, so
    that no preload library is of any help."""
    monkeypatch.setitem(FIXED_ENV, "XDG_CACHE_HOME", str(tmp_path / "cache"))
    binary = tmp_path / source.stem
    build = ["gcc", "-O1", "-D_GNU_SOURCE", "-pthread", "-static", "-o", binary, source]
    subprocess.run(build, check=True)

    def run(*options: str) -> tuple[object, ...]:
        options = ("-o", "t.trace", "--force", "--cpus", "4", "--strategy", "random", *options)
        out, told = summary(tmp_path, f"exec {binary}", *options)
        return out, told["exit_code"], told["uncontrolled"], told["trace_hash"]

    first = run()
    while first[2]:
        assert first[:2] == ("ok\n", 0)
        first = run()
    assert first[:3] == ("ok\n", 0, {})
    assert [run() for _ in range(RUNS)] == [first] * RUNS
    assert run("--seed", "8")[3] != first[3]
    cache = tmp_path / "cache" / "dstrun" / "points.json"
    points = json.loads(cache.read_text())
    stranger = points[0] | {"file_bytes": 1, "code": "eb" * 16}
    cache.write_text(json.dumps([stranger, *reversed(points)]))
    assert run() == first, "in which order loops were learned is no part of a run"
