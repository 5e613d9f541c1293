"""The same command line under Debian's strace and under dstrun injects at the same calls.

Each spec on each program: the list of the calls that were hit (name, and how manyth of that name),
the exit status and the output have to be the same. The programs have one thread, so that strace's
counting and ours count the same calls.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from runs_lib import ROOT

from dstrun import abi
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_name

STRACE = shutil.which("strace")
pytestmark = pytest.mark.skipif(not STRACE, reason="NO STRACE: nothing is compared with it")

_PYTHON = """
import os
for i in range(5):
    try:
        print(len(open(f"in/f{i}").read()))
    except OSError as error:
        print(error)
print(sorted(os.listdir("in")), os.getppid() > 0)
"""
PROGRAMS = {
    "cat": ("cat", "in/f0", "in/f1", "in/big"),
    "cp": ("cp", "in/f0", "in/f1", "in/big", "out"),
    "tar": ("tar", "cf", "o.tar", "in/f0", "in/f1", "in/big"),
    "sqlite3": ("sqlite3", "t.db", ".read load.sql"),
    "python3": ("python3", "-S", "-E", "-c", _PYTHON),
}

SPECS = """
write:error=ENOSPC:when=2+
write:error=EIO:when=1
write:retval=1:when=1..3
read:error=EIO:when=3+2
read:error=EINTR:when=5
read:retval=0:when=4
openat:error=EMFILE:when=6
openat:error=ENOENT:when=5+3
openat,open:error=EACCES:when=4..6
close:error=EIO:when=2+
fsync:error=EIO
fdatasync,fsync:error=EIO:when=2
/^p(read|write)64:error=EIO:when=3
pread64:retval=0:when=2
pwrite64:error=ENOSPC:when=3
%file:error=ENOENT:when=9
%desc:error=EBADF:when=5..6
%memory:error=ENOMEM:when=12
mmap:error=ENOMEM:when=10+
brk:error=ENOMEM:when=2+
newfstatat:error=EIO:when=4+
fstat,newfstatat:error=EOVERFLOW:when=3
lseek:error=ESPIPE:when=1+2
fcntl:error=EINVAL:when=1+2
ioctl:error=ENOTTY:when=2
unlink,unlinkat:error=EROFS
read:delay_enter=10us:when=2+2
write:delay_exit=50us:when=1..2
read:signal=SIGUSR1:when=5
openat:signal=CONT:when=3+4
write:error=EPIPE:signal=SIGPIPE:when=1
%%stat:error=EACCES:when=5
!read,write,openat,close,mmap,exit_group:error=ENOSYS:when=3
getppid,getuid,geteuid:retval=1000:syscall=getpid
munmap:error=EINVAL:when=2
mprotect:error=ENOMEM:when=4
access:error=EIO:when=1
pipe2,?nosuch,getppid:error=EIO
""".strip().splitlines()

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": "/"}


@dataclass(frozen=True)
class Outcome:
    """What came of a run: the calls that were hit, and all that the program told."""

    hits: list[tuple[str, int]]
    status: int
    out: str
    err: str


def start(path: Path) -> Path:
    """Fresh files at a fresh place."""
    (path / "in").mkdir(parents=True)
    (path / "out").mkdir()
    for i in range(3):
        (path / "in" / f"f{i}").write_text(f"line {i}\n" * 500)
    (path / "in" / "big").write_text("x" * 200_000)
    rows = "".join(f"insert into t values({i},'{i}');\n" for i in range(8))
    (path / "load.sql").write_text(f"create table t(a,b);\n{rows}select count(*) from t;\n")
    return path


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)}, capture_output=True,
        stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=60, check=False,
    )  # fmt: skip


def told(result: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """The output; natively addresses vary."""
    return result.stdout, re.sub(r"0x[0-9a-f]+", "ADDRESS", result.stderr)


def under_strace(words: tuple[str, ...], spec: str, path: Path) -> Outcome:
    assert STRACE
    trace = path / "trace"
    cwd = start(path / "w")
    result = run([STRACE, "-qq", "-o", str(trace), "-e", f"inject={spec}", *words], cwd)
    hits: list[tuple[str, int]] = []
    counts: Counter[str] = Counter()
    last = ("", 0)
    for line in trace.read_text(errors="replace").splitlines()[1:]:  # the first is the exec
        call = re.match(r"(\w+)\(", line)
        if call:
            counts[call[1]] += 1
            last = (call[1], counts[call[1]])
        is_signal = line.startswith("--- ") and "SI_KERNEL" in line
        if "INJECTED" in line or "DELAYED" in line or (is_signal and last not in hits):
            hits.append(last)
    return Outcome(hits, result.returncode, *told(result))


def under_dstrun(words: tuple[str, ...], spec: str, path: Path) -> Outcome:
    trace = path / "trace"
    cwd = start(path / "w")
    command = [sys.executable, "-m", "dstrun", "-q", "--seed", "1", "-o", str(trace)]
    result = run([*command, "-e", f"inject={spec}", "--", *words], cwd)
    hits = []
    counts: Counter[str] = Counter()
    with Trace(trace) as opened:
        is_hit = False
        for event in opened.read():
            if event.kind == abi.EVENT_INJECTED:
                is_hit = True
            elif event.kind == abi.EVENT_SYSCALL:
                name = event_name(event)
                counts[name] += 1
                hits += [(name, counts[name])] if is_hit else []
                is_hit = False
    return Outcome(hits, result.returncode, *told(result))


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_calls_are_hit(program: str, tmp_path: Path) -> None:
    words = PROGRAMS[program]
    if not shutil.which(words[0]):
        pytest.skip(f"NO {words[0]}: nothing is compared with it")
    hit = 0
    for number, spec in enumerate(SPECS):
        theirs = under_strace(words, spec, tmp_path / f"s{number}")
        ours = under_dstrun(words, spec, tmp_path / f"d{number}")
        assert ours == theirs, spec
        hit += bool(theirs.hits)
    assert hit >= len(SPECS) // 2  # or it would compare nothing with nothing


def test_there_are_enough_of_them() -> None:
    assert len(SPECS) >= 30
    assert len(PROGRAMS) == 5
