"""Storms: whoever is killed, and whenever, the run ends, clearly, and leaves nothing.

From outside, random processes of a busy tree are killed by SIGKILL at random moments: a run then
ends by the program's own end, by the death of its first process, or with dstrun's one line. Inside
the simulation, where the moments are the seed's, the same seed gives the same run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from runs_lib import FIXED_ENV, FULL, ROOT, Native, Program, Simulate

KILLS = 10_000 if FULL else 100
LANES = 4  # parametrised, for pytest-xdist
WITHIN_S = 20.0
_SHELL = "{tree} 100 & for i in 1 2 3 4 5 6; do sleep 0.1 | cat; done; wait; echo end"
# What is said when the machinery itself lost something, and not the program.
_CLEAR_ERRORS = (
    "killed from outside while inside the shim", "killed before its first instruction",
    "init died before the program was started",
)  # fmt: skip


def _tree(run: psutil.Process) -> list[psutil.Process]:
    """The simulated processes: below dstrun, but neither itself nor init."""
    found = []
    try:
        for process in run.children(recursive=True):
            try:
                if process.ppid() != run.pid and process.name() not in ("dstrun-init", "python3"):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        pass
    return found


def _kill_one(run: psutil.Process, rng: random.Random) -> bool:
    victims = _tree(run)
    if not victims:
        return False
    try:
        rng.choice(victims).send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return True


def _storm(command: list[str], work: Path, rng: random.Random) -> tuple[str, str, int]:
    """One run and its kills: what it said, how it ended, how many were killed."""
    popen = subprocess.Popen(
        command, cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    run, killed, wanted = psutil.Process(popen.pid), 0, rng.choice((1, 1, 2, 3, 20))
    while popen.poll() is None and not _tree(run):
        time.sleep(0.001)
    while popen.poll() is None and killed < wanted:
        time.sleep(rng.random() * 0.05)
        killed += _kill_one(run, rng)
    inside = _tree(run)
    try:
        _, err = popen.communicate(timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        pytest.fail(f"hangs after {killed} kills: {[(p.pid, p.name()) for p in _tree(run)]}")
    finally:
        popen.kill()
    _, left = psutil.wait_procs(inside, timeout=5)
    assert not left, f"left behind: {left}"
    result = json.loads(err.splitlines()[-1])
    return result["outcome"], result["message"], killed


@pytest.mark.parametrize("lane", range(LANES))
def test_killed_from_outside(lane: int, program: Program, tmp_path: Path) -> None:
    shell = _SHELL.format(tree=program("busy_tree"))
    rng = random.Random(int(os.environ.get("TEST_SEED", "1")) * LANES + lane)
    killed, outcomes = 0, []
    while killed < KILLS // LANES:
        record = ["--no-trace"] if rng.random() < 0.5 else ["-o", "run.trace", "--force"]
        outcome, message, kills = _storm(
            [sys.executable, "-m", "dstrun", "--json", *record, "--", "bash", "-c", shell],
            tmp_path, rng,
        )  # fmt: skip
        killed += kills
        outcomes.append(outcome)
        own_end = outcome in ("exited", "killed")
        assert own_end or any(text in message for text in _CLEAR_ERRORS), (outcome, message)
    assert outcomes.count("error") < len(outcomes) / 2, outcomes


def test_death_below_a_vfork(program: Program, tmp_path: Path) -> None:
    """The first process is held in the kernel by vfork: another must choose for the dead."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "dstrun", "-q", "--no-trace", "--", program("vfork_chain")],
        cwd=tmp_path, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    run, deadline = psutil.Process(popen.pid), time.monotonic() + WITHIN_S
    while len(_tree(run)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    max(_tree(run), key=lambda p: p.pid).kill()
    assert popen.communicate(timeout=WITHIN_S)[0] == f"{int(signal.SIGKILL)}\n"


@pytest.mark.parametrize("where", ["parked", "running"])
def test_locks_of_who_is_killed(
    where: str, program: Program, native: Native, tmp_path: Path
) -> None:
    """The kernel marks robust locks, and those that inherit priority are handed on."""
    binary = program("orphaned_locks", "-pthread")
    assert native(binary, "self", where).out == "ready\nok\n"
    popen = subprocess.Popen(
        [sys.executable, "-m", "dstrun", "-q", "--no-trace", "--", binary, "outside", where],
        cwd=tmp_path, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert popen.stdout
    assert popen.stdout.readline() == "ready\n"
    victim = next(p for p in _tree(psutil.Process(popen.pid)) if p.name() == "victim")
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline and not _is_there(victim, where):
        time.sleep(0.01)
    victim.kill()
    assert popen.communicate(timeout=WITHIN_S)[0] == "ok\n"


def _is_there(victim: psutil.Process, where: str) -> bool:
    """Out of the shim: asleep, or in its endless loop for a while."""
    if where == "parked":
        return victim.status() == psutil.STATUS_SLEEPING
    return victim.cpu_times().user > 0.1


def test_killed_within_a_fork(program: Program, tmp_path: Path) -> None:
    """Where the kernel makes a child for it: that child is brought into the world, or forgotten."""
    binary, rng, outcomes = program("long_forks"), random.Random(1), []
    for _ in range(40 if FULL else 6):
        popen = subprocess.Popen(
            [sys.executable, "-m", "dstrun", "--json", "--no-trace", "--", binary],
            cwd=tmp_path, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        run, deadline = psutil.Process(popen.pid), time.monotonic() + WITHIN_S
        while len(_tree(run)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.05)
        sorted(_tree(run), key=lambda p: p.pid)[1].kill()
        out, err = popen.communicate(timeout=WITHIN_S)
        result = json.loads(err.splitlines()[-1])
        assert out == f"{int(signal.SIGKILL)}\n" or _CLEAR_ERRORS[0] in result["message"], result
        outcomes.append(result["outcome"])
    assert outcomes.count("error") < len(outcomes) / 2, outcomes


def test_killed_inside(program: Program, simulate: Simulate, native: Native) -> None:
    binary, kills = program("inner_storm"), str(2000 if FULL else 100)
    assert native(binary, "5").status == 0
    first = simulate(binary, kills)
    assert first.status == 0, first.err
    assert first.out.count("\n") == int(kills)
    assert simulate(binary, kills).identity == first.identity
    assert simulate(binary, kills, seed=8).out != first.out
