"""Events are rendered as strace would write them, and no side data can break the reader."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracefile import args_field, field_bytes, waker_field

from dstrun import abi
from dstrun._syscalls import ARG_KINDS, SYSCALLS
from dstrun.trace import text
from dstrun.trace.decode import render_call
from dstrun.trace.sidedata import Field, Waker, parse_fields, parse_waker

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {row.name: nr for nr, row in SYSCALLS.items()}
AT_FDCWD = 2**64 - 100
ADDRESS = 0x7FFE1000

Fields = dict[int, list[Field]]


def string(data: bytes) -> list[Field]:
    return [Field(abi.FIELD_STRING, data)]


def buffer(data: bytes, total: int | None = None) -> list[Field]:
    return [Field(abi.FIELD_BYTES, data, len(data) if total is None else total)]


def record(data: bytes) -> list[Field]:
    return [Field(abi.FIELD_STRUCT, data)]


def render(name: str, args: list[int], fields: Fields, result: int | None) -> str:
    return render_call(NUMBERS[name], args, fields, result)


def stat_bytes(mode: int, size: int = 0, rdev: int = 0) -> bytes:
    head = struct.pack("<QQQIIII", 1, 2, 1, mode, 0, 0, 0)
    return (head + struct.pack("<Qq", rdev, size)).ljust(144, b"\0")


def sigaction_bytes(handler: int, flags: int, restorer: int, mask: int) -> bytes:
    return struct.pack("<4Q", handler, flags, restorer, mask)


LINES: list[tuple[str, list[int], Fields, int | None, str]] = [
    (
        "openat",
        [AT_FDCWD, ADDRESS, 0o2000000, 0xDEAD],
        {1: string(b"/etc/passwd")},
        3,
        'openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3',
    ),
    (
        "open",
        [ADDRESS, 0o1102, 0o644],
        {0: string(b"a\n")},
        -13,
        'open("a\\n", O_RDWR|O_CREAT|O_TRUNC, 0644) = -1 EACCES (Permission denied)',
    ),
    (
        "read",
        [3, ADDRESS, 4096],
        {1: buffer(b"root:x:0:0:root", 2996)},
        2996,
        'read(3, "root:x:0:0:root"..., 4096) = 2996',
    ),
    ("read", [3, ADDRESS, 4096], {}, -11, "read(3, 0x7ffe1000, 4096) = -1 EAGAIN"),
    ("write", [1, ADDRESS, 3], {1: buffer(b"\x001\xff")}, 3, 'write(1, "\\0001\\377", 3) = 3'),
    (
        "writev",
        [1, ADDRESS, 2],
        {1: buffer(b"ab")},
        2,
        'writev(1, ["ab"], 2) = 2',
    ),
    (
        "stat",
        [ADDRESS, ADDRESS],
        {0: string(b"/x"), 1: record(stat_bytes(0o100644, 12))},
        0,
        'stat("/x", {st_mode=S_IFREG|0644, st_size=12, ...}) = 0',
    ),
    (
        "fstat",
        [1, ADDRESS],
        {1: record(stat_bytes(0o020620, rdev=0x8801))},
        0,
        "fstat(1, {st_mode=S_IFCHR|0620, st_rdev=makedev(0x88, 0x1), ...}) = 0",
    ),
    (
        "newfstatat",
        [AT_FDCWD, ADDRESS, ADDRESS, 0x100],
        {1: string(b"/nope")},
        -2,
        'newfstatat(AT_FDCWD, "/nope", 0x7ffe1000, AT_SYMLINK_NOFOLLOW)'
        " = -1 ENOENT (No such file or directory)",
    ),
    (
        "mmap",
        [0, 8192, 3, 0x22, 2**64 - 1, 0],
        {},
        0x7FFFF7FC0000,
        "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fc0000",
    ),
    (
        "semget",
        [0, 2, 0o1600],
        {},
        0,
        "semget(IPC_PRIVATE, 2, IPC_CREAT|0600) = 0",
    ),
    ("msgget", [0x1234, 0], {}, -2, "msgget(0x1234, 000) = -1 ENOENT (No such file or directory)"),
    ("semctl", [1, 0, 16, 7], {}, 0, "semctl(1, 0, SETVAL, 7) = 0"),
    ("semctl", [1, 0, 0, ADDRESS], {}, 0, "semctl(1, 0, IPC_RMID) = 0"),
    (
        "msgsnd",
        [1, ADDRESS, 2, 0o4000],
        {1: record(struct.pack("<q2s", 5, b"ab"))},
        0,
        'msgsnd(1, {mtype=5, mtext="ab"}, 2, IPC_NOWAIT) = 0',
    ),
    (
        "msgrcv",
        [1, ADDRESS, 9000, 2**64 - 3, 0o10000],
        {1: buffer(struct.pack("<q2s", 2, b"ab"), 5008)},
        5000,
        'msgrcv(1, {mtype=2, mtext="ab"...}, 9000, -3, MSG_NOERROR) = 5000',
    ),
    (
        "mq_getsetattr",
        [3, 0, ADDRESS],
        {2: record(struct.pack("<4q", 0o4000, 10, 8192, 2))},
        0,
        "mq_getsetattr(3, NULL, {mq_flags=O_RDONLY|O_NONBLOCK, mq_maxmsg=10, mq_msgsize=8192,"
        " mq_curmsgs=2}) = 0",
    ),
    (
        "mq_notify",
        [3, ADDRESS],
        {1: record(struct.pack("<Qii", 42, 10, 0))},
        0,
        "mq_notify(3, {sigev_value=0x2a, sigev_signo=SIGUSR1, sigev_notify=SIGEV_SIGNAL}) = 0",
    ),
    (
        "io_getevents",
        [ADDRESS, 1, 8, ADDRESS, 0],
        {3: record(struct.pack("<QQqq", 1, ADDRESS, -14, 0))},
        1,
        "io_getevents(0x7ffe1000, 1, 8, [{data=0x1, obj=0x7ffe1000, res=-14}], NULL) = 1",
    ),
    (
        "fcntl",
        [3, 7, ADDRESS],
        {2: record(struct.pack("<hhxxxxqqixxxx", 1, 0, 5, 10, 0))},
        -35,
        "fcntl(3, F_SETLKW, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=5, l_len=10})"
        " = -1 EDEADLK (Resource deadlock avoided)",
    ),
    ("brk", [0], {}, 0x555555559000, "brk(NULL) = 0x555555559000"),
    ("mprotect", [0x1000, 4096, 0], {}, 0, "mprotect(0x1000, 4096, PROT_NONE) = 0"),
    (
        "rt_sigaction",
        [17, ADDRESS, 0, 8],
        {1: record(sigaction_bytes(1, 0x14000000, 0x401000, 1 << 1))},
        0,
        "rt_sigaction(SIGCHLD, {sa_handler=SIG_IGN, sa_mask=[INT],"
        " sa_flags=SA_RESTORER|SA_RESTART, sa_restorer=0x401000}, NULL, 8) = 0",
    ),
    (
        "rt_sigprocmask",
        [0, ADDRESS, ADDRESS, 8],
        {1: record(struct.pack("<Q", 2**64 - 1)), 2: record(struct.pack("<Q", 1 << 16 | 1 << 33))},
        0,
        "rt_sigprocmask(SIG_BLOCK, ~[], [CHLD RT_2], 8) = 0",
    ),
    (
        "wait4",
        [2**64 - 1, ADDRESS, 1, 0],
        {1: record(struct.pack("<I", 3 << 8))},
        42,
        "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], WNOHANG, NULL) = 42",
    ),
    (
        "waitid",
        [1, 42, ADDRESS, 4, 0],
        {2: record(struct.pack("<iiiiiIi", 17, 0, 2, 0, 42, 0, 9))},
        0,
        "waitid(P_PID, 42, {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=42, si_uid=0,"
        " si_status=SIGKILL}, WEXITED, NULL) = 0",
    ),
    (
        "poll",
        [ADDRESS, 2, 2**32 - 1],
        {0: record(struct.pack("<iHHiHH", 3, 1, 1, 4, 4, 0))},
        1,
        "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT}], 2, -1)"
        " = 1 ([{fd=3, revents=POLLIN}])",
    ),
    ("poll", [0, 0, 100], {}, 0, "poll(NULL, 0, 100) = 0 (Timeout)"),
    (
        "prlimit64",
        [0, 3, 0, ADDRESS],
        {3: record(struct.pack("<QQ", 8 << 20, 2**64 - 1))},
        0,
        "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0",
    ),
    (
        "uname",
        [ADDRESS],
        {
            0: record(
                b"".join(part.ljust(65, b"\0") for part in [b"Linux", b"h", b"6", b"v", b"m", b"d"])
            )
        },
        0,
        'uname({sysname="Linux", nodename="h", release="6", version="v", machine="m",'
        ' domainname="d"}) = 0',
    ),
    (
        "clock_nanosleep",
        [1, 1, ADDRESS, 0],
        {2: record(struct.pack("<qq", 5, 7))},
        0,
        "clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=5, tv_nsec=7}, NULL) = 0",
    ),
    (
        "gettimeofday",
        [ADDRESS, 0],
        {0: record(struct.pack("<qq", 5, 7))},
        0,
        "gettimeofday({tv_sec=5, tv_usec=7}, NULL) = 0",
    ),
    (
        "utimensat",
        [AT_FDCWD, 0, ADDRESS, 0],
        {2: record(struct.pack("<4q", 0, 0x3FFFFFFF, 1, 2))},
        0,
        "utimensat(AT_FDCWD, NULL, [UTIME_NOW, {tv_sec=1, tv_nsec=2}], 0) = 0",
    ),
    (
        "pipe2",
        [ADDRESS, 0o2000000],
        {0: record(struct.pack("<2i", 3, 4))},
        0,
        "pipe2([3, 4], O_CLOEXEC) = 0",
    ),
    ("fcntl", [3, 1, 0x7FFF], {}, 1, "fcntl(3, F_GETFD) = 1 (flags FD_CLOEXEC)"),
    ("fcntl", [3, 3, 0x7FFF], {}, 0x8002, "fcntl(3, F_GETFL) = 32770 (flags O_RDWR|O_LARGEFILE)"),
    ("fcntl", [3, 2, 1], {}, 0, "fcntl(3, F_SETFD, FD_CLOEXEC) = 0"),
    (
        "fcntl",
        [3, 6, ADDRESS],
        {2: record(struct.pack("<hhxxxxqqixxxx", 1, 0, 0, 10, 0))},
        0,
        "fcntl(3, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=10}) = 0",
    ),
    ("ioctl", [0, 0x5451, 99], {}, 0, "ioctl(0, FIOCLEX) = 0"),
    (
        "ioctl",
        [0, 0x5413, ADDRESS],
        {},
        -25,
        "ioctl(0, TIOCGWINSZ, 0x7ffe1000) = -1 ENOTTY (Inappropriate ioctl for device)",
    ),
    (
        "ioctl",
        [0, 0xC0045878, 0],
        {},
        0,
        "ioctl(0, _IOC(_IOC_READ|_IOC_WRITE, 0x58, 0x78, 0x4), NULL) = 0",
    ),
    ("futex", [0x1000, 0x81, 1, 9, 9, 9], {}, 0, "futex(0x1000, FUTEX_WAKE_PRIVATE, 1) = 0"),
    (
        "prctl",
        [15, ADDRESS, 1, 2, 3],
        {1: string(b"worker")},
        0,
        'prctl(PR_SET_NAME, "worker") = 0',
    ),
    ("prctl", [1, 9, 1, 2, 3], {}, 0, "prctl(PR_SET_PDEATHSIG, SIGKILL) = 0"),
    (
        "execve",
        [ADDRESS, ADDRESS, ADDRESS],
        {
            0: string(b"/bin/ls"),
            1: [Field(abi.FIELD_STRINGS, b"ls\0-l\0")],
            2: [Field(abi.FIELD_STRINGS, b"A=1\0B=2\0")],
        },
        0,
        'execve("/bin/ls", ["ls", "-l"], 0x7ffe1000 /* 2 vars */) = 0',
    ),
    (
        "clone",
        [0x4111, 0, 0, 0, 0],
        {},
        7,
        "clone(CLONE_VM|CLONE_VFORK|SIGCHLD, NULL, NULL, NULL, NULL) = 7",
    ),
    ("kill", [7, 34], {}, 0, "kill(7, SIGRT_2) = 0"),
    ("exit_group", [2**32 - 1], {}, None, "exit_group(-1) = ?"),
    ("umask", [0o22], {}, 0o22, "umask(022) = 022"),
    ("access", [ADDRESS, 0], {0: string(b"/a")}, 0, 'access("/a", F_OK) = 0'),
    (
        "readlink",
        [ADDRESS, ADDRESS, 99],
        {0: string(b"l"), 1: buffer(b"to")},
        2,
        'readlink("l", "to", 99) = 2',
    ),
    ("getcwd", [ADDRESS, 99], {0: buffer(b"/w\0")}, 3, 'getcwd("/w", 99) = 3'),
    (
        "connect",
        [3, ADDRESS, 16],
        {1: buffer(struct.pack("<H", 2) + b"\x00\x50\x7f\x00\x00\x01" + bytes(8))},
        0,
        "connect(3, {sa_family=AF_INET, sin_port=htons(80),"
        ' sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
    ),
    (
        "bind",
        [3, ADDRESS, 5],
        {1: buffer(struct.pack("<H", 1) + b"/s\0")},
        0,
        'bind(3, {sa_family=AF_UNIX, sun_path="/s"}, 5) = 0',
    ),
    ("socket", [1, 0o2000001, 0], {}, 3, "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3"),
    (
        "getdents64",
        [3, ADDRESS, 32768],
        {1: buffer(struct.pack("<QqHB", 1, 1, 24, 4) + b"a".ljust(5, b"\0"), 48)},
        48,
        'getdents64(3, ["a", ...], 32768) = 48',
    ),
    ("getpid", [], {}, 7, "getpid() = 7"),
    ("mkdir", [ADDRESS, 0o755], {0: string(b"d")}, 0, 'mkdir("d", 0755) = 0'),
    (
        "mknod",
        [ADDRESS, 0o010644, 0],
        {0: string(b"p")},
        0,
        'mknod("p", S_IFIFO|0644) = 0',
    ),
    ("mprotect", [0, 1, 0x80000001], {}, 0, "mprotect(NULL, 1, PROT_READ|0x80000000) = 0"),
]


@pytest.mark.parametrize(
    ("name", "args", "fields", "result", "line"), LINES, ids=lambda value: str(value)[:24]
)
def test_line(name: str, args: list[int], fields: Fields, result: int | None, line: str) -> None:
    rendered = render(name, args, fields, result)
    if line.endswith("EAGAIN"):
        assert rendered.startswith(line)
    else:
        assert rendered == line


def test_unknown_syscall() -> None:
    assert render_call(511, [0, 16], {}, -38).startswith("syscall_0x1ff(0, 0x10) = -1 ENOSYS (")


def test_statx() -> None:
    data = bytearray(256)
    struct.pack_into("<IIQ", data, 0, 0x7FF, 4096, 0)
    struct.pack_into("<H", data, 28, 0o040755)
    struct.pack_into("<Q", data, 40, 4096)
    line = render("statx", [AT_FDCWD, 1, 0, 0xFFF, 1], {1: string(b"/"), 4: record(bytes(data))}, 0)
    assert line == (
        'statx(AT_FDCWD, "/", 0, STATX_ALL, {stx_mask=STATX_BASIC_STATS, stx_attributes=0,'
        " stx_mode=S_IFDIR|0755, stx_size=4096, ...}) = 0"
    )


def test_a_short_struct_is_shown_as_bytes() -> None:
    assert render("fstat", [1, ADDRESS], {1: record(b"ab")}, 0) == 'fstat(1, "ab") = 0'


def test_strings_are_cut_where_asked() -> None:
    fields = {1: buffer(b"x" * 50)}
    assert render("write", [1, ADDRESS, 50], fields, 50) == f'write(1, "{"x" * 32}"..., 50) = 50'
    whole = render_call(1, [1, ADDRESS, 50], fields, 50, string_max=None)
    assert whole == f'write(1, "{"x" * 50}", 50) = 50'


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, "{WIFEXITED(s) && WEXITSTATUS(s) == 0}"),
        (139, "{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}"),
        (0x137F, "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}"),
        (0xFFFF, "{WIFCONTINUED(s)}"),
    ],
)
def test_wait_status(status: int, expected: str) -> None:
    assert text.wait_status(status) == expected


def test_restart_codes_have_names() -> None:
    assert text.error(512) == "ERESTARTSYS (To be restarted if SA_RESTART is set)"


# ---- side data ----


def test_side_data_is_parsed() -> None:
    data = args_field(3, ADDRESS, 4096, AT_FDCWD, 0, 2**64 - 1)
    data += field_bytes(abi.FIELD_BYTES, 1, struct.pack("<QQ", 2996, 77) + b"root")
    data += field_bytes(abi.FIELD_STRING, 1, b"/x" * 100)
    data += waker_field(300, 1_000_000) + b"\0after the end"
    args, fields = parse_fields(memoryview(data))
    assert args == [3, ADDRESS, 4096, AT_FDCWD, 0, 2**64 - 1]
    assert fields == {
        1: [Field(abi.FIELD_BYTES, b"root", 2996, 77), Field(abi.FIELD_STRING, b"/x" * 100)]
    }
    assert parse_fields(b"") == ([], {})
    assert parse_waker(data) == Waker(300, 1_000_000)
    assert parse_waker(b"") is None


@given(st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_arguments_come_back(args: list[int]) -> None:
    assert parse_fields(args_field(*args)) == (args, {})


BROKEN = {
    "cut header": bytes([abi.FIELD_STRING]),
    "longer than the data": bytes([abi.FIELD_STRING, 9]) + bytes(8),
    "argument 6": field_bytes(abi.FIELD_STRING, 6, b"a"),
    "unknown kind": bytes([15, 0]),
    "cut arguments": args_field(1, 2, ADDRESS)[:-1],
    "seven arguments": bytes([abi.FIELD_ARGS | 7 << 4]) + bytes(8),
    "no total": bytes([abi.FIELD_BYTES]),
    "more than all": bytes([abi.FIELD_BYTES, 1, 2]) + bytes(2),
    "no hash": bytes([abi.FIELD_BYTES, 9, 1, 0, 0]),
    "endless number": bytes([abi.FIELD_STRING]) + bytes([255] * 20),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_broken_side_data(data: bytes) -> None:
    with pytest.raises(ValueError, match="side data"):
        parse_fields(data)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_parsed(data: bytes) -> None:
    try:
        args, fields = parse_fields(data)
    except ValueError:
        return
    assert len(args) <= 6
    assert set(fields) <= set(range(6))


WELL_FORMED = st.lists(
    st.builds(
        field_bytes,
        st.sampled_from([abi.FIELD_STRING, abi.FIELD_STRUCT, abi.FIELD_STRINGS, abi.FIELD_BYTES]),
        st.integers(0, 5),
        st.binary(min_size=16, max_size=400),
    ),
    max_size=6,
).map(b"".join)


@given(
    st.sampled_from(sorted(SYSCALLS)),
    st.lists(st.integers(0, 2**64 - 1), max_size=6),
    WELL_FORMED,
    st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_any_values_can_be_shown(nr: int, args: list[int], data: bytes, result: int | None) -> None:
    _, fields = parse_fields(data)
    line = render_call(nr, args, fields, result)
    assert line.startswith(SYSCALLS[nr].name + "(")
    assert "\n" not in line


@pytest.mark.parametrize("kind", sorted(set(ARG_KINDS) - {"NONE"}))
def test_every_kind_can_be_shown_with_zeros(kind: str) -> None:
    size = max(ARG_KINDS[kind].bytes, 1)
    for nr, row in SYSCALLS.items():
        if kind in row.kinds:
            fields = {row.kinds.index(kind): record(bytes(size))}
            assert render_call(nr, [0] * len(row.kinds), fields, 0)


def test_generated_tables_are_fresh() -> None:
    script = ROOT / "scripts" / "gen_syscalls.py"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False, cwd=ROOT)
    assert done.returncode == 0
