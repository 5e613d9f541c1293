"""From the options of a command line to one checked plan.

The order of rules is that of the options as they were given, and within a file that of the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dstrun import abi
from dstrun.errors import did_you_mean
from dstrun.plan.flags import parse_flag_rule
from dstrun.plan.model import BadPlan, Draft, Place, Plan, Problem, Rule, Script, make_rule
from dstrun.plan.script import read_script, run_script
from dstrun.plan.strace import parse_expression, parse_inject
from dstrun.plan.toml import read_toml

Source = tuple[str, str]  # an option ("plan", "inject", "e", "fault") and its value


def load_plan(sources: Iterable[Source], fault_seed: int, hostname: str = "dstrun") -> Plan:
    """The plan of all sources. BadPlan: with all that is wrong with any of them."""
    loader = _Loader(fault_seed)
    for option, value in sources:
        loader.take(option, value)
    rules = loader.rules
    loader.problems += [problem for rule in rules for problem in _node_problems(rule, hostname)]
    loader.problems += _name_problems(rules)
    if len(rules) > abi.FAULT_RULES_MAX:
        text = f"{len(rules)} rules: at most {abi.FAULT_RULES_MAX} are possible"
        loader.problems.append(Problem(Place("plan"), text))
    if loader.problems:
        raise BadPlan(loader.problems)
    return Plan(tuple(_numbered_copies(rules)), tuple(loader.scripts))


def plan_of_meta(rules: Iterable[dict[str, Any]]) -> Plan:
    """The plan that a trace's header tells (Plan.meta). Its scripts' functions are not there."""
    return Plan(tuple(rule_of_meta(meta, number) for number, meta in enumerate(rules, start=1)))


def rule_of_meta(meta: dict[str, Any], number: int) -> Rule:
    """The rule that Rule.meta tells of."""
    draft = Draft(Place(meta["from"]), number, meta["fields"])
    if "callback" in meta:
        draft.callback, draft.function, draft.script = 0, meta["callback"], meta["script"]
    rule, problems = make_rule(draft)
    if not rule:
        raise BadPlan(problems)
    is_strace = meta.get("counts") == "strace"
    return replace(rule, is_strace=is_strace, copy=meta.get("copy", 0))


class _Loader:
    def __init__(self, fault_seed: int) -> None:
        self.fault_seed = fault_seed
        self.rules: list[Rule] = []
        self.scripts: list[Script] = []
        self.problems: list[Problem | str] = []

    def take(self, option: str, value: str) -> None:
        if option == "plan":
            self._take_file(Path(value))
        elif option == "fault":
            draft, problems = parse_flag_rule(value)
            self.problems += problems
            self._take_drafts([draft] if draft else [])
        else:
            rule, problems = (parse_inject if option == "inject" else parse_expression)(value)
            self.problems += problems
            self.rules += [rule] if rule else []

    def _take_file(self, path: Path) -> None:
        if path.suffix == ".toml":
            drafts, problems = read_toml(path)
            self.problems += problems
            self._take_drafts(drafts)
        elif path.suffix == ".py":
            self._take_script(path)
        else:
            text = f'"{path.suffix}": a plan is a .toml or a .py file'
            self.problems.append(Problem(Place(f"plan {path}"), text))

    def _take_script(self, path: Path) -> None:
        script, problems = read_script(path)
        self.problems += problems
        if not script:
            return
        try:
            loaded = run_script(script, self.fault_seed)
        except BadPlan as error:
            self.problems += error.messages
            return
        self.scripts.append(script)
        self._take_drafts(loaded.drafts)

    def _take_drafts(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            rule, problems = make_rule(draft)
            self.problems += problems
            self.rules += [rule] if rule else []


def _numbered_copies(rules: list[Rule]) -> list[Rule]:
    """Rules without a name that say the same draw from streams of their own all the same."""
    seen: dict[int, int] = {}
    result = []
    for rule in rules:
        copy = 0 if "name" in rule.values else seen.get(rule.stream, 0)
        seen[rule.stream] = copy + 1
        result.append(replace(rule, copy=copy))
    return result


def _rule_problem(rule: Rule, field: str, text: str) -> Problem:
    return Draft(rule.place, rule.number, rule.fields(), rule.lines).problem(field, text)


def _name_problems(rules: list[Rule]) -> list[Problem]:
    first: dict[str, Rule] = {}
    problems = []
    for rule in rules:
        name: Any = rule.values.get("name")
        if name in first:
            other = f"{first[name].place}"
            problems.append(_rule_problem(rule, "name", f'"{name}" is the name of {other} too'))
        elif name:
            first[name] = rule
    return problems


def _node_problems(rule: Rule, hostname: str) -> list[Problem]:
    values = rule.values
    named = [("node", node) for node in (values.get("node"),) if node not in (None, "localhost")]
    named += [(name, peer.host) for name in ("peer", "local") for peer in values.get(name, ())]
    return [
        _rule_problem(
            rule, name, f'"{host}" is not there: the one node is "{hostname}"'
            + did_you_mean(host, [hostname]),
        )
        for name, host in named
        if host not in (None, hostname)
    ]  # fmt: skip
