"""`dstrun replay --until`, --gdb and --shell: from the options to a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from dstrun.errors import BadUsage
from dstrun.replay import own_trace
from dstrun.spec import RunResult, RunSpec
from dstrun.stop import targets
from dstrun.stop.output import Unheard
from dstrun.stop.prompt import Prompt
from dstrun.stop.session import Session
from dstrun.trace.reader import Trace


def look_into(recorded: Trace, spec: RunSpec, options: dict[str, Any]) -> tuple[RunResult, bool]:
    """What came of the last run, and whether the user left it before its end. BadUsage: the
    options mean no event; DstrunError: there is no gdb."""
    if not options["until"]:
        raise BadUsage("--gdb and --shell: where? (add --until EVENT, TIME or PATTERN)")
    first: list[Callable[[Prompt], None]] = []
    if options["gdb"] or options["gdb_arg"]:
        from dstrun.stop.gdb import check_gdb

        check_gdb()
        first.append(lambda prompt: prompt.debug(args=options["gdb_arg"]))
    if options["shell"]:
        first.append(lambda prompt: prompt.do_shell(""))
    with _way(recorded, spec) as way:
        target = targets.find(way, options["until"])
        session = Session(recorded, target, Prompt(way, first))
        return session.run(spec), session.was_left


@contextmanager
def _way(recorded: Trace, spec: RunSpec) -> Iterator[Trace]:
    """A trace of what will happen. Of an edited run that is found out by making it once before."""
    assert spec.replay
    if spec.replay.compare:
        yield recorded
        return
    from dstrun.launch.supervise import run

    with own_trace() as path:
        run(replace(spec, trace=path), output=Unheard())
        with Trace(path) as way:
            yield way
