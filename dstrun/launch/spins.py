"""Finding the loop in which a task spins: one that waits for others without any system call.

The task is stopped and single-stepped. When the very same registers come back at the same
instruction, nothing that it can see has changed: it waits, for ever if need be. When it turns and
turns, and all that changes is registers that count, which address no memory, and nothing is stored
but by instructions that synchronise: it waits as well, with a limit. Then the loop around that one
is looked at: many a task looks a million times, does something else, and starts again. Of the
branches that ran once in a turn one is chosen as the yield point (dstrun/points.py).
"""

from __future__ import annotations

import os
import signal
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ptrace.binding import ptrace_cont, ptrace_detach, ptrace_getregs, ptrace_setregs

from dstrun import abi
from dstrun.launch.inject import interrupt, seize, single_step
from dstrun.native import load_shim_image
from dstrun.points import CODE_BYTES, Point, build_id

_WALL = 0x40000000
_STEPS_MAX = 6000
_TURNS_MIN = 12  # that must look alike
_INSTRUCTION_BYTES_MAX = 15
_TURNS_AROUND_MAX = 4
_INNER_S_MAX = 0.5  # a loop that counts to its end
_BREAKPOINT = b"\xcc"
# struct user_regs_struct, in its order; the registers of a turn are compared by it.
_USER_REGISTERS = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi",
    "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs",
    "gs",
)  # fmt: skip
_RIP, _RSP = _USER_REGISTERS.index("rip"), _USER_REGISTERS.index("rsp")
# struct sigcontext, in its order: what Point.counters has a bit for.
_SIGNAL_REGISTERS = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax",
    "rcx", "rsp", "rip", "eflags",
)  # fmt: skip
# What may store in a loop that waits: it tries to get a lock, or calls a function.
_STORES_ALLOWED = frozenset({"xchg", "call", "push"})


_State = tuple[int, ...]  # registers


class _OtherStopError(Exception):
    """The thread was stopped by a signal of its own (a system call, a trapped instruction), or has
    come to code of ours: it does more than wait."""

    def __init__(self, number: int = 0) -> None:
        super().__init__(number)
        self.signal = number


class _Thread:
    """A seized thread, stopped wherever it is."""

    def __init__(self, tid: int, memory: int) -> None:
        self._tid, self._memory = tid, memory
        image = load_shim_image()
        self._preload_point = image.base + image.exports["point"]
        interrupt(tid)
        self._await_stop()

    def look(self) -> _State:
        """Its registers, before an instruction that is its own. A point of the preload library is
        passed by as one instruction: others could run there, but none does."""
        state: _State = struct.unpack("<27Q", bytes(ptrace_getregs(self._tid)))
        if state[_RIP] == self._preload_point:
            self.run_to([int.from_bytes(os.pread(self._memory, 8, state[_RSP]), "little")])
            return self.look()
        ours = abi.OURS_START <= state[_RIP] < abi.OURS_END
        if ours or os.pread(self._memory, 1, state[_RIP]) == _BREAKPOINT:
            raise _OtherStopError
        return state

    def step(self) -> None:
        """One instruction."""
        single_step(self._tid)
        self._await_stop()

    def ways(self, place: int) -> tuple[int, ...]:
        """Where the instruction can lead, if it is a conditional branch."""
        code = os.pread(self._memory, 6, place)
        if code[0] & 0xF0 == 0x70:
            return place + 2, place + 2 + int.from_bytes(code[1:2], "little", signed=True)
        if code[0] == 0x0F and code[1] & 0xF0 == 0x80:
            return place + 6, place + 6 + int.from_bytes(code[2:6], "little", signed=True)
        return ()

    def run_to(self, places: Iterable[int]) -> bool:
        """At full speed to the first of these places; False when it does not come there soon."""
        hidden = {place: os.pread(self._memory, 1, place) for place in places}
        for place in hidden:
            os.pwrite(self._memory, _BREAKPOINT, place)
        try:
            ptrace_cont(self._tid)
            if not self._await_stop(_INNER_S_MAX):
                return False
        finally:
            for place, code in hidden.items():
                os.pwrite(self._memory, code, place)
        registers = ptrace_getregs(self._tid)
        if registers.rip - 1 not in hidden:
            raise _OtherStopError(signal.SIGTRAP)
        registers.rip -= 1
        ptrace_setregs(self._tid, registers)
        return True

    def _await_stop(self, patience_s: float | None = None) -> bool:
        end = None if patience_s is None else time.monotonic() + patience_s
        in_time = True
        while True:
            pid, status = os.waitpid(self._tid, _WALL | (os.WNOHANG if end else 0))
            if pid:
                break
            time.sleep(0.0002)
            if end and time.monotonic() > end:
                interrupt(self._tid)
                end, in_time = None, False
        if not os.WIFSTOPPED(status):
            raise ProcessLookupError(self._tid)
        if os.WSTOPSIG(status) != signal.SIGTRAP:
            raise _OtherStopError(os.WSTOPSIG(status))
        return in_time


@dataclass(frozen=True)
class _Turn:
    """One turn of a loop: the registers before each instruction, and those that count turns."""

    states: list[_State]
    counters: frozenset[str] = frozenset()

    @property
    def places(self) -> list[int]:
        return [state[_RIP] for state in self.states]


@dataclass(frozen=True)
class _Mapping:
    start: int
    end: int
    offset: int
    path: str


def learn(tid: int, adopt: Callable[[Point], Iterable[int]]) -> Point | None:
    """The yield point of the loop in which a thread turns; None when it makes progress, or its
    loop cannot be told. Its memory is asked for by its own id: its leader may have left.

    `adopt` makes the shims know the point, and says in which processes a breakpoint is to stand
    there before the thread runs on.
    """
    try:
        seize(tid)
    except OSError:
        return None
    deliver = 0
    try:
        with open(f"/proc/{tid}/mem", "r+b", buffering=0) as memory:
            thread = _Thread(tid, memory.fileno())
            turn = _turn_of(tid, _follow(thread))
            if turn and turn.counters:
                turn = _turn_around(thread, turn) or turn
        point = _choose(tid, turn) if turn else None
        if point:
            for process in (tid, *adopt(point)):
                _place(process, point)
        return point
    except _OtherStopError as other:
        deliver = other.signal
        return None
    finally:
        ptrace_detach(tid, deliver)


def _follow(thread: _Thread) -> list[_State]:
    """The registers before each instruction, until the first ones come back."""
    seen: set[_State] = set()
    states: list[_State] = []
    for _ in range(_STEPS_MAX):
        state = thread.look()
        states.append(state)
        if state in seen:
            break
        seen.add(state)
        thread.step()
    return states


def _turn_around(thread: _Thread, inner: _Turn) -> _Turn | None:
    """The turn of the loop around a loop that counts, without what happens in that one."""
    loop = set(inner.places)
    exits = {way for place in loop for way in thread.ways(place)} - loop
    states: list[_State] = []
    for _ in range(_TURNS_AROUND_MAX if exits else 0):
        if not thread.run_to(exits):
            return None
        while (state := thread.look())[_RIP] not in loop and len(states) < _STEPS_MAX:
            if state in states:
                return _Turn(states[states.index(state) :])
            states.append(state)
            thread.step()
    return None


def _turn_of(pid: int, states: list[_State]) -> _Turn | None:
    if not states:
        return None
    places = [state[_RIP] for state in states]
    if states[-1] in states[:-1]:
        return _Turn(states[states.index(states[-1]) : -1])
    length = _period(places)
    if not length:
        return None
    turn = _Turn(states[-length:])
    counters = _counters(states[::-1][::length][:_TURNS_MIN])
    if not counters or not _only_waits(pid, turn.places, counters):
        return None
    return replace(turn, counters=counters)


def _period(places: list[int]) -> int:
    """The length of a turn, when the last ones are all alike; else 0."""
    last = places[-1]
    longest = len(places) // _TURNS_MIN
    for length in range(1, longest + 1):
        if places[-1 - length] != last:
            continue
        tail = places[-length * _TURNS_MIN :]
        if all(tail[at] == tail[at - length] for at in range(length, len(tail))):
            return length
    return 0


def _counters(heads: list[_State]) -> frozenset[str]:
    """The registers that change by the same amount in each turn; none when others change as well.
    `heads`: registers at the same place of turn after turn."""
    changed = set()
    for at, name in enumerate(_USER_REGISTERS):
        steps = {(after[at] - before[at]) % 2**64 for before, after in pairwise(heads)}
        if steps == {0}:
            continue
        if name != "eflags" and len(steps) > 1:
            return frozenset()
        changed.add(name)
    return frozenset(changed) if changed <= set(_SIGNAL_REGISTERS) else frozenset()


def _only_waits(pid: int, turn: list[int], counters: frozenset[str]) -> bool:
    """Whether the turn stores nothing but to synchronise, and always looks at the same places."""
    import capstone

    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for place in set(turn):
            code = os.pread(memory.fileno(), _INSTRUCTION_BYTES_MAX, place)
            found = next(decoder.disasm(code, place, 1), None)
            if found is None or not _is_harmless(found, counters):
                return False
    return True


def _is_harmless(instruction: Any, counters: frozenset[str]) -> bool:
    import capstone

    words = instruction.mnemonic.split()
    allowed = words[0] == "lock" or words[-1] in _STORES_ALLOWED
    for operand in instruction.operands:
        if operand.type != capstone.x86.X86_OP_MEM:
            continue
        if operand.access & capstone.CS_AC_WRITE and not allowed:
            return False
        names = (instruction.reg_name(operand.mem.base), instruction.reg_name(operand.mem.index))
        if any(_whole(name) in counters for name in names if name):
            return False
    return True


def _whole(name: str) -> str:
    """The 64-bit register of a part that can address memory: eax, r8d."""
    if name.startswith("e"):
        return "r" + name[1:]
    return name.removesuffix("d") if name[-2:-1].isdigit() else name


def _choose(pid: int, turn: _Turn) -> Point | None:
    """A branch of the kinds that shims/shim/points.c takes, which runs once a turn. It is best one
    of the loop's own function, not of what that calls (it is others' code as well, and may hold a
    lock), and one that leads back."""
    places = turn.places
    times = Counter(places)
    following = dict(zip(places, [*places[1:], places[0]], strict=True))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        branches = [
            (-state[_RSP], following[place] > place, place)
            for state, place in zip(turn.states, places, strict=True)
            if times[place] == 1 and _is_branch(os.pread(memory.fileno(), 2, place))
        ]
    for _, _, place in sorted(branches):
        point = _point_at(pid, place, turn.counters)
        if point:
            return point
    return None


def _is_branch(code: bytes) -> bool:
    """jmp rel8, jmp rel32, jcc rel8, jcc rel32."""
    near = code[0] in (0xEB, 0xE9) or code[0] & 0xF0 == 0x70
    return near or (code[0] == 0x0F and code[1] & 0xF0 == 0x80)


def _point_at(pid: int, place: int, counters: frozenset[str]) -> Point | None:
    """None where the code is no file's: made at run time, or in the vDSO."""
    ignored = counters | {"eflags"} if counters else counters
    bits = sum(1 << _SIGNAL_REGISTERS.index(name) for name in ignored)
    for mapping in _mappings(pid):
        if not mapping.start <= place < mapping.end:
            continue
        path = f"/proc/{pid}/root{mapping.path}"
        offset = place - mapping.start + mapping.offset
        try:
            with open(path, "rb") as file:
                file_bytes = os.fstat(file.fileno()).st_size
                code = os.pread(file.fileno(), CODE_BYTES, offset)
            return Point(mapping.path, build_id(path), file_bytes, offset, code.hex(), bits)
        except OSError:
            return None
    return None


def _mappings(pid: int) -> Iterator[_Mapping]:
    """Executable mappings of files."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            words = line.rstrip("\n").split(None, 5)
            if len(words) == 6 and "x" in words[1] and words[5].startswith("/"):
                start, end = (int(word, 16) for word in words[0].split("-"))
                yield _Mapping(start, end, int(words[2], 16), words[5])


def _place(pid: int, point: Point) -> None:
    """A breakpoint wherever a process has this code."""
    try:
        for mapping in _mappings(pid):
            end = mapping.offset + mapping.end - mapping.start
            if not mapping.offset <= point.file_offset < end or mapping.path != point.path:
                continue
            address = mapping.start + point.file_offset - mapping.offset
            with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                if os.pread(memory.fileno(), CODE_BYTES, address).hex() == point.code:
                    os.pwrite(memory.fileno(), _BREAKPOINT, address)
    except OSError:
        return  # it has ended meanwhile
