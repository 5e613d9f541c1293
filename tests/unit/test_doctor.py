"""doctor's findings."""

import pytest

from dstrun import doctor
from dstrun.doctor import Finding, examine, runs_possible


def test_examines_without_leaving_anything() -> None:
    findings = examine()
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names) == 17
    assert {finding.state for finding in findings} <= {"ok", "limited", "missing"}
    for finding in findings:
        assert finding.found
        assert finding.state == "ok" or finding.meaning


def test_a_missing_thing_forbids_runs() -> None:
    assert runs_possible([Finding("a", "ok", "x", ""), Finding("b", "limited", "x", "y")])
    assert not runs_possible([Finding("a", "missing", "x", "y")])


def test_old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "5.10.0-generic")
    assert doctor._check_kernel().state == "missing"
    monkeypatch.setattr("platform.release", lambda: "6.18-rc1")
    assert doctor._check_kernel().state == "ok"
