"""A plan as the table that the shim evaluates (shims/abi_faults.h says what each number means)."""

from __future__ import annotations

import math
import mmap
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dstrun import abi
from dstrun.layout import Member
from dstrun.plan.calls import READS, WRITES, numbers_of
from dstrun.plan.check import meant_calls
from dstrun.plan.effects import Clock, Corrupt, Delay, Peer, Poke, Short
from dstrun.plan.fields import KINDS
from dstrun.plan.model import BadPlan, Plan, Rule
from dstrun.plan.values import NO_END, Range, When, text_bytes

_BASE: Final = abi.World.faults.offset
_F: Final = abi.FaultWorld
_NET_TIMEOUT_NS: Final = 127 * 10**9  # about what Linux takes to give up a connect
_SCOPES: Final = {
    "run": abi.FAULT_COUNT_RUN,
    "process": abi.FAULT_COUNT_PROCESS,
    "thread": abi.FAULT_COUNT_THREAD,
}
DOES: Final = {
    "error": abi.FAULT_ERROR,
    "retval": abi.FAULT_RETVAL,
    "short": abi.FAULT_SHORT,
    "eintr": abi.FAULT_EINTR,
    "drop": abi.FAULT_DROP,
    "duplicate": abi.FAULT_DUPLICATE,
    "forget": abi.FAULT_FORGET,
    "syscall": abi.FAULT_SYSCALL,
    "net": abi.FAULT_NET,
    "spurious": abi.FAULT_SPURIOUS,
    "misdirect": abi.FAULT_MISDIRECT,
    "corrupt": abi.FAULT_CORRUPT,
    "delay_enter": abi.FAULT_DELAY_ENTER,
    "delay_exit": abi.FAULT_DELAY_EXIT,
    "signal": abi.FAULT_SIGNAL,
    "kill": abi.FAULT_KILL,
    "stop": abi.FAULT_STOP,
    "continue": abi.FAULT_CONTINUE,
    "poke_enter": abi.FAULT_POKE_ENTER,
    "poke_exit": abi.FAULT_POKE_EXIT,
    "clock": abi.FAULT_CLOCK,
    "hold": abi.FAULT_HOLD,
}
_SHORTS: Final = {
    "bytes": abi.SHORT_BYTES,
    "ppm": abi.SHORT_PPM,
    "random": abi.SHORT_RANDOM,
}
_NETS: Final = {
    "refused": abi.NET_REFUSED,
    "reset": abi.NET_RESET,
    "timed_out": abi.NET_TIMED_OUT,
    "unreachable": abi.NET_UNREACHABLE,
    "half_open": abi.NET_HALF_OPEN,
}
_CORRUPTS: Final = {
    "flip": abi.CORRUPT_FLIP,
    "zero": abi.CORRUPT_ZERO,
    "junk": abi.CORRUPT_JUNK,
    "truncate": abi.CORRUPT_TRUNCATE,
}
_WHERES: Final = {
    "read": abi.CORRUPT_READ,
    "write": abi.CORRUPT_WRITE,
    "rest": abi.CORRUPT_REST,
}


class TableFull(Exception):
    """More of something than the table has room for."""


class Table:
    """The world's table of rules, as it is filled."""

    def __init__(self, memory: Any, cwd: str) -> None:
        self.memory = memory
        self.cwd = cwd

    # ---- numbers in the world ----
    def get(self, member: Member) -> int:
        """A number of struct fault_world."""
        return member.get(self.memory, _BASE)

    def set(self, member: Member, value: int) -> None:
        """Writes one."""
        member.set(self.memory, value, _BASE)

    def _next(self, counter: Member, table: Member, what: str, first: int = 0) -> int:
        index = max(self.get(counter), first)
        if index >= table.count:
            raise TableFull(f"{what}: more than {table.count} in one plan")
        self.set(counter, index + 1)
        return index

    def _text(self, data: bytes) -> int:
        """A place in `text` that has these bytes."""
        start = max(self.get(_F.texts), 1)
        if start + len(data) > abi.FAULT_TEXT_BYTES:
            raise TableFull("paths and names: more than fit")
        place = _BASE + _F.text.offset + start
        self.memory[place : place + len(data)] = data
        self.set(_F.texts, start + len(data))
        return start

    def _alternatives(self, words: Iterable[str]) -> int:
        data = b"".join(text_bytes(word) + b"\0" for word in words)
        return self._text(data + b"\0") if data else 0

    def _add_to_set(self, member: Member, rule: int, index: int = 0) -> None:
        """Rule `rule` into a struct fault_set, or into one of an array of them."""
        words = abi.FaultSet.words
        base = member.at(index, _BASE)
        word = words.get(self.memory, base, rule // 64)
        words.set(self.memory, word | 1 << rule % 64, base, rule // 64)

    # ---- rules ----
    def add(self, rule: Rule) -> int:
        """One more rule, the last in order; its index."""
        index = self._next(_F.rules_count, _F.rules, "rules")
        base = _F.rules.at(index, _BASE)
        values = rule.values
        r = abi.FaultRule
        numbers = {
            r.stream: rule.stream,
            r.name: self._text(text_bytes(rule.name) + b"\0"),
            r.scope: abi.FAULT_COUNT_STRACE
            if rule.is_strace
            else _SCOPES[values.get("count", "run")],
            **self._selectors(index, values),
            **_times(values),
            **self._marks(values),
        }
        flags = abi.FAULT_AFTER_CALL if "after_call" in values else 0
        flags |= abi.FAULT_STICKY if "sticky" in values else 0
        flags |= abi.FAULT_CALLBACK if rule.callback is not None else 0
        flags |= self._enter(index, rule)
        if flags & abi.FAULT_TIMED and "path" in values:
            numbers[r.file] = self._text(
                text_bytes(posixpath.join(self.cwd, values["path"][0])) + b"\0"
            )
        if rule.callback is not None:
            self.set(_F.keeps_output, 1)
        numbers[r.flags] = flags
        for member, value in numbers.items():
            member.set(self.memory, value, base)
        self.write_action(base + r.action.offset, values)
        self.set(_F.words_used, (index + 64) // 64)
        self.set(_F.epoch, self.get(_F.epoch) + 1)
        return index

    def _enter(self, index: int, rule: Rule) -> int:
        """Into the sets by which the shim finds it; its flags for that."""
        values = rule.values
        if not any(name in values for name in ("path", "kind", "peer", "local", "fd")):
            self._add_to_set(_F.no_object, index)
        if "on" not in values:
            self._add_to_set(_F.timed_rules, index)
            return abi.FAULT_TIMED
        numbers = meant_calls(values)
        slots = 0
        for number in numbers:
            slots |= 1 << self._slot(number) - 1
            self._add_to_set(_F.call_rules, index, number)
        _F.rule_slots.set(self.memory, slots, _BASE, index)
        if rule.is_strace:
            self._add_to_set(_F.strace_rules, index)
        if "path" in values:
            self.set(_F.has_paths, 1)
            self._add_to_set(_F.path_rules, index)
        else:
            self.set(_F.other_slots, self.get(_F.other_slots) | slots)
        return 0

    def _slot(self, number: int) -> int:
        """The call's slot, from 1; those beyond the last share it."""
        slot = _F.call_slot.get(self.memory, _BASE, number)
        if not slot:
            slot = min(self.get(_F.slots_used) + 1, abi.FAULT_SLOTS)
            self.set(_F.slots_used, slot)
            _F.call_slot.set(self.memory, slot, _BASE, number)
        return slot

    def _selectors(self, index: int, values: Mapping[str, Any]) -> dict[Member, int]:
        r = abi.FaultRule
        numbers: dict[Member, int] = {}
        if "on" in values and "path" in values:
            globs = [absolute(glob, self.cwd) for glob in _written_out(values["path"])]
            numbers[r.paths] = self._alternatives(globs)
            _F.path_gram.set(self.memory, gram(globs), _BASE, index)
        for name, member in (("process", r.processes), ("thread", r.threads)):
            numbers[member] = self._alternatives(_written_out(values.get(name, ())))
        numbers[r.kinds] = sum(1 << KINDS.index(kind) for kind in set(values.get("kind", ())))
        numbers[r.first_peer], numbers[r.peers] = self._peers(values.get("peer", ()))
        numbers[r.first_local], numbers[r.locals] = self._peers(values.get("local", ()))
        fd, size = values.get("fd"), values.get("size", Range(0, NO_END))
        numbers[r.fd_from] = fd.first if fd else 0
        numbers[r.fd_to] = min(fd.last, (1 << 31) - 1) if fd else -1
        numbers[r.size_from], numbers[r.size_to] = size.first, size.last
        everybody = Range(1, NO_END)
        processes = values.get("process_order", everybody)
        threads = values.get("thread_order", everybody)
        numbers[r.process_from], numbers[r.process_to] = processes.first, processes.last
        numbers[r.thread_from], numbers[r.thread_to] = threads.first, threads.last
        return numbers

    def _peers(self, peers: tuple[Peer, ...]) -> tuple[int, int]:
        first = self.get(_F.peers_count)
        p = abi.FaultPeer
        for peer in peers:
            base = _F.peers.at(self._next(_F.peers_count, _F.peers, "addresses"), _BASE)
            start = base + p.ip.offset
            self.memory[start : start + 16] = peer.ip
            p.prefix_bits.set(self.memory, peer.prefix_bits, base)
            p.port_from.set(self.memory, peer.port_first, base)
            p.port_to.set(self.memory, peer.port_last, base)
        return first, len(peers)

    def _marks(self, values: Mapping[str, Any]) -> dict[Member, int]:
        pairs = (
            ("since_output", abi.FaultRule.from_mark),
            ("until_output", abi.FaultRule.to_mark),
        )
        return {member: self._mark(values[name]) for name, member in pairs if name in values}

    def _mark(self, text: str) -> int:
        data, m = text_bytes(text), abi.FaultMark
        index = self._next(_F.marks_count, _F.marks, "texts of the output", 1)
        base = _F.marks.at(index, _BASE)
        m.bytes.set(self.memory, len(data), base)
        for place, (byte, back) in enumerate(zip(data, fallbacks(data), strict=True)):
            m.pattern.set(self.memory, byte, base, place)
            m.fallback.set(self.memory, back, base, place)
        self.set(_F.has_marks, 1)
        return index

    # ---- actions ----
    def action_bytes(self, base: int, values: Mapping[str, Any]) -> bytes:
        """A struct fault_action, made at `base`, where there is room for one."""
        place = slice(base, base + abi.FaultAction.SIZE)
        self.memory[place] = bytes(abi.FaultAction.SIZE)
        self.write_action(base, values)
        return bytes(self.memory[place])

    def write_action(self, base: int, values: Mapping[str, Any]) -> None:
        """What to do, into a struct fault_action that is all zeros."""
        a = abi.FaultAction
        what = 0
        for name, bit in DOES.items():
            what |= bit if name in values else 0
        if "error" in values or "retval" in values:
            what &= ~abi.FAULT_SYSCALL  # what that one gives nobody sees
        numbers = {a.what: what, **_plain_numbers(values)}
        for name, place, constant in (
            ("delay_enter", a.delay_enter, a.delay_enter_ns),
            ("delay_exit", a.delay_exit, a.delay_exit_ns),
        ):
            delay = values.get(name)
            if delay and delay.kind == "constant":
                numbers[constant] = delay.a_ns
            elif delay:
                numbers[place] = self._delay(delay)
        if "corrupt" in values:
            numbers |= _corrupt_numbers(values["corrupt"], values)
        numbers[a.first_poke], numbers[a.pokes] = self._pokes(values)
        for member, value in numbers.items():
            member.set(self.memory, value, base)
        if "error" in values:
            self._errors(base, values["error"].below())

    def _errors(self, base: int, below: list[tuple[int, int]]) -> None:
        a = abi.FaultAction
        a.errors.set(self.memory, len(below), base)
        for place, (number, threshold) in enumerate(below):
            a.error.set(self.memory, number, base, place)
            a.error_below.set(self.memory, threshold, base, place)

    def _pokes(self, values: Mapping[str, Any]) -> tuple[int, int]:
        first, p = self.get(_F.pokes_count), abi.FaultPoke
        pokes: list[tuple[int, Poke]] = [
            (at_exit, poke)
            for at_exit, name in enumerate(("poke_enter", "poke_exit"))
            for poke in values.get(name, ())
        ]
        for at_exit, poke in pokes:
            base = _F.pokes.at(self._next(_F.pokes_count, _F.pokes, "pokes"), _BASE)
            p.argument.set(self.memory, poke.argument, base)
            p.at_exit.set(self.memory, at_exit, base)
            p.text.set(self.memory, self._text(poke.data), base)
            p.bytes.set(self.memory, len(poke.data), base)
        return first, len(pokes)

    def _delay(self, delay: Delay) -> int:
        index = self._next(_F.delays_count, _F.delays, "delays", 1)
        base = _F.delays.at(index, _BASE)
        for place, time_ns in enumerate(quantiles(delay)):
            abi.FaultDelay.quantile_ns.set(self.memory, time_ns, base, place)
        return index


def write_plan(plan: Plan, memory: Any, cwd: str) -> None:
    """All rules into the world. BadPlan: they do not fit."""
    table = Table(memory, cwd)
    table.set(_F.links, 1)
    table.set(_F.directories, 1)
    try:
        for rule in plan.rules:
            table.add(rule)
    except TableFull as full:
        raise BadPlan([f"plan: {full}"]) from None


def check_room(plan: Plan) -> None:
    """BadPlan: the plan does not fit into the world."""
    with mmap.mmap(-1, _BASE + _F.tasks.offset) as memory:  # of which next to nothing is touched
        write_plan(plan, memory, "/")


def _times(values: Mapping[str, Any]) -> dict[Member, int]:
    r = abi.FaultRule
    when: When = values.get("when", When(1, NO_END, 1))
    return {
        r.not_before_ns: values.get("not_before", 0),
        r.not_after_ns: values.get("not_after", NO_END),
        r.when_from: when.first,
        r.when_to: when.last,
        r.when_step: when.step,
        r.prob_below: values["prob"].below() if "prob" in values else NO_END,
        r.at_most: 1 if "once" in values else values.get("at_most", 0),
        r.at_ns: values.get("at", values.get("every", 0)),
        r.every_ns: values.get("every", 0),
    }


def _plain_numbers(values: Mapping[str, Any]) -> dict[Member, int]:
    a = abi.FaultAction
    short: Short | None = values.get("short")
    clock: Clock | None = values.get("clock")
    numbers = {
        a.retval: values.get("retval", 0),
        a.syscall: values.get("syscall", 0),
        a.eintr_ns: values.get("eintr", 0),
        a.signal: values.get("signal", 0),
        a.kill: values.get("kill", 0),
        a.stop_ns: values.get("stop", 0),
        a.net: _NETS[values["net"]] if "net" in values else 0,
        a.net_ns: values.get("net_timeout", _NET_TIMEOUT_NS),
        a.victims: abi.VICTIMS_ONE if values.get("victims") == "one" else abi.VICTIMS_ALL,
        a.hold_points: values.get("hold", 0),
    }
    if short:
        numbers |= {a.short_how: _SHORTS[short.how], a.short_value: short.value}
    if clock:
        numbers |= {
            a.clocks: clock.bits,
            a.clock_freeze: int(clock.freeze),
            a.clock_jump_ns: clock.jump_ns,
            a.clock_drift_ppb: clock.drift_ppb,
            a.clock_for_ns: clock.for_ns,
        }
    return numbers


def _corrupt_numbers(corrupt: Corrupt, values: Mapping[str, Any]) -> dict[Member, int]:
    a = abi.FaultAction
    where = corrupt.where or default_where(meant_calls(values) if "on" in values else frozenset())
    return {
        a.corrupt_how: _CORRUPTS[corrupt.how],
        a.corrupt_where: _WHERES[where],
        a.corrupt_count: corrupt.count,
        a.corrupt_from: corrupt.first,
        a.corrupt_to: min(corrupt.last, NO_END - 1) + 1,
    }


def default_where(calls: frozenset[int]) -> str:
    """What is corrupted where a rule does not say."""
    if calls & numbers_of(WRITES):
        return "write"
    return "read" if calls & numbers_of(READS) else "rest"


def quantiles(delay: Delay) -> list[int]:
    """A distribution as FAULT_QUANTILES times, in order, between which draws lie evenly. The tails
    are cut where the last part keeps its mean (of the exponential, at 7.5 times the mean)."""
    last = abi.FAULT_QUANTILES - 1
    shares = [i / last for i in range(last + 1)]
    a, b = delay.a_ns, delay.b_ns
    if delay.kind == "uniform":
        return [a + (b - a) * i // last for i in range(last + 1)]
    if delay.kind == "exponential":
        ends = [-math.log1p(-share) * a for share in shares[:-1]]
        return [int(end) for end in (*ends, (math.log(last) + 2) * a)]
    edge = 1 / (4 * last)
    from statistics import NormalDist  # it imports a lot

    normal = NormalDist()
    points = [normal.inv_cdf(min(max(share, edge), 1 - edge)) for share in shares]
    return [max(0, int(a + b * point)) for point in points]


def fallbacks(data: bytes) -> list[int]:
    """The failure function of Knuth, Morris and Pratt: [i] is the length of the longest proper
    prefix of data[: i + 1] that is also its suffix."""
    result = [0] * len(data)
    length = 0
    for i in range(1, len(data)):
        while length and data[i] != data[length]:
            length = result[length - 1]
        length += data[i] == data[length]
        result[i] = length
    return result


def absolute(glob: str, cwd: str) -> str:
    """A path or glob with the working directory before it, unless it may start anywhere or is an
    abstract name of AF_UNIX, which begins with @."""
    if glob.startswith(("/", "**", "@")):
        return glob
    return posixpath.join(re.sub(r"([\\*?\[])", r"\\\1", cwd), posixpath.normpath(glob))


_NOT_LITERAL = re.compile(rb"\*\*/|[*?]|\[[^\]]*\]?|\\.?")


def gram(globs: list[str]) -> int:
    """Of three bytes in a row that all texts have which one of the globs matches: core/glob.h's
    number. 0: there is none, or more than one glob."""
    parts = _NOT_LITERAL.split(text_bytes(globs[0])) if len(globs) == 1 else []
    literal = max(parts, key=len, default=b"")[-3:]
    if len(literal) < 3:
        return 0
    return (literal[0] * 961 + literal[1] * 31 + literal[2]) % abi.GLOB_GRAMS + 1


_BRACES = re.compile(r"\{([^{}]*)\}")


def _written_out(globs: Iterable[str]) -> list[str]:
    """Each glob without {a,b}: once for each of its alternatives."""
    waiting, result = list(globs), []
    while waiting:
        glob = waiting.pop(0)
        braces = _BRACES.search(glob)
        if not braces:
            result.append(glob)
            continue
        words = braces[1].split(",")
        waiting[:0] = [glob[: braces.start()] + word + glob[braces.end() :] for word in words]
    return result
