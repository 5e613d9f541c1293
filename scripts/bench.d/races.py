"""How often each of workloads/races fails: natively, and under each strategy over many seeds.

A run has failed when it did not exit with 0: an assertion, a deadlock, a limit. Natively one that
has not ended after a second hangs. Runs are made in this process, one after the other, so that a
thousand of them take seconds.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the checkout's, built by scripts/build

from dstrun.errors import BadUsage  # noqa: E402
from dstrun.launch.supervise import run  # noqa: E402
from dstrun.seed import make_seed  # noqa: E402
from dstrun.spec import RunSpec  # noqa: E402
from dstrun.strategies import STRATEGIES, parse_strategy  # noqa: E402

RACES = ROOT / "workloads" / "races"
NATIVE_HANG_S = 1
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
    """What the programs print goes nowhere."""
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        for fd, copy in enumerate(saved, 1):
            os.dup2(copy, fd)
            os.close(copy)
        os.close(nowhere)


def fails_native(program: str, directory: Path) -> bool:
    """Whether one run of it, without dstrun, fails."""
    try:
        done = subprocess.run(
            [program], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=NATIVE_HANG_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def fails(program: str, strategy: str, seed: int, directory: Path) -> bool:
    """Whether the run of this seed fails."""
    spec = RunSpec(
        argv=(program,), program=program, env={"PATH": os.defpath}, cwd=str(directory),
        seed=make_seed(str(seed)), strategy=strategy, max_virtual_ns=MINUTE_NS,
        max_events=1_000_000,
    )  # fmt: skip
    result = run(spec)
    if result.outcome in ("error", "interrupted"):
        raise SystemExit(f"races: {program}, seed {seed}, {strategy}: {result.message}")
    return result.outcome != "exited" or result.exit_code != 0


def measure(
    programs: dict[str, str], strategies: list[str], seeds: int, directory: Path
) -> dict[str, dict[str, float]]:
    """Shares that fail, by program and column."""
    shares: dict[str, dict[str, float]] = {}
    for name, program in programs.items():
        print(f"races: {name} ...", file=sys.stderr)
        with quiet():
            failed = {"native": sum(fails_native(program, directory) for _ in range(seeds))}
            for strategy in strategies:
                failed[strategy] = sum(
                    fails(program, strategy, seed, directory) for seed in range(1, seeds + 1)
                )
        shares[name] = {column: count / seeds for column, count in failed.items()}
    return shares


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
        directory = Path(name)
        programs = compile_all(options.only, directory)
        if not programs or options.seeds < 1:
            parser.error("nothing to do")
        shares = measure(programs, strategies, options.seeds, directory)
    print(json.dumps(shares, indent=1) if options.json else table(shares, options.markdown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
