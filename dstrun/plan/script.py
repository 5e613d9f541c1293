"""Plans in Python: a script that makes a `Plan` and adds rules and functions to it.

    plan = Plan()
    plan.on("write", path="**/wal/*", when="20+").fail("ENOSPC")
    plan.at("5s", process="server").kill()
    plan.add(on="fsync", prob=0.05, error="EIO", after_call=True)     # fields as in TOML

    @plan.on("send*", process="leader")
    def drop_after_election(call):     # asked at each such call; None: nothing happens
        if call.sim.stdout_contains("became leader"):
            return call.fail("ECONNRESET")

A script is read twice for a run: when the plan is checked, and again at the run's start, so that
what its functions remember is of that run alone. `random` is seeded from the fault seed before.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from dstrun.plan.model import BadPlan, Draft, Place, Problem, Script

Callback = Callable[[Any], Any]


class Action(dict[str, Any]):
    """Fields of a rule that say what happens; more of them are joined by `|` or `+`."""

    def __add__(self, other: dict[str, Any]) -> Action:
        return Action({**self, **other})

    def __or__(self, other: dict[str, Any]) -> Action:  # type: ignore[override]
        return self + other


def errno(name: str | int | None = None, **weights: int) -> Action:
    """Fail with an errno: errno("EIO"), or one of several: errno(ENOSPC=9, EIO=1)."""
    return Action(error=weights if name is None else name)


def retval(value: int) -> Action:
    """Give this value instead."""
    return Action(retval=value)


def short(amount: int | str = "random") -> Action:
    """Read or write less: bytes, "50%" or "random"."""
    return Action(short=amount)


def delay(time: Any, exit: Any = None) -> Action:
    """Take longer, before the call or (exit=) after it."""
    fields = {"delay_enter": time, "delay_exit": exit}
    return Action({name: value for name, value in fields.items() if value is not None})


def kill(signal: str | int = "SIGKILL") -> Action:
    """The process dies."""
    return Action(kill=signal)


def stop(time: str | bool = True) -> Action:
    """The process stops, for so long or until it is continued."""
    return Action(stop=time)


def resume() -> Action:
    """A stopped process continues."""
    return Action({"continue": True})


def signal(number: str | int) -> Action:
    """A signal for the thread."""
    return Action(signal=number)


def corrupt(how: str, **fields: Any) -> Action:
    """flip, zero, junk or truncate: corrupt("flip", where="read", bits=3)."""
    return Action(corrupt={"how": how, **fields})


def drop() -> Action:
    """Acknowledge a write or send, and do not do it."""
    return Action(drop=True)


def duplicate() -> Action:
    """Do a write or send twice."""
    return Action(duplicate=True)


def net(what: str) -> Action:
    """refused, reset, timed_out, unreachable or half_open."""
    return Action(net=what)


def clock(of: str = "wall", **fields: Any) -> Action:
    """clock("wall", jump="-1h"): jump, drift or freeze."""
    return Action(clock={"of": of, **fields})


def at(time: str | float, every: str | float | None = None) -> Action:
    """When: for Plan.add."""
    return Action(at=time) if every is None else Action(at=time, every=every)


@dataclass
class Chooser:
    """Some calls, or a time. What is to happen there is said by one of the methods, which may be
    chained, or by a function when this decorates one."""

    _plan: Plan
    _draft: Draft

    def __call__(self, function: Callback) -> Callback:
        self._plan._decide(self._draft, function)
        return function

    def do(self, *actions: dict[str, Any], **fields: Any) -> Chooser:
        """Any action, or any field of a rule."""
        for part in (*actions, fields):
            self._draft.fields = {**self._draft.fields, **part}
        return self

    def fail(self, name: str | int | None = None, **weights: int) -> Chooser:
        return self.do(errno(name, **weights))

    def give(self, value: int) -> Chooser:
        return self.do(retval(value))

    def short(self, amount: int | str = "random") -> Chooser:
        return self.do(short(amount))

    def delay(self, time: Any = None, exit: Any = None) -> Chooser:
        return self.do(delay(time, exit))

    def kill(self, name: str | int = "SIGKILL") -> Chooser:
        return self.do(kill(name))

    def stop(self, time: str | bool = True) -> Chooser:
        return self.do(stop(time))

    def resume(self) -> Chooser:
        return self.do(resume())

    def signal(self, name: str | int) -> Chooser:
        return self.do(signal(name))

    def corrupt(self, how: str, **fields: Any) -> Chooser:
        return self.do(corrupt(how, **fields))

    def drop(self) -> Chooser:
        return self.do(drop())

    def duplicate(self) -> Chooser:
        return self.do(duplicate())

    def net(self, what: str) -> Chooser:
        return self.do(net(what))

    def clock(self, of: str = "wall", **fields: Any) -> Chooser:
        return self.do(clock(of, **fields))


@dataclass
class Plan:
    """The rules of a script, in the order in which they are made."""

    _drafts: list[Draft] = field(default_factory=list)
    _functions: list[Callback] = field(default_factory=list)

    def on(self, *calls: str, **fields: Any) -> Chooser:
        """At these calls; fields choose among them and say when."""
        words = calls[0] if len(calls) == 1 else list(calls)
        return self._choose({"on": words, **fields})

    def at(self, time: str | float, every: str | float | None = None, **fields: Any) -> Chooser:
        """At a virtual time."""
        return self._choose({**at(time, every), **fields})

    def every(self, time: str | float, **fields: Any) -> Chooser:
        """Again and again."""
        return self._choose({"every": time, **fields})

    def add(self, *parts: dict[str, Any], **fields: Any) -> Chooser:
        """A rule by its fields, as in TOML."""
        joined: dict[str, Any] = {}
        for part in parts:
            joined |= part
        return self._choose({**joined, **fields})

    def _choose(self, fields: dict[str, Any]) -> Chooser:
        file, line = _caller()
        draft = Draft(Place(f"plan {file}", line), len(self._drafts) + 1, fields)
        self._drafts.append(draft)
        return Chooser(self, draft)

    def _decide(self, draft: Draft, function: Callback) -> None:
        draft.callback = len(self._functions)
        draft.function = function.__name__
        self._functions.append(function)

    def drafts(self) -> list[Draft]:
        """All rules as they were said."""
        return self._drafts

    def functions(self) -> list[Callback]:
        """Those that rules ask."""
        return self._functions


def _caller() -> tuple[str, int]:
    """The file and line of the plan's own code that called this module."""
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("?", 0)


@dataclass(frozen=True)
class Loaded:
    """What a script has made."""

    drafts: list[Draft]
    functions: list[Callback]


def read_script(path: Path) -> tuple[Script | None, list[Problem]]:
    """The text of a script."""
    place = Place(f"plan {path}")
    try:
        return Script(str(path), path.read_text()), []
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        return None, [Problem(place, f"cannot be read: {reason}")]


def run_script(script: Script, fault_seed: int) -> Loaded:
    """Runs the script and collects what its plans hold. BadPlan: it raised, with its traceback."""
    namespace: dict[str, Any] = {"__name__": "__dstrun_plan__", "__file__": script.path}
    try:
        code = _compile(script)
        with _as_main_script(script, fault_seed):
            exec(code, namespace)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BadPlan([f"plan {script.path}: it raised\n{own_traceback(error)}"]) from None
    plans: list[Plan] = []
    for value in namespace.values():
        if isinstance(value, Plan) and not any(value is plan for plan in plans):
            plans.append(value)
    if not plans:
        text = "makes no plan (from dstrun.plan import Plan; plan = Plan())"
        raise BadPlan([Problem(Place(f"plan {script.path}"), text)])
    loaded = Loaded([], [])
    for plan in plans:
        for draft in plan.drafts():
            draft.number = len(loaded.drafts) + 1
            draft.script = script.path
            if draft.callback is not None:
                draft.callback += len(loaded.functions)
            loaded.drafts.append(draft)
        loaded.functions.extend(plan.functions())
    return loaded


def _compile(script: Script) -> CodeType:
    return compile(script.text, script.path, "exec", dont_inherit=True)


@contextmanager
def _as_main_script(script: Script, fault_seed: int) -> Any:
    """Its own directory is looked in first for what it imports, and its draws go by the seed."""
    folder = str(Path(script.path).resolve().parent)
    sys.path.insert(0, folder)
    state = random.getstate()
    random.seed(fault_seed)
    try:
        yield
    finally:
        random.setstate(state)
        sys.path.remove(folder)


def own_traceback(error: BaseException) -> str:
    """The traceback without our own frames at its start."""
    frames = error.__traceback__
    while frames and (frames.tb_frame.f_code.co_filename == __file__ or _is_ours(frames)):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip("\n")


def _is_ours(frames: Any) -> bool:
    name = str(frames.tb_frame.f_globals.get("__name__", ""))
    return name.startswith("dstrun.")
