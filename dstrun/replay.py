"""A run that follows a trace: what it is told, and the spec that it is made from.

The schedule, the wake-ups, the faults and what came from outside are those that the trace has, not
those that the seed would give again; what the program draws (its randomness, the epoch) comes from
the seed. While it runs every event is compared, in the shim (shims/shim/decisions.c).
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dstrun import abi
from dstrun.errors import DstrunError, TraceError
from dstrun.points import Point
from dstrun.seed import Seed
from dstrun.spec import ReplayResult, RunResult, RunSpec
from dstrun.trace.decisions import Decision, pack_decision, read_decisions
from dstrun.trace.reader import Trace
from dstrun.trace.sidedata import parse_fields

if TYPE_CHECKING:
    from dstrun.launch.answers import Key

_PAGE = 4096


@dataclass(frozen=True)
class Replay:
    """What a run follows. `compare`: its events must be those of the trace."""

    trace: Path
    decisions: tuple[Decision, ...]
    compare: bool = True
    answers: Mapping[Key, tuple[Any, list[Any]]] = field(default_factory=dict)  # of plan functions
    changes: tuple[str, ...] = ()  # what is not as it was when the trace was recorded
    added: int = 0  # of the plan's rules, at its end: they only hold what is done instead
    until: int | None = None  # it stands still when so many events are recorded


def spec_of(trace: Trace) -> RunSpec:
    """The run that a trace is of. TraceError: its description does not tell."""
    meta = trace.meta
    try:
        return _spec(meta)
    except (KeyError, TypeError, ValueError) as error:
        raise TraceError(
            f"{trace.path}: its description lacks what a replay needs ({error}); "
            "record it again with this dstrun"
        ) from None


def _spec(meta: dict[str, Any]) -> RunSpec:
    seed = Seed(meta["seed"], meta["entropy_seed"], meta["sched_seed"], meta["fault_seed"])
    return RunSpec(
        argv=tuple(meta["argv"]),
        program=meta["program"],
        env=dict(meta["env"]),
        cwd=meta["cwd"],
        seed=seed,
        ignored_signals=tuple(meta["ignored_signals"]),
        blocked_signals=tuple(meta["blocked_signals"]),
        epoch_ns=meta["epoch_ns"],
        cpus=meta["cpus"],
        hostname=meta["hostname"],
        net=meta["net"],
        fs=meta["fs"],
        overlay_dirs=tuple(meta["overlay_dirs"]),
        strict=meta["strict"],
        preload=meta["preload"],
        strategy=meta["strategy"],
        plan=_plan(meta["plan"]),
        points=tuple(Point(**point) for point in meta["points"]),
        call_cost_ns=meta["call_cost_ns"],
        clock_cost_ns=meta["clock_cost_ns"],
        cost_jitter_ppm=meta["cost_jitter_ppm"],
        max_virtual_ns=meta["max_virtual_ns"],
        max_events=meta["max_events"],
    )


def _plan(rules: list[dict[str, Any]]) -> Any:
    if not rules:
        return None
    from dstrun.plan.load import plan_of_meta

    return plan_of_meta(rules)


def follow(trace: Trace, until: int | None = None) -> Replay:
    """The run as it was."""
    return Replay(trace.file, tuple(read_decisions(trace)), answers=_answers(trace), until=until)


def _answers(trace: Trace) -> dict[Key, tuple[Any, list[Any]]]:
    from dstrun.launch.answers import ATTACHMENT, read_answers

    if ATTACHMENT not in trace.attachments():
        return {}
    return read_answers(trace.attachment(ATTACHMENT))


def make_image(replay: Replay) -> int:
    """A descriptor of what the shims map at REPLAY_BASE (struct replay_image)."""
    with Trace(replay.trace) as trace:
        identities = [trace.identities(n).tobytes() for n in range(trace.segments())]
        placed, inputs = place_inputs(trace, replay.decisions)
    decisions = b"".join(map(pack_decision, in_order(placed)))
    head = _PAGE
    decisions_at = head + sum(map(len, identities))
    h = abi.ReplayImage
    header = bytearray(head)
    for member, value in {
        h.events: sum(map(len, identities)) // 8,
        h.identities: head,
        h.decisions: len(replay.decisions),
        h.decisions_at: decisions_at,
        h.inputs_at: decisions_at + len(decisions),
    }.items():
        member.set(header, value)
    fd = os.memfd_create("dstrun-replay", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.writelines([header, *identities, decisions, inputs])
        file.write(bytes(-file.tell() % _PAGE))
    return fd


def place_inputs(trace: Trace, decisions: Iterable[Decision]) -> tuple[list[Decision], bytes]:
    """The decisions, in which those about input tell where their bytes lie in the second part."""
    placed, inputs = [], bytearray()
    for decision in decisions:
        if decision.kind == abi.DECISION_INPUT and decision.tid:
            data = _input_bytes(trace, decision)
            placed.append(decision._replace(event=len(inputs)))
            inputs += data
        else:
            placed.append(decision)
    return placed, bytes(inputs)


def _input_bytes(trace: Trace, decision: Decision) -> bytes:
    """What a call brought from outside: kept whole, in the events before its own."""
    data = b""
    for event in trace.read(decision.event):
        if event.kind != abi.EVENT_INPUT or len(data) >= decision.tid:
            break
        _, fields = parse_fields(trace.side_data(event))
        data += b"".join(field.data for of_argument in fields.values() for field in of_argument)
    if len(data) != decision.tid:
        raise TraceError(f"{trace.path}: damaged: input of event {decision.event} is missing")
    return data


def in_order(decisions: Iterable[Decision]) -> list[Decision]:
    """By their keys, as the shim looks them up."""
    return sorted(decisions, key=lambda decision: decision.key)


def replay_trace(trace: Trace, spec: RunSpec, run: Callable[[RunSpec], RunResult]) -> RunResult:
    """Runs `spec`, which follows the trace, and says how it compared. `spec.trace` is read."""
    result = run(spec)
    told = result.replay
    if not told or not spec.replay:
        return result
    if not spec.replay.compare:
        result.notes += _edited_notes(trace, spec, told)
        return result
    if told.differs_at is not None and told.differs_at < trace.events:
        return _diverged(trace, spec, result, told.differs_at)
    if told.differs_at is not None:
        return _went_on(trace, result)
    if told.compared < trace.events and result.outcome not in ("interrupted", "error"):
        return _diverged(trace, spec, result, told.compared)
    result.notes.append(f"{told.compared} events, all as in the trace")
    return result


def _edited_notes(trace: Trace, spec: RunSpec, told: ReplayResult) -> list[str]:
    from dstrun.trace.diff import first_difference

    assert spec.trace
    with Trace(spec.trace) as actual:
        index = first_difference(trace, actual)
    notes = ["as in the trace, to the end"]
    if index is not None:
        notes = [f"as in the trace up to event {index} of {trace.events}"]
    if told.not_applied:
        notes.append(f"{told.not_applied} choices of the trace had no place any more")
    return notes


@contextmanager
def own_trace() -> Iterator[Path]:
    """Where a replay's own trace is written: it has no name, so that the program cannot meet it,
    and leaves nothing."""
    with tempfile.TemporaryFile(prefix="dstrun-") as file:
        yield Path(f"/proc/self/fd/{file.fileno()}")


def keep_trace(own: Path, followed: Trace, path: Path) -> None:
    """Puts a replay's own trace to `path`, with what the followed one tells of the run's start.
    DstrunError: it cannot be written there."""
    from dstrun.trace.pack import packed

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Trace(own) as trace, own.open("rb") as file, path.open("wb") as kept:
            names = {*followed.attachments(), *trace.attachments()}
            sources = {n: trace if n in trace.attachments() else followed for n in names}
            attachments = {name: sources[name].attachment(name) for name in sorted(names)}
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                kept.writelines(packed(data, trace.end_meta, attachments))
    except OSError as error:
        raise DstrunError(f"{path}: the trace cannot be written: {error.strerror}") from None


def _diverged(trace: Trace, spec: RunSpec, result: RunResult, index: int) -> RunResult:
    from dstrun.divergence import likely_causes
    from dstrun.trace.diff import difference_lines

    ended = result.outcome != "diverged"
    what = "the run ended before it" if ended else "another one came"
    message = f"event {index} of {trace.events} is not as in the trace: {what}"
    result = replace(result, outcome="diverged", origin="dstrun", message=message)
    assert spec.trace
    with Trace(spec.trace) as actual:
        result.notes += difference_lines(trace, actual, index)
    result.notes += likely_causes(trace, index, spec.replay.changes if spec.replay else ())
    result.processes = []
    return result


def _went_on(trace: Trace, result: RunResult) -> RunResult:
    """To the trace's last event, and then there was more."""
    outcome: Any = trace.end_meta.get("outcome")
    if outcome in ("interrupted", "limit", "uncontrolled"):  # no event tells of these
        message = f"as in the trace, whose run ended here ({trace.end_meta.get('message', '')})"
    elif not trace.finished:
        outcome, message = "limit", "the trace ends here: its run was not closed in good order"
    else:
        message = f"the run goes on after the trace's last event, number {trace.events - 1}"
        return replace(result, outcome="diverged", message=message)
    result.notes.append(f"{trace.events} events, all as in the trace")
    return replace(result, outcome=outcome, message=message)
