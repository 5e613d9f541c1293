"""Finding the loop in which a task spins: one that waits for others without any system call.

The task is stopped and single-stepped. When the very same registers come back at the same
instruction, nothing that it can see has changed: it waits. Of the branches that ran once in that
turn one is chosen as its yield point (dstrun/points.py).
"""

from __future__ import annotations

import os
import signal
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ptrace.binding import ptrace_detach, ptrace_getregs

from dstrun import abi
from dstrun.launch.inject import interrupt, seize, single_step
from dstrun.points import CODE_BYTES, Point, build_id

_WALL = 0x40000000
_STEPS_MAX = 6000
_RIP = 16 * 8  # in struct user_regs_struct
_BREAKPOINT = b"\xcc"


@dataclass(frozen=True)
class _Mapping:
    start: int
    end: int
    offset: int
    path: str


def learn(pid: int, tid: int, adopt: Callable[[Point], Iterable[int]]) -> Point | None:
    """The yield point of the loop in which thread `tid` of `pid` turns; None when it makes
    progress, or its loop cannot be told.

    `adopt` makes the shims know the point, and says in which processes a breakpoint is to stand
    there before the thread runs on.
    """
    try:
        seize(tid)
    except OSError:
        return None
    deliver = 0
    try:
        interrupt(tid)
        _, status = os.waitpid(tid, _WALL)
        turn, deliver = _one_turn(tid) if os.WIFSTOPPED(status) else ([], 0)
        point = _choose(pid, turn)
        if point:
            for process in adopt(point):
                _place(process, point)
        return point
    finally:
        ptrace_detach(tid, deliver)


def _one_turn(tid: int) -> tuple[list[int], int]:
    """The instructions of one turn, in order; none when the registers never came back. And a signal
    that came meanwhile (a system call, a trapped instruction): it is the task's own."""
    seen: dict[bytes, int] = {}
    places: list[int] = []
    for step in range(_STEPS_MAX):
        registers = bytes(ptrace_getregs(tid))
        place = struct.unpack_from("<Q", registers, _RIP)[0]
        if abi.OURS_START <= place < abi.OURS_END:
            return [], 0
        if registers in seen:
            return places[seen[registers] :], 0
        seen[registers] = step
        places.append(place)
        single_step(tid)
        _, status = os.waitpid(tid, _WALL)
        if not os.WIFSTOPPED(status):
            raise ProcessLookupError(tid)
        if os.WSTOPSIG(status) != signal.SIGTRAP:
            return [], os.WSTOPSIG(status)
    return [], 0


def _choose(pid: int, turn: list[int]) -> Point | None:
    """A branch of the kinds that shims/shim/points.c takes, which runs once a turn: one that leads
    back, if there is one."""
    times = Counter(turn)
    following = dict(zip(turn, [*turn[1:], turn[0]] if turn else [], strict=True))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        branches = [
            place
            for place, count in times.items()
            if count == 1 and _is_branch(os.pread(memory.fileno(), 2, place))
        ]
    for place in sorted(branches, key=lambda place: following[place] > place):
        point = _point_at(pid, place)
        if point:
            return point
    return None


def _is_branch(code: bytes) -> bool:
    """jmp rel8, jmp rel32, jcc rel8, jcc rel32."""
    near = code[0] in (0xEB, 0xE9) or code[0] & 0xF0 == 0x70
    return near or (code[0] == 0x0F and code[1] & 0xF0 == 0x80)


def _point_at(pid: int, place: int) -> Point | None:
    """None where the code is no file's: made at run time, or in the vDSO."""
    for mapping in _mappings(pid):
        if not mapping.start <= place < mapping.end:
            continue
        path = f"/proc/{pid}/root{mapping.path}"
        offset = place - mapping.start + mapping.offset
        try:
            with open(path, "rb") as file:
                file_bytes = os.fstat(file.fileno()).st_size
                code = os.pread(file.fileno(), CODE_BYTES, offset)
            return Point(mapping.path, build_id(path), file_bytes, offset, code.hex())
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
            inside = (
                mapping.offset <= point.file_offset < mapping.offset + mapping.end - mapping.start
            )
            if inside and mapping.path == point.path:
                address = mapping.start + point.file_offset - mapping.offset
                with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                    if os.pread(memory.fileno(), CODE_BYTES, address).hex() == point.code:
                        os.pwrite(memory.fileno(), _BREAKPOINT, address)
    except OSError:
        return  # it has ended meanwhile
