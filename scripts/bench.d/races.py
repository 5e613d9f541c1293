"""How often each of workloads/races fails: natively, and under each strategy over many seeds.

A run has failed when it did not exit with 0: an assertion, a deadlock, a limit. Natively one that
has not ended after a second hangs.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the checkout's, built by scripts/build

from dstrun.errors import BadUsage, DstrunError  # noqa: E402
from dstrun.launch.supervise import run  # noqa: E402
from dstrun.seed import make_seed  # noqa: E402
from dstrun.spec import RunSpec  # noqa: E402
from dstrun.strategies import STRATEGIES, parse_strategy  # noqa: E402

RACES = ROOT / "workloads" / "races"
NATIVE = "native"
HANG_S = 1
BATCH = 50
MINUTE_NS = 60 * 10**9


def compile_all(pattern: str, directory: Path) -> dict[str, str]:
    """The programs by name."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise SystemExit("races: no C compiler (cc, gcc, clang) on PATH")
    programs = {}
    for source in sorted(RACES.glob("*.c")):
        if fnmatch.fnmatch(source.stem, pattern):
            output = directory / source.stem
            subprocess.run([compiler, "-g", "-O1", "-pthread", source, "-o", output], check=True)
            programs[source.stem] = str(output)
    return programs


@contextmanager
def quiet() -> Iterator[None]:
    """The programs read nothing, and what they print goes nowhere."""
    sys.stderr.flush()
    saved = [os.dup(fd) for fd in (0, 1, 2)]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    try:
        yield
    finally:
        for fd, copy in enumerate(saved):
            os.dup2(copy, fd)
            os.close(copy)
        os.close(nowhere)


@dataclass(frozen=True)
class Batch:
    """Some runs of a program: native, or under a strategy."""

    name: str
    program: str
    column: str
    seeds: range

    def failures(self) -> int:
        """How many of them fail."""
        with tempfile.TemporaryDirectory(prefix="dstrun-races-") as directory, quiet():
            fails = self._fails_native if self.column == NATIVE else self._fails
            return sum(fails(seed, directory) for seed in self.seeds)

    def _fails_native(self, _seed: int, directory: str) -> bool:
        try:
            done = subprocess.run([self.program], cwd=directory, timeout=HANG_S, check=False)
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0

    def _fails(self, seed: int, directory: str) -> bool:
        spec = RunSpec(
            argv=(self.program,), program=self.program, env={"PATH": os.defpath}, cwd=directory,
            seed=make_seed(str(seed)), strategy=self.column, max_virtual_ns=MINUTE_NS,
            max_events=1_000_000,
        )  # fmt: skip
        result = run(spec)
        if result.outcome in ("error", "interrupted"):
            raise DstrunError(f"{self.name}, seed {seed}, {self.column}: {result.message}")
        return result.outcome != "exited" or result.exit_code != 0


def measure(
    programs: dict[str, str], columns: list[str], seeds: int, jobs: int
) -> dict[str, dict[str, float]]:
    """Shares that fail, by program and column. A new process for each batch: what a run leaves
    behind in the one that made it does not add up."""
    batches = [
        Batch(name, program, column, range(first, min(first + BATCH, seeds + 1)))
        for name, program in programs.items()
        for column in columns
        for first in range(1, seeds + 1, BATCH)
    ]
    shares = {name: dict.fromkeys(columns, 0.0) for name in programs}
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        results = pool.imap(Batch.failures, batches, chunksize=1)
        for batch, failures in zip(batches, results, strict=True):
            shares[batch.name][batch.column] += failures / seeds
            if batch.column == columns[-1] and batch.seeds.stop > seeds:
                print(f"races: {batch.name}: {as_percent(shares[batch.name])}", file=sys.stderr)
    return shares


def as_percent(row: dict[str, float]) -> str:
    """A program's row while others are on their way."""
    return ", ".join(f"{column} {share * 100:.1f}" for column, share in row.items())


def table(shares: dict[str, dict[str, float]], markdown: bool) -> str:
    """Per cent, a row per program; below, in how many programs the bug was seen, and the mean."""
    columns = list(next(iter(shares.values())))
    rows = [
        [name, *(f"{row[c] * 100:.1f}" if row[c] else "-" for c in columns)]
        for name, row in shares.items()
    ]
    found = [str(sum(row[c] > 0 for row in shares.values())) for c in columns]
    mean = [f"{sum(row[c] for row in shares.values()) / len(shares) * 100:.1f}" for c in columns]
    rows += [[f"found, of {len(shares)}", *found], ["mean", *mean]]
    form = "github" if markdown else "simple"
    align = ("left", *["right"] * len(columns))
    return tabulate(
        rows, ["% of runs that fail", *columns], tablefmt=form, disable_numparse=True,
        colalign=align,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="runs of each (200)")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="programs, like deadlock_*")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="at the same time (1)")
    parser.add_argument(
        "--strategy", action="append", metavar="NAME[:K=V,...]", help="instead of all, repeatable"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="the table for a README")
    form.add_argument("--json", action="store_true", help="the shares as JSON")
    options = parser.parse_args()
    strategies = options.strategy or list(STRATEGIES)
    try:
        for strategy in strategies:
            parse_strategy(strategy)
    except BadUsage as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="dstrun-races-") as name:
        programs = compile_all(options.only, Path(name))
        if not programs or options.seeds < 1 or options.jobs < 1:
            parser.error("nothing to do")
        shares = measure(programs, [NATIVE, *strategies], options.seeds, options.jobs)
    print(json.dumps(shares, indent=1) if options.json else table(shares, options.markdown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
