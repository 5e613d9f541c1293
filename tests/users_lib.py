"""What tests share that run dstrun as an ordinary user, where we are root."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOBODY = 54321  # not 65534: in a user namespace all strangers look like that one


def environment(python: str) -> dict[str, str]:
    """For dstrun by this Python, which may be another one of the same version."""
    outer = {k: v for k, v in os.environ.items() if not k.startswith("DSTRUN_")}
    libraries = sysconfig.get_paths()["platlib"]
    path = str(ROOT) if python == sys.executable else f"{ROOT}:{libraries}"
    return outer | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}


def has_user_namespaces(user: int) -> bool:
    """Whether this one may make them."""
    ids = {"user": user, "group": user} if os.geteuid() == 0 else {}
    return subprocess.run(["unshare", "-U", "true"], check=False, **ids).returncode == 0


def python_of_everybody() -> str | None:
    """A Python that nobody can run, with our libraries."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"):
        try:
            done = subprocess.run(
                [python, "-c", "import click, msgspec, psutil, ptrace, dstrun.launch.supervise"],
                cwd="/", env=environment(python), user=NOBODY, group=NOBODY, extra_groups=[],
                capture_output=True, check=False,
            )  # fmt: skip
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None
