"""The fields of a rule: the one table of the plan language.

Each way into a plan (TOML, script, flag, strace's grammar) gives values for these fields; `parse`
makes of them what is meant, `show` writes it back. `dstrun plan kinds` and the README's tables are
printed from here. A new kind of fault is a row here, a bit in shims/abi_faults.h, and what the shim
does for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dstrun import abi
from dstrun.plan.calls import Calls, UnknownCalls, call_name, call_number, parse_calls
from dstrun.plan.effects import (
    parse_clock,
    parse_corrupt,
    parse_delay,
    parse_peers,
    parse_pokes,
    parse_short,
    show_pokes,
)
from dstrun.plan.values import (
    NO_END,
    BadValue,
    found,
    one_of,
    parse_errors,
    parse_flag,
    parse_integer,
    parse_range,
    parse_share,
    parse_signal,
    parse_strings,
    parse_time,
    parse_when,
    show_strings,
    show_time,
    signal_name,
    split_words,
    text_bytes,
)

Parser = Callable[[object], Any]
Show = Callable[[Any], object]

SELECTOR, WHO, TIME, COUNT, FAULT = "which calls", "who", "time", "how often", "fault"


@dataclass(frozen=True)
class Field:
    """A field of a rule. `outcome`: it decides what the call gives, so a rule has one at most."""

    name: str
    group: str
    meaning: str
    example: str
    parse: Parser
    show: Show
    outcome: bool = False


KINDS: Final = tuple(name.removeprefix("KIND_").lower() for name in abi.FAULT_KIND_NAMES.values())

MARK_BYTES_MAX: Final = 128
TEXT_BYTES_MAX: Final = 4000
NET_FAULTS: Final = ("refused", "reset", "timed_out", "unreachable", "half_open")


def _same(value: Any) -> object:
    return value


def _method(value: Any) -> object:
    return value.show()


def _parse_on(value: object) -> Calls:
    try:
        return parse_calls(split_words(value))
    except UnknownCalls as error:
        raise BadValue(str(error)) from None


def _show_on(calls: Calls) -> object:
    return show_strings(calls.words)


def _word(*allowed: str) -> Parser:
    return lambda value: one_of(value, allowed)


def _words(*allowed: str) -> Parser:
    return lambda value: tuple(one_of(word, allowed) for word in split_words(value))


def _integer(least: int, most: int = NO_END) -> Parser:
    return lambda value: parse_integer(value, least, most)


def _globs(value: object) -> tuple[str, ...]:
    globs = parse_strings(value)
    for glob in globs:
        if glob.count("[") > glob.count("]") or glob.count("{") != glob.count("}"):
            raise BadValue(f"{found(glob)}: a bracket is not closed")
        if len(text_bytes(glob)) > TEXT_BYTES_MAX:
            raise BadValue(f"{found(glob[:40])}...: longer than {TEXT_BYTES_MAX} bytes")
    return globs


def _name(value: object) -> str:
    (name,) = parse_strings(value) if isinstance(value, str) else (None,)
    if name is None:
        raise BadValue(f"{found(value)} is not a string")
    if len(name) > 100 or not name.isprintable():
        raise BadValue(f"{found(name)} is not a name (at most 100 printable characters)")
    return name


def _mark(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadValue(f"{found(value)} is not a string with something in it")
    if len(text_bytes(value)) > MARK_BYTES_MAX:
        raise BadValue(f"{found(value)} is longer than {MARK_BYTES_MAX} bytes")
    return value


def _eintr(value: object) -> int:
    return 0 if value in (True, "true", "yes") else parse_time(value, zero=True)


def _show_eintr(time_ns: int) -> object:
    return show_time(time_ns) if time_ns else True


def _kill(value: object) -> int:
    return 9 if value in (True, "true", "yes") else parse_signal(value)


def _stop(value: object) -> int:
    return 0 if value in (True, "true", "yes") else parse_time(value)


def _retval(value: object) -> int:
    return parse_integer(value, -(1 << 63), (1 << 63) - 1)


def _syscall(value: object) -> int:
    number = call_number(value) if isinstance(value, str) else None
    if number is None:
        raise BadValue(f"{found(value)} is not a system call")
    return number


def _time_or_zero(value: object) -> int:
    return parse_time(value, zero=True)


def _flag(name: str, group: str, meaning: str, outcome: bool = False) -> Field:
    return Field(name, group, meaning, f"{name} = true", parse_flag, _same, outcome)


_TABLE: Final = (
    Field("name", COUNT, "names the rule: in the account, and its draws go by it", 'name = "wal"',
          _name, _same),
    # which calls
    Field("on", SELECTOR, 'calls: names, globs, %classes, /regexes/, "all"; "!" takes away',
          'on = ["write", "pwrite*"]', _parse_on, _show_on),
    Field("path", SELECTOR, "globs of a file's path (** crosses /) or an AF_UNIX name (@abstract)",
          'path = "**/wal/*"', _globs, show_strings),
    Field("kind", SELECTOR, "of descriptor: " + " ".join(KINDS), 'kind = "tcp"',
          _words(*KINDS), show_strings),
    Field("peer", SELECTOR, "the other end's address: HOST, HOST:PORT, :PORT, NET/BITS:PORTS",
          'peer = "127.0.0.1:5432"', parse_peers,
          lambda peers: show_strings(tuple(dict.fromkeys(peer.text for peer in peers)))),
    Field("local", SELECTOR, "the socket's own address, like peer", 'local = ":8000"', parse_peers,
          lambda peers: show_strings(tuple(dict.fromkeys(peer.text for peer in peers)))),
    Field("fd", SELECTOR, "the descriptor's number", 'fd = "3+"', parse_range, _method),
    Field("size", SELECTOR, "bytes that the call asks for", 'size = "4k+"', parse_range, _method),
    Field("direction", SELECTOR, "calls that read (in) or write (out)", 'direction = "out"',
          _word("in", "out"), _same),
    # who
    Field("process", WHO, "globs of the process's name or, with /, its program's path",
          'process = "redis-*"', _globs, show_strings),
    Field("thread", WHO, "globs of the thread's name", 'thread = "bio_*"', _globs, show_strings),
    Field("process_order", WHO, "in the order of their making; the first program is 1",
          'process_order = "2+"', lambda value: parse_range(value, 1), _method),
    Field("thread_order", WHO, "within its process; the first thread is 1", "thread_order = 1",
          lambda value: parse_range(value, 1), _method),
    Field("node", WHO, "host: there is one, the run's own", 'node = "dstrun"', _name, _same),
    Field("victims", WHO, "of a rule at a time: all that match, or one drawn", 'victims = "one"',
          _word("all", "one"), _same),
    # time
    Field("at", TIME, "instead of a call: at this virtual time (from since_output on)", 'at = "5s"',
          _time_or_zero, show_time),
    Field("every", TIME, "and again each so much later", 'every = "500ms"', parse_time, show_time),
    Field("not_before", TIME, "virtual time before which it matches nothing", 'not_before = "2s"',
          _time_or_zero, show_time),
    Field("not_after", TIME, "virtual time from which on it matches nothing", 'not_after = "8s"',
          parse_time, show_time),
    Field("since_output", TIME, "matches once the run has written this text",
          'since_output = "ready"', _mark, _same),
    Field("until_output", TIME, "matches until the run has written this text",
          'until_output = "bye"', _mark, _same),
    # how often
    Field("when", COUNT, "which matches: F, F+, F+STEP, F..L, F..L+STEP", 'when = "20+"',
          parse_when, _method),
    Field("count", COUNT, "what `when` counts: in the run, each process, each thread",
          'count = "process"', _word("run", "process", "thread"), _same),
    Field("prob", COUNT, "probability of each match", "prob = 0.05", parse_share, _method),
    Field("at_most", COUNT, "so many times", "at_most = 3", _integer(1), _same),
    Field("at_least", COUNT, "fewer times are told at the end", "at_least = 1", _integer(1), _same),
    _flag("once", COUNT, "at_most = 1"),
    _flag("sticky", COUNT, "after the first time each match, as a disk that is broken for good"),
    _flag("after_call", COUNT, "the call is done, and then reported otherwise"),
    # faults
    Field("error", FAULT, "fails with an errno, or with one of several by weight",
          "error = { ENOSPC = 9, EIO = 1 }", parse_errors, _method, True),
    Field("retval", FAULT, "gives this value", "retval = 0", _retval, _same, True),
    Field("short", FAULT, 'reads or writes less: bytes, a part, or "random"', 'short = "50%"',
          parse_short, _method, True),
    Field("eintr", FAULT, "a call that waits is interrupted (after so long), as by a signal",
          'eintr = "10ms"', _eintr, _show_eintr, True),
    _flag("drop", FAULT, "a write or send is acknowledged and not done", True),
    _flag("duplicate", FAULT, "a write or send is done twice", True),
    _flag("forget", FAULT, "with error at fsync: fails once, then succeeds, neither is done"),
    Field("net", FAULT, "happens to the connection: " + ", ".join(NET_FAULTS), 'net = "reset"',
          _word(*NET_FAULTS), _same, True),
    Field("net_timeout", FAULT, "of net = timed_out: how long it takes [127s]",
          'net_timeout = "30s"', parse_time, show_time),
    Field("corrupt", FAULT, "flip (bits), zero, junk or truncate what is read, written or at rest",
          'corrupt = { how = "flip", where = "read", bits = 3 }', parse_corrupt, _method, True),
    Field("delay_enter", FAULT, "takes longer before the call, by a time or a distribution",
          'delay_enter = { normal = ["10ms", "2ms"] }', parse_delay, _method),
    Field("delay_exit", FAULT, "takes longer after the call", 'delay_exit = "5ms"', parse_delay,
          _method),
    Field("signal", FAULT, "a signal for the calling thread", 'signal = "SIGUSR1"', parse_signal,
          signal_name),
    Field("kill", FAULT, "the process dies of a signal, whatever it handles", 'kill = "SIGKILL"',
          _kill, signal_name),
    Field("stop", FAULT, "the process stops: for so long, or until it is continued", 'stop = "2s"',
          _stop, _show_eintr),
    _flag("continue", FAULT, "a stopped process continues"),
    Field("hold", FAULT, "the thread is not chosen for so many scheduling points of others",
          "hold = 100", _integer(1), _same),
    _flag("spurious", FAULT, "a futex wait returns, woken by nobody", True),
    _flag("misdirect", FAULT, "a futex wake wakes those that came last", True),
    Field("clock", FAULT, "jump, drift or freeze of the wall or monotonic clock (never backwards)",
          'clock = { of = "wall", jump = "-1h" }', parse_clock, _method),
    Field("poke_enter", FAULT, "bytes into memory that an argument points to, before the call",
          'poke_enter = "@arg2=00ff"', parse_pokes, show_pokes),
    Field("poke_exit", FAULT, "the same after the call", 'poke_exit = "@arg2=00ff"', parse_pokes,
          show_pokes),
    Field("syscall", FAULT, "another call is done, and gives the result", 'syscall = "getpid"',
          _syscall, call_name, True),
)  # fmt: skip

FIELDS: Final = {field.name: field for field in _TABLE}
ALIASES: Final = {"delay": "delay_enter"}
_OF_ANOTHER: Final = ("net_timeout",)
FAULTS: Final = tuple(
    field for field in _TABLE if field.group == FAULT and field.name not in _OF_ANOTHER
)
OUTCOMES: Final = tuple(field.name for field in FAULTS if field.outcome)
GROUPS: Final = (SELECTOR, WHO, TIME, COUNT, FAULT)
