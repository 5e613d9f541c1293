"""One value for everything that varies.

For each source: native runs differ (the negative control: the test can fail), the same seed agrees,
and another seed differs where it should.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from runs_lib import Native, Program, Simulate


@dataclass(frozen=True)
class Source:
    """A command whose output shows one source of variation."""

    name: str
    command: tuple[str, ...]
    native_varies: bool = True
    seed_matters: bool = True


def _python(name: str, code: str, *, native: bool = True, seed: bool = True) -> Source:
    return Source(name, ("python3", "-c", code), native, seed)


def _shell(name: str, code: str, *, native: bool = True, seed: bool = True) -> Source:
    return Source(name, ("sh", "-c", code), native, seed)


# native=False: it does not vary on this machine, or not from one second to the next.
SOURCES = [
    _shell(
        "addresses of a set-user-ID program and its child",
        "cp $(command -v sh) s; chmod 4755 s; ./s -c 'cat /proc/$$/maps /proc/self/maps'",
        seed=False,
    ),
    _python("wall clock", "import time; print(time.time())"),
    _python("monotonic clock", "import time; print(time.monotonic(), time.clock_gettime(4))"),
    _python("cpu clock", "import time; print(time.process_time_ns())", seed=False),
    _python("boot clock", "import time; print(time.clock_gettime(7))"),
    _python("coarse clock", "import time; print(time.clock_gettime_ns(5))"),
    _python("getrandom", "import os; print(os.getrandom(16).hex(), os.urandom(8).hex())"),
    _shell("random device", "head -c 16 /dev/urandom | od -x; head -c 4 /dev/random | od -x"),
    _python("AT_RANDOM", "print(hash('x'))"),
    _python("uuid", "import uuid; print(uuid.uuid1(), uuid.uuid4())"),
    _python("temporary names", "import tempfile; print(tempfile.mktemp())"),
    _python("an object's address", "print(id(object()))", seed=False),
    _shell("own pid", "echo $$; sh -c 'echo $$ $PPID'", seed=False),
    _shell("parents and groups", "cut -d ' ' -f 1,4,5,6 /proc/self/stat", seed=False),
    _shell("bash's RANDOM", "bash -c 'echo $RANDOM $SRANDOM $EPOCHREALTIME'"),
    _shell("inodes", "mkdir d; echo x > d/f; stat -c '%i' d/f d; ls -i", native=False, seed=False),
    _shell("times of a written file", "echo x > f; stat -c '%x %y %z %w' f"),
    _shell("statfs", "df -P . | tail -1; stat -f .", native=False, seed=False),
    _shell("host name", "uname -n; cat /proc/sys/kernel/hostname", native=False, seed=False),
    _shell("uptime", "cat /proc/uptime"),
    _shell("load", "cat /proc/loadavg", seed=False),
    _shell("memory", "cat /proc/meminfo", seed=False),
    _shell("kernel's statistics", "cat /proc/stat"),
    _shell("cpuinfo", "cat /proc/cpuinfo", native=False, seed=False),
    _shell("boot id", "cat /proc/sys/kernel/random/boot_id", native=False),
    _shell("kernel's uuid", "cat /proc/sys/kernel/random/uuid"),
    _shell("own maps", "cat /proc/self/maps", seed=False),
    _shell("own stat", "cat /proc/self/stat"),
    _shell("own status", "cat /proc/self/status", seed=False),
    _shell("own auxv", "od -x /proc/self/auxv", seed=False),
    _shell("own limits", "cat /proc/self/limits; ulimit -a", native=False, seed=False),
    _shell("own schedule", "cat /proc/self/schedstat", seed=False),
    _shell("own fds", "ls -l /proc/self/fd | cut -c 1-10", native=False, seed=False),
    _shell("interrupts", "cat /proc/interrupts /proc/softirqs", seed=False),
    _shell("virtual memory statistics", "cat /proc/vmstat", seed=False),
    _shell("disk statistics", "cat /proc/diskstats", native=False, seed=False),
    _shell("other processes", "ls /proc | grep '^[0-9]'", seed=False),
    _python("rusage", "import resource; print(resource.getrusage(0))", seed=False),
    _python("times", "import os; print(os.times())"),
    _python(
        "affinity", "import os; print(os.sched_getaffinity(0), os.cpu_count())",
        native=False, seed=False,
    ),
    _shell("processors", "nproc; cat /sys/devices/system/cpu/online", native=False, seed=False),
    _shell("umask and place", "umask; pwd", native=False, seed=False),
    _python(
        "sysinfo",
        "import ctypes; b = ctypes.create_string_buffer(128); ctypes.CDLL(None).sysinfo(b);"
        "print(b.raw)",
    ),
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_same_seed_agrees(source: Source, simulate: Simulate, fresh: Callable[[], None]) -> None:
    runs = []
    for seed in (7, 7, 8):
        fresh()
        runs.append(simulate(*source.command, seed=seed))
        time.sleep(0.02)
    assert runs[0].status == 0, runs[0].err
    assert runs[0].identity == runs[1].identity
    if source.seed_matters:
        assert runs[2].out != runs[0].out


@pytest.mark.parametrize("source", [s for s in SOURCES if s.native_varies], ids=lambda s: s.name)
def test_native_differs(source: Source, native: Native, fresh: Callable[[], None]) -> None:
    seen = set()
    for _ in range(8):
        fresh()
        seen.add(native(*source.command).out)
        if len(seen) > 1:
            return
        time.sleep(0.1)
    pytest.fail(f"no variation: {seen}")


def test_addresses(program: Program, native: Native, simulate: Simulate) -> None:
    binary = program("addresses")
    assert len({native(binary).out for _ in range(8)}) > 1
    assert len({simulate(binary, seed=seed).out for seed in (7, 7, 8)}) == 1


def test_addresses_do_not_move_with_the_environment(program: Program, simulate: Simulate) -> None:
    binary = program("addresses")
    plain = simulate(binary)
    for size in (1, 1000, 30000):
        assert simulate(binary, options=("--env", f"PADDING={'x' * size}")).out == plain.out
        assert simulate(binary, "x" * size).out == plain.out


def test_addresses_do_not_tell_whether_a_trace_is_written(
    program: Program, simulate: Simulate
) -> None:
    """A request so large that only the gap around the shim's own range would hold it."""
    code = (
        "import mmap; m = mmap.mmap(-1, 1 << 40, prot=0, flags=mmap.MAP_PRIVATE | 0x4020);"
        "print([l.split()[0] for l in open('/proc/self/maps')])"
    )
    for command in ((program("addresses"),), ("python3", "-c", code)):
        recorded, plain = simulate(*command), simulate(*command, record=False)
        assert recorded.status == 0, recorded.err
        assert (recorded.out, recorded.err) == (plain.out, plain.err)


def test_rdtsc(simulate: Simulate, native: Native, work: Path) -> None:
    (work / "tsc.c").write_text(
        "#include <stdio.h>\n#include <x86intrin.h>\n"
        'int main(void) { printf("%llu\\n", __rdtsc()); return 0; }\n'
    )
    assert native("gcc", "-o", "tsc", "tsc.c").status == 0
    assert native("./tsc").out != native("./tsc").out
    first = simulate("./tsc")
    assert first.identity == simulate("./tsc").identity
    assert first.out != simulate("./tsc", seed=8).out


def test_directory_order(simulate: Simulate, native: Native, work: Path) -> None:
    """By name, whatever the file system's own order is (which native may or may not show)."""
    names = [f"{(i * 37) % 101:03}" for i in range(101)]
    for name in names:
        (work / name).touch()
    listing = simulate("python3", "-c", "import os; print(*os.listdir('.'))")
    assert listing.out.split() == sorted(names)
