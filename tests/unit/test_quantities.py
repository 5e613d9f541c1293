"""Durations and points in time."""

import pytest

from dstrun.errors import BadUsage
from dstrun.quantities import (
    format_duration,
    format_time,
    parse_cost_ns,
    parse_duration_ns,
    parse_percent_ppm,
    parse_time_ns,
)


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("10s", 10 * 10**9),
        ("1.5s", 1_500_000_000),
        ("250ms", 250_000_000),
        ("1h30m", 5400 * 10**9),
        ("2min", 120 * 10**9),
        ("3", 3 * 10**9),
        ("0.000000001", 1),
        ("7ns", 7),
        ("1d", 86400 * 10**9),
    ],
)
def test_durations(text: str, expected_ns: int) -> None:
    assert parse_duration_ns(text) == expected_ns


@pytest.mark.parametrize("text", ["", "x", "10x", "-5s", "0", "1h-3m", "s", "1e9s", "9" * 30])
def test_bad_durations(text: str) -> None:
    with pytest.raises(BadUsage):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("0", 0),
        ("1767225600", 1767225600 * 10**9),
        ("1767225600.000000001", 1767225600 * 10**9 + 1),
        ("2026-01-01", 1767225600 * 10**9),
        ("2026-01-01T00:00:00Z", 1767225600 * 10**9),
        ("2026-01-01T01:00:00+01:00", 1767225600 * 10**9),
        ("2026-01-01 00:00:00.250000", 1767225600 * 10**9 + 250_000_000),
    ],
)
def test_times(text: str, expected_ns: int) -> None:
    assert parse_time_ns(text) == expected_ns


@pytest.mark.parametrize("text", ["", "now", "1969-12-31", "2300-01-01", "2026-13-01", "-1"])
def test_bad_times(text: str) -> None:
    with pytest.raises(BadUsage):
        parse_time_ns(text)


def test_costs() -> None:
    assert parse_cost_ns("1us") == 1000
    for text in ("0", "2h", "x"):
        with pytest.raises(BadUsage):
            parse_cost_ns(text)


@pytest.mark.parametrize(
    ("text", "ppm"), [("0%", 0), ("20%", 200_000), ("2.5 %", 25_000), ("0.0001", 1), ("100", 10**6)]
)
def test_percentages(text: str, ppm: int) -> None:
    assert parse_percent_ppm(text) == ppm


@pytest.mark.parametrize("text", ["", "%", "x", "-1%", "100.1%", "1%%"])
def test_bad_percentages(text: str) -> None:
    with pytest.raises(BadUsage):
        parse_percent_ppm(text)


def test_formats() -> None:
    assert format_time(1_234_567) == "0.001234567"
    assert format_duration(1_500) == "1.5 us"
    assert format_duration(12_345_678) == "12.3 ms"
    assert format_duration(3600 * 10**9) == "3600.000 s"
