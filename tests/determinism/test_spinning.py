"""A task that spins without a call must not hold up the others for ever, and it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from runs_lib import FIXED_ENV, ROOT

SPIN = 'python3 -S -c "while 1: pass" & sleep 1; kill $!; wait; echo ended'


def summary(folder: Path, script: str, *options: str) -> tuple[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "dstrun", "--seed", "7", "--json", "-q", "--no-trace",
         "--wall-limit", "90s", *options, "--", "bash", "-c", script],
        cwd=folder, env=FIXED_ENV | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


def test_who_spins_is_interrupted_and_counted(tmp_path: Path) -> None:
    out, told = summary(tmp_path, SPIN)
    assert (out, told["outcome"], told["exit_code"]) == ("ended\n", "exited", 0)
    uncontrolled = told["uncontrolled"]
    assert isinstance(uncontrolled, dict)
    assert uncontrolled["forced switch"] >= 1


def test_who_computes_while_nobody_waits_is_left_alone(tmp_path: Path) -> None:
    _, told = summary(tmp_path, 'exec python3 -S -c "for i in range(60_000_000): pass"')
    assert told["uncontrolled"] == {}
