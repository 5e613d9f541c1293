"""What the world tells when a run is over."""

from __future__ import annotations

import os
import signal

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.launch.waits import Waits
from dstrun.launch.world import World
from dstrun.spec import Outcome, ProcessInfo, ReplayResult, RuleAccount, RunResult, RunSpec

_HOLES = {
    abi.HOLE_UNKNOWN_SYSCALL: "unknown system call",
    abi.HOLE_THREAD: "thread",
    abi.HOLE_IOCTL: "ioctl",
    abi.HOLE_OUTSIDE_INPUT: "input from outside",
    abi.HOLE_OUTSIDE_DEATH: "death from outside",
    abi.HOLE_DIRECTORY_TOO_LARGE: "unsorted directory",
    abi.HOLE_PROC_FILE: "/proc or /sys file",
    abi.HOLE_EXEC_REFUSED: "exec refused",
    abi.HOLE_NET: "host network",
    abi.HOLE_DEVICE: "device",
    abi.HOLE_SHARED_FILE: "shared file",
    abi.HOLE_FORCED: "forced switch",
    abi.HOLE_EPOLL_FOREIGN: "epoll of another process's descriptor",
    abi.HOLE_ADDRESSES: "random addresses",
}
_OUTCOMES: dict[int, Outcome] = {
    abi.END_DEADLOCK: "deadlock",
    abi.END_EVENTS: "limit",
    abi.END_TIME: "limit",
    abi.END_WALL: "limit",
    abi.END_STRICT: "uncontrolled",
    abi.END_INTERRUPTED: "interrupted",
    abi.END_DIVERGED: "diverged",
}

_SCHED_POINTS = abi.SchedState.points.within(abi.World.sched)


def result_of(world: World, status: int | None, message: str, interrupted: int) -> RunResult:
    """The outcome; `status`: the first program's wait status where it ended by itself."""
    reason = world.get(abi.World.end_reason)
    result = RunResult(_OUTCOMES.get(reason, "error"), "dstrun")
    result.message = message or abi.World.end_message.get_text(world.memory)
    if reason == abi.END_EXITED:
        result = _program_end(world.get(abi.World.end_status) if status is None else status)
    elif reason == abi.END_STRICT:
        result.message = name_syscall(result.message)
    elif interrupted:
        result.signal = interrupted
    result.events = world.get(abi.World.events)
    result.sched_points = world.get(_SCHED_POINTS)
    start = abi.Config.boot_ns.get(world.memory, abi.World.config.offset)
    result.virtual_ns = world.get(abi.World.now_ns) - start
    return result


def replay_result(world: World) -> ReplayResult:
    """How far the run went as the trace that it followed."""
    base, r = abi.World.replay.offset, abi.ReplayState
    differs_at = r.differs_at.get(world.memory, base)
    return ReplayResult(
        compared=r.compared.get(world.memory, base),
        differs_at=differs_at - 1 if differs_at else None,
        not_applied=r.not_applied.get(world.memory, base),
    )


def rule_accounts(world: World, spec: RunSpec) -> list[RuleAccount]:
    """What came of each rule, those that functions added included."""
    base = abi.World.faults.offset
    count = abi.FaultWorld.rules_count.get(world.memory, base)
    added = spec.replay.added if spec.replay else 0
    planned = [rule.values.get("at_least", 0) for rule in spec.plan.rules] if spec.plan else []
    return [
        _rule_account(world, base, index, planned[index] if index < len(planned) else 0)
        for index in range(count)
        if not len(planned) - added <= index < len(planned)
    ]


def _rule_account(world: World, base: int, index: int, at_least: int) -> RuleAccount:
    state, s = abi.FaultWorld.states.at(index, base), abi.FaultState
    start_ns = abi.Config.boot_ns.get(world.memory, abi.World.config.offset)
    name = abi.FaultRule.name.get(world.memory, abi.FaultWorld.rules.at(index, base))
    return RuleAccount(
        name=_fault_text(world, name),
        matched=s.matched.get(world.memory, state),
        decided=s.decided.get(world.memory, state),
        fired=s.fired.get(world.memory, state),
        overruled=s.overruled.get(world.memory, state),
        asked=s.asked.get(world.memory, state),
        at_least=at_least,
        first_ns=max(0, s.first_ns.get(world.memory, state) - start_ns),
        last_ns=max(0, s.last_ns.get(world.memory, state) - start_ns),
    )


def _fault_text(world: World, place: int) -> str:
    start = abi.World.faults.offset + abi.FaultWorld.text.offset + place
    end = world.memory.find(b"\0", start)
    return world.memory[start:end].decode(errors="replace")


def _program_end(status: int) -> RunResult:
    if os.WIFSIGNALED(status):
        return RunResult("killed", "program", signal=os.WTERMSIG(status))
    return RunResult("exited", "program", exit_code=os.WEXITSTATUS(status))


def name_syscall(message: str) -> str:
    """'system call 332' as users know it."""
    prefix, _, number = message.rpartition(" ")
    if prefix == "system call" and number.isdigit() and int(number) in SYSCALLS:
        return f"system call {SYSCALLS[int(number)].name}"
    return message


def uncontrolled(world: World) -> dict[str, int]:
    """What was not under control, and how often."""
    calls = abi.World.uncontrolled_syscalls.get_all(world.memory)
    found = {SYSCALLS[nr].name: count for nr, count in enumerate(calls) if count}
    holes = abi.World.holes.get_all(world.memory)
    return found | {_HOLES.get(i, f"hole {i}"): count for i, count in enumerate(holes) if count}


def processes(waits: Waits) -> list[ProcessInfo]:
    """The processes that are still there, and what each waits for."""
    world = waits.world
    found = []
    for index in range(1, world.get(abi.World.used_procs) + 1):
        state = world.proc(index, abi.Proc.state)
        if state == abi.PROC_FREE or not world.proc(index, abi.Proc.pid):  # free, or being made
            continue
        parent = world.proc(index, abi.Proc.parent)
        found.append(
            ProcessInfo(
                pid=world.proc(index, abi.Proc.pid),
                parent=world.proc(parent, abi.Proc.pid) if parent else 1,
                name=abi.Proc.comm.get_text(world.memory, abi.World.procs.at(index)),
                state=_describe(waits, index, state),
            )
        )
    return found


def _describe(waits: Waits, index: int, state: int) -> str:
    world = waits.world
    if state == abi.PROC_ZOMBIE:
        return _describe_end(world.proc(index, abi.Proc.exit_status))
    if state == abi.PROC_STOPPED:
        return f"stopped by {signal.Signals(world.proc(index, abi.Proc.stop_signal)).name}"
    task = world.proc(index, abi.Proc.first_task)
    return waits.describe(task) if task else "runs"


def _describe_end(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exited {os.WEXITSTATUS(status)}"
