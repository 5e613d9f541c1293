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

    def end(self, number: signal.Signals, patience_s: float) -> tuple[int, str]:
        """Sends a signal to dstrun alone; its status and stderr. Checks that nobody stays."""
        self.process.send_signal(number)
        # Who stays has our pipes open: communicate() would wait for them.
        status = self.process.wait(20)
        deadline = time.monotonic() + patience_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.01)
        for survivor in left:
            survivor.kill()
        assert not left, f"{signal.Signals(number).name}: {left}"
        _, stderr = self.process.communicate(timeout=20)
        return status, stderr.decode()

    def check_files(self) -> None:
        """No temporary file, nothing in the working directory, nothing named in shared memory."""
        assert list(self.temporary.iterdir()) == []
        assert list(self.work.iterdir()) == []
        assert not [name for name in os.listdir("/dev/shm") if "dstrun" in name]


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
                if os.readlink(fd).startswith("/memfd:dstrun-world"):
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
            process.kill()
        run.process.wait()


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda s: s.name)
def test_killed_at_random_moments(tmp_path: Path, ending: signal.Signals) -> None:
    before = mounts()

    def one(number: int) -> int:
        draw = random.Random(f"{ending.name} {number}")
        options = ("--fs", "overlay") if number % 4 == 3 else ()
        run = Run(tmp_path / str(number), TREES[number % len(TREES)], *options)
        time.sleep(draw.uniform(0.05, 0.7))
        # What dstrun ends itself is gone when it is gone; a kill takes the kernel a moment.
        run.end(ending, 5.0 if ending == signal.SIGKILL else 0.5)
        run.check_files()
        return count_events(run.trace)

    with ThreadPoolExecutor(4) as pool:
        events = list(pool.map(one, range(40)))
    assert mounts() == before
    assert sum(n > 100 for n in events) >= 10, "too few were killed in the middle of a run"
