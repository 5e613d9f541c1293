"""Signals that whoever starts dstrun left ignored or blocked: for the program as natively.

They are an input of the run, so they stand in its trace's header.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, ROOT, Program

from dstrun.trace.reader import Trace

DSTRUN = [sys.executable, "-m", "dstrun", "--seed", "7", "-o", "run.trace", "--force", "-q", "--"]
ENV = {**FIXED_ENV, "PYTHONPATH": str(ROOT)}


def _nothing() -> None:
    pass


def _nohup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _background() -> None:
    """As a shell without job control starts a background job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)


def _others() -> None:
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGTSTP, signal.SIGRTMIN + 3):
        signal.signal(number, signal.SIG_IGN)


def _blocked() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMIN])


STARTS = {
    _nothing: "", _nohup: "1 ignored\n", _background: "2 ignored\n3 ignored\n",
    _others: "15 ignored\n17 ignored\n20 ignored\n37 ignored\n",
    _blocked: "10 blocked\n15 blocked\n34 blocked\n",
}  # fmt: skip


def _run(command: list[str], prepare: Callable[[], None], cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=ENV, preexec_fn=prepare, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("prepare", STARTS, ids=lambda f: f.__name__)
def test_the_program_finds_what_it_finds_natively(
    prepare: Callable[[], None], program: Program, tmp_path: Path
) -> None:
    binary = program("inherited")
    assert _run([binary], prepare, tmp_path) == STARTS[prepare]
    assert _run([*DSTRUN, binary], prepare, tmp_path) == STARTS[prepare]
    below = ["sh", "-c", 'exec "$0"', binary]
    native = _run(below, prepare, tmp_path)  # a shell may have a mind of its own
    assert _run([*DSTRUN, *below], prepare, tmp_path) == native


def test_the_header_tells(program: Program, tmp_path: Path) -> None:
    def meta(prepare: Callable[[], None]) -> tuple[list[int], list[int]]:
        _run([*DSTRUN, program("inherited")], prepare, tmp_path)
        with Trace(tmp_path / "run.trace") as trace:
            return trace.meta["ignored_signals"], trace.meta["blocked_signals"]

    assert meta(_nothing) == ([], [])
    assert meta(_background) == ([2, 3], [])
    assert meta(_blocked) == ([], [10, 15, 34])


@pytest.mark.parametrize("prepare", [_nothing, _nohup], ids=lambda f: f.__name__)
def test_a_hang_up_ends_no_run_under_nohup(prepare: Callable[[], None], tmp_path: Path) -> None:
    run = subprocess.Popen(
        [*DSTRUN, "cat"], preexec_fn=prepare,  # noqa: PLW1509
        cwd=tmp_path, env=ENV, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert run.stdin and run.stdout
    run.stdin.write("a line\n")
    run.stdin.flush()
    assert run.stdout.readline() == "a line\n"
    os.kill(run.pid, signal.SIGHUP)
    if prepare is _nohup:
        time.sleep(0.3)  # what it must survive
    else:
        assert run.wait(20) == 130
    run.communicate("")
    assert run.returncode == (0 if prepare is _nohup else 130)
