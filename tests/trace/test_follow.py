"""`show`: following a descriptor, a path, a connection; around an event; ranges of time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from trace_calls import call, inet
from tracefile import TraceWriter

from dstrun import abi
from dstrun.commands.show import command
from dstrun.errors import BadUsage


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Process 2 opens a file, forks 3, which goes on with it; both ends of a connection."""
    w = TraceWriter(meta={"cwd": "/w"})
    w.start("/bin/sh", "sh")  # 0
    call(w, "openat", -100, 0x7000, 0x41, 0o644, result=3, strings={1: "new"})  # 1
    call(w, "fork", result=3)  # 2
    call(w, "close", 3)  # 3
    w.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)  # 4
    call(w, "write", 3, 0x7000, 2, result=2, data={1: b"ab"}, pid=3)  # 5
    call(w, "rename", 0x7000, 0x7010, strings={0: "new", 1: "old"}, pid=3)  # 6
    call(w, "unlink", 0x7000, strings={0: "old"}, pid=3)  # 7
    call(w, "socket", 2, 1, 0, result=3)  # 8
    call(w, "bind", 3, 0x7000, 16, structs={1: inet(80)})  # 9
    call(w, "listen", 3, 5)  # 10
    call(w, "socket", 2, 1, 0, result=4, pid=3)  # 11
    call(w, "connect", 4, 0x7000, 16, structs={1: inet(80)}, pid=3)  # 12
    call(w, "accept", 3, 0, 0, result=5)  # 13
    call(w, "write", 4, 0x7000, 3, result=3, data={1: b"abc"}, pid=3)  # 14
    call(w, "read", 5, 0x7000, 9, result=3, data={1: b"abc"})  # 15
    w.add(kind=abi.EVENT_EXIT, nr=0, pid=3)  # 16
    w.start("/bin/other", "other", pid=9)  # 17
    return w.write(tmp_path / "t")


def _numbers(trace: Path, *args: str) -> list[int]:
    result = CliRunner().invoke(command, [str(trace), "--json", *args], catch_exceptions=False)
    return [json.loads(line)["event"] for line in result.output.splitlines()]


def test_a_descriptor_through_fork_and_close(trace: Path) -> None:
    assert _numbers(trace, "--follow", "fd:3:3") == [1, 3, 4, 5, 16]
    assert _numbers(trace, "--follow", "fd:3:3@5", "--syscall", "write") == [5]
    # The number was used for two files.
    assert _numbers(trace, "--follow", "fd:2:3") == [1, 3, 4, 5, 8, 9, 10, 13, 16]
    assert _numbers(trace, "--follow", "fd:2:3@8") == [8, 9, 10, 13]


def test_a_path_through_renames(trace: Path) -> None:
    assert _numbers(trace, "--path", "new") == [1, 3, 5, 6, 7]
    assert _numbers(trace, "--path", "/w/old") == [1, 3, 5, 6, 7]
    assert _numbers(trace, "--path", "/w/o*", "--pid", "2") == [1, 3]
    assert _numbers(trace, "--path", "none") == []


@pytest.mark.parametrize("which", ["1", "127.0.0.1:80", ":80"])
def test_both_ends_of_a_connection(trace: Path, which: str) -> None:
    assert _numbers(trace, "--connection", which) == [11, 12, 13, 14, 15, 16]


def test_what_followed_events_say(trace: Path) -> None:
    result = CliRunner().invoke(command, [str(trace), "--connection", "1"])
    lines = result.output.splitlines()
    assert lines[0] == "# open file 6: socket AF_INET, descriptor 4 of pid 3"
    assert lines[-2].endswith("= 3  # 3 bytes of event 14")
    assert lines[-1].endswith("+++ exited with 0 +++  # the end of open file 6")
    result = CliRunner().invoke(command, [str(trace), "--connections"])
    assert " ".join(result.output.splitlines()[2].split()) == (
        "1 127.0.0.1:80 pid 3 fd 4 pid 2 fd 5 12 13 3 0"
    )
    result = CliRunner().invoke(command, [str(trace), "--connection", "1", "--json"])
    last = json.loads(result.output.splitlines()[-2])
    assert last["received"] == [{"event": 14, "bytes": 3}]
    assert last["uses"] == [
        {"file": 7, "name": "socket AF_INET, accepted", "fd": 5, "how": "read", "bytes": 3}
    ]


def test_processes_and_what_they_started(trace: Path) -> None:
    assert _numbers(trace, "--process", "2", "--tree") == list(range(17))
    assert _numbers(trace, "--process", "3") == [4, 5, 6, 7, 11, 12, 14, 16]
    assert _numbers(trace, "--process", "other") == [17]


def test_around_an_event(trace: Path) -> None:
    assert _numbers(trace, "--around", "5", "-C", "2") == [3, 4, 5, 6, 7]
    assert _numbers(trace, "--around", "0", "-C", "1") == [0, 1]
    assert _numbers(trace, "--around", "17", "-C", "1") == [16, 17]
    assert _numbers(trace, "--around", "5", "-C", "1", "--pid", "2") == [3, 5, 8]
    result = CliRunner().invoke(command, [str(trace), "--around", "5", "-C", "1"])
    assert [line[:2] for line in result.output.splitlines()] == ["  ", "> ", "  "]


def test_ranges_of_time(trace: Path) -> None:
    assert _numbers(trace, "--since", "0", "--until", "2us") == [0, 1, 2]
    assert _numbers(trace, "--since", "0.000014") == [14, 15, 16, 17]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--follow", "3:3"], "not a descriptor"),
        (["--follow", "fd:3:77"], "never had a descriptor 77"),
        (["--follow", "fd:2:3@5"], "had, at event 5, no descriptor 3"),
        (["--connection", "9"], "no such connection; there are 1"),
        (["--connection", "1.2.3.4:5"], "no such connection"),
        (["--around", "99"], "no such event; the last is 17"),
        (["--around", "9", "--events", "1..2"], "give one of them"),
        (["--tree"], "of which process"),
        (["--since", "soon"], "not understood"),
    ],
)
def test_slips(trace: Path, args: list[str], message: str) -> None:
    with pytest.raises(BadUsage, match=message):
        CliRunner().invoke(command, [str(trace), *args], catch_exceptions=False)


def test_a_damaged_trace_is_walked(tmp_path: Path) -> None:
    writer = TraceWriter()
    for nr in range(0, 462):
        writer.add(nr=nr, data=b"\xff" * 24, result=3)
        writer.add(nr=nr, result=0)
        writer.add(nr=nr, data=bytes([abi.FIELD_ARGS | 15 << 4, 0x88, 1]), result=1)
    path = writer.write(tmp_path / "t")
    for args in (["--follow", "fd:2:3"], ["--path", "x"], ["--connections"]):
        CliRunner().invoke(command, [str(path), *args], catch_exceptions=False)
