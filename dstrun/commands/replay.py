"""`dstrun replay`: a run again by its trace, each event compared. Exit status as of run."""

from __future__ import annotations

import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from dstrun.commands.run import Report
from dstrun.replay import follow, replay_trace, spec_of
from dstrun.startstate import start_state
from dstrun.trace.reader import Trace


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "--until", metavar="EVENT|TIME|PATTERN",
    help="Stand still there, and ask what to do: an event's number, a virtual time (1.5s), or the "
    "first event that matches: a call's name, /regex/, text of its line in dstrun show.",
)  # fmt: skip
@click.option("--json", is_flag=True, help="The summary as one line of JSON.")
@click.option("--status-fd", metavar="N", type=click.IntRange(0), help="Write that JSON there too.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
@click.option("-v", "--verbose", is_flag=True, help="A longer summary.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour in the summary.",
)
def command(trace: Path, **options: Any) -> int:
    """Run again by TRACE, and stop at the first event that is another one."""
    with Trace(trace) as recorded, tempfile.TemporaryFile(prefix="dstrun-") as own:
        spec = spec_of(recorded)
        report = Report(options, spec.seed.text, f"dstrun replay {trace}")
        for warning in recorded.warnings:
            report.warn(warning)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        spec = replace(
            start_state(recorded, spec),
            trace=Path(f"/proc/self/fd/{own.fileno()}"),  # it has no name, and leaves nothing
            replay=follow(recorded),
            prepared_ns=time.time_ns(),
        )
        if options["until"]:
            from dstrun.stop.start import look_into

            result, was_left = look_into(recorded, spec, options["until"])
        else:
            from dstrun.launch.supervise import run

            result, was_left = replay_trace(recorded, spec, run), False
        result.trace = None
        return report.left(result) if was_left else report.finished(result)
