"""show, diff and doctor as commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.conftest import FAKE, ROOT, Dstrun, one_line
from tracefile import TraceWriter

from dstrun import abi


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    writer = TraceWriter(meta={"argv": ["sh"], "seed": "7"}, end_meta={"outcome": "exited"})
    writer.start("/bin/sh", "sh")
    for index in range(5):
        writer.open(f"/etc/file{index}", result=3 + index)
    return writer.write(tmp_path / "a.trace")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show"], "missing argument"),
        (["show", "none"], "No such file"),
        (["show", "."], "is a directory"),
        (["show", "text"], "not a trace"),
        (["show", "empty"], "empty"),
        (["show", "old.trace"], "a trace of version 77"),
        (["show", "short.trace"], "truncated within its header"),
        (["show", "a.trace", "--syscall", "opnat"], 'did you mean "openat"'),
        (["show", "a.trace", "--events", "x"], "not a range"),
        (["show", "a.trace", "--head", "1", "--tail", "1"], "give one of them"),
        (["show", "a.trace", "--bogus"], "no such option"),
        (["diff", "a.trace"], "missing argument"),
        (["diff", "a.trace", "none"], "No such file"),
        (["diff", "a.trace", "text"], "not a trace"),
        (["doctor", "x"], "unexpected extra argument"),
    ],
)
def test_bad_input(
    dstrun: Dstrun, trace: Path, tmp_path: Path, args: list[str], message: str
) -> None:
    whole = trace.read_bytes()
    (tmp_path / "text").write_text("x" * 100)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "short.trace").write_bytes(whole[:5000])
    version = abi.TraceHeader.version.offset
    (tmp_path / "old.trace").write_bytes(whole[:version] + b"\x4d\0\0\0" + whole[version + 4 :])
    result = dstrun(*args)
    assert message in one_line(result.stderr)
    assert result.returncode == 2
    assert result.stdout == ""


def test_show(dstrun: Dstrun, trace: Path) -> None:
    lines = dstrun("show", str(trace)).stdout.splitlines()
    assert len(lines) == 6
    assert "openat(" in lines[1]
    assert len(dstrun("show", str(trace), "--syscall", "openat").stdout.splitlines()) == 5
    assert len(dstrun("show", str(trace), "--path", "*file[12]").stdout.splitlines()) == 2
    assert dstrun("show", str(trace), "--tail", "2").stdout.splitlines() == lines[-2:]
    assert dstrun("show", str(trace), "--head", "1").stdout.splitlines() == lines[:1]
    assert dstrun("show", str(trace), "--events", "2..3").stdout.splitlines() == lines[2:4]
    assert dstrun("show", str(trace), "--pid", "99").stdout == ""
    assert "openat" in dstrun("show", str(trace), "--stats").stdout
    assert "seed: 7" in dstrun("show", str(trace), "--info").stdout
    events = [json.loads(line) for line in dstrun("show", str(trace), "--json").stdout.splitlines()]
    assert events[1]["name"] == "openat"
    assert events[1]["paths"] == ["/etc/file0"]


def test_truncated_trace_is_shown_with_a_warning(dstrun: Dstrun, trace: Path) -> None:
    with trace.open("rb+") as file:
        file.truncate(abi.TRACE_SEGMENT_BYTES + 10)
    result = dstrun("show", str(trace))
    assert result.returncode == 0
    lines = result.stderr.splitlines()
    assert "events 0 to 5 are lost; 0 of 6 events are there" in lines[0]
    assert lines[1:] == [f"dstrun: {trace}: damaged: how the run ended is lost"]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    writer = TraceWriter()
    for _ in range(20000):
        writer.open("/etc/passwd")
    path = writer.write(tmp_path / "big.trace")
    command = f"'{sys.executable}' '{FAKE}' show '{path}' | head -1"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=env,
        check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1


def test_diff(dstrun: Dstrun, trace: Path, tmp_path: Path) -> None:
    same = dstrun("diff", str(trace), str(trace))
    assert (same.returncode, same.stdout) == (0, "the same: 6 events, hash 0000000000000abc\n")
    other = TraceWriter(meta={"argv": ["sh"], "seed": "8"})
    other.start("/bin/sh", "sh")
    other.open("/etc/file0")
    other.open("/etc/other")
    path = other.write(tmp_path / "b.trace")
    result = dstrun("diff", str(trace), str(path))
    assert result.returncode == 1
    assert "first difference: event 2: another result" in result.stdout
    assert "seed differs: 7 and 8" in result.stdout
    assert dstrun("diff", "-q", str(trace), str(path)).stdout == ""
    found = json.loads(dstrun("diff", "--json", str(trace), str(path)).stdout)
    assert (found["same"], found["first_difference"]) == (False, 2)


def test_doctor(dstrun: Dstrun) -> None:
    result = dstrun("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.returncode == (0 if found["runs_possible"] else 1)
    assert "syscall user dispatch" in dstrun("doctor").stdout
