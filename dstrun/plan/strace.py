"""strace's own grammar for injecting, accepted verbatim: `--inject SPEC`, `-e inject=SPEC`,
`-e fault=SPEC`.

    inject := SET (":" token)+          fault := SET (":" (error|when) token)*
    token  := error=E | retval=N | signal=S | delay_enter=T | delay_exit=T | poke_enter=P
              | poke_exit=P | syscall=NAME | when=W

Beyond it there are `short=N` and `after_call`, which strace cannot say. Two things differ on
purpose: specs stack here (in strace the last one for a call replaces the others), and calls that
the vDSO answers can be hit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from dstrun.errors import did_you_mean
from dstrun.plan.calls import CLASSES, UnknownCalls, call_number, parse_strace_set
from dstrun.plan.effects import Delay, parse_pokes, parse_short
from dstrun.plan.model import Place, Problem, Rule
from dstrun.plan.values import (
    BadValue,
    Errors,
    found,
    parse_errno,
    parse_signal,
    parse_when,
)

_COUNT_MAX: Final = 65535
_DEFAULT_ERRNO: Final = 38  # ENOSYS, of fault=
_UNITS_NS: Final = {"": 1000, "us": 1000, "ms": 10**6, "s": 10**9, "ns": 1}
_TIME = re.compile(r" *([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(us|ms|s|ns|)")
_TIME_MAX_NS: Final = 1 << 62


def _parse_error(text: str) -> Errors:
    digits = text.strip().removeprefix("+")
    if digits.isascii() and digits.isdecimal():
        text = str(int(digits))
    return Errors(((parse_errno(text), 1),))


def _parse_retval(text: str) -> int:
    match = re.fullmatch(r"\s*[+-]?(0[xX][0-9a-fA-F]+|\d+)", text, re.ASCII)
    if not match:
        raise BadValue(f"{found(text)} is not a number")
    digits = match[1]
    is_octal = digits.startswith("0") and digits.isdecimal()
    try:
        number = int(digits, 8 if is_octal else 0)
    except ValueError:
        raise BadValue(f"{found(text)} is not a number") from None
    if "-" in text:
        number = -number
    if not -(1 << 63) <= number < 1 << 64:
        raise BadValue(f"{found(text)} is out of range (64 bits)")
    return number - (1 << 64) if number >= 1 << 63 else number


def _parse_time(text: str) -> Delay:
    match = _TIME.fullmatch(text)
    if not match:
        raise BadValue(f"{found(text)} is not a time (a number, then s, ms, us or ns)")
    time_ns = float(match[1]) * _UNITS_NS[match[2]]
    if time_ns < 0:
        raise BadValue(f"{found(text)} is negative")
    return Delay("constant", int(min(time_ns, _TIME_MAX_NS)))


def _parse_syscall(text: str) -> int:
    if text not in CLASSES["pure"]:
        pure = ", ".join(sorted(CLASSES["pure"]))
        raise BadValue(f"{found(text)} is not one of {pure}{did_you_mean(text, CLASSES['pure'])}")
    number = call_number(text)
    assert number is not None
    return number


def _parse_flag(text: str) -> bool:
    if text:
        raise BadValue(f"{found(text)}: it takes no value")
    return True


_TOKENS: Final[Mapping[str, Callable[[str], Any]]] = {
    "error": _parse_error,
    "retval": _parse_retval,
    "signal": parse_signal,
    "delay_enter": _parse_time,
    "delay_exit": _parse_time,
    "poke_enter": parse_pokes,
    "poke_exit": parse_pokes,
    "syscall": _parse_syscall,
    "short": parse_short,
    "after_call": _parse_flag,
    "when": lambda text: parse_when(text.lstrip(" "), _COUNT_MAX),
}
_OF_FAULT: Final = ("error", "when")
_NO_ACTION: Final = ("when", "syscall", "after_call")


def parse_inject(spec: str) -> tuple[Rule | None, list[Problem]]:
    """The rule of an --inject SPEC."""
    return _parse_spec(Place(f"--inject {spec!r}"), spec)


def _parse_spec(
    place: Place, spec: str, is_fault: bool = False
) -> tuple[Rule | None, list[Problem]]:
    set_text, _, tokens = spec.partition(":")
    values: dict[str, Any] = {}
    problems = []
    try:
        values["on"] = parse_strace_set(set_text)
    except UnknownCalls as error:
        problems.append(str(error))
    for token in filter(None, tokens.split(":")):
        problems += _take(token, values, _OF_FAULT if is_fault else tuple(_TOKENS))
    if not problems:
        problems += _complete(values, is_fault)
    if problems:
        return None, [Problem(place, text) for text in problems]
    return Rule(place, 1, values, is_strace=True), []


def _take(token: str, values: dict[str, Any], allowed: tuple[str, ...]) -> list[str]:
    name, equals, text = token.partition("=")
    if name not in allowed:
        meant = did_you_mean(name, allowed) or f" ({', '.join(allowed)})"
        return [f'unknown token "{token}"{meant}']
    if not equals and name != "after_call":
        return [f"{name}: needs a value ({name}=...)"]
    if name in values and name != "when":  # the last `when` counts
        return [f"{name}: is there twice"]
    if {name, *values} >= {"error", "retval"}:
        return ["error and retval: only one of them can be"]
    try:
        values[name] = _TOKENS[name](text)
    except BadValue as error:
        return [f"{name}: {error}"]
    return []


def _complete(values: dict[str, Any], is_fault: bool) -> list[str]:
    if is_fault:
        values.setdefault("error", Errors(((_DEFAULT_ERRNO, 1),)))
    actions = [name for name in values if name not in ("on", *_NO_ACTION)]
    if not actions:
        return [f"nothing is to happen (one of {', '.join(set_of_actions())})"]
    if "short" in values and {"error", "retval"} & set(values):
        return ["short: cannot be together with error or retval"]
    if "after_call" in values and not {"error", "retval", "short", "signal"} & set(values):
        return ["after_call: has no meaning without error, retval, short or signal"]
    return []


def set_of_actions() -> list[str]:
    """Tokens that make something happen."""
    return [name for name in _TOKENS if name not in _NO_ACTION]


def parse_expression(text: str) -> tuple[Rule | None, list[Problem]]:
    """What follows -e: inject=SPEC or fault=SPEC."""
    kind, equals, spec = text.partition("=")
    if not equals or kind not in ("inject", "fault"):
        meant = did_you_mean(kind, ["inject", "fault"]) if equals else ""
        hint = meant or " (-e inject=SPEC or -e fault=SPEC)"
        return None, [Problem(Place(f"-e {text!r}"), f'"{kind}" is not known here{hint}')]
    return _parse_spec(Place(f"-e {text!r}"), spec, is_fault=kind == "fault")
