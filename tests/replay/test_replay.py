"""A replay makes every event of its trace again, by the trace's decisions and not by the seed's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from replay_lib import PYTHON, THREADS, WRITES, record, replay
from runs_lib import FIXED_ENV, ROOT


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def agrees(cwd: Path, trace: Path, stdin: str = "") -> None:
    result = replay(cwd, trace, stdin=stdin)
    assert result.status["outcome"] != "diverged", result.err
    assert "all as in the trace" in result.notes


@pytest.mark.parametrize("strategy", ["pct", "random", "fifo", "sticky", "pos", "delay"])
def test_threads_run_again_in_the_same_order(work: Path, strategy: str) -> None:
    (work / "threads.py").write_text(THREADS)
    recorded, trace = record(work, PYTHON, "threads.py", options=("--strategy", strategy))
    again = replay(work, trace)
    assert again.out == recorded.out
    assert again.status["events"] == recorded.status["events"]
    assert again.status["trace_hash"] == recorded.status["trace_hash"]
    assert again.code == 0 and "all as in the trace" in again.notes


OTHER_SEED = """
import sys
from dataclasses import replace
from pathlib import Path
from dstrun.launch.supervise import run
from dstrun.replay import follow, spec_of
from dstrun.startstate import start_state
from dstrun.trace.reader import Trace
with Trace(sys.argv[1]) as trace:
    spec = start_state(trace, spec_of(trace))
    spec = replace(spec, seed=replace(spec.seed, sched=99), trace=Path(sys.argv[2]))
    follows = follow(trace) if sys.argv[3] == "follow" else None
    print(f"{run(replace(spec, replay=follows)).trace_hash:016x}", file=sys.stderr)
"""


def test_the_schedule_is_the_traces_and_not_the_seeds(work: Path) -> None:
    """With another seed for the schedule nothing changes; without the trace's decisions it does."""
    (work / "threads.py").write_text(THREADS)
    recorded, trace = record(work, PYTHON, "threads.py", options=("--strategy", "random"))
    hashes = {}
    for how in ("follow", "draw"):
        done = subprocess.run(
            [sys.executable, "-c", OTHER_SEED, str(trace), str(work.parent / "own"), how],
            env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, input="", capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        hashes[how] = done.stderr.strip()
    assert hashes["follow"] == recorded.status["trace_hash"]
    assert hashes["draw"] != recorded.status["trace_hash"]


def test_processes_signals_and_sleeps(work: Path) -> None:
    script = (
        "trap 'echo got' USR1; (sleep 1; kill -USR1 $$; sleep 1) & wait; wait; "
        "for i in 1 2 3; do (echo $i | cat | sort) & done; wait; exit 3"
    )
    recorded, trace = record(work, "bash", "-c", script)
    again = replay(work, trace)
    assert (again.code, again.out) == (3, recorded.out)
    assert "all as in the trace" in again.notes


def test_a_signal_that_kills_the_program_kills_the_replay(work: Path) -> None:
    _recorded, trace = record(work, "sh", "-c", "kill -SEGV $$")
    again = replay(work, trace)
    assert again.code == -signal.SIGSEGV and again.status["outcome"] == "killed"
    assert "all as in the trace" in again.notes


def test_input_comes_from_the_trace(work: Path) -> None:
    script = "while read x; do echo got $x; done; cat"
    recorded, trace = record(work, "sh", "-c", script, stdin="one\ntwo\n" * 5000)
    again = replay(work, trace, stdin="nothing of it")
    assert again.out == recorded.out and len(again.out) == 10_000 * 8
    assert "all as in the trace" in again.notes


def test_when_input_came_is_in_the_trace(work: Path) -> None:
    """A program that polls with a timeout sees it run out as often as the first time."""
    (work / "poll.py").write_text(
        "import os, select\nwhile True:\n"
        "    if not select.select([0], [], [], 0.5)[0]: print('timeout', flush=True); continue\n"
        "    data = os.read(0, 99)\n    if not data: break\n    print(data)\n"
    )
    trace = work.parent / "run.trace"
    command = [sys.executable, "-m", "dstrun", "-q", "--seed", "7", "-o", str(trace), "--",
               PYTHON, "poll.py"]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
    )  # fmt: skip
    assert process.stdin and process.stdout
    first = process.stdout.readline()
    process.stdin.write(b"late\n")
    process.stdin.flush()
    out = first + process.communicate(timeout=60)[0]
    assert first == b"timeout\n" and b"late" in out
    again = replay(work, trace)
    assert again.out.encode() == out and "all as in the trace" in again.notes


PLAN = """
from dstrun.plan import Plan
plan = Plan()
@plan.on("write", fd=1)
def decide(call):
    if call.match == 2:
        plan.on("close").delay("5ms")
    if call.match % 3 == 0:
        return call.fail("EIO" if call.random.random() < 0.5 else "ENOSPC")
"""


def test_functions_of_a_plan_are_not_needed_again(work: Path) -> None:
    (work / "plan.py").write_text(PLAN)
    (work / "writes.py").write_text(WRITES)
    recorded, trace = record(work, PYTHON, "writes.py", options=("--plan", "plan.py"))
    assert recorded.status["faults"] > 3
    (work / "plan.py").unlink()
    again = replay(work, trace, "-q")
    assert (again.out, again.err) == (recorded.out, recorded.err)
    assert again.status["faults"] == recorded.status["faults"]
    assert "all as in the trace" in again.notes


def test_rules_with_probabilities_and_times(work: Path) -> None:
    (work / "writes.py").write_text(WRITES)
    faults = (
        "on=write prob=0.3 error=ENOSPC",
        "at=1ms every=2ms signal=SIGCONT",
        "on=close short=1",
    )
    options = [word for rule in faults[:2] for word in ("--fault", rule)]
    recorded, trace = record(work, PYTHON, "writes.py", options=tuple(options))
    assert recorded.status["faults"] > 3
    again = replay(work, trace, "-q")
    assert (again.out, again.err) == (recorded.out, recorded.err)
    assert "all as in the trace" in again.notes


# ---- differences ----
def test_a_changed_input_file_stops_it_at_the_very_event(work: Path) -> None:
    (work / "data").write_text("abc\n")
    _recorded, trace = record(work, "cat", "data")
    (work / "data").write_text("abd\n")
    again = replay(work, trace)
    assert again.code == 120 and again.status["outcome"] == "diverged"
    lines = again.notes.splitlines()
    assert any(line.startswith("- ") and 'read(3, "abc\\n"' in line for line in lines), lines
    assert any(line.startswith("+ ") and 'read(3, "abd\\n"' in line for line in lines), lines
    (work / "data").write_text("abc\n")
    agrees(work, trace)


def test_a_run_that_ends_earlier_or_later(work: Path) -> None:
    (work / "script").write_text("echo one\necho two\n")
    _recorded, trace = record(work, "sh", "script")
    (work / "script").write_text("echo one\n")
    assert replay(work, trace).code == 120


def test_a_trace_of_a_run_that_was_killed_is_followed_to_its_end(work: Path) -> None:
    trace = work.parent / "run.trace"
    command = [sys.executable, "-m", "dstrun", "-q", "--seed", "7", "-o", str(trace), "--",
               "sh", "-c", "echo one; while :; do read x < /etc/hostname; done"]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == b"one\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    again = replay(work, trace)
    assert again.code == 122, again.err
    assert "the trace ends here" in again.status["message"] and again.out == "one\n"


def test_what_is_no_trace(work: Path) -> None:
    (work / "x").write_text("no trace")
    assert replay(work, work / "x").err == f"dstrun: {work}/x: not a trace of dstrun\n"
    missing = replay(work, work / "y")
    assert missing.code == 2 and missing.err.count("\n") == 1
