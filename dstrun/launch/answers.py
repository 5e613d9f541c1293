"""What the functions of a fault plan said, kept with the trace; a replay has it from there.

The functions themselves are not run again: their script may have changed, or be on another machine.
An answer is known by its rule and the number of the match, which no other decision moves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dstrun import abi
from dstrun.launch.world import World
from dstrun.plan.compile import Table
from dstrun.plan.fields import FIELDS
from dstrun.plan.load import rule_of_meta
from dstrun.plan.model import Rule

ATTACHMENT: Final = "answers.json"
_BASE: Final = abi.World.faults.offset
_QUESTION: Final = abi.FaultWorld.question.at(0, _BASE)
_ANSWER: Final = abi.FaultWorld.answer.at(0, _BASE)
ACTION: Final = _ANSWER + abi.FaultAnswer.action.offset

Key = tuple[int, int, bool]  # rule, match, after the call


def question_key(memory: Any) -> Key:
    """Which question it is that the world holds."""
    q = abi.FaultQuestion
    return (
        q.rule.get(memory, _QUESTION),
        q.match.get(memory, _QUESTION),
        bool(q.after_call.get(memory, _QUESTION)),
    )


def write_answer(memory: Any, action: bytes | None) -> None:
    """`action`: a struct fault_action; None: pass."""
    abi.FaultAnswer.act.set(memory, int(action is not None), _ANSWER)
    if action is not None:
        memory[ACTION : ACTION + len(action)] = action


class AnswerLog:
    """Gathers answers while a run goes on."""

    def __init__(self) -> None:
        self._answers: list[list[Any]] = []

    def add(self, key: Key, values: Mapping[str, Any] | None, rules: list[Rule]) -> None:
        """`values`: the action's fields, parsed; `rules`: those that the function made."""
        shown = None
        if values is not None:
            shown = {name: FIELDS[name].show(value) for name, value in values.items()}
        self.add_shown(key, shown, rules)

    def add_shown(self, key: Key, said: Mapping[str, Any] | None, rules: list[Rule]) -> None:
        """The same, with the action as a plan would write it."""
        self._answers.append([*key, said, [rule.meta() for rule in rules]])

    def attachment(self) -> dict[str, bytes]:
        """What the trace keeps."""
        return {ATTACHMENT: json.dumps(self._answers).encode()} if self._answers else {}


def read_answers(text: bytes) -> dict[Key, tuple[Any, list[Any]]]:
    """An attachment's content."""
    return {
        (rule, match, after): (said, made) for rule, match, after, said, made in json.loads(text)
    }


class RecordedAnswers:
    """In the place of the plan's functions (launch/callbacks.py): what they said then."""

    def __init__(
        self, answers: Mapping[Key, tuple[Any, list[Any]]], world: World, cwd: str
    ) -> None:
        self._answers = answers
        self._memory = world.memory
        self._table = Table(world.memory, cwd)
        self._actions: dict[str, bytes] = {}
        self.log = AnswerLog()

    def answer(self) -> None:
        """Writes the answer to the question that the world holds. A question that was not asked
        then (in an edited replay) is passed."""
        key = question_key(self._memory)
        said, made = self._answers.get(key, (None, []))
        rules = [rule_of_meta(meta, number) for number, meta in enumerate(made, start=1)]
        for rule in rules:
            self._table.add(rule)
        write_answer(self._memory, None if said is None else self._action(said))
        self.log.add_shown(key, said, rules)

    def _action(self, said: Mapping[str, Any]) -> bytes:
        text = json.dumps(said)
        if text not in self._actions:
            values = {name: FIELDS[name].parse(value) for name, value in said.items()}
            self._actions[text] = self._table.action_bytes(ACTION, values)
        return self._actions[text]
