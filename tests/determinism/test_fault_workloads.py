"""Real programs meet the faults of workloads/faults: what they acknowledged holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, FULL, ROOT, let_all_in

WORKLOADS = ROOT / "workloads" / "faults"
# Programs that each needs, and runs with TEST_FULL=1
NAMES = {
    "sqlite3": (("sqlite3",), 200),
    "redis": (("redis-server", "redis-cli"), 40),
    "postgres": (("pg_ctl", "psql"), 40),
    "git": (("git",), 40),
    "tar": (("tar",), 40),
    "cp": (("cp",), 40),
    "python": ((), 40),
    "curl": (("curl",), 60),
    "go-http": (("go",), 60),
}
_FLIP = 'corrupt={how="flip",where="read",bits=9,range="1000.."}'
# Lost writes and flipped bits, which nobody but the checks can notice.
BAD = {
    "sqlite3": "on=pwrite64,write path=**/t.db* prob=0.1 drop=true",
    "redis": "on=write path=**/appendonlydir/*.incr* prob=0.1 drop=true",
    "postgres": "on=pwrite64,pwritev path=**/pg_wal/* prob=0.3 drop=true",
    "git": "on=write path=**/.git/objects/** prob=0.02 drop=true",
    "tar": "on=write path=**/a.tar prob=0.05 drop=true",
    "cp": "on=write,copy_file_range path=**/out/** prob=0.05 drop=true",
    "python": "on=write path=**/state.json* prob=0.5 drop=true",
    "curl": f"on=recvfrom,read process=curl kind=tcp prob=0.5 {_FLIP}",
    "go-http": f"on=read kind=tcp prob=0.3 {_FLIP}",
}


@dataclass(frozen=True)
class Outcome:
    """One run, and what its check says: empty when all is well."""

    output: str
    trace_hash: str
    finding: str


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the prepare scripts make once."""
    path = tmp_path_factory.mktemp("workloads")
    let_all_in(path)  # PostgreSQL runs as another user
    return path


def run(name: str, seed: int, folder: Path, cache: Path, *options: str) -> Outcome:
    """One run in an empty directory, and its check."""
    home = WORKLOADS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    output = folder.with_suffix(".out")
    env = FIXED_ENV | {"CACHE": str(cache), "WORKLOAD": str(home), "PATH": os.environ["PATH"]}
    if (home / "prepare.sh").exists():
        subprocess.run(["sh", str(home / "prepare.sh")], cwd=folder, env=env, check=True)
    trace = folder.with_suffix(".trace")
    command = [
        sys.executable, "-m", "dstrun", "-q", "--json", "--seed", str(seed), "-o", str(trace),
        "--force", "--max-time", "1h", *options, "--", "sh", str(home / "load.sh"),
    ]  # fmt: skip
    with output.open("w") as file:
        done = subprocess.run(
            command, cwd=folder, env=env | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.PIPE, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (name, seed, done.stderr)
    trace.unlink()
    check = subprocess.run(
        ["sh", str(home / "check.sh"), str(output)], cwd=folder, env=env,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    finding = "" if check.returncode == 0 else (check.stdout + check.stderr) or "no word"
    trace_hash = done.stderr.split('"trace_hash": "')[1].split('"')[0]
    return Outcome(output.read_text(errors="replace"), trace_hash, finding)


def need(name: str) -> None:
    missing = [program for program in NAMES[name][0] if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def folder_of(tmp_path: Path) -> Path:
    let_all_in(tmp_path)
    return tmp_path / "run"


@pytest.mark.parametrize("name", NAMES)
def test_what_was_acknowledged_holds(name: str, tmp_path: Path, cache: Path) -> None:
    need(name)
    plan = ("--plan", str(WORKLOADS / name / "plan.toml"))
    seeds = range(1, 1 + (NAMES[name][1] if FULL else 4))
    folder = folder_of(tmp_path)
    outcomes = {seed: run(name, seed, folder, cache, *plan) for seed in seeds}
    assert {seed: o.finding for seed, o in outcomes.items() if o.finding} == {}
    assert len({o.trace_hash for o in outcomes.values()}) > 1
    again = run(name, 1, folder, cache, *plan)
    assert again == outcomes[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_check_can_fail(name: str, tmp_path: Path, cache: Path) -> None:
    need(name)
    folder = folder_of(tmp_path)
    rule = ("--fault", BAD[name])
    assert any(run(name, seed, folder, cache, *rule).finding for seed in range(1, 9))
