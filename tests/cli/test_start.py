"""Programs that the kernel refuses to start: one line, and the status that a shell would give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(cwd: Path, *command: str) -> tuple[int, str]:
    # Long arguments come on the inside: dstrun's own exec would not take them either.
    script = (
        "import sys; from dstrun.__main__ import main\n"
        "sys.argv[2:] = [word.replace('LONG', 'x' * 100_000) for word in sys.argv[2:]]\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--no-trace", "--", *command],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_its_loader_is_not_there(tmp_path: Path) -> None:
    source = "int main(void) { return 0; }"
    flags = ["-Wl,-dynamic-linker,/nonexistent", "-x", "c", "-"]
    subprocess.run(["gcc", "-o", "p", *flags], input=source, text=True, cwd=tmp_path, check=True)
    assert run(tmp_path, "./p") == (126, "dstrun: ./p: No such file or directory\n")


def test_its_arguments_are_too_many(tmp_path: Path) -> None:
    status, err = run(tmp_path, "/bin/true", *["LONG"] * 100)
    assert (status, err) == (126, "dstrun: /bin/true: Argument list too long\n")
    status, err = run(tmp_path, "/bin/true", *["LONG"] * 10)
    assert status == 0, err
