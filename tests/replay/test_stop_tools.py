"""gdb and a shell where a run stands still: they see that moment, and leave no trace in the run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.replay.conftest import Look, dstrun

needs_gdb = pytest.mark.skipif(
    shutil.which("gdb") is None, reason="GDB IS NOT INSTALLED: dstrun replay --gdb is not tested"
)
SCRIPT = """
echo one > note
/bin/true
echo two > note
/bin/true
/bin/sh -c 'echo $$; cat note'
"""
GO = """
package main

import ("fmt"; "os"; "sync"; "time")

func work(n int, wg *sync.WaitGroup) {
	defer wg.Done()
	time.Sleep(time.Millisecond)
	fmt.Fprintln(os.Stdout, "worker", n)
}

func main() {
	var wg sync.WaitGroup
	for n := 1; n < 4; n++ { wg.Add(1); go work(n, &wg) }
	wg.Wait()
}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of a shell script that writes a file and starts programs."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "script.sh").write_text(SCRIPT)
    done = dstrun(
        "--seed", "5", "--fs", "overlay", "-o", "files.trace", "--", "/bin/sh", "script.sh",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "files.trace"


def _simulated() -> set[str]:
    """Processes of simulations on this machine, and of what was started in them."""
    found = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    return {line for line in found.stdout.splitlines() if "sleep 98765" in line}


def test_a_shell_sees_that_moment_and_leaves_nothing(look: Look, files: Path) -> None:
    commands = (
        "shell pwd; cat note; kill -0 1 && echo init is there; sleep 98765 &\n"
        "until /started.*true/\nshell cat note; exit 3\nback 2\ncontinue\n"
    )
    done = look(files, commands, "--until", "/started.*true/")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert str(files.parent) in lines
    assert [line for line in lines if line in ("one", "two")] == ["one", "two", "two"]
    assert "init is there" in lines
    assert "the shell ended with 3" in lines
    # What the run starts afterwards has the same ids, as if no shell had been there.
    assert "all as in the trace" in done.stderr
    assert _simulated() == set()
    assert not (files.parent / "note").exists()


def test_a_shell_reads_its_commands_from_the_same_input(look: Look, files: Path) -> None:
    commands = "shell\ncat note\nexit\ntime\nquit\n"
    done = look(files, commands, "--until", "/started.*true/", SHELL=shutil.which("bash") or "")
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("\none\n") < done.stdout.index("since the start")


def test_what_a_shell_changes_the_run_goes_on_with(look: Look, files: Path) -> None:
    done = look(files, "shell echo three > note\ncontinue\n", "--until", "/started.*cat/")
    assert done.returncode == 120
    assert "st_size=6" in done.stdout  # three, where it was two


@needs_gdb
def test_frames_and_values(look: Look, turns: Path) -> None:
    commands = "where\nprint counter\nprint turn\np nosuch\nwhere all\nc\n"
    done = look(turns, commands, "--until", "worker 1 turn 1")
    assert done.returncode == 3, done.stderr
    assert re.search(r"in work \(arg=0x1\) at .*turns\.c:\d+", done.stdout)
    assert "$1 = 1" in done.stdout  # turn
    assert 'No symbol "nosuch" in current context.' in done.stdout
    assert len(re.findall(r"^thread \d of 2 turns: ", done.stdout, re.MULTILINE)) == 4
    assert "all as in the trace" in done.stderr


@needs_gdb
def test_gdb_itself(look: Look, turns: Path) -> None:
    commands = (
        "bt\ninfo threads\ndstrun time\ndstrun tasks\ndstrun events 2\ndstrun nonsense\n"
        "print counter\n"
    )
    done = look(turns, commands, "--until", "worker 1 turn 1", "--gdb")
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert "in work (arg=0x1)" in out
    assert (
        "0x00007ee0"
        not in out.partition("(gdb)")[2].partition("info threads")[0].partition("Id   Target")[0]
    )  # a backtrace without the shim's frames
    assert '"turns, thread 3"' in out
    assert "0.002" in out
    assert "waits for a mutex" in out
    assert len(re.findall("worker 1 turn 1.n", out)) >= 3
    assert "nonsense" in out


@needs_gdb
def test_gdb_with_arguments_and_back_at_the_prompt(look: Look, turns: Path) -> None:
    gdb = ("--gdb", "--gdb-arg=-batch", "--gdb-arg=-ex", "--gdb-arg=print counter + 1000")
    done = look(turns, "step\ntime\ncontinue\n", "--until", "worker 1 turn 1", *gdb)
    assert done.returncode == 3, done.stderr
    assert re.search(r"\$1 = 100[1-6]", done.stdout)
    assert done.stdout.index("$1") < done.stdout.index("since the start")
    assert "all as in the trace" in done.stderr


@needs_gdb
def test_a_python_program(look: Look, python_turns: Path) -> None:
    done = look(python_turns, "where\ntasks\nc\n", "--until", "/worker/")
    assert done.returncode == 0, done.stderr
    assert re.search(r"#\d+ .* in \w*write", done.stdout)
    assert "runs, in write" in done.stdout


@needs_gdb
@pytest.mark.skipif(shutil.which("go") is None, reason="GO IS NOT INSTALLED: not tested with it")
def test_a_static_go_program(look: Look, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("go")
    (folder / "work.go").write_text(GO)
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    build = ["go", "build", "-o", "work", "work.go"]
    subprocess.run(build, cwd=folder, env=env, check=True, timeout=300)
    dstrun("--seed", "7", "-o", "work.trace", "--", "./work", cwd=folder)
    done = look(folder / "work.trace", "where\ngdb bt\nc\n", "--until", "/worker 2/")
    assert done.returncode == 0, done.stderr
    # A goroutine's stack is somewhere else, lower than the shim's.
    assert len(re.findall(r"in main.work \(n=2", done.stdout)) == 2
    assert "all as in the trace" in done.stderr


def test_a_machine_without_gdb(turns: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    env = {"PATH": str(tmp_path / "bin")}
    done = dstrun("replay", turns, "--until", "9", "--gdb", cwd=turns.parent, env=env)
    assert done.returncode == 2
    assert done.stderr == "dstrun: gdb: not found (install gdb to look into a process)\n"
    commands = "print 1\nwhere\ntime\n"
    done = dstrun("replay", turns, "--until", "9", cwd=turns.parent, env=env, commands=commands)
    assert done.returncode == 0
    assert "gdb: not found" in done.stdout
    assert "#0  0x" in done.stdout
    assert "since the start" in done.stdout


def test_gdb_and_shell_need_a_place(turns: Path) -> None:
    for option in ("--gdb", "--shell"):
        done = dstrun("replay", turns, option, cwd=turns.parent)
        assert done.returncode == 2
        assert "--until" in done.stderr


def test_every_event_of_forks_and_execs(look: Look, files: Path) -> None:
    """Where the supervisor follows an exec too, and where vfork holds the parent."""
    done = look(files, "step\n" * 250 + "tasks\ncontinue\n", "--until", "60")
    assert done.returncode == 0, done.stderr
    numbers = [int(n) for n in re.findall(r"^\[ *(\d+)\]", done.stdout, re.MULTILINE)]
    assert numbers == list(range(60, 311))
    assert "execve(" in done.stdout
    assert "all as in the trace" in done.stderr
