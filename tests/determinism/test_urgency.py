"""Nice values, policies and affinities: told as natively, and nothing to the real scheduler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from runs_lib import FIXED_ENV, PROGRAMS, ROOT, Native, Simulate

_COMMANDS = [
    "nice -n 5 nice",
    "nice -n 5 sh -c 'nice -n 3 cut -d \" \" -f 18,19 /proc/self/stat'",
    "taskset -c 0 nproc",
    "ionice -c 2 -n 3 sh -c 'ionice -p $$'",
    "chrt -m",
    "chrt -b 0 sh -c 'chrt -p $$ | sed s/.*current//'",
    "chrt -i 0 sh -c 'chrt -p $$ | sed s/.*current//'",
    "renice -n 3 -p $$ > /dev/null; nice",
]
_PRIVILEGED = [
    "nice -n -5 nice",
    "chrt -f 7 sh -c 'chrt -p $$ | sed s/.*current//; cut -d \" \" -f 18,40,41 /proc/self/stat'",
    "chrt -R -r 7 sh -c 'chrt -p $$ | sed s/.*current//; nice'",
    "chrt -d -T 1000000 -D 2000000 -P 3000000 0 chrt -p 0 | sed s/.*current//",
    "setpriv --reuid=65534 --clear-groups sh -c 'nice -n -5 nice; chrt -f 5 true; echo $?'",
]
_MAY = os.geteuid() == 0 and not subprocess.run(
    ["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL, check=False
).returncode  # fmt: skip


@pytest.mark.parametrize("line", [*_COMMANDS, *(_PRIVILEGED if _MAY else [])])
def test_tools_tell_the_same(line: str, native: Native, simulate: Simulate) -> None:
    alone = native("sh", "-c", line)
    run = simulate("sh", "-c", line, record=False)
    assert (run.status, run.out, run.err) == (alone.status, alone.out, alone.err)


def test_affinity_is_of_the_cpus_that_it_sees(simulate: Simulate) -> None:
    line = "nproc; taskset -p $$ | sed s/.*mask//; grep Cpus_allowed_list /proc/self/status"
    run = simulate("taskset", "-c", "1,3", "sh", "-c", line, options=("--cpus", "4"))
    assert run.out == "2\n: a\nCpus_allowed_list:\t1,3\n"
    assert simulate("taskset", "-c", "4", "true", options=("--cpus", "4")).status == 1


def test_on_another_number_of_cpus(tmp_path: Path, simulate: Simulate) -> None:
    binary = tmp_path / "urgency"
    source = PROGRAMS / "threads" / "urgency.c"
    command = ["gcc", "-D_GNU_SOURCE", "-w", "-pthread", "-o", str(binary), str(source)]
    subprocess.run(command, check=True)
    runs = [simulate(str(binary), options=("--cpus", "5")) for _ in range(2)]
    assert (runs[0].status, runs[0].out) == (0, "ok\n")
    assert runs[0].identity == runs[1].identity


@contextmanager
def started(*command: str, name: str) -> Iterator[psutil.Process]:
    """A program that spins, below some process of ours."""
    environment = {**FIXED_ENV, "PYTHONPATH": str(ROOT)}
    whole = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            top = psutil.Process(whole.pid)
            for process in [top, *top.children(recursive=True)]:
                if process.name() == name:
                    time.sleep(0.2)
                    yield process
                    return
            time.sleep(0.05)
        pytest.fail("it did not start")
    finally:
        whole.terminate()
        whole.wait()


def test_the_machines_scheduler_hears_nothing_of_it(tmp_path: Path) -> None:
    """With the negative control: natively it does."""
    binary = tmp_path / "spins_here"
    source = PROGRAMS / "hangs" / "user_loop.c"
    subprocess.run(["gcc", "-w", "-o", str(binary), str(source)], check=True)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    command = [shutil.which("nice") or "nice", "-n", "7", str(binary)]
    with started(*command, name="spins_here") as process:
        assert process.nice() == own + 7
    dstrun = [sys.executable, "-m", "dstrun", "--no-trace", "-q", "--wall-limit", "20s", "--"]
    with started(*dstrun, *command, name="spins_here") as process:
        assert process.nice() == own
        assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER
