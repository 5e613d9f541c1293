"""`dstrun replay`: a run again by its trace, each event compared. Exit status as of run.

With edits it is another run, which follows the trace's decisions as far as they apply.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dstrun.commands.run import Report, refuse_to_overwrite
from dstrun.replay import follow, keep_trace, own_trace, replay_trace, spec_of
from dstrun.spec import RunResult, RunSpec
from dstrun.startstate import start_state, trace_user
from dstrun.trace.reader import Trace

if TYPE_CHECKING:
    from dstrun.launch.owners import User

_DIFFERENCES_SHOWN_MAX = 10


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "--without",
    metavar="WHAT",
    multiple=True,
    help="Leave out fault:N (of show --faults), fault:@EVENT, rule:NAME or choice:N. [repeat]",
)
@click.option(
    "--change",
    metavar="'fault:N FIELD=VALUE'",
    multiple=True,
    help="Do something else at that fault, like 'fault:3 error=EIO'. [repeat]",
)
@click.option(
    "--force",
    "forced",
    metavar="EVENT:TID",
    multiple=True,
    help="Let thread TID run when event EVENT has been made. [repeat]",
)
@click.option("-o", "--trace", "output", metavar="FILE", help="Keep the trace of this run.")
@click.option("--overwrite", is_flag=True, help="Even where FILE is something else.")
@click.option(
    "--until", metavar="EVENT|TIME|PATTERN",
    help="Stand still there, and ask what to do: an event's number, a virtual time (1.5s), or the "
    "first event that matches: a call's name, /regex/, text of its line in dstrun show.",
)  # fmt: skip
@click.option("--gdb", is_flag=True, help="With --until: gdb on that event's process first.")
@click.option(
    "--gdb-arg", metavar="ARG", multiple=True, help="An argument for gdb (--gdb-arg=-ex=bt)."
)
@click.option("--shell", is_flag=True, help="With --until: a shell among the run's files first.")
@click.option("--json", is_flag=True, help="The summary as one line of JSON.")
@click.option("--status-fd", metavar="N", type=click.IntRange(0), help="Write that JSON there too.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
@click.option("-v", "--verbose", is_flag=True, help="A longer summary.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto",
    help="Colour in the summary.",
)  # fmt: skip
def command(trace: Path, output: str | None, overwrite: bool, **options: Any) -> int:
    """Run again by TRACE (or by that of a bundle), and stop at the first event that is another
    one."""
    with _opened(trace) as (recorded, *bundle):
        spec = spec_of(recorded)
        report = Report(options, spec.seed.text, _again(trace, options))
        for warning in recorded.warnings:
            report.warn(warning)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kept = _output(output, overwrite, spec)
        with own_trace() as own:
            spec = replace(
                start_state(recorded, spec, *bundle), trace=own, prepared_ns=time.time_ns()
            )
            changes = _tell_differences(recorded, spec, report)
            spec = replace(spec, replay=replace(follow(recorded), changes=tuple(changes)))
            spec = _edited(recorded, spec, options)
            result, was_left = _run(recorded, spec, options)
            if kept:
                keep_trace(own, recorded, kept)
        result.trace = kept
        return report.left(result) if was_left else report.finished(result)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, ...]]:
    """The trace, and of a bundle the directory of its files and what they are."""
    from dstrun.bundle.trace import is_bundle
    from dstrun.bundle.unpack import bundle_user, unpacked

    if not is_bundle(path):
        with Trace(path) as trace:
            _become(trace_user(trace))
            yield (trace,)
        return
    _become(bundle_user(path))
    with unpacked(path) as bundle, Trace(bundle.trace, shown_as=path) as trace:
        for missing in bundle.missing:
            click.echo(f"dstrun: {missing}: not in the bundle, and not here", err=True)
        yield trace, bundle.root, bundle.entries


def _become(user: User | None) -> None:
    """Root makes a user's run again as that user."""
    if os.geteuid() == 0 and user and user.uid:
        from dstrun.launch.owners import become

        become(user)
        click.echo(f"dstrun: as uid {user.uid}, whose run it was", err=True)


def _tell_differences(trace: Trace, spec: RunSpec, report: Report) -> list[str]:
    """What is not as it was then; it need not matter."""
    from dstrun.startcheck import differences

    found = differences(trace, spec)
    for text in found[:_DIFFERENCES_SHOWN_MAX]:
        report.warn(f"not as it was recorded: {text}")
    if len(found) > _DIFFERENCES_SHOWN_MAX:
        report.warn(f"not as it was recorded: {len(found) - _DIFFERENCES_SHOWN_MAX} more")
    return found


def _run(trace: Trace, spec: RunSpec, options: dict[str, Any]) -> tuple[RunResult, bool]:
    """What came of it, and whether the user has left it before its end."""
    if any(options[name] for name in ("until", "gdb", "gdb_arg", "shell")):
        from dstrun.stop.start import look_into

        return look_into(trace, spec, options)
    from dstrun.launch.supervise import run

    return replay_trace(trace, spec, run), False


def _again(trace: Path, options: dict[str, Any]) -> str:
    """The command line that does the same."""
    import shlex

    words = ["dstrun", "replay", str(trace)]
    for name, option in (("without", "--without"), ("change", "--change"), ("forced", "--force")):
        words += [word for value in options[name] for word in (option, value)]
    return shlex.join(words)


def _output(output: str | None, overwrite: bool, spec: RunSpec) -> Path | None:
    if output is None:
        return None
    path = Path(output).absolute()
    if not overwrite:
        refuse_to_overwrite(path, spec, "--overwrite")
    return path


def _edited(trace: Trace, spec: RunSpec, options: dict[str, Any]) -> RunSpec:
    if not any(options[name] for name in ("without", "change", "forced")):
        return spec
    from dstrun.edits import Edits

    edits = Edits(trace, spec)
    for what in options["without"]:
        edits.without(what)
    for what in options["change"]:
        edits.change(what)
    if options["forced"]:
        from dstrun.launch.supervise import run

        for what in options["forced"]:
            edits.force(what, run)
    return edits.applied()
