"""Whole runs of the command line, judged from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, PROGRAMS, ROOT, Burners, Native, Run, Simulate


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The directory in which the runs take place."""
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def simulate(work: Path, tmp_path: Path) -> Simulate:
    """simulate(*command, seed=7, options=(), record=True): one run in `work`."""

    traces = tmp_path / "traces"  # not beside `work`, whose parents some programs look at
    traces.mkdir()

    def run(
        *command: str, seed: int | str = 7, options: tuple[str, ...] = (), record: bool = True
    ) -> Run:
        trace = ("-o", str(traces / "run.trace"), "--force") if record else ("--no-trace",)
        read, write = os.pipe()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "dstrun", "--seed", str(seed), "-q",
                 "--status-fd", str(write), *trace, *options, "--", *command],
                cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, pass_fds=(write,),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
            )  # fmt: skip
        finally:
            os.close(write)
        with os.fdopen(read) as file:
            status = json.loads(file.read() or "{}")
        return Run(
            done.returncode, _text(done.stdout), _text(done.stderr),
            status.get("trace_hash"), status.get("outcome", ""),
        )  # fmt: skip

    return run


@pytest.fixture
def native(work: Path) -> Native:
    """native(*command): the same without dstrun."""

    def run(*command: str) -> Run:
        done = subprocess.run(
            list(command), cwd=work, env=FIXED_ENV, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=120, check=False,
        )  # fmt: skip
        return Run(done.returncode, _text(done.stdout), _text(done.stderr), None, "")

    return run


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


@pytest.fixture
def fresh(work: Path) -> Callable[[Path | None], None]:
    """fresh(source): `work` empty, or a copy of `source`: new inodes, the files' own mtimes."""

    def renew(source: Path | None = None) -> None:
        shutil.rmtree(work)
        if source:
            shutil.copytree(source, work)
        else:
            work.mkdir()

    return renew


@pytest.fixture(scope="session")
def burners() -> Burners:
    """with burners(): a busy loop on every core."""

    @contextmanager
    def burn() -> Iterator[None]:
        loops = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(os.cpu_count() or 2)
        ]
        try:
            yield
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()

    return burn


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """program(name, *flags): tests/programs/<name>.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")

    def build(name: str, *flags: str) -> str:
        binary = folder / name
        if not binary.exists():
            subprocess.run(
                ["gcc", "-O1", "-w", "-o", str(binary), str(PROGRAMS / f"{name}.c"), *flags],
                check=True,
            )
        return str(binary)

    return build
