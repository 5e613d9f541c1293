"""--verify: what is compared, and what is left behind."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tracefile import TraceWriter

from dstrun.seed import make_seed
from dstrun.spec import RunResult, RunSpec
from dstrun.verify import verify_runs


def _spec(tmp_path: Path) -> RunSpec:
    return RunSpec(("x",), "/bin/x", {}, "/", make_seed("7"), trace=tmp_path / "t", keep=tmp_path)


def _runner(seen: list[RunSpec], results: Callable[[int], int]) -> Callable[[RunSpec], RunResult]:
    """A launcher whose n-th run opens the descriptor results(n)."""

    def run(spec: RunSpec) -> RunResult:
        seen.append(spec)
        number = results(len(seen))
        writer = TraceWriter()
        writer.open("/etc/passwd", result=number)
        if spec.trace:
            writer.write(spec.trace)
        digest = hashlib.sha256(b"x").hexdigest()
        return RunResult(
            "exited", "program", exit_code=0, events=1, trace=spec.trace, trace_hash=number,
            stdout_sha256=digest, stderr_sha256=digest,
        )  # fmt: skip

    return run


def test_all_the_same(tmp_path: Path) -> None:
    seen: list[RunSpec] = []
    result = verify_runs(_spec(tmp_path), 3, _runner(seen, lambda _n: 3))
    assert result.outcome == "exited"
    assert result.notes == ["3 runs, all the same"]
    assert [spec.capture for spec in seen] == ["tee", "hash", "hash"]
    assert [spec.keep for spec in seen] == [tmp_path, None, None]
    assert {spec.fs for spec in seen} == {"overlay"}
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_difference_is_shown_and_both_traces_kept(tmp_path: Path) -> None:
    seen: list[RunSpec] = []
    result = verify_runs(_spec(tmp_path), 4, _runner(seen, lambda n: 3 + (n == 3)))
    assert (result.outcome, result.origin) == ("diverged", "dstrun")
    assert result.message == "run 1 and run 3 differ in trace"
    assert any("another result" in note for note in result.notes)
    assert len(seen) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t", "t.run3"]


@pytest.mark.parametrize("failing", [1, 2])
def test_stops_when_interrupted(tmp_path: Path, failing: int) -> None:
    seen: list[RunSpec] = []
    run = _runner(seen, lambda _n: 3)

    def interrupted(spec: RunSpec) -> RunResult:
        result = run(spec)
        return replace(result, outcome="interrupted") if len(seen) == failing else result

    assert verify_runs(_spec(tmp_path), 5, interrupted).outcome == "interrupted"
    assert len(seen) == failing


def test_without_a_trace(tmp_path: Path) -> None:
    seen: list[RunSpec] = []
    spec = replace(_spec(tmp_path), trace=None)
    assert verify_runs(spec, 2, _runner(seen, lambda n: n)).message.endswith("differ in trace")
    assert list(tmp_path.iterdir()) == []
