"""Real programs, recorded where they change their files, replayed from elsewhere afterwards.

TEST_FULL=1: each with many seeds, 200 runs in all and more.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands_lib import COMMANDS, Command, make_source
from replay_lib import Result, record, replay
from runs_lib import FIXED_ENV, FULL
from scenarios_lib import SCENARIOS, Scenario, Scenarios, search_path

SEEDS = range(1, 6) if FULL else (1,)
_LEARNS_MAX = 8  # loops that one scenario spins in
# Of all commands and scenarios, what another one does not do as well.
_QUICK = ("git-repack", "make-parallel", "cp-mv-rm", "sqlite3", "pipes", "bash-coproc", "curl")
_QUICK_SCENARIOS = ("redis", "python_asyncio", "etcd")
_FAULTS = (
    "--fault", "on=read,write kind=file prob=0.02 error=EIO",
    "--fault", "on=openat path='**/*.c' prob=0.2 delay_exit=3ms",
)  # fmt: skip


@pytest.fixture
def place() -> Iterator[Path]:
    """Which users without rights can reach, too."""
    with tempfile.TemporaryDirectory(prefix="dstrun-replay-") as name:
        Path(name).chmod(0o755)
        work = Path(name) / "work"
        work.mkdir()
        work.chmod(0o777)
        make_source(work)
        yield work


def stamps(folder: Path) -> list[tuple[str, int, int]]:
    """What a replay must not touch."""
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return [(str(path), info.st_mtime_ns, info.st_size) for path, info in found]


def judge(work: Path, recorded: Result, trace: Path) -> None:
    before = stamps(work)
    elsewhere = work.parent / "elsewhere"
    elsewhere.mkdir()
    again = replay(elsewhere, trace, "-q")
    assert "all as in the trace" in again.notes, again.status["notes"]
    assert (again.code, again.out, again.err) == (recorded.code, recorded.out, recorded.err)
    assert again.status["trace_hash"] == recorded.status["trace_hash"]
    assert stamps(work) == before


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if FULL or c.name in _QUICK], ids=lambda c: c.name
)
def test_commands(place: Path, command: Command, seed: int) -> None:
    if not shutil.which(command.line.split()[0]):
        pytest.skip(f"{command.line.split()[0]} is not installed")
    recorded, trace = record(place, "sh", "-c", command.line, stdin="some input\n", seed=seed)
    judge(place, recorded, trace)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["git-repack", "tar-gzip", "make", "find"])
def test_commands_with_faults(place: Path, name: str, seed: int) -> None:
    if not FULL and name != "tar-gzip":
        pytest.skip("only with TEST_FULL=1")
    (command,) = [command for command in COMMANDS if command.name == name]
    recorded, trace = record(place, "sh", "-c", command.line, options=_FAULTS, seed=seed + 10)
    judge(place, recorded, trace)


@pytest.fixture(scope="module")
def scenarios() -> Iterator[Scenarios]:
    with tempfile.TemporaryDirectory(prefix="dstrun-scenarios-") as name:
        Path(name).chmod(0o755)
        yield Scenarios(Path(name))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS if FULL or s.name in _QUICK_SCENARIOS], ids=lambda s: s.name
)
def test_servers(
    place: Path, scenario: Scenario, scenarios: Scenarios, seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if scenario.missing:
        pytest.skip(f"{scenario.missing} is not installed: nothing is known about it here")
    monkeypatch.setitem(FIXED_ENV, "XDG_CACHE_HOME", str(place.parent / "cache"))
    settings = (f"PATH={search_path()}", "PORT=7001", *scenario.short)
    options = tuple(word for setting in settings for word in ("--env", setting))
    for _ in range(_LEARNS_MAX):
        recorded, trace = record(place, *scenarios.command(scenario), options=options, seed=seed)
        if "learned now" not in recorded.notes:
            break
        shutil.rmtree(place)
        place.mkdir()
        place.chmod(0o777)
    judge(place, recorded, trace)
