"""Runs that are recorded, and replays of them, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs_lib import FIXED_ENV, ROOT

PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
THREADS = """
import threading
log, lock = [], threading.Lock()
def work(n):
    for _ in range(5):
        with lock: log.append(n)
        if n == 1: threading.Event().wait(0.001)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(log)
"""
WRITES = """
import os
for i in range(20):
    try: os.write(1, b"x%d\\n" % i)
    except OSError as error: os.write(2, str(error).encode() + b"\\n")
    os.close(os.open("/etc/passwd", 0))
"""


@dataclass(frozen=True)
class Result:
    """What came of a run or a replay."""

    code: int
    out: str
    err: str
    status: dict[str, Any]

    @property
    def notes(self) -> str:
        """The notes as one text."""
        return "\n".join(self.status["notes"])


def dstrun(cwd: Path, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
    """dstrun WORDS in `cwd`, with pipes for the standard descriptors."""
    read, write = os.pipe()
    first = [words[0]] if words[0] in ("replay", "run", "bundle") else []
    rest = words[len(first) :]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dstrun", *first, "--status-fd", str(write), *rest],
            cwd=cwd, env={**FIXED_ENV, "PYTHONPATH": str(ROOT), **(env or {})}, pass_fds=(write,),
            input=stdin, capture_output=True, timeout=120, check=False, text=True,
        )  # fmt: skip
    finally:
        os.close(write)
    with os.fdopen(read) as file:
        return Result(done.returncode, done.stdout, done.stderr, json.loads(file.read() or "{}"))


def record(
    cwd: Path, *command: str, options: tuple[str, ...] = (), stdin: str = "", seed: int = 7
) -> tuple[Result, Path]:
    """A run in `cwd`; its trace lies beside it, not in it."""
    trace = cwd.parent / "run.trace"
    trace.unlink(missing_ok=True)
    options = ("--seed", str(seed), "-q", "-o", str(trace), *options)
    return dstrun(cwd, *options, "--", *command, stdin=stdin), trace


def replay(cwd: Path, trace: Path, *options: str, stdin: str = "") -> Result:
    """The trace's run again."""
    return dstrun(cwd, "replay", *options, str(trace), stdin=stdin)
