"""Recorded runs to look into, and a way to do so by a script."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs_lib import FIXED_ENV, PROGRAMS, ROOT

Look = Callable[..., "subprocess.CompletedProcess[str]"]
THREADED_PYTHON = """
import os, threading, time

def work(n):
    for turn in range(2):
        time.sleep(0.5)
        print("worker", n, turn, flush=True)

threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
os.stat("/etc/passwd")
"""


def dstrun(
    *args: str | Path, cwd: Path, commands: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command of dstrun; stdin, stdout and stderr are pipes."""
    return subprocess.run(
        [sys.executable, "-m", "dstrun", *map(str, args)],
        cwd=cwd, input=commands, env={**FIXED_ENV, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of two threads of a C program, which exits with 3."""
    folder = tmp_path_factory.mktemp("turns")
    source = PROGRAMS / "stop" / "turns.c"
    build = ["gcc", "-g", "-O1", "-pthread", "-o", str(folder / "turns"), str(source)]
    subprocess.run(build, check=True)
    done = dstrun("--seed", "7", "-o", "turns.trace", "--", "./turns", cwd=folder)
    assert done.returncode == 3, done.stderr
    return folder / "turns.trace"


@pytest.fixture(scope="session")
def python_turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of two threads of a Python program."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "turns.py").write_text(THREADED_PYTHON)
    interpreter = os.path.realpath(sys.executable)
    command = ("--", interpreter, "-S", "turns.py")
    done = dstrun("--seed", "3", "-o", "turns.trace", *command, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "turns.trace"


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """look(trace, "step\\ntasks\\n", "--until", "30"): a replay that is looked into."""

    def call(
        trace: Path, commands: str, *args: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        env = {"TMPDIR": str(tmp_path), **variables}
        done = dstrun("replay", trace, *args, cwd=trace.parent, commands=commands, env=env)
        assert list(tmp_path.iterdir()) == [], "a file was left behind"
        return done

    return call
