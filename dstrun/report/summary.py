"""The summary of a run: a few lines on stderr, or one JSON object on one line.

Both say the same. Exit statuses are decided here too, beside the words for the same outcomes.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence, Set
from dataclasses import asdict, replace
from typing import Any

from dstrun import errors
from dstrun.quantities import format_duration, format_time
from dstrun.spec import LoopInfo, ProcessInfo, RuleAccount, RunResult, StuckInfo, ThreadInfo

_NAMES_SHOWN = 8
_THREADS_SHOWN = 40
_PLACES_SHOWN = 8
_EXIT_CODES = {
    "diverged": errors.EXIT_DIVERGED,
    "deadlock": errors.EXIT_DEADLOCK,
    "limit": errors.EXIT_LIMIT,
    "uncontrolled": errors.EXIT_UNCONTROLLED,
    "interrupted": errors.EXIT_INTERRUPTED,
}


def exit_code(result: RunResult) -> int:
    """dstrun's exit status, for every outcome but a signal's death."""
    if result.outcome == "exited":
        return result.exit_code or 0
    if result.outcome == "error":
        return result.exit_code or errors.EXIT_ERROR
    if result.outcome == "killed":
        return 128 + (result.signal or 0)
    return _EXIT_CODES[result.outcome]


def succeeded(result: RunResult) -> bool:
    """Whether there is nothing to look into."""
    return result.outcome == "exited" and not result.exit_code


def signal_name(number: int) -> str:
    """SIGSEGV for 11, SIGRTMIN+3 for 37."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - 34}" if 34 < number <= 64 else f"signal {number}"


def outcome_text(result: RunResult) -> str:
    """The outcome in words."""
    if result.outcome == "exited":
        return f"exited {result.exit_code}"
    if result.outcome == "killed":
        return f"killed by {signal_name(result.signal or 0)}"
    words = {
        "limit": "a limit was reached",
        "uncontrolled": "something was not under control (--strict)",
        "diverged": "runs differ",
    }.get(result.outcome, result.outcome)
    return f"{words}: {result.message}" if result.message else words


def json_line(result: RunResult, seed: str, reproduce: str) -> str:
    """The result as one line of JSON. Hashes are hex: JSON's numbers end at 2^53."""
    fields: dict[str, Any] = {
        "seed": seed,
        "outcome": result.outcome,
        "origin": result.origin,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "events": result.events,
        "sched_points": result.sched_points,
        "virtual_ns": result.virtual_ns,
        "wall_ns": result.wall_ns,
        "faults": result.faults,
        "fault_rules": [asdict(rule) for rule in result.rules],
        "uncontrolled": dict(sorted(result.uncontrolled.items())),
        "trace": str(result.trace) if result.trace else None,
        "trace_hash": f"{result.trace_hash:016x}" if result.trace_hash else None,
        "reproduce": reproduce,
        "notes": result.notes,
        "message": result.message,
        "threads": [asdict(thread) for thread in result.threads],
        "stuck": [asdict(group) for group in result.stuck],
    }
    if result.stdout_sha256 is not None:
        fields["stdout_sha256"] = result.stdout_sha256
        fields["stderr_sha256"] = result.stderr_sha256
    return json.dumps(fields)


def summary_lines(result: RunResult, seed: str, reproduce: str, verbose: bool = False) -> list[str]:
    """The summary for people."""
    lines = [
        f"seed {seed}: {outcome_text(result)}; {result.events} events, "
        f"{format_duration(result.virtual_ns)} virtual, {format_duration(result.wall_ns)} real"
    ]
    if verbose:
        lines.append(f"points where more than one task could run: {result.sched_points}")
    lines += fault_lines(result, verbose)
    if result.uncontrolled:
        names = ", ".join(f"{name} ({n})" for name, n in sorted(result.uncontrolled.items()))
        lines.append(f"not under control: {names}")
    lines += [f"note: {note}" for note in result.notes]
    is_told_below = len(result.processes) == 1 and result.threads
    if result.processes and not is_told_below and (verbose or not succeeded(result)):
        lines += process_lines(result.processes)
    lines += stuck_lines(result.stuck, {thread.tid for thread in result.threads if thread.frames})
    lines += thread_lines(result.threads)
    if result.outcome == "limit" and not result.trace:
        lines.append("note: a trace would tell what each thread repeats (do without --no-trace)")
    if result.trace:
        lines.append(f"trace {result.trace} (hash {result.trace_hash:016x})")
    elif verbose and result.trace_hash:
        lines.append(f"trace hash {result.trace_hash:016x}")
    if verbose or not succeeded(result):
        lines.append(f"reproduce: {reproduce}")
    return lines


def fault_lines(result: RunResult, verbose: bool) -> list[str]:
    """How often which rule fired; and those that did not: their plan has tested nothing."""
    if not result.rules:
        return []
    fired = [f"{rule.name} ({rule.fired})" for rule in result.rules if rule.fired]
    told = f": {_some(fired, verbose)}" if fired else ""
    lines = [f"faults injected: {result.faults}{told}"]
    for what, names in (
        ("matched nothing", [rule.name for rule in result.rules if not rule.matched]),
        ("matched, but never fired", [_unfired(r) for r in result.rules if _is_unfired(r)]),
        ("fired less often than at_least says", [
            f"{rule.name} ({rule.fired} of {rule.at_least})"
            for rule in result.rules
            if rule.fired < rule.at_least
        ]),
    ):  # fmt: skip
        if names:
            lines.append(f"fault rules that {what}: {_some(names, verbose)}")
    return lines


def _is_unfired(rule: RuleAccount) -> bool:
    return bool(rule.matched) and not rule.fired


def _unfired(rule: RuleAccount) -> str:
    overruled = ", overruled by others" if rule.overruled else ""
    return f"{rule.name} ({rule.matched} matches{overruled})"


def _some(names: list[str], all_of_them: bool) -> str:
    shown = names if all_of_them else names[:_NAMES_SHOWN]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def thread_lines(threads: Sequence[ThreadInfo]) -> list[str]:
    """Who waits for what since when, what each repeats, and where."""
    lines = []
    for thread in threads[:_THREADS_SHOWN]:
        lines.append(f"thread {thread.tid} of {thread.pid} {thread.name}: {thread.state}")
        if thread.loop:
            lines += [f"  {line}" for line in loop_lines(thread.loop)]
        lines += [f"  turns at {place}" for place in thread.places[:_PLACES_SHOWN]]
        lines += [f"  {frame}" for frame in thread.frames]
    more = len(threads) - _THREADS_SHOWN
    return [*lines, f"and {more} more threads (--json has all)"] if more > 0 else lines


def loop_lines(loop: LoopInfo) -> list[str]:
    """What a thread repeats."""
    calls = "1 call" if loop.length == 1 else f"{loop.length} calls"
    earlier = "or earlier " if loop.began_earlier else ""
    least = "at least " if loop.began_earlier else ""
    alike = "each turn like the one before" if loop.alike else "what they give varies"
    head = (
        f"repeats {calls}, {least}{loop.turns} times, since {format_time(loop.since_ns)} "
        f"{earlier}(event {loop.from_event}), {alike}:"
    )
    more = loop.length - len(loop.calls)
    return [head, *(f"  {c}" for c in loop.calls), *([f"  and {more} more"] if more > 0 else [])]


def stuck_lines(groups: list[StuckInfo], told: Set[int] = frozenset()) -> list[str]:
    """Partial deadlocks: who can never run again. The frames of those in `told` are told anyway."""
    lines = []
    for group in groups:
        ids = [f"{t.tid}" for t in group.threads]
        who = f"thread {ids[0]}" if len(ids) == 1 else f"threads {', '.join(ids)}"
        lines.append(
            f"warning: {who} could never run again since {format_time(group.since_ns)}, "
            "while others went on (a partial deadlock):"
        )
        threads = [replace(t, frames=()) if t.tid in told else t for t in group.threads]
        lines += [f"  {line}" for line in thread_lines(threads)]
    return lines


def process_lines(processes: list[ProcessInfo]) -> list[str]:
    """The process tree, children below their parents."""
    known = {process.pid for process in processes}
    children: dict[int | None, list[ProcessInfo]] = {}
    for process in processes:
        parent = process.parent if process.parent in known else None
        children.setdefault(parent, []).append(process)
    lines = []
    waiting = [(process, 1) for process in reversed(children.get(None, []))]
    while waiting:
        process, depth = waiting.pop()
        lines.append(f"{'  ' * depth}{process.pid} {process.name}: {process.state}")
        # Taken out: a world that was stopped half way must not lead in circles.
        waiting += [(child, depth + 1) for child in reversed(children.pop(process.pid, []))]
    return lines
