"""What the tests of determinism share.

TEST_FULL=1 runs them in the numbers that the project promises (60 runs of a line, 20 of them with a
busy loop on every core, 10,000 kills); without it a few of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "tests" / "programs"
FULL = os.environ.get("TEST_FULL", "") not in ("", "0")
# No cache of learned yield points: what one test's run has learned must not change another's.
FIXED_ENV = {
    "PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC",
    "XDG_CACHE_HOME": "/dev/null",
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run's outcome. `hash` is None for a native one."""

    status: int
    out: str
    err: str
    hash: str | None
    outcome: str

    @property
    def identity(self) -> tuple[int, str, str, str | None]:
        """All that must be the same when the seed is."""
        return self.status, self.out, self.err, self.hash


Simulate = Callable[..., Run]
Native = Callable[..., Run]
Burners = Callable[[], AbstractContextManager[None]]
Program = Callable[..., str]


def let_all_in(folder: Path) -> None:
    """Other users (PostgreSQL has one) may enter it: what they may enter already stays as it is."""
    for part in (folder, *folder.parents):
        mode = part.stat().st_mode
        if mode & 0o005 == 0o005:
            return
        part.chmod(mode | 0o055)
