"""`run --verify`: the same run several times, from the same files, and every difference.

Each run works on its own overlay of the same starting state, so what the first wrote the second
does not see. What is compared: outcome, exit status, the bytes of stdout and stderr, the trace's
hash. The user sees the first run's output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dstrun.points import load_points
from dstrun.spec import RunResult, RunSpec
from dstrun.tracepath import keeps_its_time, make_room

_LEARNING_RUNS_MAX = 16

Runner = Callable[[RunSpec], RunResult]


def verify_runs(spec: RunSpec, runs: int, run: Runner) -> RunResult:
    """The first run's result; outcome "diverged" when another one differs."""
    siblings = _prepare_traces(spec.trace, runs)
    spec = replace(spec, prepared_ns=None)  # not any more: their directory has just been changed
    spec, first = _first_run(spec, run)
    try:
        for number, path in enumerate(siblings, start=2):
            if first.outcome in ("error", "interrupted"):
                return first
            further = replace(spec, fs="overlay", capture="hash", keep=None, trace=path)
            other = run(further)
            if other.outcome in ("error", "interrupted"):
                return other
            differences = _differences(first, other)
            if differences:
                return _diverged(first, other, number, differences)
            if path:
                with keeps_its_time(path.parent):
                    path.unlink(missing_ok=True)
        first.notes.append(f"{runs} runs, all the same")
        return first
    finally:
        _remove_empty(siblings)


def _first_run(spec: RunSpec, run: Runner) -> tuple[RunSpec, RunResult]:
    """The run that the others are compared with. One that learned a yield point was interrupted
    where no seed says, so it is made again, with what was learned."""
    first = run(replace(spec, fs="overlay", capture="tee"))
    for _ in range(_LEARNING_RUNS_MAX):
        if not first.learned:
            break
        spec = replace(spec, points=load_points())
        first = run(replace(spec, fs="overlay", capture="hash"))
    return spec, first


def _prepare_traces(trace: Path | None, runs: int) -> list[Path | None]:
    """Files for the further runs' traces.

    They exist before the first run: a program that lists the directory finds the same names in
    every run.
    """
    paths: list[Path | None] = []
    for number in range(2, runs + 1):
        path = trace.with_name(f"{trace.name}.run{number}") if trace else None
        if path:
            make_room(path)
        paths.append(path)
    return paths


def _remove_empty(paths: list[Path | None]) -> None:
    for path in paths:
        if path and path.exists() and path.stat().st_size == 0:
            path.unlink()


def _differences(first: RunResult, other: RunResult) -> list[str]:
    """What is not the same, in words."""
    checks = [
        ("outcome", first.outcome, other.outcome),
        ("exit code", first.exit_code, other.exit_code),
        ("signal", first.signal, other.signal),
        ("number of events", first.events, other.events),
        ("virtual time", first.virtual_ns, other.virtual_ns),
    ]
    found = [f"{what} ({a} and {b})" for what, a, b in checks if a != b]
    hashes = [
        ("stdout", first.stdout_sha256, other.stdout_sha256),
        ("stderr", first.stderr_sha256, other.stderr_sha256),
        ("trace", first.trace_hash, other.trace_hash),
    ]
    return found + [what for what, a, b in hashes if a != b]


def _diverged(first: RunResult, other: RunResult, number: int, differences: list[str]) -> RunResult:
    message = f"run 1 and run {number} differ in {', '.join(differences)}"
    notes = list(first.notes)
    if first.trace and other.trace and first.trace_hash != other.trace_hash:
        from dstrun.trace.diff import describe_difference

        notes += describe_difference(first.trace, other.trace)
        notes.append(f"the traces are kept: {first.trace} and {other.trace}")
    elif other.trace:
        other.trace.unlink(missing_ok=True)
    return replace(first, outcome="diverged", origin="dstrun", message=message, notes=notes)
