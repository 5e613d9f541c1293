"""Debuggers in the simulation: what can be done is done, the rest is refused in plain words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import Simulate

_ATTACH = """\
"$1" & pid=$!
sleep 0.5
gdb -nx -batch -p $pid -ex bt -ex 'set var answer = 6' -ex detach 2>&1 | grep -E 'main|detached'
wait $pid; echo "exit $?"
"""


def _needs(name: str) -> str:
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed: nothing is known about it here")
    return name


@pytest.fixture
def sleeper(program: Callable[..., str]) -> str:
    return program("debuggers/sleeper", "-g")


def test_gdb_attaches(sleeper: str, work: Path, simulate: Simulate) -> None:
    _needs("gdb")
    (work / "attach.sh").write_text(_ATTACH)
    first, second = (simulate("bash", "attach.sh", sleeper) for _ in range(2))
    assert first.out.splitlines()[-1] == "exit 6"
    assert "main" in first.out and "detached" in first.out
    assert first.identity == second.identity
