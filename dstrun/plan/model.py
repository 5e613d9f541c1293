"""A plan: rules in order, each with where it was said.

Whatever way a rule came in, it is a mapping from the fields of dstrun.plan.fields to their values,
made by `make_rule`, which tells all that is wrong with it at once.

A rule's *stream* is what its random draws are keyed by: a hash of its name, or of its content when
it has none, and never its place. So a rule decides the same whatever other rules there are; a named
one goes on deciding the same while its content is edited.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dstrun.errors import EXIT_USAGE, BadUsage, did_you_mean
from dstrun.plan.check import check_fields
from dstrun.plan.fields import ALIASES, FIELDS
from dstrun.plan.values import BadValue


@dataclass(frozen=True)
class Place:
    """Where something was said: "plan disk.toml", "--fault 'on=fsync error=EIO'"; and its line."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a plan, at one place."""

    place: Place
    text: str
    rule: str = ""  # 'rule 3' or 'rule 3 "wal"'; empty: not of a rule

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.place), self.rule, self.text)))


class BadPlan(BadUsage):
    """A plan that cannot be used, with all that is wrong with it."""

    exit_code = EXIT_USAGE

    def __init__(self, problems: Sequence[Problem | str]) -> None:
        self.messages = [str(problem) for problem in problems]
        super().__init__("\n".join(self.messages))


@dataclass(frozen=True)
class Rule:
    """One rule. `values`: what was given, parsed.

    `callback`: the number of a script's function that decides, `function`: its name.
    """

    place: Place
    number: int  # in its source, from 1
    values: Mapping[str, Any]
    callback: int | None = None
    function: str = ""
    script: str = ""  # its path, with a callback
    is_strace: bool = False  # counts as strace does
    copy: int = 0  # of rules that are the same, which one
    lines: Mapping[str, int] = field(default_factory=dict)  # of its fields

    @property
    def name(self) -> str:
        """What the account calls it."""
        given: str | None = self.values.get("name")
        return given or self.place_name

    @property
    def place_name(self) -> str:
        """Where it was said."""
        source = self.place.source.removeprefix("plan ")
        single = source.startswith("-")
        return source if single else f"{source}:{self.place.line or self.number}"

    def fields(self) -> dict[str, object]:
        """Its content, as the plan language writes it, in the order of the fields."""
        return {
            name: FIELDS[name].show(self.values[name]) for name in FIELDS if name in self.values
        }

    @property
    def stream(self) -> int:
        """64 bits that its draws are keyed by."""
        content: dict[str, object] = {"name": self.values.get("name")}
        if content["name"] and self.copy:
            content["copy"] = self.copy  # made by a function, again and again
        elif not content["name"]:
            content = self.fields() | {"copy": self.copy, "strace": self.is_strace}
            if "on" in content:
                content["on"] = sorted(self.values["on"].numbers)
            if self.callback is not None:
                content["callback"] = self.function
        text = json.dumps(content, sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    def meta(self) -> dict[str, object]:
        """For the trace's header."""
        meta: dict[str, object] = {"name": self.name, "from": str(self.place)}
        if self.is_strace:
            meta["counts"] = "strace"
        if self.callback is not None:
            meta |= {"callback": self.function, "script": self.script}
        if self.copy:
            meta["copy"] = self.copy
        return meta | {"fields": self.fields()}


@dataclass(frozen=True)
class Script:
    """A plan in Python: its file, and its text as it was read."""

    path: str
    text: str

    @property
    def digest(self) -> str:
        """To tell one text from another."""
        return hashlib.blake2b(self.text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Plan:
    """All rules of a run, in the order in which they apply."""

    rules: tuple[Rule, ...] = ()
    scripts: tuple[Script, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rules)

    def meta(self) -> list[dict[str, object]]:
        """What the plan resolved to, for the trace's header."""
        return [rule.meta() for rule in self.rules]


@dataclass
class Draft:
    """A rule as it was said: fields and values, not looked at."""

    place: Place
    number: int
    fields: Mapping[str, object]
    lines: Mapping[str, int] = field(default_factory=dict)  # where each field stands
    callback: int | None = None
    function: str = ""
    script: str = ""

    def problem(self, name: str, text: str) -> Problem:
        """Something wrong with one field ("": with the whole)."""
        given = self.fields.get("name")
        title = f"rule {self.number}"
        if isinstance(given, str) and given.isprintable():
            title += f' "{given}"'
        if self.place.source.startswith("-"):
            title = ""  # on the command line there is one
        line = self.lines.get(name, self.place.line)
        return Problem(Place(self.place.source, line), f"{name}: {text}" if name else text, title)


def make_rule(draft: Draft) -> tuple[Rule | None, list[Problem]]:
    """The rule, or all that is wrong with it."""
    values: dict[str, Any] = {}
    problems = []
    for given, value in draft.fields.items():
        name = ALIASES.get(given, given)
        entry = FIELDS.get(name)
        if entry is None:
            meant = did_you_mean(given, [*FIELDS, *ALIASES])
            hint = meant or ' ("dstrun plan kinds" lists them)'
            problems.append(draft.problem("", f'unknown field "{given}"{hint}'))
            continue
        if name in values:
            problems.append(draft.problem(given, f'is the same as "{name}", which is there too'))
            continue
        try:
            values[name] = entry.parse(value)
        except BadValue as error:
            problems.append(draft.problem(given, str(error)))
    if not problems:  # what is missing in what was not understood cannot be told
        found = check_fields(values, draft.callback is not None)
        problems += [draft.problem(name, text) for name, text in found]
    if problems:
        return None, problems
    switches = {name: value for name, value in values.items() if value is not False}
    rule = Rule(
        draft.place,
        draft.number,
        switches,
        draft.callback,
        draft.function,
        draft.script,
        lines=draft.lines,
    )
    return rule, []
