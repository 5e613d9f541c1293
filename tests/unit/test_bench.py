"""scripts/bench runs and prints every row; what it measures is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "scripts" / "bench.d" / "bench.py"


@pytest.mark.alone
def test_bench_prints_every_row() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH), "--quick", "--json"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    for words in ("getppid, recorded", "clock_gettime", "compute", "futex", "/bin/true", "fork",
                  "1,000 threads", "hour of sleep", "TCP", "idle", "processes", "memory",
                  "at rest", "reading", "diffing", "by pct"):  # fmt: skip
        assert any(words in name for name in rows), words
    assert rows["trace of getppid, recording"]["dstrun"] > 40
    assert 0 < rows["trace of getppid, at rest"]["dstrun"] < 24
    assert rows["/bin/true, the whole command"]["dstrun"] > 1
    assert rows["getppid, recorded"]["bound"] == 25


def test_an_unknown_option_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH), "--fast"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
