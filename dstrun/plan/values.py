"""The values of a rule's fields: from what a plan says to what is meant, and back.

A value comes from TOML (a string, number, list, table), from a script (the same), or from the
command line (always text): every parser takes all that can mean the same. `BadValue` says what was
found and what is allowed; which field of which rule it was the caller adds. Each type shows itself
as the plan language writes it, so that what a plan resolved to is again a plan.
"""

from __future__ import annotations

import errno
import json
import re
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dstrun.errors import BadUsage, did_you_mean
from dstrun.quantities import parse_duration_ns

U64_MAX: Final = (1 << 64) - 1
NO_END: Final = U64_MAX
ERRNO_MAX: Final = 4095
ERRNOS_MAX: Final = 16
_DURATION: Final = "a duration like 5ms, 2s or 1h30m"


class BadValue(ValueError):
    """What was found is not what is allowed."""


def found(value: object) -> str:
    """A value as a plan would write it."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return repr(value)


def one_of(value: object, allowed: Iterable[str]) -> str:
    """A word out of some."""
    words = list(allowed)
    if isinstance(value, str) and value in words:
        return value
    meant = did_you_mean(value, words) if isinstance(value, str) else ""
    raise BadValue(f"{found(value)} is not one of {', '.join(words)}{meant}")


def parse_flag(value: object) -> bool:
    """A switch; on the command line a word."""
    if value in (True, "true", "yes", "1", ""):
        return True
    if value in (False, "false", "no", "0"):
        return False
    raise BadValue(f"{found(value)} is not true or false")


def parse_integer(value: object, least: int, most: int = U64_MAX) -> int:
    """A whole number of a range; text may be hexadecimal."""
    number: object = value
    if isinstance(value, str):
        try:
            number = int(value, 0)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int):
        raise BadValue(f"{found(value)} is not a whole number")
    if not least <= number <= most:
        upper = "up" if most >= U64_MAX >> 1 else f"to {most}"
        raise BadValue(f"{number} is out of range ({least} {upper})")
    return number


def parse_strings(value: object) -> tuple[str, ...]:
    """One string or a list of them."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not words:
        raise BadValue(f"{found(value)} is neither a string nor a list of strings")
    for word in words:
        if not isinstance(word, str) or not word:
            raise BadValue(f"{found(word)} is not a string with something in it")
        if "\0" in word:
            raise BadValue(f"{found(word)} has a NUL in it")
        text_bytes(word)
    return tuple(words)


def text_bytes(text: str) -> bytes:
    """A text as the program has it; bytes that are no UTF-8 came as surrogates."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise BadValue(f"{found(text)} cannot be written in UTF-8") from None


def show_strings(words: tuple[str, ...]) -> object:
    """A list only where it has to be one."""
    return words[0] if len(words) == 1 else list(words)


def split_words(value: object) -> tuple[str, ...]:
    """As parse_strings; a string is split at commas and blanks, but for /regular expressions/."""
    words: list[str] = []
    for text in parse_strings(value):
        words += [text] if "/" in text else re.split(r"[,\s]+", text.strip(", \t"))
    return tuple(words)


# ---- times ----
def parse_time(value: object, zero: bool = False) -> int:
    """A duration in ns; numbers are seconds."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadValue(f"{found(value)} is not {_DURATION}")
    text = format(Decimal(str(value)), "f") if isinstance(value, float) else str(value)
    if zero and re.fullmatch(r"\s*0+(\.0+)?\s*[a-z]*\s*", text):
        return 0
    try:
        return parse_duration_ns(text)
    except BadUsage:
        raise BadValue(f"{found(value)} is not {_DURATION}") from None


def show_time(time_ns: int) -> str:
    """The shortest text that gives this time again."""
    for unit, ns in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if time_ns % ns == 0:
            return f"{time_ns // ns}{unit}"
    return f"{time_ns}ns"


def parse_offset(value: object) -> int:
    """A duration that may be negative."""
    if isinstance(value, str) and value.strip().startswith("-"):
        return -parse_time(value.strip()[1:])
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        return -parse_time(-value)
    return parse_time(value.strip().removeprefix("+") if isinstance(value, str) else value)


def show_offset(offset_ns: int) -> str:
    """Signed, as parse_offset reads it."""
    return f"{'-' if offset_ns < 0 else '+'}{show_time(abs(offset_ns))}"


def decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@dataclass(frozen=True)
class Share:
    """A part of one, exactly as it was written."""

    number: Decimal

    def below(self) -> int:
        """The threshold for a draw of 64 bits; all ones: always."""
        return NO_END if self.number >= 1 else int(self.number * (1 << 64))

    def show(self) -> object:
        return float(self.number)


def parse_share(value: object) -> Share:
    """A probability: more than 0, at most 1; or a percentage."""
    number = None
    if isinstance(value, str) and value.strip().endswith("%"):
        percent = decimal(value.strip()[:-1])
        number = None if percent is None else percent / 100
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        number = decimal(str(value))
    if number is None:
        raise BadValue(f"{found(value)} is not a probability (like 0.05 or 5%)")
    if not 0 < number <= 1:
        raise BadValue(f"{found(value)} is out of range (more than 0, at most 1)")
    return Share(number)


# ---- which ----
@dataclass(frozen=True)
class When:
    """Which matches: first, first + step, ... up to last."""

    first: int
    last: int
    step: int

    def show(self) -> object:
        if self.last == self.first:
            return self.first
        last = "" if self.last == NO_END else f"..{self.last}"
        step = "" if self.step == 1 and last else "+" if self.step == 1 else f"+{self.step}"
        return f"{self.first}{last}{step}"


_WHEN = re.compile(r"\s*\+?(\d+)(?:\.\.(\d+))?(\+(\d+)?)?")
_WHEN_FORMS: Final = "F, F+, F+STEP, F..L or F..L+STEP"


def parse_when(value: object, most: int = U64_MAX) -> When:
    """strace's W; a number is that one match."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _WHEN.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    if not match:
        raise BadValue(f"{found(value)} is not understood ({_WHEN_FORMS})")
    first = int(match[1])
    step = int(match[4]) if match[4] else 1
    last = int(match[2]) if match[2] else NO_END if match[3] else first
    for name, number in (("first", first), ("step", step), ("last", last)):
        if not 1 <= number <= most and number != NO_END:
            upper = "from 1 up" if most == U64_MAX else f"1 to {most}"
            raise BadValue(f"{found(value)}: the {name} one, {number}, is out of range ({upper})")
    if last < first:
        raise BadValue(f"{found(value)} ends before it begins ({_WHEN_FORMS})")
    return When(first, last, step)


@dataclass(frozen=True)
class Range:
    """From `first` to `last`, both in it."""

    first: int
    last: int

    def show(self) -> object:
        if self.first == self.last:
            return self.first
        return f"{self.first}+" if self.last == NO_END else f"{self.first}..{self.last}"


_RANGE = re.compile(r"(\d+[kKmMgG]?)?(\.\.)?(\d+[kKmMgG]?)?(\+)?")
_FACTORS: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def _count(text: str) -> int:
    factor = _FACTORS.get(text[-1].lower(), 1)
    return int(text.rstrip("kKmMgG")) * factor


def parse_range(value: object, least: int = 0) -> Range:
    """ "3", "3..5", "3+", "..5"; k, m and g stand for 2^10, 2^20, 2^30."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _RANGE.fullmatch(text.strip()) if isinstance(text, str) else None
    low, dots, high, plus = match.groups() if match else (None, None, None, None)
    forms = "not a range (like 3, 3..5, 3+ or ..5)"
    if not (low or (dots and high)) or (high and not dots) or (plus and dots):
        raise BadValue(f"{found(value)} is {forms}")
    first = _count(low) if low else least
    last = _count(high) if high else NO_END if plus or dots else first
    if first < least or first > last:
        raise BadValue(f"{found(value)} is {'out of range' if first < least else 'empty'}, {forms}")
    return Range(first, last)


# ---- errno and signals ----
# Codes that the kernel keeps for itself; strace knows their names, so its specs may have them.
_KERNEL_ERRNOS: Final = {
    512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 515: "ENOIOCTLCMD",
    516: "ERESTART_RESTARTBLOCK", 517: "EPROBE_DEFER", 518: "EOPENSTALE", 519: "ENOPARAM",
    521: "EBADHANDLE", 522: "ENOTSYNC", 523: "EBADCOOKIE", 524: "ENOTSUPP", 525: "ETOOSMALL",
    526: "ESERVERFAULT", 527: "EBADTYPE", 528: "EJUKEBOX", 529: "EIOCBQUEUED",
    530: "ERECALLCONFLICT",
}  # fmt: skip
_ERRNO_NAMES: Final = dict(errno.errorcode) | {11: "EAGAIN", 35: "EDEADLK", 95: "EOPNOTSUPP"}
ERRNOS: Final[Mapping[str, int]] = {
    name: number
    for name in dir(errno)
    if name.startswith("E") and isinstance(number := getattr(errno, name), int)
} | {name: number for number, name in _KERNEL_ERRNOS.items()}


def errno_name(number: int) -> str:
    """EIO for 5; a number where it has no name."""
    return _ERRNO_NAMES.get(number) or _KERNEL_ERRNOS.get(number) or str(number)


def _named_number(
    value: object, what: str, example: str, names: Mapping[str, int], most: int, prefix: str = ""
) -> int:
    """A number from 1 to `most`, or its name in any case, with or without the prefix."""
    word = value.upper() if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif word.isascii() and word.isdecimal():
        number = int(word)
    elif isinstance(value, str):
        word = word.removeprefix(prefix)
        number = names.get(word, 0)
        if not number:
            meant = did_you_mean(prefix + word, [prefix + known for known in names])
            raise BadValue(f"unknown {what} {found(value)}{meant}")
    else:
        article = "an" if what[0] in "aeiou" else "a"
        raise BadValue(f"{found(value)} is not {article} {what} (like {example})")
    if not 1 <= number <= most:
        raise BadValue(f"{what} {number} is out of range (1 to {most})")
    return number


def parse_errno(value: object) -> int:
    """A name in any case, or a number."""
    value = value.strip() if isinstance(value, str) else value
    return _named_number(value, "errno", "EIO or 5", ERRNOS, ERRNO_MAX)


@dataclass(frozen=True)
class Errors:
    """Errnos by weight."""

    weights: tuple[tuple[int, int], ...]  # (errno, weight)

    def show(self) -> object:
        if len(self.weights) == 1:
            return errno_name(self.weights[0][0])
        return {errno_name(number): weight for number, weight in self.weights}

    def below(self) -> list[tuple[int, int]]:
        """(errno, threshold for a draw of 64 bits), in order; the last is all ones."""
        total, so_far, result = sum(weight for _, weight in self.weights), 0, []
        for number, weight in self.weights:
            so_far += weight
            result.append((number, min((so_far << 64) // total, U64_MAX)))
        return result


def parse_errors(value: object) -> Errors:
    """ "EIO", 5, ["EIO", "ENOSPC"], { ENOSPC = 9, EIO = 1 } or "ENOSPC:9,EIO:1"."""
    pairs: list[tuple[object, object]]
    if isinstance(value, str) and re.search(r"[,:]", value):
        parts = [part.strip().partition(":") for part in value.split(",") if part.strip()]
        pairs = [(name, weight or "1") for name, _, weight in parts]
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, (list, tuple)):
        pairs = [(name, 1) for name in value]
    else:
        pairs = [(value, 1)]
    weights: dict[int, int] = {}
    for name, weight in pairs:
        number = parse_errno(name)
        if number in weights:
            raise BadValue(f"{errno_name(number)} is there twice")
        try:
            weights[number] = parse_integer(weight, 1, 10**9)
        except BadValue as error:
            raise BadValue(f"weight of {name}: {error}") from None
    if not 1 <= len(weights) <= ERRNOS_MAX:
        raise BadValue(f"{len(weights)} errnos: 1 to {ERRNOS_MAX} are allowed")
    return Errors(tuple(weights.items()))


_RT_MIN: Final = 32
_SIGNALS_MAX: Final = 64
SIGNALS: Final[Mapping[str, int]] = {
    **{name[3:]: int(n) for name, n in signal.Signals.__members__.items() if n < _RT_MIN},
    "RTMIN": _RT_MIN,
    **{f"RT_{n}": _RT_MIN + n for n in range(1, _SIGNALS_MAX - _RT_MIN + 1)},
}


def parse_signal(value: object) -> int:
    """A number, or a name with or without SIG, in any case; real-time ones as strace has them."""
    return _named_number(value, "signal", "SIGTERM or 15", SIGNALS, _SIGNALS_MAX, "SIG")


def signal_name(number: int) -> str:
    """SIGTERM for 15."""
    if number > _RT_MIN:
        return f"SIGRT_{number - _RT_MIN}"
    return "SIGRTMIN" if number == _RT_MIN else signal.Signals(number).name


# ---- tables ----
def parse_table(value: object, parsers: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    """A table whose keys are known; each value by its own parser."""
    if not isinstance(value, Mapping):
        raise BadValue(f"{found(value)} is not a table ({', '.join(parsers)})")
    result = {}
    for key, item in value.items():
        if key not in parsers:
            meant = did_you_mean(str(key), parsers)
            raise BadValue(f"unknown key {found(key)}{meant or ' (' + ', '.join(parsers) + ')'}")
        try:
            result[key] = parsers[key](item)
        except BadValue as error:
            raise BadValue(f"{key}: {error}") from None
    return result
