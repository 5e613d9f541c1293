"""Edits of a trace's decisions, for a replay that is not quite the run.

What is not edited stays as the trace has it, as long as it applies: a decision is found by its key,
which what others do does not change. Where the trace says nothing any more, the task that runs goes
on, or who is ready longest is next, and no fault happens. Shrinking stands on this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dstrun import abi
from dstrun.errors import BadUsage, TraceError, did_you_mean
from dstrun.plan.flags import parse_flag_rule
from dstrun.plan.load import rule_of_meta
from dstrun.plan.model import BadPlan, Plan, Rule, make_rule
from dstrun.spec import RunResult, RunSpec
from dstrun.trace.decisions import Decision
from dstrun.trace.reader import Trace
from dstrun.trace.render import fault_record

if TYPE_CHECKING:
    from dstrun.launch.stand import OnStand, Output, Stand

FORMS = "fault:N, fault:@EVENT, rule:NAME or choice:N"


@dataclass(frozen=True)
class Injection:
    """A fault that was injected: the N-th of `dstrun show --faults`, from 1, is number N here."""

    event: int
    rule: int  # its place in the plan
    match: int


def injections(trace: Trace) -> list[Injection]:
    """All faults that the trace tells of, in order. TraceError: it is damaged."""
    found = []
    for index, event in enumerate(trace.read()):
        if event.kind != abi.EVENT_INJECTED:
            continue
        record, r = fault_record(trace, event), abi.FaultRecord
        if record is None:
            raise TraceError(f"{trace.path}: damaged: event {index}: no such fault")
        found.append(Injection(index, r.rule.get(record), r.match.get(record)))
    return found


class Edits:
    """Gathers edits, each a word as the user says it, and applies them. BadUsage: what is wrong."""

    def __init__(self, trace: Trace, spec: RunSpec) -> None:
        """`spec` follows the trace."""
        assert spec.replay
        self._trace = trace
        self._spec = spec
        self._replay = replay = spec.replay
        self._decisions: dict[tuple[int, int, int], Decision] = {
            decision.key: decision for decision in replay.decisions
        }
        self._streams = [rule.stream for rule in self._all_rules()]
        self._added: list[Rule] = []
        self._injections: list[Injection] | None = None

    def _all_rules(self) -> Sequence[Rule]:
        """Those of the plan, and those that its functions made, in the order of the table."""
        planned = list(self._spec.plan.rules) if self._spec.plan else []
        made = (meta for _, rules in self._replay.answers.values() for meta in rules)
        return [*planned, *(rule_of_meta(meta, 1) for meta in made)]

    def applied(self) -> RunSpec:
        """The run with all that was edited: its plan may have more actions now."""
        spec = self._spec
        if self._added:
            plan = spec.plan or Plan()
            spec = replace(spec, plan=replace(plan, rules=(*plan.rules, *self._added)))
        decisions, added = tuple(self._decisions.values()), len(self._added)
        return replace(
            spec, replay=replace(self._replay, decisions=decisions, compare=False, added=added)
        )

    # ---- taking out ----
    def without(self, what: str) -> None:
        """`what`: one of FORMS."""
        kind, colon, name = what.partition(":")
        take: dict[str, Callable[[str], Iterable[Decision]]] = {
            "fault": lambda text: [self._fault(text)],
            "rule": self._of_rule,
            "choice": lambda text: [self._choice(text)],
        }
        if not colon or kind not in take:
            meant = did_you_mean(kind, take) if kind else ""
            raise BadUsage(f'--without {what}: "{kind}" cannot be left out{meant} ({FORMS})')
        for decision in list(take[kind](name)):
            self._decisions.pop(decision.key, None)

    def _index(self, what: str, text: str) -> int:
        if not text.isdecimal():
            raise BadUsage(f'{what}: "{text}" is not a number')
        return int(text)

    def _fault(self, text: str) -> Decision:
        if self._injections is None:
            self._injections = injections(self._trace)
        found = self._injections
        if text.startswith("@"):
            event = self._index("fault:@EVENT", text[1:])
            chosen = [injection for injection in found if injection.event == event]
        else:
            number = self._index("fault", text)
            chosen = found[number - 1 : number] if number else []
        if not chosen:
            known = f"the trace has {len(found)} faults (dstrun show --faults)"
            raise BadUsage(f"fault:{text}: {known}")
        rule = chosen[0].rule
        stream = self._streams[rule] if rule < len(self._streams) else 0
        decision = self._decisions.get((abi.DECISION_FAULT, stream, chosen[0].match))
        if decision is None:
            raise BadUsage(f"fault:{text}: it is left out already")
        return decision

    def _of_rule(self, name: str) -> list[Decision]:
        rules = {rule.name: rule.stream for rule in self._all_rules()}
        if name not in rules:
            meant = did_you_mean(name, rules) or f" ({', '.join(rules) or 'it has none'})"
            raise BadUsage(f'rule:{name}: the plan has no rule "{name}"{meant}')
        kind = abi.DECISION_FAULT
        return [d for d in self._decisions.values() if d.kind == kind and d.entity == rules[name]]

    def _choice(self, text: str) -> Decision:
        number = self._index("choice", text)
        choices = [d for d in self._replay.decisions if d.kind == abi.DECISION_NEXT]
        if not 0 < number <= len(choices):
            raise BadUsage(
                f"choice:{number}: the trace has {len(choices)} choices (dstrun show --choices)"
            )
        return choices[number - 1]

    # ---- other faults ----
    def change(self, what: str) -> None:
        """`fault:N FIELD=VALUE ...`: what is done at that fault instead, as a plan says it."""
        target, _, action = what.partition(" ")
        kind, _, number = target.partition(":")
        if kind != "fault" or not action.strip():
            raise BadUsage(f'--change "{what}": is not like "fault:3 error=EIO"')
        decision = self._fault(number)
        self._added.append(self._instead(decision.entity, action))
        planned = len(self._spec.plan.rules) if self._spec.plan else 0
        place = planned + len(self._added)  # 1 + its index in the table
        self._decisions[decision.key] = decision._replace(value=place)

    def _instead(self, stream: int, action: str) -> Rule:
        """A rule that no decision is about: its action is what is wanted."""
        rule = next(rule for rule in self._all_rules() if rule.stream == stream)
        draft, problems = parse_flag_rule(action)
        if draft is None:
            raise BadPlan(problems)
        selectors: dict[str, Any] = {
            name: value for name, value in rule.fields().items() if name in ("on", "at", "every")
        }
        draft.fields = {**selectors, **draft.fields, "name": f"instead of {rule.name}"}
        made, problems = make_rule(draft)
        if made is None:
            raise BadPlan(problems)
        return replace(made, copy=len(self._added))

    # ---- other choices ----
    def force(self, what: str, run: Callable[[RunSpec, OnStand, Output], RunResult]) -> None:
        """`EVENT:TID`: when event EVENT has been made, thread TID is next. Whose decision that is
        is found by making the run (edited as it is so far) up to there."""
        event, _, tid = what.partition(":")
        number = self._index("--force EVENT:TID", event)
        thread = self._index("--force EVENT:TID", tid)
        choices: list[Decision] = []

        def look(stand: Stand) -> None:
            choices.append(_choice_of(stand, thread, what))

        spec = self.applied()
        assert spec.replay
        run(replace(spec, replay=replace(spec.replay, until=number + 1)), look, _Silence())
        if not choices:
            raise BadUsage(f"--force {what}: the run has no event {number}")
        self._decisions[choices[0].key] = choices[0]


class _Silence:
    """The output of a run that is made to find something out (launch.stand.Output)."""

    def begin(self, drain: Callable[[], None]) -> None:
        """Nothing is kept of it."""

    def show(self, target: int, data: bytes) -> None:
        """It is shown when the edited run is made."""

    def drain(self) -> None:
        """There is nothing to show."""


def _choice_of(stand: Stand, tid: int, what: str) -> Decision:
    """The choice of thread `tid` at the holder's next scheduling point."""
    world = stand.world
    task = next((t for t in world.tasks() if world.task(t, abi.Task.tid) == tid), None)
    if task is None:
        raise BadUsage(f"--force {what}: there is no thread {tid} then")
    identity = abi.SchedTask.identity.within(abi.Task.sched)
    passed = abi.SchedTask.passed.within(abi.Task.sched)
    return Decision(
        entity=world.task(stand.holder, identity),
        value=world.task(task, identity),
        number=world.task(stand.holder, passed) + 1,
        kind=abi.DECISION_NEXT,
        tid=tid,
        event=stand.events,
    )
