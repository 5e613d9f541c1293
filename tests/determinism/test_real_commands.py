"""Real programs: the same exit status and output as native, and one trace whenever they run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands_lib import COMMANDS, Command, make_source
from runs_lib import Native, Simulate


@pytest.fixture
def start(tmp_path: Path, fresh: Callable[[Path], None]) -> Callable[[], None]:
    """start(): the same starting files at the same place, copied anew."""
    source = tmp_path / "source"
    source.mkdir()
    make_source(source)
    return lambda: fresh(source)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_as_native_and_one_trace(
    command: Command, simulate: Simulate, native: Native, start: Callable[[], None]
) -> None:
    if not shutil.which(command.line.split()[0]):
        pytest.skip(f"{command.line.split()[0]} is not installed")
    start()
    alone = native("sh", "-c", command.line)
    start()
    first = simulate("sh", "-c", command.line)
    start()
    second = simulate("sh", "-c", command.line)
    assert first.status == alone.status, first.err
    if command.same:
        assert (first.out, first.err) == (alone.out, alone.err)
    assert first.identity == second.identity
