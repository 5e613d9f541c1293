"""Durations, points in time and counts, as users write them and as they are shown."""

from __future__ import annotations

import re

from dstrun.errors import BadUsage

NS_PER_S = 1_000_000_000
_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "min": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86400 * NS_PER_S,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|min|m|h|d)")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_U64_MAX = (1 << 64) - 1
_COST_MAX_NS = 3600 * NS_PER_S
PPM_PER_PERCENT = 10_000


def parse_duration_ns(text: str) -> int:
    """ "90s", "1h30m", "250ms"; a plain number is seconds."""
    compact = text.strip().replace(" ", "")
    if _NUMBER.fullmatch(compact):
        return _positive(text, _scaled(compact, NS_PER_S))
    parts = list(_PART.finditer(compact))
    if not parts or "".join(part.group() for part in parts) != compact:
        raise BadUsage(f'duration "{text}": not understood (like 10s, 250ms, 1h30m)')
    return _positive(text, sum(_scaled(part[1], _UNIT_NS[part[2]]) for part in parts))


def _scaled(number: str, unit_ns: int) -> int:
    """number * unit, exact where a float would round."""
    whole, _, fraction = number.partition(".")
    denominator: int = 10 ** len(fraction)
    return int(whole + fraction) * unit_ns // denominator


def _positive(text: str, duration_ns: int) -> int:
    if not 0 < duration_ns <= _U64_MAX:
        raise BadUsage(f'duration "{text}": must be more than 0 and less than 2^64 ns')
    return duration_ns


def parse_cost_ns(text: str) -> int:
    """What a call takes: a duration that leaves room for many calls."""
    cost_ns = parse_duration_ns(text)
    if cost_ns > _COST_MAX_NS:
        raise BadUsage(f'duration "{text}": more than an hour for one call')
    return cost_ns


def parse_percent_ppm(text: str) -> int:
    """ "20%", "2.5%" or "20": parts of a million."""
    number = text.strip().removesuffix("%").rstrip()
    ppm = _scaled(number, PPM_PER_PERCENT) if _NUMBER.fullmatch(number) else -1
    if not 0 <= ppm <= 100 * PPM_PER_PERCENT:
        raise BadUsage(f'"{text}" is not a percentage (0% to 100%)')
    return ppm


def parse_time_ns(text: str) -> int:
    """A point in time, ns since 1970: seconds, or a date and time (UTC unless it says else)."""
    text = text.strip()
    time_ns = _scaled(text, NS_PER_S) if _NUMBER.fullmatch(text) else _parse_iso_ns(text)
    # What file systems can store, and what a signed 64-bit clock can tell.
    if not 0 <= time_ns < 1 << 63:
        raise BadUsage(f'time "{text}": out of range (1970 to 2262)')
    return time_ns


def _parse_iso_ns(text: str) -> int:
    from datetime import datetime, timezone

    try:
        moment = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
    except ValueError:
        raise BadUsage(
            f'time "{text}": not understood (seconds since 1970, or like 2026-01-31T12:00:00Z)'
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def format_duration(duration_ns: int) -> str:
    """Three or four digits that tell: "1.23 ms", "3600.1 s"."""
    if duration_ns < 1_000_000:
        return f"{duration_ns / 1_000:.3g} us"
    if duration_ns < NS_PER_S:
        return f"{duration_ns / 1_000_000:.3g} ms"
    return f"{duration_ns / NS_PER_S:.3f} s"


def format_time(time_ns: int) -> str:
    """Seconds with all nine digits, as in traces."""
    return f"{time_ns // NS_PER_S}.{time_ns % NS_PER_S:09d}"
