"""workloads/races: every program says what is wrong with it, is small and compiles cleanly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "workloads" / "races"
SCRIPT = ROOT / "scripts" / "bench.d" / "races.py"
PROGRAMS = sorted(FOLDER.glob("*.c"))


def test_there_are_forty() -> None:
    assert len(PROGRAMS) == 40


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_says_what_is_wrong(path: Path, tmp_path: Path) -> None:
    lines = path.read_text().splitlines()
    assert re.fullmatch(r"/\* [A-Za-z][\w -]+: [^.]+\. \*/", lines[0])
    assert 20 <= len(lines) <= 70
    assert max(map(len, lines)) <= 100
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", path, "-o", tmp_path / "x"]
    subprocess.run(command, check=True)


def test_the_readme_lists_all() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert [path.stem for path in PROGRAMS if f"| {path.stem} " not in readme] == []


def test_the_script_counts() -> None:
    options = ["--seeds", "4", "--only", "order_loop*", "--strategy", "fifo", "--json"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *options], capture_output=True, text=True, check=True, timeout=120
    )
    shares = json.loads(done.stdout)
    assert list(shares) == ["order_loop_variable"]
    assert list(shares["order_loop_variable"]) == ["native", "fifo"]
    assert shares["order_loop_variable"]["fifo"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "pcr"], "unknown strategy"),
        (["--only", "nothing*"], "nothing to do"),
        (["--seeds", "x"], "invalid int value"),
    ],
)
def test_what_the_script_refuses(options: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
