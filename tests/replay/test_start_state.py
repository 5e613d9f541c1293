"""A run that changed its own files is made again from the files as they were."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from start_lib import dstrun, record, replay, snapshot

from dstrun.trace.reader import Trace

GIT = (
    "git init -q . && git config user.email a@b && git config user.name n && "
    "for i in 1 2 3; do echo $i > f$i; done && git add . && git commit -qm one"
)
SHELL = """
cat a b; echo new >> a; rm b; mv d e; echo y > e/y; mkdir d; echo z > d/z; rm l; ln -s e l
cat l/x; chmod 600 b2; touch -d 2001-01-01 a; ls -la . e d; cp a c; mv c a; cat a; rm -r e
df . ; stat -f . /; cat /proc/mounts /proc/self/mountinfo; find . -type d; truncate -s 1 big
"""
PYTHON = """
import os, shutil, socket
os.rename("in", "out"); os.makedirs("a/b/c"); open("a/b/c/x", "w").write("1"); shutil.rmtree("a")
open("in", "w").write("new"); os.symlink("in", "s"); open("s", "a").write("more")
os.mkfifo("f"); os.symlink("later", "dangling"); open("dangling", "w"); os.link("out", "out2")
socket.socket(socket.AF_UNIX).bind("sock"); os.setxattr("out", "user.x", b"1")
os.utime("out", ns=(1, 2)); os.truncate("out2", 1); print(sorted(os.listdir(".")))
os.rename("tree", "moved"); open("moved/sub/new", "w"); print(open("moved/sub/deep").read())
os.replace("moved/sub/deep", "tree")
"""
CASES = {
    "shell": ("echo a >a; echo b >b; mkdir d; echo x >d/x; ln -s a l; ln b b2; truncate -s 9M big",
              ["sh", "-c", SHELL]),
    "python": ("echo in >in; mkdir -p tree/sub; echo deep >tree/sub/deep; ln -s sub tree/l",
               ["/usr/bin/python3", "-c", PYTHON]),
    "sqlite": ("echo 'create table t(a); insert into t values(1);' | sqlite3 t.db",
               ["sqlite3", "t.db", "insert into t values (2); select * from t;"]),
    "git": (f"{GIT} && echo more >> f1", ["git", "commit", "-qam", "two"]),
    "checkout": (f"{GIT} && git checkout -qb o && git rm -q f2 && git commit -qam 2",
                 ["git", "checkout", "-q", "master"]),
    "tar": ("mkdir s && touch s/1 s/2 && tar cf s.tar s && echo old >s/2", ["tar", "xf", "s.tar"]),
    "make": ("printf 'out: in\\n\\tcp in out\\n' >Makefile; echo 1 >out; sleep 0.02; echo 2 >in",
             ["make"]),
}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def prepare(work: Path, setup: str) -> None:
    subprocess.run(["sh", "-c", setup], cwd=work, check=True, capture_output=True)


@pytest.mark.parametrize("name", CASES)
def test_again_from_the_start(work: Path, name: str) -> None:
    setup, argv = CASES[name]
    prepare(work, setup)
    recorded = record(work, argv)
    assert recorded.status == 0, recorded.err
    after = snapshot(work)
    again = replay(work)
    assert again.is_same, again.err
    assert (again.status, again.out) == (0, recorded.out)
    assert snapshot(work) == after, "the user's files were touched"


def test_files_that_changed_since(work: Path) -> None:
    """What the run changed may be gone, or be something else, by the time of the replay."""
    setup, argv = CASES["shell"]
    prepare(work, setup)
    recorded = record(work, argv)
    for path in work.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (work / "a").mkdir()
    (work / "unheard_of").write_text("")
    again = replay(work)
    assert again.is_same, again.err
    assert again.out == recorded.out
    assert sorted(path.name for path in work.iterdir()) == ["a", "unheard_of"]


def test_without_what_was_kept_it_differs(work: Path) -> None:
    """Negative control: the run does depend on its own files."""
    setup, argv = CASES["sqlite"]
    prepare(work, setup)
    record(work, argv)
    trace = work.parent / "t.trace"
    with Trace(trace) as recorded:
        assert "start.contents" in recorded.attachments()
    damaged = trace.read_bytes().replace(b"start.json", b"other.json")
    if damaged == trace.read_bytes():
        pytest.skip("the attachments' names are packed")
    trace.write_bytes(damaged)
    assert not replay(work).is_same


def test_a_changed_input_is_found_at_its_event(work: Path) -> None:
    """Negative control: a file that was only read is today's, and a change of it is seen."""
    (work / "in").write_text("one\n")
    record(work, ["cat", "in"])
    (work / "in").write_text("two\n")
    again = replay(work)
    assert again.status == 120
    assert 'read(3, "one\\n"' in again.err


def test_redis_with_an_append_only_file(work: Path) -> None:
    script = """
    redis-server --port 7000 --appendonly yes --save '' --daemonize no >log & sleep 1
    redis-cli -p 7000 incr n; redis-cli -p 7000 shutdown; wait; cat appendonlydir/*.aof | tail -3
    """
    for _ in range(2):
        recorded = record(work, ["sh", "-c", script])
    assert recorded.out.startswith(b"2\n"), recorded.err
    again = replay(work)
    assert again.is_same, again.err
    assert again.out == recorded.out


def test_nothing_is_kept_without_a_trace_or_in_an_overlay(work: Path) -> None:
    (work / "a").write_text("1")
    line = ["sh", "-c", "echo 2 >a; rm a; echo 3 >a"]
    done = dstrun(work, "--seed", "7", "--no-trace", "--", *line)
    assert done.status == 0
    record(work, line, "--fs", "overlay")
    with Trace(work.parent / "t.trace") as trace:
        assert "start.contents" not in trace.attachments()
    again = replay(work)
    assert again.is_same, again.err


DESCRIPTORS = """
import fcntl, os, sys
for fd in range(9):
    try:
        info = os.fstat(fd)
    except OSError:
        continue
    size = os.get_terminal_size(fd) if os.isatty(fd) else None
    print(fd, oct(info.st_mode), size, fcntl.fcntl(fd, fcntl.F_GETFL), file=sys.stderr)
print(sys.stdin.read() if len(sys.argv) > 1 else "nothing")
"""


@pytest.mark.parametrize(
    "shell",
    [
        "<in >out 2>err",
        "<in >>out 2>&1",
        "<&- >/dev/null 2>/dev/null",
        "5<in 6>out 7>&6 >/dev/null 2>err",
        "3<>in 4<&3",
        "2>&1 | cat >out",
        "</dev/zero",
    ],
)
def test_descriptors_of_the_same_kinds(work: Path, shell: str) -> None:
    (work / "in").write_text("some input\n")
    (work / "out").write_text("before\n")
    argument = ["read"] if shell.startswith("<in") else []
    record(work, ["/usr/bin/python3", "-c", DESCRIPTORS, *argument], shell=shell)
    (work / "in").write_text("")
    again = replay(work)
    assert again.is_same, again.err


def test_a_terminal_is_one_again(work: Path) -> None:
    line = f"stty cols 77 rows 33; dstrun --seed 7 -o {work.parent}/t.trace -- ls --color=auto -C /"
    python = f"PYTHONPATH={Path(__file__).parents[2]}"
    subprocess.run(
        ["script", "-qec", line.replace("dstrun", f"{python} {sys.executable} -m dstrun"),
         "/dev/null"],
        cwd=work, check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    again = replay(work)
    assert again.is_same, again.err
    assert b"\x1b[" in again.out  # the program saw a terminal; what it wrote comes to us
    assert b"\r\n" not in again.out


def test_a_full_disk_is_told(work: Path) -> None:
    """The trace's file system is full: the run goes on, and what replay lacks is said."""
    if os.geteuid():
        pytest.skip("only root can mount")
    (work / "big").write_bytes(os.urandom(16 << 20))
    small = work.parent / "small"
    small.mkdir()
    line = (
        f"mount -t tmpfs -o size=14m none {small} && "
        f"PYTHONPATH={Path(__file__).parents[2]} {sys.executable} -m dstrun --seed 7 "
        f"-o {small}/t.trace -- sh -c 'echo x >>big'"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", line], cwd=work, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"replay needs {work}/big as before the run: not kept" in done.stderr


def test_killed_it_leaves_nothing(work: Path) -> None:
    """Neither files beside the trace nor in the directory."""
    (work / "a").write_text("1" * 100_000)
    trace = work.parent / "t.trace"
    run = subprocess.Popen(
        [sys.executable, "-m", "dstrun", "--seed", "7", "-o", str(trace), "--",
         "sh", "-c", "echo 2 >>a; echo ready; while :; do sleep 1000; : >>b; done"],
        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert run.stdout
    assert run.stdout.readline() == b"ready\n"
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    time.sleep(0.2)
    assert sorted(path.name for path in work.parent.iterdir()) == ["t.trace", "work"]
    assert {path.name for path in work.iterdir()} <= {"a", "b"}


def test_new_files_are_not_asked_about(work: Path) -> None:
    """A run that makes many files keeps nothing but the names of one directory."""
    record(work, ["sh", "-c", "for i in $(seq 300); do echo $i >f$i; done; rm f1; mv f2 f3"])
    with Trace(work.parent / "t.trace") as trace:
        assert "start.contents" not in trace.attachments()
    assert replay(work).is_same


def test_database_is_not_what_it_was(work: Path) -> None:
    """The replay of a run does not undo what came after it."""
    setup, argv = CASES["sqlite"]
    prepare(work, setup)
    record(work, argv)
    with sqlite3.connect(work / "t.db") as db:
        db.execute("insert into t values (3)")
    db.close()
    assert replay(work).is_same
    with sqlite3.connect(work / "t.db") as db:
        assert db.execute("select count(*) from t").fetchone() == (3,)
    db.close()
