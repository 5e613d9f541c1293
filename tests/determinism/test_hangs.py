"""Runs that come to nothing say what the program was doing; partial deadlocks are warned of."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runs_lib import FIXED_ENV, PROGRAMS, ROOT

_FOLDER = PROGRAMS / "hangs"
_HAS_GDB = shutil.which("gdb") is not None
Status = dict[str, Any]
Hang = Callable[..., Status]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """build(name): tests/programs/hangs/<name>.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")

    def compiled(name: str) -> str:
        binary = folder / name
        if not binary.exists():
            source = _FOLDER / f"{name}.c"
            flags = ["-O1", "-g", "-w", "-pthread"]
            subprocess.run(["gcc", *flags, "-o", str(binary), str(source), "-lrt"], check=True)
        return str(binary)

    return compiled


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "dstrun", "--seed", "7", "--json", *words]


def environment(**more: str) -> dict[str, str]:
    return {**FIXED_ENV, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def hang(build: Callable[[str], str], work: Path) -> Hang:
    """hang(program, *arguments, options=()): the summary of a run as JSON gives it."""

    def run(name: str, *args: str, options: tuple[str, ...] = (), **more: str) -> Status:
        trace = () if "--no-trace" in options else ("-o", "run.trace", "--force")
        done = subprocess.run(
            command(*trace, *options, "--", build(name), *args),
            cwd=work, env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=120, check=False, text=True,
        )  # fmt: skip
        status: Status = json.loads(done.stderr.splitlines()[-1])
        return {**status, "status": done.returncode}

    return run


def frames(thread: Status) -> str:
    return "\n".join(thread["frames"])


def with_gdb(text: str, wanted: str) -> bool:
    """Frames have lines where there is gdb; without it, one with a module."""
    return wanted in text if _HAS_GDB else " in /" in text


# ---- livelocks ----
def test_two_threads_that_try_each_others_lock(hang: Hang) -> None:
    found = hang("trylock_livelock", options=("--max-time", "1m"))
    assert (found["status"], found["outcome"]) == (122, "limit")
    main, one, two = found["threads"]
    assert main["state"].startswith("waits for the end of thread 3")
    assert main["loop"] is None
    for thread, turns in ((one, 5999), (two, 8570)):
        assert thread["loop"]["length"] in (1, 2)  # the trylock may be a point of its own
        assert abs(thread["loop"]["turns"] - turns) <= 5
        assert thread["loop"]["alike"]
        assert any("nanosleep" in call for call in thread["loop"]["calls"])
        assert with_gdb(frames(thread), "trylock_livelock.c:")
    assert found["stuck"] == []  # each of them runs


def test_the_same_without_a_trace(hang: Hang) -> None:
    found = hang("trylock_livelock", options=("--max-time", "1s", "--no-trace"))
    assert found["status"] == 122
    assert [t["loop"] for t in found["threads"]] == [None] * 3
    assert with_gdb(frames(found["threads"][1]), "polite")


@pytest.mark.parametrize("strategy", ["fifo", "pct"])
def test_two_threads_that_yield(hang: Hang, strategy: str) -> None:
    found = hang("yield_livelock", options=("--max-events", "20000", "--strategy", strategy))
    assert found["status"] == 122
    for thread in found["threads"]:
        assert thread["loop"]["calls"] == ["sched_yield() = 0"]
        assert thread["loop"]["turns"] > 4000
        assert with_gdb(frames(thread), "waits (arg=")


def test_a_loop_that_reads_the_clock(hang: Hang) -> None:
    """Virtual time is the limit although there is no call at all."""
    found = hang("clock_loop", options=("--max-time", "100ms"))
    assert found["status"] == 122
    assert 100_000_000 <= found["virtual_ns"] < 101_000_000
    (thread,) = found["threads"]
    assert thread["state"].startswith("reads the clock again and again (19")
    assert with_gdb(frames(thread), "now_s () at ")


def test_a_loop_that_reads_the_clock_and_the_real_one(hang: Hang) -> None:
    found = hang("clock_loop", options=("--wall-limit", "1s"))
    (thread,) = found["threads"]
    assert thread["state"].startswith("reads the clock again and again")
    assert with_gdb(frames(thread), "clock_loop.c")


def test_a_loop_without_any_call(hang: Hang) -> None:
    """Only real time ends it."""
    found = hang("user_loop", options=("--wall-limit", "1s"))
    assert (found["status"], found["message"]) == (122, "the limit of real time, 1 s, was reached")
    (thread,) = found["threads"]
    assert thread["state"] == "turns in a loop without any call"
    if _HAS_GDB:
        assert "user_loop.c:7" in thread["places"][0] or "user_loop.c:6" in thread["places"][0]
        assert "wait_for_flag () at " in thread["frames"][0]
    else:
        assert all("/user_loop+0x" in place for place in thread["places"])


def test_ctrl_c_tells_as_well(build: Callable[[str], str], work: Path) -> None:
    run = subprocess.Popen(
        command("--no-trace", "--", build("user_loop")), cwd=work, env=environment(),
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(2)
    run.send_signal(signal.SIGINT)
    _out, err = run.communicate(timeout=60)
    found = json.loads(err.splitlines()[-1])
    assert (run.returncode, found["outcome"]) == (130, "interrupted")
    assert found["threads"][0]["state"] == "turns in a loop without any call"


def test_a_server_whose_peer_is_silent(hang: Hang) -> None:
    found = hang("silent_peer", options=("--max-time", "1m"))
    server, client = found["threads"]
    assert server["loop"]["length"] == 2
    assert server["loop"]["calls"][0] == "poll([{fd=4, events=POLLIN}], 1, 50) = 0 (Timeout)"
    assert server["loop"]["turns"] == 1199
    assert client["loop"] is None
    assert "waits to read 4 (TCP 127.0.0.1:" in client["state"]
    assert "to 127.0.0.1:7000), for 60.0" in client["state"]
    assert found["stuck"] == []


def test_one_that_never_has_its_turn(hang: Hang) -> None:
    options = ("--max-events", "20000", "--strategy", "pct:d=1,k=1000000,spin=1000000000")
    found = hang("starved", options=options)
    states = sorted(thread["state"] for thread in found["threads"])
    assert states[0] == "could run, has not had its turn for 20 ms"


def test_without_gdb(hang: Hang, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sleep").symlink_to(shutil.which("sleep") or "/bin/sleep")
    found = hang("yield_livelock", options=("--max-events", "2000"), PATH=str(folder))
    (frame,) = found["threads"][0]["frames"]
    assert "libc.so.6+0x" in frame


def test_the_report_changes_nothing_of_the_run(hang: Hang) -> None:
    runs = [hang("trylock_livelock", options=("--max-time", "1s")) for _ in range(2)]
    assert runs[0]["trace_hash"] == runs[1]["trace_hash"]
    assert runs[0]["threads"] == runs[1]["threads"]


# ---- the longest run ----
def test_a_run_without_limits_ends_after_100_years(hang: Hang) -> None:
    found = hang("clock_loop", options=("--clock-cost", "1h", "--no-trace"))
    assert found["status"] == 122
    assert found["message"] == "100 years of virtual time have passed: no run is longer"


def test_a_limit_is_not_jumped_over(hang: Hang) -> None:
    found = hang("partial_mutex", "3600", options=("--max-time", "1m"))
    assert found["status"] == 122
    assert found["virtual_ns"] == 60 * 10**9 + 1


# ---- partial deadlocks ----
def stuck_ids(found: Status) -> list[list[int]]:
    return [[thread["tid"] for thread in group["threads"]] for group in found["stuck"]]


@pytest.mark.parametrize("seconds", ["0.15", "3000"])
@pytest.mark.parametrize("strategy", ["fifo", "random"])
def test_threads_in_a_circle_of_mutexes(hang: Hang, seconds: str, strategy: str) -> None:
    """At the process's end, and before a far jump of the clock."""
    found = hang("partial_mutex", seconds, options=("--strategy", strategy))
    assert (found["status"], found["outcome"]) == (0, "exited")
    assert stuck_ids(found) == [[3, 4, 5]]
    (group,) = found["stuck"]
    assert 0 < group["since_ns"] < 1_000_000
    waits = [thread["state"] for thread in group["threads"]]
    assert waits[0].startswith("waits for a mutex")
    assert [wait.rpartition(" that ")[2] for wait in waits] == [
        "thread 4 holds", "thread 3 holds", "thread 3 holds",
    ]  # fmt: skip
    if _HAS_GDB:
        assert "mutex b at 0x" in waits[0]
        assert "forwards (arg=" in frames(group["threads"][0])


def test_the_look_for_them_changes_nothing(hang: Hang) -> None:
    """gdb was there, and the threads are as they were: the same events, natively as long a life."""
    runs = [hang("partial_mutex", "3000") for _ in range(3)]
    assert len({run["trace_hash"] for run in runs}) == 1
    assert runs[0]["stuck"] == runs[1]["stuck"] == runs[2]["stuck"]


def test_processes_in_a_circle_of_pipes(hang: Hang) -> None:
    found = hang("pipe_cycle", "100")
    assert (found["status"], stuck_ids(found)) == (0, [[3, 4]])
    assert found["stuck"][0]["threads"][0]["state"] == (
        "waits to read 3 (a pipe, write end with 3, 4)"
    )


def test_whoever_could_write_is_no_part_of_it(hang: Hang) -> None:
    assert stuck_ids(hang("pipe_cycle", "100", "an end is left open")) == []


def test_processes_in_a_circle_of_file_locks(hang: Hang) -> None:
    found = hang("flock_cycle", "100")
    assert (found["status"], stuck_ids(found)) == (0, [[3, 4]])
    assert 10**9 <= found["stuck"][0]["since_ns"] < 1.1 * 10**9
    state = found["stuck"][0]["threads"][0]["state"]
    assert state.endswith("/two.lock) that process 4 (flock_cycle) holds")


@pytest.mark.parametrize("strategy", ["fifo", "random", "pct"])
def test_idle_threads_are_not_stuck(hang: Hang, strategy: str) -> None:
    found = hang("idle_pool", options=("--strategy", strategy))
    assert (found["status"], found["stuck"]) == (0, [])


# ---- what is waited for ----
_DEADLOCKS = {
    "accept": "waits for a connection to 3 (TCP listening at 127.0.0.1:8080)",
    "recv": "waits to read 4 (TCP 127.0.0.1:",
    "epoll": "waits to read 3 (epoll of 2 descriptors)",
    "poll": "waits to read 3 (a pipe, write end with 2), or to read 5 (eventfd)",
    "write": "waits to write 4 (a pipe, read end with 2)",
    "fifo": "waits for somebody to open the other end of a-fifo",
    "unix": "waits to read 3 (a UNIX socket, other end with 2)",
    "udp": "waits to read 3 (UDP at 0.0.0.0:9090)",
    "semop": "waits for a semaphore of System V set 0",
    "msg": "waits for a message in System V message queue 0",
    "mq": "waits for a message in a message queue, descriptor 3",
    "wait": "waits for its child 3 (waits)",
    "pidfd": "waits to read 3 (pidfd of 3)",
    "reader": "waits for a read-write lock{ shared_lock} at 0x* that thread 3 holds",
    "writer": "waits for a read-write lock{ shared_lock} at 0x* that thread 3 holds",
    "readers": "waits for {a read-write lock shared_lock|a futex} at 0x*",
    "cond": "waits for {a condition variable condition|a futex} at 0x*",
    "sem": "waits for {a semaphore semaphore|a futex} at 0x*",
    "barrier": "waits for {a barrier barrier|a futex} at 0x*",
    "self": "waits for a mutex{ mutex} at 0x* that itself holds",
    "left": "waits for a mutex{ mutex} at 0x* that thread 3 left locked",
    "pi": "waits for a priority-inheriting mutex{ special} at 0x* that thread 3 holds",
    "robust": "waits for a robust mutex{ special} at 0x* that thread 3 holds",
    "join": "waits for the end of thread 3",
    "signalfd": "waits to read 3 (signalfd)",
    "sigwait": "waits for a signal in rt_sigtimedwait",
    "eventfd": "waits to read 3 (eventfd)",
    "fcntl": "waits for a lock of descriptor 3 (*/a-file) that process 3 (waits) holds",
    "flock": "waits for a flock of descriptor 3 (*/a-file) that process 3 (waits) holds",
    "inotify": "waits to read 3 (inotify)",
    "vfork": "waits for its vfork child 3 (waits)",
    "timerfd": "waits to read 3 (timerfd)",
    "pause": "waits for a signal in pause",
}


def expected(pattern: str) -> str:
    """A regular expression; in braces stands what gdb tells, and behind | what is told without."""

    text = re.sub(
        r"\{([^|}]*)\|?([^}]*)\}", lambda m: m[1] if _HAS_GDB else m[2], pattern
    )  # fmt: skip
    return re.escape(text).replace(r"\*", ".*")


@pytest.mark.parametrize("way", sorted(_DEADLOCKS))
def test_a_deadlock_names_what_is_waited_for(hang: Hang, way: str) -> None:

    found = hang("waits", way, options=("--no-trace",))
    assert (found["status"], found["outcome"]) == (121, "deadlock")
    thread = found["threads"][0]
    assert re.match(expected(_DEADLOCKS[way]), thread["state"]), thread["state"]
    if way != "vfork":
        assert with_gdb(frames(thread), f"in_{way} () at ") or with_gdb(frames(thread), "main (")


def test_every_way_is_tried(build: Callable[[str], str]) -> None:
    listed = subprocess.run([build("waits")], capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) == set(_DEADLOCKS)
