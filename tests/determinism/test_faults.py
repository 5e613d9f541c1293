"""What fault rules do to programs: each checks itself against the plan that it is given."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from runs_lib import PROGRAMS, Simulate

_FLAGS = ("-D_GNU_SOURCE", "-O1", "-g", "-w", "-pthread")
# program, case, the plan's rules
CASES: list[tuple[str, str, tuple[str, ...]]] = [
    ("files", "error", ("on=write path=*.db when=2 error=ENOSPC",)),
    ("files", "after", ("on=write path=*.db error=EIO after_call=true",)),
    ("files", "names", (
        "on=write path=wal/* error=EIO",
        "on=unlink,access,faccessat,faccessat2,stat,newfstatat path=wal/* error=EACCES",
    )),
    ("files", "meanings", ("on=access,faccessat,faccessat2 path=**/wal/* error=EACCES",)),
    ("files", "less", ("on=write,writev,pwrite64,pread64,preadv path=*.db short=5",)),
    ("files", "lost", (
        "on=write path=a.db when=2 drop=true",
        "on=write path=b.log duplicate=true",
    )),
    ("files", "forget", ("on=fsync,fdatasync error=EIO forget=true",)),
    ("files", "corrupt", (
        'on=write,pwrite64 path=a.db corrupt={how="flip",where="write",bits=3}',
        'on=preadv path=b.log corrupt={how="zero",where="read",bytes=10,range="50..59"}',
    )),
    ("files", "at_rest", ('at=1s path=a.db corrupt={how="truncate",where="rest",bytes=10}',)),
    ("waits", "eintr", ("on=read,poll,clock_nanosleep eintr=1s",)),
    ("waits", "delays", (
        "on=getuid when=1 delay_enter=1s signal=SIGUSR1",
        "on=getuid when=1 delay_exit=2s",
        "on=getuid when=2 delay_enter=500ms",
    )),
    ("waits", "stops", (
        "on=write size=1 process_order=2 when=2 stop=60s",
        "on=write size=10 process_order=3 short=5 kill=SIGKILL after_call=true",
    )),
    ("waits", "timed", ("at=5s process_order=2 kill=SIGTERM",)),
    ("waits", "futexes", (
        "on=futex when=1 spurious=true",
        "on=futex when=3+ misdirect=true",
    )),
    ("waits", "hold", ("on=getuid hold=20",)),
    ("memory", "memory", (
        "on=malloc,calloc,posix_memalign size=5000 error=ENOMEM",
        "on=mmap size=1048576 error=ENOMEM",
        "on=brk not_before=1ns when=4 error=ENOMEM",
    )),
    ("memory", "making", (
        "on=clone,clone3,fork,vfork when=1..2 error=EAGAIN",
        "on=openat path=/dev/null error=EMFILE",
        "on=dup error=EMFILE",
        "on=pipe,pipe2 error=ENFILE",
        "on=execve when=1 error=ENOMEM",
    )),
    ("transfers", "aio", (
        "on=pwrite64 path=*.db when=1 error=ENOSPC",
        "on=pwrite64 path=*.db when=2 short=4",
        "on=fsync path=*.db error=EIO",
        'on=pread64 path=*.db corrupt="zero"',
        "on=io_submit when=8 error=EBADF",
    )),
    ("transfers", "mappings", (
        "on=mmap path=*.db error=ENOMEM",
        "on=mmap path=b.txt size=4096 error=EAGAIN",
        "on=msync when=1 error=EIO",
        "on=mremap size=16384 error=ENOMEM",
    )),
    ("transfers", "many", (
        "on=sendmmsg when=1 short=2",
        "on=recvmmsg when=1 short=1",
        'on=recvmmsg when=2 corrupt={how="zero",where="read",range="1+"}',
        'on=sendmmsg when=2 corrupt={how="zero",where="write",range="2..5"}',
        'on=sendmmsg when=3 corrupt={how="truncate",where="write",bytes=7}',
        "on=sendmmsg when=4 drop=true",
    )),
    ("transfers", "marks", tuple(
        f'on={call} since_output="by {how}" retval=77' for call, how in (
            ("getuid", "sendfile"), ("geteuid", "copy_file_range"), ("getgid", "splice"),
            ("getegid", "splicetee"), ("getppid", "spliceteepipe"), ("getpgrp", "socket"),
        )
    )),
    ("net", "connects", (
        "on=connect peer=127.0.0.1:5001 net=refused",
        "on=connect peer=127.0.0.0/8:5002 net=timed_out net_timeout=30s",
        "on=connect peer=:5003 net=unreachable",
    )),
    ("net", "reset", ("on=sendto peer=:5000 when=2 net=reset",)),
    ("net", "half_open", ("on=sendto peer=:5000 when=2 net=half_open",)),
    ("net", "timed_out", ("on=recvfrom peer=:5000 net=timed_out net_timeout=20s",)),
    ("net", "datagrams", (
        "on=sendto kind=udp when=1 drop=true",
        "on=sendto kind=udp when=2 duplicate=true",
        "on=sendto kind=udp when=3 short=2",
    )),
    ("net", "messages", (
        "on=sendmsg short=5",
        "on=recvmsg short=4",
        "on=write kind=unix net=reset",
    )),
    ("net", "accepts", (
        "on=accept,accept4 peer=:4001 error=EMFILE",
        "on=accept,accept4 peer=127.0.0.1:4002 net=refused",
        "on=accept,accept4 peer=:4003 net=reset",
        "on=accept,accept4 peer=:4004 net=half_open",
    )),
    ("net", "by_name", ("on=connect peer=dstrun:5000 error=ENETUNREACH",)),
    ("net", "unix_half_open", ("on=write kind=unix when=2+3 net=half_open",)),
    ("net", "unix_timed_out", (
        "on=read kind=unix when=1 net=timed_out net_timeout=20s",
        "on=read kind=unix when=3 net=timed_out net_timeout=20s",
    )),
    ("net", "unix_connects", (
        "on=connect path=one net=timed_out net_timeout=30s",
        "on=connect path=**/two net=half_open",
        "on=bind path=@three error=EADDRINUSE",
        "on=sendto path=@th* error=EPERM",
    )),
    ("clocks", "forward", ('at=1s clock={of="wall",jump="1h"}',)),
    ("clocks", "backward", ('at=1s clock={of="wall",jump="-60s"}',)),
    ("clocks", "cancel", ('at=1s clock={of="wall",jump="3600s"}',)),
    ("clocks", "fast", ('at=1s clock={of="monotonic",drift="100%"}',)),
    ("clocks", "frozen", ('on=getuid clock={of="wall",freeze=true,for="10s"}',)),
    ("clocks", "told", (
        'at=1s clock={of="wall",jump="1h"}',
        'at=3s clock={of="monotonic",jump="1000s"}',
        'at=5s clock={of="monotonic",freeze=true}',
    )),
    *(
        ("clocks", case, ('at=1s clock={of="monotonic",drift="100%"}',))
        for case in ("left", "epolls", "selects", "signals")
    ),
    ("clocks", "thawed", (
        'at=1s clock={of="monotonic",freeze=true}',
        'at=3s clock={of="monotonic",jump="1ns"}',
    )),
    ("clocks", "reads", ("on=clock_gettime when=3 error=EINVAL",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/programs/faults/*.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")
    for source in (PROGRAMS / "faults").glob("*.c"):
        command = ["gcc", *_FLAGS, "-o", str(folder / source.stem), str(source)]
        subprocess.run(command, check=True)
    return folder


def clear(work: Path) -> bool:
    """Nothing of an earlier run is there."""
    shutil.rmtree(work)
    work.mkdir()
    return True


@pytest.mark.parametrize(
    ("program", "case", "rules"), CASES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_case(
    program: str, case: str, rules: tuple[str, ...], programs: Path, work: Path, simulate: Simulate
) -> None:
    """It finds what its plan says, the same twice; without the plan it does not."""
    command = (str(programs / program), case)
    options = tuple(word for rule in rules for word in ("--fault", rule))
    first, second = (simulate(*command, options=options) for _ in range(2) if clear(work))
    assert (first.status, first.out) == (0, "ok\n"), first
    assert first.identity == second.identity
    other = simulate(*command, options=("--wall-limit", "20s"))
    assert other.status != 0


@pytest.mark.parametrize(
    ("program", "case", "rules"), CASES[9:15], ids=lambda v: v if isinstance(v, str) else ""
)
def test_whatever_the_schedule(
    program: str, case: str, rules: tuple[str, ...], programs: Path, simulate: Simulate
) -> None:
    options = tuple(word for rule in rules for word in ("--fault", rule))
    for seed in range(4):
        pair = [
            simulate(
                str(programs / program), case, seed=seed, options=(*options, "--strategy", "random")
            )
            for _ in range(2)
        ]
        assert pair[0].identity == pair[1].identity
