"""Runs with fault plans, for tests: the status as JSON, and what was injected by the trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs_lib import FIXED_ENV, ROOT

from dstrun import abi
from dstrun.trace.reader import Trace
from dstrun.trace.render import call_name
from dstrun.trace.sidedata import parse_fields


@dataclass(frozen=True)
class Injection:
    """One event of the trace."""

    rule: str
    match: int
    did: int
    call: str
    after: int
    pid: int
    tid: int


@dataclass(frozen=True)
class FaultRun:
    """What came of a run."""

    code: int
    out: str
    err: str
    status: dict[str, Any]
    injections: list[Injection]
    trace: Path

    def account(self, name: str) -> dict[str, Any]:
        """What the JSON says of a rule."""
        (found,) = [rule for rule in self.status["fault_rules"] if rule["name"] == name]
        return dict(found)

    def decisions(self, name: str) -> list[tuple[int, int, int]]:
        """A rule's decisions: match, what was done, what it gave."""
        return [(i.match, i.did, i.after) for i in self.injections if i.rule == name]


def injections(path: Path) -> list[Injection]:
    """All that was injected, in order."""
    found = []
    r = abi.FaultRecord
    with Trace(path) as trace:
        names = [rule["name"] for rule in trace.end_meta["faults"]]
        for event in trace.read():
            if event.kind != abi.EVENT_INJECTED:
                continue
            _args, fields = parse_fields(trace.side_data(event))
            data = next(field.data for parts in fields.values() for field in parts)
            found.append(
                Injection(
                    names[r.rule.get(data)], r.match.get(data), r.did.get(data),
                    call_name(event.nr), r.after.get(data), event.pid, event.tid,
                )
            )  # fmt: skip
    return found


def run_faults(
    cwd: Path, options: list[str], command: list[str], seed: int = 7, trace: str = "run.trace"
) -> FaultRun:
    """dstrun OPTIONS -- COMMAND in `cwd`; the trace beside it, not in it."""
    path = cwd.parent / trace
    read, write = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dstrun", "--seed", str(seed), "-q", "--status-fd", str(write),
             "-o", str(path), "--force", *options, "--", *command],
            cwd=cwd, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, pass_fds=(write,),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False, text=True,
        )  # fmt: skip
    finally:
        os.close(write)
    with os.fdopen(read) as file:
        status = json.loads(file.read() or "{}")
    found = injections(path) if path.exists() and status.get("fault_rules") else []
    return FaultRun(done.returncode, done.stdout, done.stderr, status, found, path)
