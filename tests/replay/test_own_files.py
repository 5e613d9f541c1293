"""dstrun's own files are not among those that a program lists: neither its trace nor `.dstrun`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from replay_lib import PYTHON, Result, dstrun

# Lists by every way there is, looks at the directory itself, packs it, and removes all.
LISTS = """
ls -lRA; find . | sort; stat -c '%n %s %Y %h' .
tar cf "$OUT" . && tar tvf "$OUT"
rm -rf ./*; ls -A
"""
OLD_CALL = """
import ctypes, struct, os
for number in (78, 217):  # getdents, getdents64
    fd = os.open(".", os.O_RDONLY)
    data = ctypes.create_string_buffer(4096)
    n, at = ctypes.CDLL(None).syscall(number, fd, data, 4096), 0
    while at < n:
        size = struct.unpack_from("<H", data.raw, at + 16)[0]
        print(number, data.raw[at + (18 if number == 78 else 19) : at + size].split(b"\\0")[0])
        at += size
"""
VIEWS = pytest.mark.parametrize("fs", ["host", "overlay"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with files that are to be seen."""
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    fill(folder)
    return folder


def fill(folder: Path) -> None:
    """As LISTS finds it; what it removed is put back, with the directories' times."""
    (folder / "sub").mkdir(exist_ok=True)
    shown = "a", "other.trace", "run.trace.old", "run.trace.run", "sub/run.trace", "sub/.hidden"
    for name in shown:
        (folder / name).write_text(name)
    for path in (*folder.rglob("*"), folder):
        if ".dstrun" not in path.parts and path != folder / "run.trace":
            shutil.copystat("/etc/passwd", path)
            path.chmod(0o755)


def run(folder: Path, fs: str, *options: str, script: str = LISTS) -> Result:
    env = {"OUT": str(folder.parent / "out.tar")}
    words = "--seed", "7", "--fs", fs, *options, "--", "sh", "-c", script
    return dstrun(folder, *words, env=env)


def again(folder: Path, trace: str) -> Result:
    env = {"OUT": str(folder.parent / "out.tar")}
    return dstrun(folder, "replay", trace, env=env)


@VIEWS
@pytest.mark.parametrize("options", [(), ("-o", "run.trace")], ids=["default", "named"])
def test_lists_without_the_trace(folder: Path, fs: str, options: tuple[str, ...]) -> None:
    trace = options[1] if options else ".dstrun/sh-7.trace"
    first = run(folder, fs, *options)
    assert first.code == 0, first.err
    assert ".dstrun" not in first.out
    lines = first.out.splitlines()
    assert "./run.trace" not in lines
    assert {"./other.trace", "./run.trace.old", "./run.trace.run"} <= set(lines)  # the user's own
    assert {"./sub/run.trace", "./sub/.hidden"} <= set(lines)
    assert (folder / trace).exists()
    assert again(folder, trace).out == first.out
    (folder / ".dstrun").mkdir(exist_ok=True)
    (folder / ".dstrun" / "older.trace").touch()
    fill(folder)
    second = run(folder, fs, *options)
    assert (second.out, second.status["trace_hash"]) == (first.out, first.status["trace_hash"])
    moved = folder.parent / "moved.trace"
    (folder / trace).rename(moved)
    fill(folder)
    replayed = again(folder, str(moved))
    assert (replayed.code, replayed.out) == (0, first.out), replayed.err


def test_another_file_in_the_directory_parts_the_runs(folder: Path) -> None:
    first = run(folder, "overlay")
    (folder / ".dstrun2").mkdir()
    second = run(folder, "overlay")
    assert "./.dstrun2" in second.out.splitlines()
    assert second.status["trace_hash"] != first.status["trace_hash"]


def test_both_calls_that_list(folder: Path) -> None:
    options = "--seed", "7", "-o", "run.trace", "-q", "--", PYTHON, "-c", OLD_CALL
    (folder / ".dstrun").mkdir()
    result = dstrun(folder, *options)
    names = [line.split(" ")[1] for line in result.out.splitlines()]
    shown = [".", "..", "a", "other.trace", "run.trace.old", "run.trace.run", "sub"]
    assert names == 2 * [repr(name.encode()) for name in shown], result.err


def test_a_directory_with_the_trace_is_not_empty(folder: Path) -> None:
    """It says so, and what is in it stays; also where the trace is gone in a replay."""
    script = "rm -rf new; ls -A new; rmdir new; rmdir new/.; rm -r sub && ls -A"
    first = run(folder, "host", "-o", "new/x.trace", script=script)
    assert "cannot remove 'new': Directory not empty" in first.err
    assert "failed to remove 'new/.': Invalid argument" in first.err
    assert first.out.split() == ["a", "new", "other.trace", "run.trace.old", "run.trace.run"]
    moved = folder.parent / "moved.trace"
    (folder / "new" / "x.trace").rename(moved)
    replayed = again(folder, str(moved))
    assert (replayed.code, replayed.out) == (first.code, first.out), replayed.err
    assert "is gone" not in replayed.err


def test_the_directory_of_traces_is_not_removed_with_one(folder: Path) -> None:
    result = run(
        folder, "host", script="rm -rf .dstrun; cat .dstrun/sh-7.trace >/dev/null && echo ok"
    )
    assert "cannot remove '.dstrun': Directory not empty" in result.err
    assert result.out == "ok\n"
    assert (folder / ".dstrun" / "sh-7.trace").exists()


def test_making_a_trace_leaves_the_times(folder: Path) -> None:
    before = folder.stat().st_mtime_ns
    dstrun(folder, "--seed", "7", "--", "true")
    dstrun(folder, "--seed", "7", "-o", "x.trace", "--", "true")
    assert folder.stat().st_mtime_ns == before


def test_a_trace_is_found_by_its_name(folder: Path) -> None:
    """In a replay too, which hides what has come since into a directory that was listed."""
    look = "import os; print('run.trace' in os.listdir('.'), os.access('run.trace', os.R_OK))"
    options = "--seed", "7", "-o", "run.trace", "--", PYTHON, "-c", look
    assert dstrun(folder, *options).out == "False True\n"
    replayed = again(folder, "run.trace")
    assert (replayed.code, replayed.out) == (0, "False True\n"), replayed.err


def test_runs_of_verify_find_the_same_directory(folder: Path) -> None:
    """The traces of the others come and go in it, between two runs."""
    options = "-q", "--verify=3", "-o", "run.trace"
    result = run(folder, "host", *options, script="stat -c %y .; ls -A")
    assert (result.code, result.status["outcome"]) == (0, "exited"), result.err
    assert "run.trace.run2" not in result.out
