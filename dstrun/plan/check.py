"""What fields of a rule go together: each question is a function here, and tells what is wrong.

A rule that can never do anything is an error, not a rule that does nothing: a fault test that
injected nothing must not look like a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dstrun._syscalls import SYSCALLS
from dstrun.plan.calls import (
    ALLOCATIONS,
    CLASSES,
    FUTEX_WAITS,
    FUTEX_WAKES,
    PSEUDO_CALLS,
    READS,
    SYNCS,
    WRITES,
    numbers_of,
)
from dstrun.plan.fields import FAULTS, FIELDS, OUTCOMES, SELECTOR

Values = dict[str, Any]
Finding = tuple[str, str]  # field ("": the whole rule), what is wrong

_TRANSFERS: Final = READS | WRITES
_AT_A_TIME: Final = ("signal", "kill", "stop", "continue", "clock", "corrupt")
# Faults that happen in the call: there is nothing of them that could come after it.
_IN_THE_CALL: Final = (
    "eintr", "drop", "duplicate", "forget", "syscall", "spurious", "misdirect", "poke_enter",
    "delay_enter", "hold",
)  # fmt: skip
# (field, calls that it is about, how they are called)
_MEANT_FOR: Final = (
    ("short", _TRANSFERS, "reads or writes data"),
    ("drop", WRITES, "writes or sends"),
    ("duplicate", WRITES, "writes or sends"),
    ("forget", SYNCS, "syncs (fsync, fdatasync, ...)"),
    ("spurious", FUTEX_WAITS, "is futex"),
    ("misdirect", FUTEX_WAKES, "is futex"),
    ("net", CLASSES["net"] | _TRANSFERS | {"close", "poll", "ppoll"}, "works on a socket"),
    ("size", _TRANSFERS | {"mmap", "mremap", "getrandom", "ftruncate", "fallocate", "readahead"}
     | frozenset(PSEUDO_CALLS), "has a size"),
)  # fmt: skip
_WITH_PATHS: Final = frozenset({"FD", "DIRFD", "PATH", "SOCKADDR_IN"})


def check_fields(values: Values, has_callback: bool) -> list[Finding]:
    """All that is wrong with the fields together."""
    findings: list[Finding] = []
    for question in _QUESTIONS:
        findings += question(values, has_callback)
    return findings


def _has(values: Mapping[str, Any], name: str) -> bool:
    """A field is given, and not a switch that is off. (0 is a value: a retval, for one.)"""
    return values.get(name) is not None and values[name] is not False


def _has_target(values: Values, _callback: bool) -> Iterator[Finding]:
    timed = [name for name in ("at", "every") if name in values]
    if "on" not in values and not timed:
        yield "", 'says neither at which calls ("on") nor at what time ("at", "every")'
    elif "on" in values and timed:
        yield timed[0], 'a rule is either about calls ("on") or at a time ("at", "every"), not both'


def _does_something(values: Values, has_callback: bool) -> Iterator[Finding]:
    given = [fault.name for fault in FAULTS if _has(values, fault.name)]
    names = ", ".join(fault.name for fault in FAULTS)
    if not given and not has_callback:
        yield "", f"nothing is to happen (one of {names})"
    elif given and has_callback:
        yield given[0], "its function says what is to happen, so the rule cannot"


def _one_outcome(values: Values, _callback: bool) -> Iterator[Finding]:
    outcomes = [name for name in OUTCOMES if _has(values, name)]
    if "syscall" in outcomes and len(outcomes) == 2 and {"error", "retval"} & set(outcomes):
        return  # strace: the other call is done in its place, and reported so
    if "corrupt" in outcomes and values["corrupt"].where == "rest":
        outcomes.remove("corrupt")
    if len(outcomes) > 1:
        yield outcomes[1], f"cannot be together with {outcomes[0]} (two rules can apply to a call)"


def _switches(values: Values, _callback: bool) -> Iterator[Finding]:
    for name in ("sticky", "once"):
        if values.get(name) and "at_most" in values:
            yield name, "has no meaning together with at_most"
    if values.get("sticky") and values.get("once"):
        yield "once", "has no meaning together with sticky"
    most, least = values.get("at_most"), values.get("at_least", 0)
    if values.get("once"):
        most = 1
    if most is not None and least > most:
        yield "at_least", f"{least} is more than at_most allows ({most})"
    if values.get("forget") and "error" not in values:
        yield "forget", "needs an error to fail with (error)"
    if "net_timeout" in values and values.get("net") != "timed_out":
        yield "net_timeout", 'has no meaning without net = "timed_out"'


def _windows(values: Values, _callback: bool) -> Iterator[Finding]:
    before, after = values.get("not_before", 0), values.get("not_after")
    if after is not None and after <= before:
        yield "not_after", "is not later than not_before: the rule could never match"
    start = values.get("at", 0)
    if after is not None and "at" in values and start >= after and "since_output" not in values:
        yield "at", "is not before not_after: the rule could never match"


def _after_call(values: Values, _callback: bool) -> Iterator[Finding]:
    if not values.get("after_call"):
        return
    if "on" not in values:
        yield "after_call", "has no meaning without a call"
        return
    for name in _IN_THE_CALL:
        if _has(values, name):
            yield name, "happens before or in the call, so after_call has no meaning with it"


def _at_a_time(values: Values, _callback: bool) -> Iterator[Finding]:
    if "on" in values or not ("at" in values or "every" in values):
        if "victims" in values:
            yield "victims", 'has no meaning without a time ("at", "every")'
        return
    at_rest = "corrupt" in values
    for name in values:
        field = FIELDS[name]
        if field.group == SELECTOR and not (at_rest and name == "path"):
            yield name, "has no meaning at a time: there is no call to look at"
        if field in FAULTS and name not in _AT_A_TIME and values[name] is not False:
            yield name, f"needs a call; at a time there are {', '.join(_AT_A_TIME)}"
    if "count" in values:
        yield "count", "has no meaning at a time"
    if at_rest:
        yield from _corrupt_file(values)


def _corrupt_file(values: Values) -> Iterator[Finding]:
    if values["corrupt"].where not in (None, "rest"):
        yield "corrupt", 'at a time only what is at rest can be corrupted (where = "rest")'
    paths = values.get("path")
    if not paths:
        yield "corrupt", "needs the file's path (path)"
    elif len(paths) > 1 or set("*?[{") & set(paths[0]):
        yield "path", "at a time it must be one file's path, without wildcards"


def meant_calls(values: Mapping[str, Any]) -> frozenset[int]:
    """The calls of "on" that go in the wanted direction."""
    numbers: frozenset[int] = values["on"].numbers
    direction = values.get("direction")
    if direction:
        numbers &= numbers_of(READS if direction == "in" else WRITES)
    return numbers


def _calls_fit(values: Values, _callback: bool) -> Iterator[Finding]:
    if "on" not in values:
        return
    meant = meant_calls(values)
    if not meant:
        yield "direction", f'none of the calls of "on" goes that way ({values["direction"]})'
        return
    for name, names, what in _MEANT_FOR:
        if _has(values, name) and not meant & numbers_of(names):
            yield name, f'none of the calls of "on" {what}'
    if "corrupt" in values:
        yield from _corrupts_data(values["corrupt"].where, meant)
    for name in ("path", "kind", "peer", "local", "fd"):
        if name in values and not any(_has_descriptor(number) for number in meant):
            yield name, 'none of the calls of "on" has a descriptor or a path'


def _corrupts_data(where: str | None, meant: frozenset[int]) -> Iterator[Finding]:
    if where == "rest":
        return
    reads, writes = meant & numbers_of(READS - WRITES), meant & numbers_of(WRITES - READS)
    if where is None and reads and writes:
        yield "corrupt", 'some of the calls read and some write: say which (where = "read")'
    wanted = {"read": READS, "write": WRITES}.get(where or "", _TRANSFERS)
    if not meant & numbers_of(wanted):
        yield "corrupt", 'none of the calls of "on" reads or writes such data (where = "rest"?)'


def _has_descriptor(number: int) -> bool:
    return number in SYSCALLS and bool(_WITH_PATHS & set(SYSCALLS[number].kinds))


def _pseudo_calls(values: Values, _callback: bool) -> Iterator[Finding]:
    if "on" not in values or not values["on"].numbers & set(PSEUDO_CALLS.values()):
        return
    if values["on"].numbers - set(PSEUDO_CALLS.values()):
        names = [name for name in values["on"].names if name in PSEUDO_CALLS]
        yield "on", f"system calls and functions ({', '.join(names)}) cannot be in one rule"
        return
    allowed = ["delay_enter", "signal", "kill", "stop", "hold"]
    if values["on"].numbers <= numbers_of(ALLOCATIONS):
        allowed.insert(0, "error")
    for fault in FAULTS:
        if _has(values, fault.name) and fault.name not in allowed:
            yield fault.name, f"is not for {values['on'].names[0]} ({', '.join(allowed)} are)"


_QUESTIONS: Final[tuple[Callable[[Values, bool], Iterator[Finding]], ...]] = (
    _has_target, _does_something, _one_outcome, _switches, _windows, _after_call, _at_a_time,
    _calls_fit, _pseudo_calls,
)  # fmt: skip
