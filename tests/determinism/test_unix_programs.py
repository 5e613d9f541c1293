"""AF_UNIX sockets and terminals: programs that check themselves, native and simulated alike."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import pytest
from runs_lib import PROGRAMS, Native, Simulate

_FOLDER = PROGRAMS / "unix"
_NAMES = sorted(p.stem for p in _FOLDER.glob("*.c"))
_FLAGS = ("-D_GNU_SOURCE", "-O1", "-g", "-w", "-pthread")

# What the machine's own terminals make of compare/pty_random, by its seed. Natively the lines go
# through a worker, which now and then is late, so that a run of it is no oracle by itself.
_TERMINALS = {
    7: "3e1d609e8a346a22", 9: "524e3f270600a797", 11: "960cb3e976b75be6", 12: "13e409ab18e9cba1",
    13: "3a36cf0e5dc5269f", 14: "736dd8cbedd543e6", 15: "2c7f70e66c648e39", 16: "e73fa150fe03cf72",
    17: "cb70d7aa221eaf5b", 18: "09da1dadbe144797", 19: "3cf895e97e218aff", 20: "c269c228a161e14c",
}  # fmt: skip

Build = Callable[[str], str]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """build(name): tests/programs/unix/<name>.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")

    def compiled(name: str) -> str:
        binary = folder / name.replace("/", "-")
        if not binary.exists():
            source = _FOLDER / f"{name}.c"
            subprocess.run(["gcc", *_FLAGS, "-o", str(binary), str(source), "-lutil"], check=True)
        return str(binary)

    return compiled


@pytest.mark.parametrize("name", _NAMES)
def test_agrees_with_native(name: str, build: Build, native: Native, simulate: Simulate) -> None:
    binary = build(name)
    alone = native(binary)
    assert (alone.status, alone.out) == (0, "ok\n"), "the test itself is wrong"
    first, second = simulate(binary), simulate(binary)
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("name", _NAMES)
def test_holds_under_another_schedule(name: str, build: Build, simulate: Simulate) -> None:
    options = ("--strategy", "random")
    first, second = (simulate(build(name), seed=11, options=options) for _ in range(2))
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("seed", sorted(_TERMINALS))
def test_terminals_are_as_linux_has_them(seed: int, build: Build, simulate: Simulate) -> None:
    done = simulate(build("compare/pty_random"), str(seed), "8", record=False)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("case 8:")
    assert hashlib.sha256(done.out.encode()).hexdigest()[:16] == _TERMINALS[seed]


_SHELL = r"""
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(HOME="/nonexistent", TERM="dumb", PS1="PROMPT> ")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
screen = b""
def expect(what):
    global screen
    start = len(screen)
    while what not in screen[start:]:
        if not select.select([fd], [], [], 10)[0]:
            sys.exit(f"no {what} in {screen[start:]}")
        screen += os.read(fd, 1024)
expect(b"PROMPT> ")
for typed, wanted in (
    (b"sh -c 'echo r''un; exec sleep 100'\n", b"\nrun\r\n"), (b"\x03", b"PROMPT> "),
    (b"cat\n", b"cat\r\n"), (b"one\n", b"one\r\none\r\n"), (b"\x1a", b"PROMPT> "),
    (b"jobs\n", b"PROMPT> "), (b"bg; sleep 3\n", b"PROMPT> "),
    (b"fg\n", b"cat\r\n"), (b"two\n", b"two\r\ntwo\r\n"), (b"\x04", b"PROMPT> "),
    (b"stty size; tty | tr -d 0-9\n", b"PROMPT> "), (b"exit 3\n", b"exit\r\n"),
):
    time.sleep(0.3)
    os.write(fd, typed)
    expect(wanted)
print(screen.decode())
print(os.waitpid(pid, 0)[1] >> 8)
"""


@pytest.mark.parametrize("strategy", ["fifo", "random"])
def test_a_shell_in_a_terminal(strategy: str, native: Native, simulate: Simulate) -> None:
    """Its jobs are interrupted, stopped, continued in the back and brought to the front."""
    command = (sys.executable, "-B", "-c", _SHELL)
    alone = native(*command)
    assert (alone.status, alone.err) == (0, ""), "the test itself is wrong"
    assert alone.out.endswith("\n3\n")
    first, second = (simulate(*command, options=("--strategy", strategy)) for _ in range(2))
    assert (first.status, first.err) == (0, "")
    assert first.out == alone.out
    assert first.identity == second.identity
