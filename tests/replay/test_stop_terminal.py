"""The prompt at a terminal: Ctrl-C, and a shell that has the terminal for a while."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.replay.conftest import dstrun
from tests.runs_lib import FIXED_ENV, PROGRAMS, ROOT

PROMPT = r"\(dstrun\) $"


class Terminal:
    """dstrun in a terminal of its own."""

    def __init__(self, *args: str | Path, cwd: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # what starts the tests may ignore it
            os.chdir(cwd)
            env = {**FIXED_ENV, "PYTHONPATH": str(ROOT), "TERM": "dumb", "PS1": "sh> "}
            command = [sys.executable, "-m", "dstrun", *map(str, args)]
            os.execve(sys.executable, command, {**env, "SHELL": "/bin/sh"})
        self.text = ""

    def expect(self, pattern: str, timeout_s: float = 60) -> str:
        """What comes until the text so far matches; it is then forgotten."""
        end_s = time.monotonic() + timeout_s
        while not re.search(pattern, self.text):
            left_s = end_s - time.monotonic()
            assert left_s > 0, f"no {pattern} in {self.text!r}"
            if select.select([self.fd], [], [], left_s)[0]:
                try:
                    data = os.read(self.fd, 4096)
                except OSError:
                    data = b""
                assert data, f"it ended, without {pattern} in {self.text!r}"
                self.text += data.decode().replace("\r", "")
        found, self.text = self.text, ""
        return found

    def send(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def status(self, timeout_s: float = 60) -> int:
        """After the end."""
        with suppress(OSError):
            while select.select([self.fd], [], [], timeout_s)[0]:
                if not os.read(self.fd, 4096):
                    break
            else:
                pytest.fail(f"it does not end, after {self.text!r}")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*args: str | Path) -> Terminal:
        opened.append(Terminal(*args, cwd=Path(args[1]).parent))
        return opened[-1]

    yield start
    for one in opened:
        os.close(one.fd)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(one.pid, 9)
            os.waitpid(one.pid, 0)


def test_ctrl_c_at_the_prompt(terminal: Callable[..., Terminal], turns: Path) -> None:
    t = terminal("replay", turns, "--until", "write")
    t.expect(PROMPT)
    t.send("tas\tx")
    t.expect("tasksx")
    while True:  # just before it waits for a key, Python notes it and waits
        t.send("\x03")
        with suppress(AssertionError):
            t.expect(PROMPT, timeout_s=1)
            break
    t.send("step\n")
    assert "futex(" in t.expect(PROMPT)
    t.send("\n")
    assert "[  68]" in t.expect(PROMPT)
    t.send("\x04")
    assert t.status() == 0


def test_a_shell_has_the_terminal(terminal: Callable[..., Terminal], turns: Path) -> None:
    t = terminal("replay", turns, "--until", "write", "--shell")
    t.expect("sh> $")
    t.send("echo $((40 + 2))\n")
    assert "\n42\n" in t.expect("sh> $")
    t.send("sleep 1000\n")
    time.sleep(0.3)
    t.send("\x03")
    t.expect("sh> $")
    t.send("exit 0\n")
    t.expect(PROMPT)
    t.send("continue\n")
    assert "counter 6\nthe run is over: exited 3" in t.expect(PROMPT)
    t.send("quit\n")
    assert t.status() == 3


@pytest.fixture
def burns(tmp_path: Path) -> Path:
    program = tmp_path / "burns"
    source = PROGRAMS / "stop" / "burns.c"
    subprocess.run(["gcc", "-O1", "-o", str(program), str(source)], check=True)
    return program


def test_ctrl_c_stands_a_run_still(terminal: Callable[..., Terminal], burns: Path) -> None:
    trace = burns.with_suffix(".trace")
    assert dstrun("-o", trace, "--", burns, cwd=burns.parent).returncode == 0
    t = terminal("replay", trace, "--until", "0")
    t.expect(PROMPT)
    t.send("continue\n")
    t.expect("burning\n")
    t.send("\x03")
    t.expect("it stands still at the next event")
    assert 'write(1, "burnt' in t.expect(PROMPT)
    t.send("continue\n")
    assert "the run is over: exited 0" in t.expect(PROMPT)
    t.send("quit\n")
    assert t.status() == 0


def test_a_second_ctrl_c_ends_a_run(terminal: Callable[..., Terminal], burns: Path) -> None:
    """Which comes to no other event: it computes for ever."""
    trace = burns.with_suffix(".trace")
    t = terminal("-o", trace, "--", burns, "ever")
    t.expect("burning\n")
    t.send("\x03")
    t.expect("Ctrl-C|interrupt")
    assert t.status() == 130
    t = terminal("replay", trace, "--until", "1")
    t.expect(PROMPT)
    t.send("goto 0\n")  # a run of its own
    t.expect(PROMPT)
    t.send("continue\n")
    t.expect("burning\n")
    t.send("\x03")
    t.expect("it stands still at the next event; Ctrl-C again ends it")
    t.send("\x03")
    assert t.status() == 130
