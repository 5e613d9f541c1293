"""What differs from when a run was recorded is told before it is made again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from start_lib import record, replay

TOLD = "dstrun: not as it was recorded: "


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copy("/bin/cat", folder / "mycat")
    (folder / "in").write_text("one\n")
    done = record(folder, ["./mycat", "in"])
    assert done.out == b"one\n"
    return folder


def told(text: str) -> list[str]:
    return [line.removeprefix(TOLD) for line in text.splitlines() if line.startswith(TOLD)]


def test_nothing_differs(work: Path) -> None:
    os.utime(work / "mycat")  # the same bytes, copied anew
    os.utime(work / "in")
    again = replay(work)
    assert told(again.err) == []
    assert again.is_same, again.err


def test_another_binary_is_the_likely_cause(work: Path) -> None:
    shutil.copy("/bin/tac", work / "mycat")
    (work / "in").write_text("two!\n")
    again = replay(work)
    binary, file = told(again.err)
    assert binary.startswith(f"{work}/mycat: another binary (")
    assert file == f"{work}/in: it has changed (5 bytes, it had 4)"
    assert again.status == 120
    assert f"dstrun: note: likely cause: {binary}" in again.err


def test_a_byte_of_an_input_file(work: Path) -> None:
    (work / "in").write_text("onE\n")
    again = replay(work)
    assert told(again.err) == [f"{work}/in: it has changed"]
    assert again.status == 120
    assert f"likely cause: {work}/in" in again.err


def test_a_file_is_gone(work: Path) -> None:
    (work / "in").unlink()
    again = replay(work)
    assert told(again.err) == [f"{work}/in: No such file or directory"]
    assert again.status == 120


def test_what_the_run_itself_changed_is_no_difference(work: Path) -> None:
    record(work, ["sh", "-c", "cat in; echo two >in; cat in"])
    (work / "in").write_text("three\n")
    again = replay(work)
    assert told(again.err) == []
    assert again.is_same, again.err


LISTS = "ls -a . sub; echo x > sub/made; rm sub/old; ls sub; find . | sort; ls -d sub/*"


def test_names_that_came_since_are_not_seen(work: Path) -> None:
    sub = work / "sub"
    sub.mkdir()
    (sub / "old").write_text("old\n")
    (sub / "stays").touch()
    recorded = record(work, ["sh", "-c", LISTS])
    (work / "new").touch()
    (sub / "new").mkdir()
    (sub / "old").touch()
    again = replay(work)
    assert told(again.err) == []
    assert again.is_same, again.err
    assert again.out == recorded.out
    assert sorted(path.name for path in sub.iterdir()) == ["made", "new", "old", "stays"]


def test_a_name_that_is_gone_is_told(work: Path) -> None:
    (work / "other").touch()
    record(work, ["ls"])
    (work / "other").unlink()
    again = replay(work)
    assert told(again.err) == [f"{work}: other is gone"]
    assert again.status == 120
    assert f"likely cause: {work}: other is gone; the program has used it" in again.err
