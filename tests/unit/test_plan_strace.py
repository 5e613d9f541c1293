"""strace's grammar, verbatim: what it takes is taken, what it refuses is refused.

The two lists were made with Debian's strace 6.1; where it is installed it is asked again.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dstrun._syscalls import SYSCALLS
from dstrun.plan.calls import CLASSES, parse_strace_set
from dstrun.plan.effects import Delay, Poke
from dstrun.plan.load import load_plan
from dstrun.plan.model import BadPlan, Rule
from dstrun.plan.values import NO_END, When

# One a line: specs for a program that makes none of the calls that they would hurt.
TAKEN = """
getppid:error=EIO
getppid:error=eio
getppid:error=5
getppid:error= 5
getppid:error=+5
getppid:error=005
getppid:error=4095
getppid:error=512
getppid:error=ERESTARTSYS
getppid:error=ENOTSUPP
getppid:error=EIO:syscall=getuid
getppid:signal=SIGCONT:syscall=getpid
getppid:delay_exit=1:syscall=getpid
getppid:syscall=getpid:poke_exit=@arg1=00
getppid:retval=0
getppid:retval=0xff
getppid:retval=0X1F
getppid:retval=00010
getppid:retval= 10
getppid:retval=+10
getppid:retval=-1
getppid:retval=-0x10
getppid:retval=-4096
getppid:retval=18446744073709551615
getppid::error=EIO::
getppid:error=EIO:
getppid:signal=64
getppid:signal=kill
getppid:signal=SIGusr1
getppid:signal=INT
getppid:signal=32
getppid:signal=RTMIN
getppid:signal=SIGRTMIN
getppid:signal=RT_1
getppid:signal=SIGRT_32
getppid:signal=SIGSTKFLT
getppid:signal=SIGKILL:delay_exit=10us:delay_enter=3s
getppid:error=EIO:when=1+:when=3
getppid:when=3:error=5
getppid:error=5:when=1..3+2
getppid:error=5:when=3..4+
getppid:error=5:when=4..4
getppid:error=5:when=03
getppid:error=5:when=+3
getppid:error=5:when= 3
getppid:error=5:when=65535
getppid:error=5:when=65535+
getppid:error=5:when=65535+1
getppid:error=5:when=1+65535
getppid:error=5:when=1..65534
getppid:error=5:when=65534..65534+65534
getppid:error=5:when=1..2+65535
getppid:delay_enter=10
getppid:delay_enter=10s
getppid:delay_enter= 1us
getppid:delay_enter=1e3us
getppid:delay_enter=0
getppid:delay_enter=-0
getppid:delay_enter=.5s
getppid:delay_enter=5.
getppid:delay_enter=1.5
getppid:delay_enter=1.5ms
getppid:delay_enter=99999999999999s
getppid:delay_enter=4294967296
getppid:delay_enter=1e30s
getppid:poke_exit=@arg1=0011,@arg2=ff
getppid:poke_exit=@arg1=AbCd
getppid:poke_exit=@arg1=0x11
getppid:poke_exit=@arg7=00
getppid:poke_exit=@arg1=00,
getppid:delay_enter=1:poke_enter=@arg1=00:poke_exit=@arg1=00
none:error=EIO
!all:error=EIO
!none:signal=SIGCONT:when=65535
?nosuch:error=EIO
??getppid:error=EIO
?:error=5
?!getppid:error=EIO
?/xx:error=EIO
?999:error=5
!!getppid:error=EIO
getppid,:error=EIO
,getppid:error=EIO
/get.*ppid$:error=EIO
/^(getp|getu):error=EIO:when=99
%%stat,getppid:error=EIO:when=99
%net:error=5:when=99
network:error=5:when=99
desc:error=5:when=9999
ipc:error=5
%pure:error=5:when=99
110:error=EIO
110@64:error=EIO
110@32:error=5
getppid@64:error=5
getppid@32:error=EIO
getppid@x32:error=5
%net@64:error=5
/getppidx*@64:error=5:when=9
all@64:error=5:when=9999
all,getppid:error=5:when=9999
stat64:error=5
umount:error=5
_llseek:error=5
sigaction:error=5
""".strip().splitlines()

REFUSED = """
getppid:syscall=getpid
getppid:error=EIO:syscall=39
getppid:error=EIO:syscall=write
getppid:error=EIO:syscall=nosuch
getppid:error=EIO:syscall=GETUID
getppid:error=EIO:syscall=?getuid
getppid:error=EIO:syscall=getuid,getgid
getppid:error=EIO:syscall=%pure
getppid:error=EIO:syscall=getpid:syscall=getpid
getppid:error=0
getppid:error=4096
getppid:error=0x5
getppid:error=
getppid:error=ENOSUCH
getppid:ERROR=EIO
getppid:
getppid
getppid:when=3
getppid:fault
getppid:error=EIO:fault
getppid:error=EIO:error=EIO
getppid:error=5:retval=1
getppid:retval=1:retval=1
getppid:retval=
getppid:retval=1e3
getppid:retval=-1x
getppid:retval=0x
getppid:retval=0b1
getppid:retval=1_0
getppid:retval=99999999999999999999
getppid:signal=0
getppid:signal=65
getppid:signal=128
getppid:signal= 5
getppid:signal=0x5
getppid:signal=rtmin+1
getppid:signal=SIGRT_0
getppid:signal=SIGRTMAX
getppid:signal=SIGUNUSED
getppid:signal=SIG
getppid:signal=SIGSIGINT
getppid:signal=
getppid:signal=1:signal=2
getppid:error=EIO:when=0
getppid:error=EIO:when=
getppid:error=EIO:when=1..
getppid:error=EIO:when=..3
getppid:error=EIO:when=3..1
getppid:error=EIO:when=1+0
getppid:error=EIO:when=3 +
getppid:error=EIO:when=3++
getppid:error=EIO:when=3+2..9
getppid:error=EIO:when=3...4
getppid:error=EIO:when=65536
getppid:error=EIO:when=3..65536
getppid:error=EIO:when=3+65536
getppid:delay_enter=-1
getppid:delay_enter=1 us
getppid:delay_enter=1.5xs
getppid:delay_enter=5US
getppid:delay_enter=0x10
getppid:delay_enter=0x1p3s
getppid:delay_enter=inf
getppid:delay_enter=nan
getppid:delay_enter=
getppid:delay_enter=us
getppid:delay_enter=1m
getppid:delay_exit=1ns:delay_exit=2ns
getppid:poke_enter=@arg0=00
getppid:poke_enter=@arg8=00
getppid:poke_enter=@arg7=0
getppid:poke_exit=@arg1=0011,@arg1=ff
getppid:poke_exit=@arg1=001
getppid:poke_exit=@arg1=
getppid:poke_exit=arg1=00
getppid:poke_exit=@ARG1=00
getppid:poke_exit=@arg1=00:poke_exit=@arg2=00
:error=EIO
!:error=5
%:error=5
%nosuch:error=EIO
%%%stat:error=5
%all:error=5
nosuch:error=EIO
9999:error=EIO
470:error=5
-1:error=5
0x27:error=5
GETPPID:error=EIO
getppid,!read:error=EIO
getppid,none:error=5
getppid, getpid:error=5
! getppid:error=5
!!!getppid:signal=0x1
getppid@foo:error=5
/[:error=5
/get\\.x,/gettid:error=5
pure:error=5
clock:error=5
creds:error=5
getppid:error=EIO,getuid:error=EIO
__:error=5
""".strip().splitlines()


def parse(spec: str, option: str = "inject") -> Rule:
    (rule,) = load_plan([(option, spec)], 1).rules
    return rule


def values(tokens: str) -> dict[str, Any]:
    found = dict(parse(f"getppid:{tokens}").values)
    del found["on"]
    return found


@pytest.mark.parametrize("spec", TAKEN)
def test_what_strace_takes_is_taken(spec: str) -> None:
    assert parse(spec).is_strace


@pytest.mark.parametrize("spec", REFUSED)
def test_what_strace_refuses_is_refused(spec: str) -> None:
    with pytest.raises(BadPlan):
        parse(spec)


STRACE = shutil.which("strace")


@pytest.mark.skipif(not STRACE, reason="NO STRACE: its grammar was not compared with ours")
def test_strace_itself_says_the_same() -> None:
    program = shutil.which("true")
    assert STRACE and program
    for specs, taken in ((TAKEN, True), (REFUSED, False)):
        for spec in specs:
            command = [STRACE, "-qq", "-o", "/dev/null", "-e", "signal=none", "-e"]
            result = subprocess.run(
                [*command, f"inject={spec}", program], capture_output=True, text=True, check=False
            )
            refused = result.returncode == 1 and "strace: " in result.stderr
            assert refused != taken, (spec, result.stderr)


def test_fault_has_its_own_rules() -> None:
    assert parse("fault=getppid", "expression").fields()["error"] == "ENOSYS"
    assert parse("fault=getppid::", "expression").fields()["error"] == "ENOSYS"
    assert parse("fault=getppid:when=3", "expression").values["when"] == When(3, 3, 1)
    assert parse("fault=getppid:when=3:error=5", "expression").fields()["error"] == "EIO"
    for token in ("retval=1", "signal=1", "delay_enter=1", "poke_exit=@arg1=00"):
        with pytest.raises(BadPlan):
            parse(f"fault=getppid:{token}", "expression")


def test_when() -> None:
    assert values("error=5").get("when") is None  # each call
    assert values("error=5:when=7")["when"] == When(7, 7, 1)
    assert values("error=5:when=7+")["when"] == When(7, NO_END, 1)
    assert values("error=5:when=7+3")["when"] == When(7, NO_END, 3)
    assert values("error=5:when=7..9")["when"] == When(7, 9, 1)
    assert values("error=5:when=7..9+2")["when"] == When(7, 9, 2)
    assert values("error=5:when=7..9+")["when"] == When(7, 9, 1)
    assert values("error=5:when=1:when=2")["when"] == When(2, 2, 1)


def test_values() -> None:
    assert values("retval=-0x10") == {"retval": -16}
    assert values("retval=010") == {"retval": 8}
    assert values("retval=18446744073709551615") == {"retval": -1}
    assert values("signal=usr1:error=eio")["signal"] == 10
    assert values("signal=RT_2") == {"signal": 34}
    assert values("delay_enter=10") == {"delay_enter": Delay("constant", 10_000)}
    assert values("delay_enter=.5s") == {"delay_enter": Delay("constant", 500_000_000)}
    assert values("delay_exit=7ns") == {"delay_exit": Delay("constant", 7)}
    pokes = values("poke_enter=@arg1=0011,@arg3=0xff")
    assert pokes == {"poke_enter": (Poke(0, b"\x00\x11"), Poke(2, b"\xff"))}


def test_what_strace_cannot_say() -> None:
    assert parse("write:short=10").fields()["short"] == 10
    assert parse("fsync:error=EIO:after_call").values["after_call"]
    for spec in ("write:short=10:error=EIO", "write:after_call", "write:error=EIO:after_call=1"):
        with pytest.raises(BadPlan):
            parse(spec)


def test_sets() -> None:
    everything = frozenset(SYSCALLS)
    assert parse_strace_set("all").numbers == everything
    assert parse_strace_set("!none").numbers == everything
    assert parse_strace_set("!all").numbers == frozenset()
    assert parse_strace_set("!!getppid").names == ["getppid"]
    assert parse_strace_set("!getppid").numbers == everything - {110}
    assert parse_strace_set("getppid@32").numbers == frozenset()
    assert parse_strace_set("file").numbers == parse_strace_set("%file").numbers
    assert parse_strace_set("network").numbers == parse_strace_set("%net").numbers
    assert parse_strace_set("/^getp?pid$").names == ["getpid", "getppid"]
    assert parse_strace_set("39,?nosuch,getppid").names == ["getpid", "getppid"]
    assert set(parse_strace_set("%%stat").names) == {
        "stat",
        "fstat",
        "lstat",
        "newfstatat",
        "statx",
    }
    assert "malloc" not in parse_strace_set("all").names


def test_classes_have_known_names_only() -> None:
    names = {row.name for row in SYSCALLS.values()}
    for group, members in CLASSES.items():
        assert members <= names, group


@pytest.mark.skipif(not STRACE, reason="NO STRACE: its classes were not compared with ours")
def test_strace_has_the_same_classes(tmp_path: Path) -> None:
    """A program that makes every call, each of which is injected: which ones with the class's?"""
    compiler = shutil.which("cc")
    assert compiler and STRACE
    source = tmp_path / "all.c"
    source.write_text(
        "static void call(long nr) { __asm__ volatile(\n"
        '"mov $-1, %%rdi; mov %%rdi, %%rsi; mov %%rdi, %%rdx; mov %%rdi, %%r10; mov %%rdi, %%r8;"\n'
        '"mov %%rdi, %%r9; syscall" : "+a"(nr) : : "rcx", "r11", "rdi", "rsi", "rdx", "r10", "r8",'
        ' "r9", "memory"); }\n'
        "void _start(void) { for (long i = 0; i < 449; i++) if (i < 335 || i > 423) call(i);\n"
        '__asm__ volatile("hlt"); }\n'
    )
    program = tmp_path / "all"
    subprocess.run([compiler, "-static", "-nostdlib", "-o", program, source], check=True)
    for group, members in CLASSES.items():
        trace = tmp_path / "trace"
        subprocess.run(
            [STRACE, "-qq", "-o", trace, "-e", "signal=none", "-e", "inject=all:error=ENOSYS",
             "-e", f"inject=%{group}:error=EDOM", program],
            check=False, capture_output=True,
        )  # fmt: skip
        hit = {line.partition("(")[0] for line in trace.read_text().splitlines() if "EDOM" in line}
        later = {row.name for nr, row in SYSCALLS.items() if nr >= 449 or 334 < nr < 424}
        assert hit == members - later, group
