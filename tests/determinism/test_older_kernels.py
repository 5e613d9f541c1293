"""What newer kernels offer the supervisor and older ones do not: it does without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, PROGRAMS, ROOT

# Linux 6.11: pids of a namespace are translated; 5.16: a wait for several futexes.
_WITHOUT = {
    "translated pids": "import dstrun.launch.pids as p; p._NS_GET_TGID_FROM_PIDNS = 0x8004B7FF",
    "futex_waitv": "import dstrun.launch.kernel as k; k.SYS_FUTEX_WAITV = 9999",
}


def _run(without: str | None, command: list[str], cwd: Path) -> str:
    script = f"{_WITHOUT[without] if without else ''}\nfrom dstrun.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "-q", "--no-trace", "--wall-limit", "30s", "--", *command],
        cwd=cwd, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("without", _WITHOUT)
def test_a_thread_that_computes_is_not_taken_for_dead(without: str, tmp_path: Path) -> None:
    source, binary = PROGRAMS / "threads" / "leader_gone.c", tmp_path / "leader_gone"
    subprocess.run(["gcc", "-O1", "-pthread", "-o", str(binary), str(source)], check=True)
    assert _run(without, [str(binary)], tmp_path) == "ok\n"


@pytest.mark.parametrize("without", _WITHOUT)
def test_execs_are_followed(without: str, tmp_path: Path) -> None:
    script = "for i in 1 2 3; do sh -c 'echo $$ | cat'; done; sleep 100"
    command = ["sh", "-c", script]
    assert _run(without, command, tmp_path) == _run(None, command, tmp_path)
