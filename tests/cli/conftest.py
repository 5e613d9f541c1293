"""Runs the command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).with_name("fake_dstrun.py")

Dstrun = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def dstrun(tmp_path: Path) -> Dstrun:
    """dstrun(*args, env=..., fds=...) in an empty directory, with the launcher faked."""

    def call(
        *args: str, env: dict[str, str] | None = None, fds: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        outer = {k: v for k, v in os.environ.items() if not k.startswith("DSTRUN_")}
        return subprocess.run(
            [sys.executable, str(FAKE), *args],
            cwd=tmp_path,
            env={**outer, "PYTHONPATH": str(ROOT), **(env or {})},
            pass_fds=fds,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


def one_line(text: str) -> str:
    """The error message: one line, and no traceback."""
    assert text.endswith("\n")
    assert text.count("\n") == 1, text
    assert text.startswith("dstrun: ")
    return text[len("dstrun: ") :].strip()
