"""`show`: time spent by process and thread, lanes of text, who woke whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from trace_calls import NUMBERS
from tracefile import TraceWriter, args_field, field_bytes, waker_field

from dstrun import abi
from dstrun.commands.show import command
from dstrun.errors import BadUsage


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Each event takes 400 ns of 1,000; a call charges 100 ns, so 300 are waiting."""
    w = TraceWriter(meta={"call_cost_ns": 100})
    w.start("/bin/sh", "sh")  # 0
    w.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)  # 1
    w.add(nr=NUMBERS["write"], result=1, data=args_field(4, 0, 1), pid=3)  # 2
    w.add(nr=NUMBERS["read"], result=1, data=args_field(3, 0, 1) + waker_field(3, 2))  # 3
    w.add(nr=NUMBERS["read"], result=-11, data=args_field(3, 0, 1))  # 4
    w.add(nr=NUMBERS["wait4"], result=3, data=args_field(3, 0, 0, 0) + waker_field(3, 9))  # 5
    w.add(nr=NUMBERS["exit_group"], data=args_field(1), pid=3)  # 6
    w.add(kind=abi.EVENT_EXIT, nr=0, result=1 << 8, pid=3)  # 7
    w.add(nr=NUMBERS["poll"], data=args_field(0, 0, 0) + waker_field(77, 0))  # 8
    w.add(kind=abi.EVENT_EXIT, nr=0)  # 9
    return w.write(tmp_path / "t")


def _show(trace: Path, *args: str) -> list[str]:
    result = CliRunner().invoke(command, [str(trace), *args], catch_exceptions=False)
    return result.output.splitlines()


def test_stats_count_errors_and_waiting(trace: Path) -> None:
    rows = [json.loads(line) for line in _show(trace, "--stats", "--json")]
    (read,) = [row for row in rows if row["name"] == "read"]
    assert read == {
        "version": 1, "name": "read", "calls": 2, "errors": 1, "virtual_ns": 800,
        "waiting_ns": 600,
    }  # fmt: skip
    assert [row["waiting_ns"] for row in rows if row["name"] == "fork"] == [0]


@pytest.mark.parametrize(("by", "key"), [("process", "pid"), ("thread", "tid")])
def test_stats_by_task(trace: Path, by: str, key: str) -> None:
    rows = [json.loads(line) for line in _show(trace, "--stats", "--by", by, "--json")]
    assert {(row[key], row["name"]) for row in rows if row["name"] in ("read", "write")} == {
        (2, "read"), (3, "write")
    }  # fmt: skip
    lines = _show(trace, "--stats", "--by", by)
    assert lines[0] == "pid 2 (sh):"
    assert "pid 3 (sh):" in lines
    assert sum(line.endswith("total") for line in lines) == 2


def test_who_woke_whom(trace: Path) -> None:
    lines = _show(trace, "--wakes")
    assert lines[0] == "[3] 0.000003400 pid 2 (sh): read ends by [2] pid 3 (sh): write"
    # The waker made no more call after the wake: it was its last one.
    assert lines[1].endswith("wait4 ends by [7] pid 3 (sh): exit")
    assert lines[2].endswith("poll ends by task 77: ?")
    assert lines[4].strip() == "1  pid 3 (sh): write -> pid 2 (sh): read"
    found = [json.loads(line) for line in _show(trace, "--wakes", "--json", "--syscall", "read")]
    assert found == [
        {"version": 1, "event": 3, "pid": 2, "tid": 2, "name": "read", "time_ns": 3400,
         "woken_by": {"event": 2, "pid": 3, "tid": 3, "name": "write"}}
    ]  # fmt: skip


def test_lanes_over_time_and_over_events(trace: Path) -> None:
    ruler, first, second = _show(trace, "--timeline")
    assert ruler.endswith("0.000009400 s")
    assert first.startswith("pid 2 (sh) |   #--")
    assert "4 calls, waited: read 0.000000600 s" in first
    lane = second.split("|")[1]
    assert lane.startswith(" ") and lane.rstrip().endswith("x")
    assert set(lane) <= set(" -.#x")
    assert _show(trace, "--timeline=events")[0].endswith("event 9")
    assert len(_show(trace, "--timeline", "--process", "3")) == 2
    assert _show(trace, "--timeline", "--process", "99") == []


def test_a_fault_is_seen_in_its_lane(tmp_path: Path) -> None:
    writer = TraceWriter()
    writer.start("/bin/sh", "sh")
    data = field_bytes(abi.FIELD_FAULT, 0, b"")
    writer.add(kind=abi.EVENT_INJECTED, nr=1, data=data)
    assert "*" in _show(writer.write(tmp_path / "t"), "--timeline")[1]


@pytest.mark.parametrize("args", [["--by", "thread"], ["--timeline", "--json"]])
def test_slips(trace: Path, args: list[str]) -> None:
    with pytest.raises(BadUsage):
        _show(trace, *args)
