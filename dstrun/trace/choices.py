"""Scheduling choices of a trace, numbered as `dstrun replay --without choice:N` has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dstrun import abi
from dstrun.trace.decisions import read_decisions
from dstrun.trace.reader import Trace


def choices(trace: Trace) -> Iterator[dict[str, Any]]:
    """Each place where another thread got the token than the one that had it, or one of several:
    number (from 1), event (how many there were), from and to: tids (None: not known)."""
    made = [d for d in read_decisions(trace) if d.kind == abi.DECISION_NEXT]
    tids = {decision.value: decision.tid for decision in made}
    if trace.events:
        tids.setdefault(0, trace.event(0).tid)  # the first program's
    for number, decision in enumerate(made, start=1):
        yield {
            "choice": number,
            "event": decision.event,
            "from": tids.get(decision.entity),
            "to": decision.tid,
        }


def choice_line(row: dict[str, Any]) -> str:
    """One of them, for people."""
    giver = "?" if row["from"] is None else row["from"]
    return f"choice {row['choice']} before event {row['event']}: tid {giver} -> tid {row['to']}"
