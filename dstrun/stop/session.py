"""One look into a run, over as many replays as it takes.

A run goes only forward. To get back to an earlier event it is ended, and made again up to there: it
is the same run, so for the user it is one. `Session.run` is what dstrun.replay is to run; it makes
the runs, and lets the prompt say where each goes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Protocol

from dstrun.launch.stand import NEVER, Stand
from dstrun.replay import replay_trace
from dstrun.spec import RunResult, RunSpec
from dstrun.stop.output import Output
from dstrun.trace.reader import Trace

LEAVE = None  # what a guide answers: it is over


@dataclass(frozen=True)
class To:
    """What a guide answers: on, or back, to where event `event` has just been made. None: on to the
    run's end."""

    event: int | None


class Guide(Protocol):
    """Who decides where a run goes."""

    def at_stand(self, stand: Stand) -> To | None:
        """Everything stands still."""

    def at_interrupt(self) -> None:
        """Ctrl-C while it runs: it will stand still at the next event, or end at another Ctrl-C."""

    def at_end(self, result: RunResult) -> To | None:
        """The run has ended, or was found to be another one."""


class Session:
    """A trace that is looked into. `first`: the event where to stand first."""

    def __init__(self, recorded: Trace, first: int, guide: Guide) -> None:
        self.was_left = False
        self._recorded = recorded
        self._first = first
        self._guide = guide
        self._output = Output()
        self._next: To | None = LEAVE
        self._was_cut = False  # the run was ended at a stand

    def run(self, spec: RunSpec) -> RunResult:
        """The last of the runs; `was_left` where the user has had enough before its end."""
        self._next = To(self._first)
        while True:
            self._was_cut = False
            result = replay_trace(self._recorded, self._up_to(spec, self._next), self._run)
            if not self._was_cut:
                if result.outcome == "interrupted" and result.signal:  # Ctrl-C while it ran
                    return result
                self._output.end_line()
                self._next = self._guide.at_end(result)
            if self._next is LEAVE:
                self.was_left = self._was_cut
                return result

    def _up_to(self, spec: RunSpec, goal: To | None) -> RunSpec:
        assert spec.replay
        assert goal
        until = NEVER if goal.event is None else goal.event + 1
        return replace(spec, replay=replace(spec.replay, until=until), prepared_ns=time.time_ns())

    def _run(self, spec: RunSpec) -> RunResult:
        from dstrun.launch.supervise import run

        return run(spec, self._on_stand, self._output, on_interrupt=self._guide.at_interrupt)

    def _on_stand(self, stand: Stand) -> int | None:
        self._output.drain()
        self._output.end_line()
        self._next = self._guide.at_stand(stand)
        if self._next is not LEAVE:
            event = self._next.event
            if event is None:
                return NEVER
            if event >= stand.events:
                return event + 1
        self._was_cut = True
        return None
