"""The summary, and what exit status goes with an outcome."""

import json
from pathlib import Path

import pytest

from dstrun.report.summary import (
    exit_code,
    json_line,
    loop_lines,
    process_lines,
    signal_name,
    summary_lines,
    thread_lines,
)
from dstrun.spec import LoopInfo, Outcome, ProcessInfo, RunResult, StuckInfo, ThreadInfo

KEYS = {
    "seed", "outcome", "origin", "exit_code", "signal", "events", "virtual_ns", "wall_ns",
    "faults", "uncontrolled", "trace", "trace_hash", "reproduce",
}  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("deadlock", 121), ("limit", 122), ("uncontrolled", 123), ("error", 125),
        ("interrupted", 130), ("diverged", 120),
    ],
)  # fmt: skip
def test_own_exit_codes(outcome: Outcome, code: int) -> None:
    assert exit_code(RunResult(outcome, "dstrun")) == code


def test_program_exit_codes() -> None:
    assert exit_code(RunResult("exited", "program", exit_code=3)) == 3
    assert exit_code(RunResult("killed", "program", signal=11)) == 139
    assert exit_code(RunResult("error", "dstrun", exit_code=126)) == 126


def test_json_has_all_keys_on_one_line() -> None:
    result = RunResult(
        "exited", "program", exit_code=0, trace=Path("t"), trace_hash=2**63, message="a\nb"
    )
    line = json_line(result, "7", "dstrun --seed 7 -- true")
    assert "\n" not in line
    fields = json.loads(line)
    assert fields.keys() >= KEYS
    assert fields["trace_hash"] == "8000000000000000"


def test_success_is_short_and_failure_can_be_repeated() -> None:
    good = RunResult("exited", "program", exit_code=0, trace=Path("t"))
    assert len(summary_lines(good, "7", "again")) == 2
    assert summary_lines(good, "7", "again", verbose=True)[-1] == "reproduce: again"
    bad = RunResult("killed", "program", signal=11, uncontrolled={"io_uring": 2, "bpf": 1})
    lines = summary_lines(bad, "7", "again")
    assert "killed by SIGSEGV" in lines[0]
    assert "not under control: bpf (1), io_uring (2)" in lines
    assert lines[-1] == "reproduce: again"


def test_process_tree() -> None:
    processes = [
        ProcessInfo(2, 1, "sh", "waits for a child"),
        ProcessInfo(4, 3, "cat", "exited 0"),
        ProcessInfo(3, 2, "make", "waits for a child"),
    ]
    assert process_lines(processes) == [
        "  2 sh: waits for a child",
        "    3 make: waits for a child",
        "      4 cat: exited 0",
    ]


def test_process_tree_of_a_half_made_process_ends() -> None:
    """A run stopped in the middle of a fork: a process without a pid, its own parent."""
    processes = [ProcessInfo(2, 1, "sh", "runs"), ProcessInfo(0, 0, "", "runs")]
    assert process_lines(processes) == ["  2 sh: runs"]


def test_signal_names() -> None:
    assert signal_name(11) == "SIGSEGV"
    assert signal_name(37) == "SIGRTMIN+3"
    assert signal_name(99) == "signal 99"


def _loop(**more: object) -> LoopInfo:
    values = {
        "calls": ("sched_yield() = 0",), "length": 1, "turns": 12, "since_ns": 5, "from_event": 3,
        "alike": True, "began_earlier": False,
    }  # fmt: skip
    return LoopInfo(**(values | more))  # type: ignore[arg-type]


def test_loops_are_told() -> None:
    thread = ThreadInfo(2, 3, "x", "sleeps", frames=("#0 f",), loop=_loop())
    lines = thread_lines([thread])
    assert lines == [
        "thread 3 of 2 x: sleeps",
        "  repeats 1 call, 12 times, since 0.000000005 (event 3), each turn like the one before:",
        "    sched_yield() = 0",
        "  #0 f",
    ]
    varies = loop_lines(_loop(alike=False, began_earlier=True, length=9))
    assert "at least 12 times" in varies[0]
    assert "what they give varies" in varies[0]
    assert varies[-1] == "  and 8 more"


def test_many_threads_are_cut() -> None:
    threads = [ThreadInfo(2, tid, "x", "sleeps") for tid in range(100)]
    assert thread_lines(threads)[-1] == "and 60 more threads (--json has all)"


def test_partial_deadlocks_are_warned_of() -> None:
    threads = tuple(ThreadInfo(2, tid, "x", "waits", frames=("#0 f",)) for tid in (3, 4))
    result = RunResult("exited", "program", exit_code=0, stuck=[StuckInfo(10**9, threads)])
    lines = summary_lines(result, "7", "again")
    assert lines[1].startswith("warning: threads 3, 4 could never run again since 1.000000000")
    assert sum("#0 f" in line for line in lines) == 2
    fields = json.loads(json_line(result, "7", "again"))
    assert [t["tid"] for t in fields["stuck"][0]["threads"]] == [3, 4]
    # Whose frames come below are not told twice.
    result.threads = [threads[0]]
    assert sum("#0 f" in line for line in summary_lines(result, "7", "again")) == 2
