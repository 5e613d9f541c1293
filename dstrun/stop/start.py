"""`dstrun replay --until`: from the options to a session."""

from __future__ import annotations

from dstrun.spec import RunResult, RunSpec
from dstrun.stop import targets
from dstrun.stop.prompt import Prompt
from dstrun.stop.session import Session
from dstrun.trace.reader import Trace


def look_into(recorded: Trace, spec: RunSpec, until: str) -> tuple[RunResult, bool]:
    """What came of the last run, and whether the user left it before its end. BadUsage: `until`
    means no event."""
    session = Session(recorded, targets.find(recorded, until), Prompt(recorded))
    return session.run(spec), session.was_left
