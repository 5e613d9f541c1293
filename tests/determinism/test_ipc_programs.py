"""Locks, System V IPC, message queues, semaphores, AIO, inotify: programs that check themselves,
native and simulated alike; what a run shares by name is its own; real programs that lock."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import PROGRAMS, Native, Simulate

_FOLDER = PROGRAMS / "ipc"
_NAMES = sorted(p.stem for p in _FOLDER.glob("*.c"))
_FLAGS = ("-D_GNU_SOURCE", "-O1", "-g", "-w", "-pthread")

Build = Callable[[str], str]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """build(name): tests/programs/ipc/<name>.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")

    def compiled(name: str) -> str:
        binary = folder / name
        if not binary.exists():
            source = _FOLDER / f"{name}.c"
            subprocess.run(["gcc", *_FLAGS, "-o", str(binary), str(source), "-lrt"], check=True)
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


_SHELL_LOCKS = """
echo 'n=$(cat count 2>/dev/null || echo 0); sleep 0.01; echo $((n + 1)) > count' > step
for i in 1 2 3 4 5; do
    flock lock.file sh step &
done
wait
flock -n lock.file flock -n lock.file true || echo busy
flock -w 1 lock.file flock -w 1 lock.file true || echo timeout
cat count
"""


def test_flock_of_util_linux(native: Native, simulate: Simulate, work: Path) -> None:
    alone = native("bash", "-c", _SHELL_LOCKS)
    assert alone.out == "busy\ntimeout\n5\n"
    runs = []
    for _ in range(2):
        (work / "count").unlink()
        runs.append(simulate("bash", "-c", _SHELL_LOCKS))
    assert (runs[0].status, runs[0].out, runs[0].err) == (0, alone.out, "")
    assert runs[0].identity == runs[1].identity


_PYTHON_LOCKS = """
import errno, fcntl, os, time
with open("data", "w+") as f:
    fcntl.lockf(f, fcntl.LOCK_EX)
    for i in range(3):
        if os.fork() == 0:
            with open("data", "r+") as mine:
                fcntl.lockf(mine, fcntl.LOCK_EX)
                n = int(mine.read() or 0)
                time.sleep(0.01)
                mine.seek(0)
                mine.write(str(n + 1))
            os._exit(0)
    time.sleep(0.05)
    fcntl.lockf(f, fcntl.LOCK_UN)
    for i in range(3):
        os.wait()
    print(f.read())
"""


def test_lockf_of_python(native: Native, simulate: Simulate) -> None:
    assert native(sys.executable, "-c", _PYTHON_LOCKS).out == "3\n"
    first, second = (simulate(sys.executable, "-c", _PYTHON_LOCKS) for _ in range(2))
    assert (first.status, first.out, first.err) == (0, "3\n", "")
    assert first.identity == second.identity


def test_two_that_wait_for_each_other_are_a_deadlock(simulate: Simulate, work: Path) -> None:
    script = (
        "flock a sh -c 'sleep 1; flock b true' & "
        "flock b sh -c 'sleep 1; flock a true' & wait; echo no"
    )
    assert simulate("bash", "-c", script).outcome == "deadlock"


def test_a_holder_outside_is_waited_for(simulate: Simulate, work: Path) -> None:
    """In real time: and it is no deadlock."""
    with (work / "lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        start = time.monotonic()
        release = threading.Timer(1.5, lambda: fcntl.flock(holder, fcntl.LOCK_UN))
        release.start()
        run = simulate("flock", "lock", "echo", "got it")
        release.join()
    assert (run.status, run.out) == (0, "got it\n")
    assert time.monotonic() - start > 1.4


# A named semaphore is left behind.
_LEAVES = """
import os, sys
name = "/dev/shm/sem.dstrun-test-leftover"
print(os.path.exists(name))
open(name, "w").close()
"""


def test_what_is_left_in_dev_shm_goes_with_the_run(native: Native, simulate: Simulate) -> None:
    left = Path("/dev/shm/sem.dstrun-test-leftover")
    command = (sys.executable, "-c", _LEAVES)
    try:
        assert [simulate(*command).out for _ in range(2)] == ["False\n", "False\n"]
        assert not left.exists()
        # Negative control: natively, and with the machine's own, the next one sees it.
        assert [native(*command).out for _ in range(2)] == ["False\n", "True\n"]
        assert simulate(*command, options=("--net", "host")).out == "True\n"
        assert simulate(*command).out == "False\n"
    finally:
        left.unlink(missing_ok=True)


def test_directories_of_dev_shm_are_files_of_users(simulate: Simulate) -> None:
    folder = Path("/dev/shm/dstrun-test-folder")
    folder.mkdir(exist_ok=True)
    try:
        (folder / "in").write_text("data")
        run = simulate("bash", "-c", f"cat {folder}/in; echo more > {folder}/out; cd {folder}; ls")
        assert run.out == "datain\nout\n"
        assert (folder / "out").read_text() == "more\n"
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


_SYSTEM_V = "ipcmk -S 3; ipcmk -Q; sleep 2; ipcmk -M 5000; cat /proc/sysvipc/*; ipcs -t"


def test_system_v_objects_are_the_run_s_own(simulate: Simulate) -> None:
    """Identifiers from 0 on, virtual times, keys of the seed; nothing of it is uncontrolled."""
    first, second = (simulate("bash", "-c", _SYSTEM_V, options=("--strict",)) for _ in range(2))
    assert (first.status, first.err) == (0, "")
    assert first.out.startswith("Semaphore id: 0\nMessage queue id: 0\nShared memory id: 0\n")
    assert "2030" in first.out
    assert first.identity == second.identity
    assert simulate("bash", "-c", _SYSTEM_V, seed=8).out != first.out
