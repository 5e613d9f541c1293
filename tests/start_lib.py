"""What the tests of a run's start state share: recording, replaying, looking at files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENV = {"PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC",
       "XDG_CACHE_HOME": "/dev/null", "GIT_CONFIG_GLOBAL": "/dev/null"}  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What came of a command line."""

    status: int
    out: bytes
    err: str

    @property
    def is_same(self) -> bool:
        """A replay to the end without a difference."""
        return "events, all as in the trace" in self.err


def dstrun(
    cwd: Path, *args: str, stdin: int | None = None, shell: str = "", tmp: str = "/tmp"
) -> Done:
    """Runs dstrun; `shell`: redirections, as in a shell; `tmp`: for its own files."""
    line = [sys.executable, "-m", "dstrun", *args]
    if shell:
        line = ["/bin/sh", "-c", f'"$@" {shell}', "sh", *line]
    done = subprocess.run(
        line, cwd=cwd, env={**ENV, "PYTHONPATH": str(ROOT), "TMPDIR": tmp}, timeout=120,
        check=False,
        stdin=subprocess.DEVNULL if stdin is None else stdin, capture_output=True,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def record(cwd: Path, argv: Sequence[str], *options: str, shell: str = "") -> Done:
    """Records `argv` to t.trace beside the directory."""
    trace = str(cwd.parent / "t.trace")
    done = dstrun(cwd, "--seed", "7", "--force", "-o", trace, *options, "--", *argv, shell=shell)
    assert "events" in done.err or shell, done.err
    return done


def replay(cwd: Path, *options: str) -> Done:
    """Replays it, from another directory."""
    return dstrun(Path("/"), "replay", *options, str(cwd.parent / "t.trace"))


def snapshot(folder: Path) -> dict[str, object]:
    """All that a directory holds: contents, modes and times."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        content = path.readlink() if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (info.st_mode, info.st_mtime_ns, content)
    return found
