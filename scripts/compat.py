#!/usr/bin/env python3
"""The README's compatibility table, from measured runs of tests/scenarios.

usage: scripts/compat.py [--runs N] [--only NAME] [--write]
  (nothing)  print the table
  --write    put it into README.md, between its markers

Each scenario runs natively, on one CPU, and simulated, in turn: the same output, one hash for a
seed, nothing out of control. Slowdown is the ratio of the whole scenarios' real times; where a
program sleeps, the native one does so in earnest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from scenarios_lib import (  # noqa: E402
    SCENARIOS,
    Scenario,
    Scenarios,
    free_ports,
    search_path,
    version,
)

README = ROOT / "README.md"
BEGIN, END = "<!-- compat:begin -->", "<!-- compat:end -->"
HEADER = (
    "| program | version | works | deterministic | slowdown | remarks |",
    "|---|---|---|---|---:|---|",
)
CPU = min(os.sched_getaffinity(0))
POINTS_MAX = 8  # that one scenario learns before it counts


@dataclass(frozen=True)
class Outcome:
    """One run. `hash` is None for a native one."""

    status: int
    out: str
    seconds: float
    hash: str | None = None
    learned: bool = False


class Runs:
    """Runs of one scenario, in a directory that every user can reach."""

    def __init__(self, scenario: Scenario, scenarios: Scenarios, folder: Path) -> None:
        self.command = scenarios.command(scenario)
        self.work = folder / "work"
        self.trace = folder / "run.trace"
        self.env = {"HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "PATH": search_path()}
        self.env["XDG_CACHE_HOME"] = str(folder / "cache")

    def _run(self, command: list[str], port: int, **more: str) -> tuple[int, str, str, float]:
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.work, env={**self.env, "PORT": str(port), **more}, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, errors="replace", timeout=600,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr, time.perf_counter() - started

    def native(self) -> Outcome:
        command = ["taskset", "-c", str(CPU), *self.command]
        status, out, _, seconds = self._run(command, free_ports())
        return Outcome(status, out, seconds)

    def simulated(self) -> Outcome:
        options = ("--seed", "7", "--strict", "--json", "-q", "--force", "-o", str(self.trace))
        command = [sys.executable, "-m", "dstrun", *options, "--", *self.command]
        status, out, err, seconds = self._run(command, 7001, PYTHONPATH=str(ROOT))
        summary = json.loads(err.splitlines()[-1])
        return Outcome(status, out, seconds, summary["trace_hash"], "is learned now" in err)


def row(scenario: Scenario, runs: Runs, count: int) -> str:
    """A line of the table; on stderr what went wrong."""
    first = runs.simulated()
    for _ in range(POINTS_MAX):
        if not first.learned:
            break
        first = runs.simulated()
    pairs = [(runs.native(), runs.simulated()) for _ in range(count)]
    simulated = [first, *(after for _, after in pairs)]
    expected = pairs[0][0]
    works = all((run.status, run.out) == (expected.status, expected.out) for run in simulated)
    hashes = {run.hash for run in simulated}
    native_s, simulated_s = (
        statistics.median(run.seconds for run in side) for side in zip(*pairs, strict=True)
    )
    if not works:
        print(f"compat: {scenario.name}: {expected} {simulated}", file=sys.stderr)
    same = f"yes, {len(simulated)} runs" if len(hashes) == 1 else f"no: {len(hashes)} hashes"
    cells = (
        scenario.program, version(scenario), "yes" if works else "no", same,
        f"{simulated_s / native_s:.1f}x", scenario.remarks,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def table(count: int, only: str | None) -> str:
    lines = [*HEADER]
    for scenario in SCENARIOS:
        if only not in (None, scenario.name):
            continue
        if scenario.missing:
            print(f"compat: {scenario.name}: {scenario.missing} is missing", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix="dstrun-compat-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            runs = Runs(scenario, Scenarios(folder / "scenarios"), folder)
            lines.append(row(scenario, runs, count))
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="the README's compatibility table")
    parser.add_argument("--runs", type=int, default=5, help="of each, natively and simulated (5)")
    parser.add_argument("--only", metavar="NAME", help="one scenario")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    made = table(options.runs, options.only)
    if not options.write:
        print(made)
        return 0
    before, begin, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"compat: README.md has no {BEGIN} ... {END}")
    README.write_text(f"{before}{begin}\n{made}\n{end}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
