"""Rules that are functions: a task that meets one asks, and everything waits for the answer.

The task keeps the token while it asks, so the world stands still and the function runs at a fixed
point of the run. Of the call it is shown what the shim wrote down (struct fault_question); all else
(the process tree, the program's memory, what was written so far) is looked up only when it is asked
for. The answer is a struct fault_action; equal answers are made once.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.errors import did_you_mean
from dstrun.launch.answers import ACTION, AnswerLog, question_key, write_answer
from dstrun.launch.pids import Pids
from dstrun.launch.report import processes
from dstrun.launch.waits import Waits
from dstrun.launch.world import World
from dstrun.plan.calls import call_name
from dstrun.plan.compile import Table, TableFull, quantiles
from dstrun.plan.effects import Delay
from dstrun.plan.fields import ALIASES, FAULTS, FIELDS, KINDS
from dstrun.plan.model import BadPlan, Plan, Rule, make_rule
from dstrun.plan.script import Action, Chooser, Loaded, own_traceback, run_script
from dstrun.plan.script import Plan as ScriptPlan
from dstrun.plan.values import BadValue, errno_name
from dstrun.spec import ProcessInfo, RunSpec

_BASE: Final = abi.World.faults.offset
_QUESTION: Final = abi.FaultWorld.question.at(0, _BASE)
_ACTIONS: Final = frozenset(field.name for field in FAULTS)
_WRITTEN: Final = frozenset({"DATA_IN", "IOVEC_IN"})
_STRINGS: Final = frozenset({"PATH", "STR"})


class CallbackFailed(Exception):
    """A plan's function raised, or answered what is no answer; the text is for the user."""


class Callbacks:
    """The functions of a run's plan, loaded afresh, and their answers."""

    def __init__(self, plan: Plan, spec: RunSpec, world: World, pids: Pids) -> None:
        self.world = world
        self.pids = pids
        self.spec = spec
        self.table = Table(world.memory, spec.cwd)
        self.sim = Sim(self)
        self._functions = self._load(plan)
        self._rules = list(plan.rules)
        self._copies: dict[int, int] = {}  # of rules that were made in the run
        self._answers: dict[Any, tuple[dict[str, Any], bytes]] = {}
        self.log = AnswerLog()

    def _load(self, plan: Plan) -> dict[int, Callable[[Call], Any]]:
        """The function of each rule that has one. Scripts are run again: this run's own state."""
        loaded: dict[str, Loaded] = {}
        for script in plan.scripts:
            if any(rule.script == script.path and _asks(rule) for rule in plan.rules):
                loaded[script.path] = run_script(script, self.spec.seed.fault)
        functions = {}
        for index, rule in enumerate(plan.rules):
            if rule.callback is None:
                continue
            of_script = loaded[rule.script].functions
            if rule.callback >= len(of_script):
                raise BadPlan([f"plan {rule.script}: has other rules each time that it is run"])
            functions[index] = of_script[rule.callback]
        return functions

    def answer(self) -> None:
        """Asks the function that the question is for, and writes its answer into the world."""
        call = Call(self)
        rule = self._rules[call.rule_index]
        try:
            said = self._functions[call.rule_index](call)
        except Exception as error:
            raise CallbackFailed(
                f'plan {rule.script}: "{rule.function}" raised\n{own_traceback(error)}'
            ) from None
        key = question_key(self.world.memory)
        try:
            action = self._join(said)
            made = self._add_rules(rule)
            values, data = self._compile(action, call) if action is not None else (None, None)
        except (BadValue, TableFull) as error:
            text = f'the answer of "{rule.function}": {error}'
            raise CallbackFailed(f"plan {rule.place_name}: {text}") from None
        write_answer(self.world.memory, data)
        self.log.add(key, values, made)

    def _join(self, said: Any) -> dict[str, Any] | None:
        """One action out of what a function gave back."""
        if said is None or said is False or isinstance(said, Chooser):
            return None
        parts = said if isinstance(said, (list, tuple)) else [said]
        action: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, Chooser):  # a new rule: it is among the others already
                continue
            if not isinstance(part, Mapping):
                raise BadValue(f"{part!r} is no action (None, call.fail(...) and the like)")
            action |= part
        return action or None

    def _compile(self, action: dict[str, Any], call: Call) -> tuple[dict[str, Any], bytes]:
        key = tuple(action.items())
        try:
            if key in self._answers:
                return self._answers[key]
        except TypeError:
            key = ()
        values, is_drawn = _parse_action(action, call)
        data = self.table.action_bytes(ACTION, values)
        if key and not is_drawn:
            self._answers[key] = values, data
        return values, data

    def _add_rules(self, asked: Rule) -> list[Rule]:
        """Rules that the function made; they hold from the next call on."""
        made = []
        drafts = self.sim.take_drafts()
        for draft in drafts:
            draft.number = len(self._rules) + 1
            draft.script = asked.script
            rule, problems = make_rule(draft)
            if not rule:
                raise CallbackFailed("\n".join(map(str, problems)))
            rule = replace(rule, copy=self._copies.get(rule.stream, 0))
            self._copies[replace(rule, copy=0).stream] = rule.copy + 1
            self._rules.append(rule)
            made.append(rule)
            index = self.table.add(rule)
            if rule.callback is not None:
                self._functions[index] = self.sim.function(rule.callback)
        return made


def _asks(rule: Rule) -> bool:
    return rule.callback is not None


def _parse_action(action: Mapping[str, Any], call: Call) -> tuple[dict[str, Any], bool]:
    """Parsed values of an answer, and whether something of it was drawn for this once."""
    values: dict[str, Any] = {}
    is_drawn = False
    for given, value in action.items():
        name = ALIASES.get(given, given)
        if name not in _ACTIONS:
            meant = did_you_mean(given, _ACTIONS) or f" ({', '.join(sorted(_ACTIONS))})"
            raise BadValue(f'"{given}" is no action{meant}')
        try:
            parsed = FIELDS[name].parse(value)
        except BadValue as error:
            raise BadValue(f"{given}: {error}") from None
        if parsed is False:
            continue
        if isinstance(parsed, Delay) and parsed.kind != "constant":
            parsed, is_drawn = _draw(parsed, call.random), True
        values[name] = parsed
    return values, is_drawn


def _draw(delay: Delay, source: random.Random) -> Delay:
    """One time out of a distribution, as the shim draws it."""
    times = quantiles(delay)
    place, part = divmod(source.getrandbits(32), 1 << 24)
    return Delay("constant", times[place] + ((times[place + 1] - times[place]) * part >> 24))


class Call:
    """A call that a function is asked about (at a time: none, its name is "")."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._memory = callbacks.world.memory
        self.sim = callbacks.sim
        self.rule_index = self._number(abi.FaultQuestion.rule)
        self._random: random.Random | None = None

    def _number(self, member: Any, index: int = 0) -> int:
        value: int = member.get(self._memory, _QUESTION, index)
        return value

    # ---- the call ----
    @property
    def nr(self) -> int:
        """Its number."""
        return self._number(abi.FaultQuestion.nr)

    @property
    def name(self) -> str:
        """As strace calls it; that of a function of the preload layer."""
        nr = self.nr
        return "" if nr == 0xFFFFFFFF else call_name(nr)

    @property
    def raw_args(self) -> tuple[int, ...]:
        """Its six words, unsigned."""
        args = abi.FaultQuestion.args.get_all(self._memory, _QUESTION)
        kinds = SYSCALLS[self.nr].kinds if self.nr in SYSCALLS else ()
        return args[: sum(kind != "NONE" for kind in kinds) or 6]

    @property
    def args(self) -> tuple[Any, ...]:
        """Its arguments decoded: numbers, paths, bytes, names of flags as strace shows them."""
        from dstrun.trace.decode import scalar_text

        if self.nr not in SYSCALLS:
            return self.raw_args
        result: list[Any] = []
        paths = iter(self.paths)
        for kind, word in zip(SYSCALLS[self.nr].kinds, self.raw_args, strict=False):
            if kind in _STRINGS and word:
                result.append(next(paths, None))
                continue
            if kind in _WRITTEN:
                result.append(self.data)
                continue
            shown = scalar_text(kind, word)
            try:
                result.append(word if shown is None else int(shown))
            except ValueError:
                result.append(shown)
        return tuple(result)

    @property
    def is_after(self) -> bool:
        """The call has been done (a rule with after_call)."""
        return bool(self._number(abi.FaultQuestion.after_call))

    @property
    def result(self) -> int | None:
        """What it gave, when it has been done; -errno where it failed."""
        return self._number(abi.FaultQuestion.result) if self.is_after else None

    @property
    def error(self) -> str | None:
        """The name of the errno that it failed with."""
        result = self.result
        return None if result is None or not -4096 < result < 0 else errno_name(-result)

    @property
    def match(self) -> int:
        """How manyth match of its rule it is, from 1."""
        return self._number(abi.FaultQuestion.match)

    @property
    def fd(self) -> int | None:
        """Its (first) descriptor."""
        fd = self._number(abi.FaultQuestion.fd)
        return None if fd < 0 else fd

    @property
    def kind(self) -> str | None:
        """Of its descriptor: file, tcp, pipe, ..."""
        return None if self.fd is None else KINDS[self._number(abi.FaultQuestion.kind)]

    @property
    def paths(self) -> tuple[str, ...]:
        """Its path arguments, absolute, or its descriptor's file."""
        texts = []
        for index in range(2):
            start = abi.FaultQuestion.path.at(index, _QUESTION)
            end = self._memory.find(b"\0", start)
            texts.append(os.fsdecode(self._memory[start:end]))
        return tuple(filter(None, texts))

    @property
    def path(self) -> str | None:
        """The first of them."""
        return next(iter(self.paths), None)

    @property
    def peer(self) -> str | None:
        """The other end's address and port."""
        q = abi.FaultQuestion
        if not self._number(q.is_sockaddr):
            return None
        ip = q.peer_ip.get_bytes(self._memory, _QUESTION)
        return _address(ip, self._number(q.peer_port))

    @property
    def local_port(self) -> int | None:
        """The socket's own port."""
        return self._number(abi.FaultQuestion.local_port) or None

    @property
    def size(self) -> int | None:
        """Bytes that it asks for."""
        size = self._number(abi.FaultQuestion.size)
        return None if size == (1 << 64) - 1 else size

    @property
    def data(self) -> bytes:
        """What it writes, or has read."""
        q = abi.FaultQuestion
        copied, total = self._number(q.data_copied), self._number(q.data_bytes)
        start = q.bytes.at(0, _QUESTION)
        if total <= copied:
            return bytes(self._memory[start : start + copied])
        return self.memory(self._number(q.data), total)

    def memory(self, address: int, size: int) -> bytes:
        """The program's memory; fewer bytes where it is not mapped."""
        pid = self._callbacks.pids.outer(self.process.pid)
        fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, size, address)
        except OSError:
            return b""
        finally:
            os.close(fd)

    # ---- who ----
    @property
    def process(self) -> ProcessInfo:
        """Who makes it."""
        world = self._callbacks.world
        proc = world.task(self._task(), abi.Task.proc)
        pid = world.proc(proc, abi.Proc.pid)
        return next(process for process in self.sim.processes if process.pid == pid)

    @property
    def tid(self) -> int:
        """The thread that makes it."""
        return self._callbacks.world.task(self._task(), abi.Task.tid)

    @property
    def thread(self) -> str:
        """That thread's name."""
        world = self._callbacks.world
        return abi.Task.comm.get_text(world.memory, abi.World.tasks.at(self._task()))

    def _task(self) -> int:
        member = abi.Request.task.within(abi.World.request)
        return self._callbacks.world.get(member)

    @property
    def random(self) -> random.Random:
        """Draws of this rule at this match, from the fault seed: the same whatever others draw."""
        if self._random is None:
            place = abi.FaultWorld.rules.at(self.rule_index, _BASE)
            stream = abi.FaultRule.stream.get(self._memory, place)
            seed = self._callbacks.spec.seed.fault
            self._random = random.Random(f"{seed} {stream} {self.match}")
        return self._random

    # ---- answers ----
    def fail(self, name: str | int | None = None, **weights: int) -> Action:
        """Fail with an errno."""
        return Action(error=weights if name is None else name)

    def give(self, value: int) -> Action:
        """Give this value."""
        return Action(retval=value)

    def short(self, amount: int | str = "random") -> Action:
        """Transfer less."""
        return Action(short=amount)

    def delay(self, time: Any = 0, exit: Any = 0) -> Action:
        """Take longer, before or after the call."""
        return Action(delay_enter=time, delay_exit=exit)

    def kill(self, name: str | int = "SIGKILL") -> Action:
        """The process dies here."""
        return Action(kill=name)

    def do(self, **fields: Any) -> Action:
        """Any action of the plan language."""
        return Action(fields)


class Sim(ScriptPlan):
    """The simulation, as a function sees it; it takes new rules as a plan does (on, at, add)."""

    def __init__(self, callbacks: Callbacks) -> None:
        super().__init__()
        self._callbacks = callbacks
        self._searches: dict[tuple[int, bytes], list[int]] = {}

    def take_drafts(self) -> list[Any]:
        """Rules made since this was asked last."""
        drafts = list(self._drafts)
        self._drafts.clear()
        return drafts

    def function(self, number: int) -> Callable[[Call], Any]:
        """One that decides for a rule made in the run."""
        return self._functions[number]

    @property
    def now_ns(self) -> int:
        """Virtual time since the start."""
        world = self._callbacks.world
        start_ns = abi.Config.boot_ns.get(world.memory, abi.World.config.offset)
        return world.get(abi.World.now_ns) - start_ns

    @property
    def now(self) -> float:
        """The same in seconds."""
        return self.now_ns / 1e9

    @property
    def processes(self) -> list[ProcessInfo]:
        """All that are there: pid, parent, name, state."""
        return processes(Waits(self._callbacks.world, self._callbacks.pids))

    def process(self, name: str) -> ProcessInfo | None:
        """The first that has this name."""
        return next((found for found in self.processes if found.name == name), None)

    @property
    def stdout(self) -> bytes:
        """What the run wrote so far, but not to descriptor 2; of much the last 4 MiB."""
        return self._output(0)

    @property
    def stderr(self) -> bytes:
        """What it wrote to descriptor 2."""
        return self._output(1)

    def stdout_contains(self, text: str | bytes) -> bool:
        """Whether it wrote this."""
        return self._contains(0, text)

    def stderr_contains(self, text: str | bytes) -> bool:
        """The same of descriptor 2."""
        return self._contains(1, text)

    def _output(self, stream: int, start: int = 0) -> bytes:
        memory, size = self._callbacks.world.memory, abi.FAULT_OUTPUT_BYTES
        end = abi.FaultWorld.output_bytes.get(memory, _BASE, stream)
        start = max(start, end - size)
        place = abi.FaultWorld.output.at(stream, _BASE)
        first, last = start % size, end % size
        if end - start < size - first:
            return bytes(memory[place + first : place + first + end - start])
        return bytes(memory[place + first : place + size] + memory[place : place + last])

    def _contains(self, stream: int, text: str | bytes) -> bool:
        """What was looked through once is not looked through again."""
        wanted = text.encode() if isinstance(text, str) else text
        search = self._searches.setdefault((stream, wanted), [0, 0])
        end = abi.FaultWorld.output_bytes.get(self._callbacks.world.memory, _BASE, stream)
        if not search[1] and end > search[0]:
            start = max(0, search[0] - len(wanted) + 1)
            search[1] = int(wanted in self._output(stream, start))
            search[0] = end
        return bool(search[1])


def _address(ip: bytes, port: int) -> str:
    import ipaddress

    address = ipaddress.IPv6Address(ip)
    return f"{address.ipv4_mapped}:{port}" if address.ipv4_mapped else f"[{address}]:{port}"
