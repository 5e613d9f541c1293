"""The tools of the benchmarks: a row of the table, and how a command is timed."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CPU = min(os.sched_getaffinity(0))
NS_PER_MS = 1_000_000

Command = list[str]


@dataclass(frozen=True)
class Row:
    """A figure. `bound` is for the ratio where there is a native side, else for the figure."""

    name: str
    unit: str
    native: float | None
    dstrun: float
    bound: float | None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        return self.dstrun / self.native if self.native else None

    @property
    def measured(self) -> float:
        return self.dstrun if self.ratio is None else self.ratio

    @property
    def verdict(self) -> str:
        if self.bound is None:
            return ""
        if self.more_is_better:
            return "ok" if self.measured >= self.bound else "under"
        return "ok" if self.measured <= self.bound else "over"

    def cells(self) -> list[str]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        native = "" if self.native is None else f"{self.native:,.1f}"
        target = ""
        if self.bound is not None:
            sign = "≥" if self.more_is_better else "≤"
            target = f"{sign} {self.bound:,g}{'' if self.ratio is None else 'x'}"
        return [
            self.name, self.unit, native, f"{self.dstrun:,.1f}", ratio, target, self.verdict,
        ]  # fmt: skip


class Bench:
    """The tools of all measurements: a directory, the compiled programs, the number of repeats."""

    def __init__(self, directory: Path, repeats: int, quick: bool) -> None:
        self.directory = directory
        self.repeats = repeats
        self.quick = quick
        # As an installed dstrun: modules are compiled once, whatever the user's environment says.
        self.env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.env["PYTHONPATH"] = str(HERE.parents[1])
        self.env["PYTHONPYCACHEPREFIX"] = str(directory / "pyc")
        self.env["XDG_CACHE_HOME"] = str(directory / "cache")  # of learned points
        self.time_ns(self.dstrun("true"))

    def turns(self, full: int) -> int:
        """How often to do a thing."""
        return max(full // 50, 1) if self.quick else full

    def compile(self, name: str, *more: str | Path) -> str:
        """The path of scripts/bench.d/NAME.c, compiled; more: what else the compiler is given."""
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None:
            raise SystemExit("bench: no C compiler (cc, gcc, clang) on PATH")
        output = self.directory / name
        subprocess.run([compiler, "-O2", "-o", output, HERE / f"{name}.c", *more], check=True)
        return str(output)

    def dstrun(self, *command: str, options: tuple[str, ...] = ("--no-trace",)) -> Command:
        """The command under dstrun."""
        return [sys.executable, "-m", "dstrun", "-q", "--seed", "7", *options, "--", *command]

    def time_ns(self, command: Command) -> int:
        """The real time of one run, pinned to one CPU."""
        started = time.perf_counter_ns()
        done = subprocess.run(
            ["taskset", "-c", str(CPU), *command] if command[0] != sys.executable else command,
            cwd=self.directory, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        elapsed = time.perf_counter_ns() - started
        if done.returncode:
            text = done.stderr.decode(errors="replace").strip()
            raise SystemExit(f"bench: {' '.join(command)}: exit status {done.returncode}: {text}")
        return elapsed

    def medians(self, *measures: Callable[[], float]) -> list[float]:
        """The median of each; they take turns, so that a slow moment of the machine meets all."""
        taken = [[measure() for measure in measures] for _ in range(self.repeats)]
        return [statistics.median(column) for column in zip(*taken, strict=True)]

    def per_turn(self, make: Callable[[int], Command], turns: int) -> Callable[[], float]:
        """A measure: nanoseconds per turn of a command that does so many turns."""

        def measure() -> float:
            short = self.time_ns(make(turns // 10))
            return (self.time_ns(make(turns)) - short) / (turns - turns // 10)

        return measure
