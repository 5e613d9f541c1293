"""One rule on the command line: `--fault 'on=fsync prob=0.1 error=EIO path="**/wal/*"'`.

Words separated by blanks, each FIELD=VALUE, or FIELD alone for a switch. A value that starts with a
quote, "[" or "{" is one of TOML, and may have blanks in it; any other is text up to the next blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dstrun.plan.model import Draft, Place, Problem
from dstrun.plan.toml import load_toml

_NAME = re.compile(r"\s*([A-Za-z_][\w-]*)\s*")
_TOML_STARTS = "\"'[{"
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[\[\]{}]", re.DOTALL)


class _BadFlag(ValueError):
    pass


def parse_flag_rule(text: str) -> tuple[Draft | None, list[Problem]]:
    """The draft of the rule that a --fault says."""
    place = Place(f"--fault {text!r}")
    fields: dict[str, object] = {}
    try:
        for name, value in _words(text):
            if name in fields:
                raise _BadFlag(f"{name}: is there twice")
            fields[name] = value
    except _BadFlag as error:
        return None, [Problem(place, str(error))]
    if not fields:
        return None, [Problem(place, "says nothing (like on=fsync error=EIO)")]
    return Draft(place, 1, fields), []


def _words(text: str) -> Iterator[tuple[str, object]]:
    position = 0
    while text[position:].strip():
        name = _NAME.match(text, position)
        if not name:
            raise _BadFlag(f'"{text[position:].strip()}" is not understood (FIELD=VALUE)')
        position = name.end()
        if text[position : position + 1] != "=":
            yield name[1], True
            continue
        position += 1
        end = _value_end(text, position)
        yield name[1], _value(text[position:end])
        position = end


def _value_end(text: str, start: int) -> int:
    """Where a value ends: at a blank, outside of quotes and brackets if it starts with one."""
    if text[start : start + 1] not in tuple(_TOML_STARTS):
        blank = re.search(r"\s", text[start:])
        return start + blank.start() if blank else len(text)
    depth = 0
    for token in _QUOTED.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    raise _BadFlag(f"{text[start:]}: a quote or bracket is not closed")


def _value(text: str) -> object:
    if not text.startswith(tuple(_TOML_STARTS)):
        return text
    try:
        value: object = load_toml(f"value = {text}")["value"]
    except ValueError:
        raise _BadFlag(f"{text}: is not a value of TOML") from None
    return value
