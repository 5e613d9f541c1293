"""Wrong plans: each is told by exactly the message that it must give, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dstrun.plan.load import load_plan
from dstrun.plan.model import BadPlan

FAULTS = (
    "error, retval, short, eintr, drop, duplicate, forget, net, corrupt, delay_enter, delay_exit, "
    "signal, kill, stop, continue, hold, spurious, misdirect, clock, poke_enter, poke_exit, syscall"
)
CORRUPT_FORM = "corrupt = { how = 'flip', where = 'read' }"
KINDS = (
    "file, dir, pipe, unix, tcp, udp, socket, eventfd, timerfd, signalfd, epoll, pidfd, inotify, "
    "mq, tty, random, device, outside, other"
)
FORMS = "F, F+, F+STEP, F..L or F..L+STEP"

# A rule's lines after [[fault]] -> the line and the message behind 'rule 1: '.
RULES = [
    ("on = 'fsync'\nerror = 'ENOSPACE'", 3,
     'error: unknown errno "ENOSPACE" (did you mean "ENOSPC"?)'),
    ("on = 'fsync'\nerror = 0", 3, "error: errno 0 is out of range (1 to 4095)"),
    ("on = 'fsync'\nerror = 4096", 3, "error: errno 4096 is out of range (1 to 4095)"),
    ("on = 'fsync'\nerror = true", 3, "error: true is not an errno (like EIO or 5)"),
    ("on = 'fsync'\nerror = { EIO = 0 }", 3,
     "error: weight of EIO: 0 is out of range (1 to 1000000000)"),
    ("on = 'fsync'\nerror = { EIO = 1, 5 = 2 }", 3, "error: EIO is there twice"),
    ("on = 'fsync'\nerror = []", 3, "error: 0 errnos: 1 to 16 are allowed"),
    ("on = 'fsnyc'\nerror = 5", 2, 'on: unknown call "fsnyc" (did you mean "fsync"?)'),
    ("on = '%nett'\nerror = 5", 2, 'on: unknown class "%nett" (did you mean "%net"?)'),
    ("on = 'zz*'\nerror = 5", 2, 'on: no call matches "zz*"'),
    ("on = '/(/'\nerror = 5", 2,
     'on: "/(" is not a regular expression: '
     "missing ), unterminated subpattern at position 0"),
    ("on = ['read', '!read']\nerror = 5", 2, "on: no call is meant"),
    ("on = 7\nerror = 5", 2, "on: 7 is neither a string nor a list of strings"),
    ("on = ['malloc', 'read']\nerror = 5", 2,
     "on: system calls and functions (malloc) cannot be in one rule"),
    ("on = 'malloc'\nretval = 5", 3,
     "retval: is not for malloc (error, delay_enter, signal, kill, stop, hold are)"),
    ("on = 'fsync'\neror = 5", 1, 'unknown field "eror" (did you mean "error"?)'),
    ("on = 'fsync'\nxyzzy = 5\nerror = 5", 1,
     'unknown field "xyzzy" ("dstrun plan kinds" lists them)'),
    ("on = 'fsync'", 1, f"nothing is to happen (one of {FAULTS})"),
    ("error = 'EIO'", 1, 'says neither at which calls ("on") nor at what time ("at", "every")'),
    ("on = 'fsync'\nerror = 5\nat = '5s'", 4,
     'at: a rule is either about calls ("on") or at a time ("at", "every"), not both'),
    ("at = '5s'\nerror = 'EIO'", 3,
     "error: needs a call; at a time there are signal, kill, stop, continue, clock, corrupt"),
    ("at = '5s'\nkill = true\nfd = 3", 4,
     "fd: has no meaning at a time: there is no call to look at"),
    ("at = '5 lightyears'\nkill = true", 2,
     'at: "5 lightyears" is not a duration like 5ms, 2s or 1h30m'),
    ("every = '0s'\nkill = true", 2, 'every: "0s" is not a duration like 5ms, 2s or 1h30m'),
    ("on = 'fsync'\nerror = 5\nprob = 1.5", 4,
     "prob: 1.5 is out of range (more than 0, at most 1)"),
    ("on = 'fsync'\nerror = 5\nprob = 0", 4, "prob: 0 is out of range (more than 0, at most 1)"),
    ("on = 'fsync'\nerror = 5\nprob = 'often'", 4,
     'prob: "often" is not a probability (like 0.05 or 5%)'),
    ("on = 'fsync'\nerror = 5\nwhen = 0", 4,
     "when: 0: the first one, 0, is out of range (from 1 up)"),
    ("on = 'fsync'\nerror = 5\nwhen = '5..3'", 4, f'when: "5..3" ends before it begins ({FORMS})'),
    ("on = 'fsync'\nerror = 5\nwhen = '5..'", 4, f'when: "5.." is not understood ({FORMS})'),
    ("on = 'fsync'\nerror = 5\nat_most = 0", 4, "at_most: 0 is out of range (1 up)"),
    ("on = 'fsync'\nerror = 5\nat_most = 2\nat_least = 3", 5,
     "at_least: 3 is more than at_most allows (2)"),
    ("on = 'fsync'\nerror = 5\nonce = true\nsticky = true", 4,
     "once: has no meaning together with sticky"),
    ("on = 'fsync'\nerror = 5\nnot_before = '5s'\nnot_after = '2s'", 5,
     "not_after: is not later than not_before: the rule could never match"),
    ("on = 'read'\nerror = 5\nshort = 1", 4,
     "short: cannot be together with error (two rules can apply to a call)"),
    ("on = 'fsync'\nshort = 1", 3, 'short: none of the calls of "on" reads or writes data'),
    ("on = 'read'\nshort = '150%'", 3,
     'short: "150%" is out of range (more than 0%, less than 100%)'),
    ("on = 'read'\ndrop = true", 3, 'drop: none of the calls of "on" writes or sends'),
    ("on = 'fsync'\nforget = true", 3, "forget: needs an error to fail with (error)"),
    ("on = 'open'\nnet = 'reset'", 3, 'net: none of the calls of "on" works on a socket'),
    ("on = 'connect'\nnet = 'rest'", 3,
     'net: "rest" is not one of refused, reset, timed_out, unreachable, half_open '
     '(did you mean "reset"?)'),
    ("on = 'connect'\nnet = 'reset'\nnet_timeout = '1s'", 4,
     'net_timeout: has no meaning without net = "timed_out"'),
    ("on = 'getpid'\nerror = 5\npath = 'x'", 4,
     'path: none of the calls of "on" has a descriptor or a path'),
    ("on = 'open'\nerror = 5\npath = 'x[a'", 4, 'path: "x[a": a bracket is not closed'),
    ("on = 'read'\nerror = 5\nkind = 'fifo'", 4, f'kind: "fifo" is not one of {KINDS}'),
    ("on = 'connect'\nerror = 5\npeer = '::1'", 4,
     'peer: "::1": an IPv6 address stands in [brackets] '
     "(HOST, HOST:PORT, :PORT, HOST a name of this host, an address, NET/BITS or *)"),
    ("on = 'connect'\nerror = 5\npeer = 'db:5432'", 4,
     'peer: "db" is not there: the one node is "dstrun"'),
    ("on = 'connect'\nerror = 5\npeer = 'dstrum:80'", 4,
     'peer: "dstrum" is not there: the one node is "dstrun" (did you mean "dstrun"?)'),
    ("on = 'connect'\nerror = 5\npeer = '1.2.3:5432'", 4,
     'peer: "1.2.3:5432": "1.2.3" is no address '
     "(HOST, HOST:PORT, :PORT, HOST a name of this host, an address, NET/BITS or *)"),
    ("on = 'connect'\nerror = 5\npeer = ':99999'", 4,
     'peer: ":99999": "99999" is no port or range of ports (1 to 65535)'),
    ("on = 'read'\nerror = 5\nsize = '9..3'", 4,
     'size: "9..3" is empty, not a range (like 3, 3..5, 3+ or ..5)'),
    ("on = 'write'\nerror = 5\ndirection = 'in'", 4,
     'direction: none of the calls of "on" goes that way (in)'),
    ("on = 'read'\nsignal = 'SIGTREM'", 3,
     'signal: unknown signal "SIGTREM" (did you mean "SIGTERM"?)'),
    ("on = 'read'\nkill = 65", 3, "kill: signal 65 is out of range (1 to 64)"),
    ("on = 'read'\ndelay_enter = { gaussian = '1ms' }", 3,
     'delay_enter: "gaussian" is not one of uniform, exponential, normal'),
    ("on = 'read'\ndelay = '1ms'\ndelay_enter = '1ms'", 4,
     'delay_enter: is the same as "delay_enter", which is there too'),
    ("on = 'read'\ndelay = 'uniform:5ms..1ms'", 3,
     'delay: "uniform:5ms..1ms" ends before it begins'),
    ("on = 'read'\ncorrupt = { how = 'burn' }", 3,
     'corrupt: how: "burn" is not one of flip, zero, junk, truncate'),
    ("on = 'read'\ncorrupt = { where = 'read' }", 3,
     "corrupt: how is missing (flip, zero, junk, truncate)"),
    ("on = ['read', 'write']\ncorrupt = 'flip'", 3,
     'corrupt: some of the calls read and some write: say which (where = "read")'),
    ("at = '1s'\ncorrupt = 'flip'\npath = 'a/*'", 4,
     "path: at a time it must be one file's path, without wildcards"),
    ("on = 'read'\nclock = { jump = '-1h', of = 'monotonic' }", 3,
     "clock: jump: -3600s: a monotonic clock never goes backwards "
     '(of = "wall" for the wall clock alone)'),
    ("on = 'read'\nclock = { of = 'wall' }", 3,
     "clock: nothing happens to the clock (jump, drift or freeze)"),
    ("on = 'read'\npoke_enter = '@arg9=00'", 3,
     'poke_enter: "@arg9=00" is not understood (@argN=HEX, N from 1 to 7)'),
    ("on = 'read'\neintr = true\nafter_call = true", 3,
     "eintr: happens before or in the call, so after_call has no meaning with it"),
    ("on = 'read'\nerror = 5\nnode = 'b'", 4, 'node: "b" is not there: the one node is "dstrun"'),
    ("on = 'read'\nerror = 5\nnode = 'dstrn'", 4,
     'node: "dstrn" is not there: the one node is "dstrun" (did you mean "dstrun"?)'),
    ("on = 'read'\nerror = 5\nonce = 'maybe'", 4, 'once: "maybe" is not true or false'),
    ("on = 'read'\nerror = 5\nsince_output = ''", 4,
     'since_output: "" is not a string with something in it'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "line", "message"), RULES)
def test_a_wrong_rule_is_told(tmp_path: Path, body: str, line: int, message: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[[fault]]\n" + body + "\n")
    with pytest.raises(BadPlan) as raised:
        load_plan([("plan", str(path))], 1)
    assert raised.value.messages == [f"plan {path}:{line}: rule 1: {message}"]


def test_there_are_enough_of_them() -> None:
    assert len(RULES) >= 40
    assert len({message for _, _, message in RULES}) == len(RULES)


FILES = [
    ("x = = 1\n", ":1: is not TOML: Invalid value"),
    ("[fault]\non = 'fsync'\n", ":1: a rule is a table in an array: write [[fault]]"),
    ("\n[[fualt]]\non = 'fsync'\n", ':2: unknown table or key "fualt" (did you mean "fault"?)'),
    ("", ": has no rules ([[fault]] tables)"),
]


@pytest.mark.parametrize(("text", "message"), FILES)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(BadPlan) as raised:
        load_plan([("plan", str(path))], 1)
    assert raised.value.messages == [f"plan {path}{message}"]


SPECS = [
    ("inject", "wirte:error=EIO",
     "--inject 'wirte:error=EIO': invalid system call \"wirte\" (did you mean \"write\"?)"),
    ("inject", "write:error=EIO:retval=1",
     "--inject 'write:error=EIO:retval=1': error and retval: only one of them can be"),
    ("inject", "write:when=3",
     "--inject 'write:when=3': nothing is to happen (one of error, retval, signal, delay_enter, "
     "delay_exit, poke_enter, poke_exit, short)"),
    ("inject", "write:error=EIO:when=1..",
     "--inject 'write:error=EIO:when=1..': when: \"1..\" is not understood "
     "(F, F+, F+STEP, F..L or F..L+STEP)"),
    ("inject", "write:error=EIO:when=70000",
     "--inject 'write:error=EIO:when=70000': when: \"70000\": the first one, 70000, is out of "
     "range (1 to 65535)"),
    ("inject", "write:eror=EIO",
     "--inject 'write:eror=EIO': unknown token \"eror=EIO\" (did you mean \"error\"?)"),
    ("inject", "write:error=EIO:syscall=write",
     "--inject 'write:error=EIO:syscall=write': syscall: \"write\" is not one of getegid, geteuid, "
     "getgid, getpgrp, getpid, getppid, gettid, getuid"),
    ("expression", "fault=write:retval=1",
     "-e 'fault=write:retval=1': unknown token \"retval=1\" (error, when)"),
    ("expression", "trace=write",
     "-e 'trace=write': \"trace\" is not known here (-e inject=SPEC or -e fault=SPEC)"),
    ("fault", "on=fsync error=EPRM",
     "--fault 'on=fsync error=EPRM': error: unknown errno \"EPRM\" (did you mean \"EPERM\"?)"),
    ("fault", "on=fsync error={EIO",
     "--fault 'on=fsync error={EIO': {EIO: a quote or bracket is not closed"),
    ("fault", "on=fsync on=read error=5",
     "--fault 'on=fsync on=read error=5': on: is there twice"),
    ("fault", "", "--fault '': says nothing (like on=fsync error=EIO)"),
    ("plan", "plan.json", 'plan plan.json: ".json": a plan is a .toml or a .py file'),
    ("plan", "nosuch.toml", "plan nosuch.toml: cannot be read: No such file or directory"),
    ("plan", "nosuch.py", "plan nosuch.py: cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "message"), SPECS)
def test_a_wrong_option_is_told(option: str, value: str, message: str) -> None:
    with pytest.raises(BadPlan) as raised:
        load_plan([(option, value)], 1)
    assert raised.value.messages == [message]


def test_all_errors_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        "[[fault]]\nname = 'a'\non = 'fsync'\nerror = 'EPRM'\nprob = 2\n\n"
        "[[fault]]\nname = 'b'\non = 'wirte'\nerror = [\n  'EIO',\n]\n\n"
        "[[fault]]\nname = 'c'\non = 'fsync'\nerror = 5\n\n"
        "[[fault]]\nname = 'c'\non = 'fsync'\nerror = 5\n"
    )
    sources = [("inject", "x:error=1"), ("plan", str(path)), ("fault", "on=fsync")]
    with pytest.raises(BadPlan) as raised:
        load_plan(sources, 1)
    assert raised.value.messages == [
        "--inject 'x:error=1': invalid system call \"x\"",
        f'plan {path}:4: rule 1 "a": error: unknown errno "EPRM" (did you mean "EPERM"?)',
        f'plan {path}:5: rule 1 "a": prob: 2 is out of range (more than 0, at most 1)',
        f'plan {path}:9: rule 2 "b": on: unknown call "wirte" (did you mean "write"?)',
        f"--fault 'on=fsync': nothing is to happen (one of {FAULTS})",
        f'plan {path}:20: rule 4 "c": name: "c" is the name of plan {path}:14 too',
    ]


SCRIPTS = [
    ("x = 1\n", ": makes no plan (from dstrun.plan import Plan; plan = Plan())"),
    ("from dstrun.plan import Plan\nplan = Plan()\nplan.on('fsync').fail('EPRM')\n",
     ':3: rule 1: error: unknown errno "EPRM" (did you mean "EPERM"?)'),
    ("from dstrun.plan import Plan\nplan = Plan()\n\nplan.at('1s',\n  fd=3).kill()\n",
     ":4: rule 1: fd: has no meaning at a time: there is no call to look at"),
    ("from dstrun.plan import Plan\nplan = Plan()\n@plan.on('read', error=5)\ndef f(c): pass\n",
     ":3: rule 1: error: its function says what is to happen, so the rule cannot"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), SCRIPTS)
def test_a_wrong_script_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.py"
    path.write_text(text)
    with pytest.raises(BadPlan) as raised:
        load_plan([("plan", str(path))], 1)
    assert raised.value.messages == [f"plan {path}{message}"]


def test_a_script_that_raises_tells_its_own_traceback(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text("def f():\n    return 1 / 0\n\n\nf()\n")
    with pytest.raises(BadPlan) as raised:
        load_plan([("plan", str(path))], 1)
    (message,) = raised.value.messages
    assert message.startswith(f"plan {path}: it raised\nTraceback (most recent call last):\n")
    assert message.endswith("ZeroDivisionError: division by zero")
    assert "dstrun/plan" not in message
    assert f'File "{path}", line 5, in <module>' in message


def test_a_script_that_is_no_python(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text("def f(:\n")
    with pytest.raises(BadPlan) as raised:
        load_plan([("plan", str(path))], 1)
    assert "SyntaxError" in raised.value.messages[0]


def test_too_many_rules(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[[fault]]\non = 'fsync'\nerror = 5\n" * 257)
    with pytest.raises(BadPlan) as raised:
        load_plan([("plan", str(path))], 1)
    assert raised.value.messages == ["plan: 257 rules: at most 256 are possible"]
