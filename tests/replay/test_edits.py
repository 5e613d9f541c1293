"""Edited replays: what is not edited stays as the trace has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from faults_lib import injections
from replay_lib import PYTHON, THREADS, WRITES, record, replay
from tracefile import TraceWriter, field_bytes

from dstrun import abi
from dstrun.edits import injections as faults_of
from dstrun.errors import TraceError
from dstrun.trace.choices import choices
from dstrun.trace.reader import Trace


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def faulty(work: Path) -> Path:
    """A trace with many faults, of two rules."""
    (work / "writes.py").write_text(WRITES)
    options = ("--fault", "name=a on=write fd=1 prob=0.4 error=EIO", "--fault",
               "name=b on=close prob=0.3 delay_enter=1ms")  # fmt: skip
    recorded, trace = record(work, PYTHON, "writes.py", options=options)
    assert recorded.status["faults"] > 8
    return trace


def of_edited(work: Path, trace: Path, *options: str) -> list[tuple[str, int, int]]:
    """Rule, match and result of what an edited replay injected."""
    kept = work.parent / "edited.trace"
    result = replay(work, trace, "-q", "-o", str(kept), "--overwrite", *options)
    assert result.status["outcome"] == "exited", result.err
    return [(i.rule, i.match, i.after) for i in injections(kept)]


def test_one_fault_less(work: Path, faulty: Path) -> None:
    before = [(i.rule, i.match, i.after) for i in injections(faulty)]
    for number in (1, 3, len(before)):
        left = of_edited(work, faulty, "--without", f"fault:{number}")
        assert left == before[: number - 1] + before[number:]


def test_a_rule_less(work: Path, faulty: Path) -> None:
    before = [(i.rule, i.match, i.after) for i in injections(faulty)]
    assert of_edited(work, faulty, "--without", "rule:b") == [i for i in before if i[0] == "a"]


def test_another_fault_in_its_place(work: Path, faulty: Path) -> None:
    before = [(i.rule, i.match, i.after) for i in injections(faulty)]
    number = next(n for n, i in enumerate(before, 1) if i[0] == "a")
    after = of_edited(work, faulty, "--change", f"fault:{number} error=ENOSPC")
    assert after[number - 1] == ("a", before[number - 1][1], -28)
    assert after[: number - 1] == before[: number - 1] and after[number:] == before[number:]


def test_an_edited_run_can_be_replayed(work: Path, faulty: Path) -> None:
    of_edited(work, faulty, "--without", "fault:2")
    again = replay(work, work.parent / "edited.trace")
    assert "all as in the trace" in again.notes, again.err


def test_a_damaged_fault_is_one_error(tmp_path: Path) -> None:
    writer = TraceWriter()
    writer.start("/bin/sh", "sh")
    writer.add(kind=abi.EVENT_INJECTED, nr=1, data=field_bytes(abi.FIELD_FAULT, 0, b""))
    with Trace(writer.write(tmp_path / "t")) as trace, pytest.raises(TraceError, match="event 1"):
        faults_of(trace)


@pytest.fixture
def threads(work: Path) -> Path:
    (work / "threads.py").write_text(THREADS)
    _recorded, trace = record(work, PYTHON, "threads.py", options=("--strategy", "random"))
    return trace


def test_one_choice_less_or_another_one(work: Path, threads: Path) -> None:
    with Trace(threads) as trace:
        made = list(choices(trace))
    number = len(made) // 2
    less = replay(work, threads, "--without", f"choice:{number}")
    assert less.status["outcome"] == "exited"
    assert f"as in the trace up to event {made[number - 1]['event']} " in less.notes
    event = made[number - 1]["event"] - 1
    forced = replay(work, threads, "--force", f"{event}:{made[number - 1]['to']}")
    assert forced.status["outcome"] == "exited", forced.err
    assert less.out.count("[") == forced.out.count("[") == 1
    last = replay(work, threads, "--force", f"{made[-1]['event'] - 1}:{made[-1]['to']}")
    assert last.out.count("[") == 1  # to find the choice the run was made once more


def test_choices_are_listed(threads: Path) -> None:
    with Trace(threads) as trace:
        rows = list(choices(trace))
    assert [row["choice"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["from"] and row["to"] for row in rows)
    json.dumps(rows)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--without", "fault:99", "fault:99: the trace has "),
        ("--without", "fault:0", "fault:0: the trace has "),
        ("--without", "fault:x", 'fault: "x" is not a number'),
        ("--without", "falt:1", '"falt" cannot be left out (did you mean "fault"?)'),
        ("--without", "rule:c", 'the plan has no rule "c"'),
        ("--without", "choice:99999", "choice:99999: the trace has "),
        ("--change", "fault:1", 'is not like "fault:3 error=EIO"'),
        ("--change", "fault:1 eror=EIO", 'unknown field "eror" (did you mean "error"?)'),
        ("--change", "fault:1 error=ENOSPACE", "ENOSPACE"),
        ("--force", "5", "is not a number"),
        ("--force", "5:99999", "there is no thread 99999 then"),
        ("--force", "99999:2", "the run has no event 99999"),
    ],
)
def test_wrong_edits(work: Path, faulty: Path, option: str, value: str, message: str) -> None:
    result = replay(work, faulty, option, value)
    assert result.code == 2 and message in result.err, result.err
    assert "Traceback" not in result.err
