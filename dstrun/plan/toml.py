"""Plans in TOML: `[[fault]]` tables, each with the line of each of its fields.

The parser of TOML says no lines, so the text is scanned once more for where statements start; this
scan need not understand values, only where they end.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dstrun.errors import did_you_mean
from dstrun.plan.model import Draft, Place, Problem

_HEADER = re.compile(r"\[\[?\s*([^\]]*?)\s*\]\]?")
_KEY = re.compile(r'\s*(?:"([^"]*)"|\'([^\']*)\'|([A-Za-z0-9_-]+))')
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)$")
_TABLE = "fault"


def load_toml(text: str) -> dict[str, Any]:
    """The table of a TOML text; ValueError says where it is none."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    table: dict[str, Any] = tomllib.loads(text)
    return table


def read_toml(path: Path) -> tuple[list[Draft], list[Problem]]:
    """The drafts of a plan's rules; what is wrong with the file as a whole."""
    source = f"plan {path}"
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        return [], [Problem(Place(source), f"cannot be read: {reason}")]
    try:
        table = load_toml(text)
    except ValueError as error:
        message = str(error)
        line = _AT_LINE.search(message)
        place = Place(source, int(line[1]) if line else None)
        return [], [Problem(place, f"is not TOML: {_AT_LINE.sub('', message)}")]
    return _drafts(source, table, _scan(text))


@dataclass
class _Lines:
    """Where a table starts, and each of its keys."""

    start: int
    keys: dict[str, int] = field(default_factory=dict)


def _drafts(
    source: str, table: dict[str, Any], scan: tuple[list[_Lines], dict[str, int]]
) -> tuple[list[Draft], list[Problem]]:
    places, top = scan
    problems = []
    for key in filter(lambda key: key != _TABLE, table):
        meant = did_you_mean(key, [_TABLE]) or " (rules are [[fault]])"
        problems.append(
            Problem(Place(source, top.get(key)), f'unknown table or key "{key}"{meant}')
        )
    rules = table.get(_TABLE, [])
    if isinstance(rules, dict) or not all(isinstance(rule, dict) for rule in rules):
        place = Place(source, top.get(_TABLE))
        return [], [*problems, Problem(place, "a rule is a table in an array: write [[fault]]")]
    if not rules and not problems:
        problems.append(Problem(Place(source), "has no rules ([[fault]] tables)"))
    drafts = []
    for index, fields in enumerate(rules):
        lines = places[index] if index < len(places) else _Lines(top.get(_TABLE, 1))
        drafts.append(Draft(Place(source, lines.start), index + 1, fields, lines.keys))
    return drafts, problems


def _scan(text: str) -> tuple[list[_Lines], dict[str, int]]:
    """Lines of each [[fault]] and its keys, and of top-level keys and tables."""
    rules: list[_Lines] = []
    top: dict[str, int] = {}
    keys = top
    for line, statement in _statements(text):
        header = _HEADER.match(statement)
        if header:
            name, _, rest = header[1].replace('"', "").partition(".")
            name = name.strip()
            if name != _TABLE:
                keys = {}
                top.setdefault(name, line)
            elif rest:  # [fault.error]: a field that is a table
                if rules:
                    rules[-1].keys.setdefault(rest.split(".")[0].strip(), line)
                keys = {}
            else:
                top.setdefault(name, line)
                rules.append(_Lines(line))
                keys = rules[-1].keys
        elif key := _KEY.match(statement):
            keys.setdefault(key[1] or key[2] or key[3], line)
    return rules, top


_TOKEN = re.compile(
    r'"""(?:\\.|(?!""").)*"{3,5}'  # the four kinds of strings; they may hold all that follows
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|\n|[\[\]{}]",
    re.DOTALL,
)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line that it starts on: values may go over several."""
    start, depth = 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            yield from _statement(text, start, token.start())
            start = token.end()
    yield from _statement(text, start, len(text))


def _statement(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    statement = text[start:end].strip()
    if statement and not statement.startswith("#"):
        yield text.count("\n", 0, start) + 1, statement
