"""Nothing stays behind: dstrun is killed at random moments of runs with busy process trees.

A run's processes carry a mark in their environment. That the mark finds them at all is checked on
live runs, so the tests can fail.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dstrun.trace.reader import Trace

ROOT = Path(__file__).parents[2]
MARK = "DST_LEFTOVER_MARK"  # dstrun keeps only DSTRUN_* from the program
FORKING = "while :; do (:) & (sleep 0.01; echo x | cat >/dev/null) & wait; done"
SLEEPING = "for i in 1 2 3; do (while :; do sleep 0.1; done) & done; wait"
DAEMON = "(setsid sh -c '(while :; do sleep 1; done) & exit 0' &); while :; do sleep 5; done"
TREES = (FORKING, SLEEPING, DAEMON)
ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Run:
    """A dstrun in a directory of its own, and how to find what it left."""

    def __init__(self, folder: Path, script: str, *options: str) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.temporary = folder / "temporary"
        self.temporary.mkdir(parents=True)
        self.work = folder / "work"
        self.work.mkdir()
        self.trace = folder / "a.trace"
        outer = {k: v for k, v in os.environ.items() if not k.startswith("DSTRUN_")}
        outer |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary), MARK: self.mark}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dstrun", "--seed", "7", "-o", str(self.trace), *options,
             "--", "bash", "-c", script],
            cwd=self.work, env=outer, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def processes(self) -> list[psutil.Process]:
        """All that live: dstrun, init, the simulation."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            live = process.status() != psutil.STATUS_ZOMBIE
            return live and process.environ().get(MARK) == self.mark
        except psutil.Error:
            return False

    def wait_until_busy(self, count: int = 4) -> None:
        """Until that many processes are there."""
        deadline = time.monotonic() + 20
        while len(self.processes()) < count:
            assert time.monotonic() < deadline, "the run does not get going"
            assert self.process.poll() is None
            time.sleep(0.01)

    def wait_until_recording(self) -> None:
        """Until dstrun itself is at work."""
        while not self.trace.exists():
            time.sleep(0.002)

    def end(self, number: signal.Signals, patience_s: float) -> tuple[int, str]:
        """Sends a signal to dstrun alone; its status and stderr. Checks that nobody stays."""
        self.process.send_signal(number)
        # Who stays has our pipes open: communicate() would wait for them.
        status = self.process.wait(20)
        deadline = time.monotonic() + patience_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.01)
        for survivor in left:
            with suppress(psutil.Error):
                survivor.kill()
        assert not left, f"{signal.Signals(number).name}: {left}"
        _, stderr = self.process.communicate(timeout=20)
        return status, stderr.decode()

    def check_files(self) -> None:
        """No temporary file, nothing in the working directory, nothing named in shared memory."""
        assert list(self.temporary.iterdir()) == []
        assert list(self.work.iterdir()) == []
        assert not list(Path("/dev/shm").glob("*dstrun*"))


def worlds(processes: list[psutil.Process]) -> set[int]:
    """The inodes of the shared memory that these processes hold, mapped or open."""
    found = set()
    for process in processes:
        base = Path(f"/proc/{process.pid}")
        try:
            maps = (base / "maps").read_text(encoding="utf-8", errors="replace")
            for line in re.findall(r"(\d+) +/memfd:dstrun-world", maps):
                found.add(int(line))
            for fd in (base / "fd").iterdir():
                if str(fd.readlink()).startswith("/memfd:dstrun-world"):
                    found.add(fd.stat().st_ino)
        except OSError:
            continue
    return found


def mounts() -> list[str]:
    """Mounts of the machine that could be a run's."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if " tmpfs dstrun " in line or " overlay overlay " in line]


def count_events(trace: Path) -> int:
    """Reads every event; 0 where the run was killed before its trace had a header."""
    if not trace.exists() or trace.stat().st_size == 0 or not trace.read_bytes()[:8].strip(b"\0"):
        return 0
    with Trace(trace) as opened:
        events = list(opened.read())
        assert len(events) == len(opened)
        return len(events)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    """Runs that are ended whatever the test does."""
    started: list[Run] = []
    yield started
    for run in started:
        for process in run.processes():
            with suppress(psutil.Error):
                process.kill()
        run.process.wait()


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda s: s.name)
def test_killed_at_random_moments(tmp_path: Path, ending: signal.Signals) -> None:
    before = mounts()

    def one(number: int) -> int:
        draw = random.Random(f"{ending.name} {number}")
        options = ("--fs", "overlay") if number % 4 == 3 else ()
        run = Run(tmp_path / str(number), TREES[number % len(TREES)], *options)
        if number % 2:  # otherwise anywhere, Python's start included
            run.wait_until_busy(3)
        elif ending == signal.SIGINT:  # which Python itself may swallow while it starts
            run.wait_until_recording()
        time.sleep(draw.uniform(0.0, 0.5))
        # What dstrun ends itself is gone when it is gone; a kill takes the kernel a moment.
        run.end(ending, 5.0 if ending == signal.SIGKILL else 0.5)
        run.check_files()
        return count_events(run.trace)

    with ThreadPoolExecutor(4) as pool:
        events = list(pool.map(one, range(40)))
    assert mounts() == before
    assert sum(n > 100 for n in events) >= 15, "too few were killed in the middle of a run"


def test_the_mark_finds_a_live_run(tmp_path: Path, runs: list[Run]) -> None:
    """Negative control: what the other tests look for is there while the run lives."""
    run = Run(tmp_path / "run", DAEMON, "--fs", "overlay")
    runs.append(run)
    run.wait_until_busy(6)
    live = run.processes()
    assert len(live) >= 3  # dstrun, init, bash; sleeps come and go
    held = worlds(live)
    assert len(held) == 1
    run.end(signal.SIGKILL, 5.0)
    assert not held & worlds(list(psutil.process_iter()))
    assert count_events(run.trace) > 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_closed_in_good_order(
    tmp_path: Path, runs: list[Run], number: signal.Signals
) -> None:
    run = Run(tmp_path / "run", SLEEPING)
    runs.append(run)
    run.wait_until_busy(5)
    status, stderr = run.end(number, 0.0)
    assert status == 130
    assert stderr.startswith("dstrun: seed 7: interrupted; ")
    assert "Traceback" not in stderr
    with Trace(run.trace) as trace:
        assert trace.finished
        assert trace.end_meta["outcome"] == "interrupted"
        assert trace.warnings == []


def test_show_reads_the_trace_of_a_killed_run(tmp_path: Path, runs: list[Run]) -> None:
    run = Run(tmp_path / "run", FORKING)
    runs.append(run)
    run.wait_until_busy(4)
    run.end(signal.SIGKILL, 5.0)
    events = count_events(run.trace)
    done = subprocess.run(
        [sys.executable, "-m", "dstrun", "show", str(run.trace)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert f"{events} events were recorded" in done.stderr
    numbers = [int(n) for n in re.findall(r"(?m)^\[ *(\d+)\]", done.stdout)]
    assert numbers[-1] in (events - 1, events)


SPINNING = "while :; do echo; done"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a small file system")
@pytest.mark.parametrize("script", [SPINNING, FORKING, SLEEPING])
def test_a_full_disk_is_one_error_and_the_end(tmp_path: Path, script: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    inside = f'mount -t tmpfs -o size=6m none {small} && exec "$@" >/dev/null'
    command = [sys.executable, "-m", "dstrun", "-o", f"{small}/a.trace", "--", "bash", "-c", script]
    started = time.monotonic()
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside, "sh", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 125
    assert "the trace file cannot grow: the disk is full" in done.stderr.splitlines()[0]
    assert time.monotonic() - started < 30


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a small file system")
def test_no_room_for_the_first_event(tmp_path: Path) -> None:
    inside = f'mount -t tmpfs -o size=1m none {tmp_path} && "$@"; echo $?; ls -A {tmp_path}'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside, "sh",
         sys.executable, "-m", "dstrun", "-o", f"{tmp_path}/a.trace", "--", "true"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "125\n"  # and no file
    assert done.stderr.count("\n") == 1
    assert "the trace cannot be written: No space left on device" in done.stderr


def test_runs_in_one_process_leave_no_descriptor(tmp_path: Path) -> None:
    """Who calls dstrun from Python may do so for ever."""
    code = f"""
import os
from pathlib import Path
from dstrun.launch.supervise import run
from dstrun.seed import make_seed
from dstrun.spec import RunSpec
counts = set()
for turn in range(4):
    for fs in ("host", "overlay"):
        run(RunSpec(argv=("true",), program="/bin/true", env={{}}, cwd={str(tmp_path)!r},
                    seed=make_seed("7"), fs=fs, trace=Path("run.trace")))
    counts.add(len(os.listdir("/proc/self/fd")))
print(len(counts))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "1\n", done.stderr
