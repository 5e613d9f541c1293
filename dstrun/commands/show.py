"""`dstrun show`: a trace as a listing, a table of calls, or JSON lines."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from dstrun.bundle.trace import open_trace
from dstrun.errors import BadUsage
from dstrun.quantities import parse_duration_ns
from dstrun.trace.descriptors import Use
from dstrun.trace.follow import Targets, connection_rows, parse_descriptor
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer, about
from dstrun.trace.select import Chosen, Selection, parse_names, parse_range
from dstrun.trace.stats import BY, stats_lines
from dstrun.trace.timeline import AXES

AROUND = 10
_LINES_AT_ONCE = 256


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--syscall", metavar="NAMES", help="Only these: read,write or !read or /regex/.")
@click.option("--process", "--pid", metavar="NAME|PID", multiple=True, help="Only of this process.")
@click.option("--tree", is_flag=True, help="With --process: and of all that it started.")
@click.option("--faults", is_flag=True, help="Only injected faults.")
@click.option("--choices", is_flag=True, help="List the scheduling choices: who after whom.")
@click.option("--events", metavar="A..B", help="Only these numbers.")
@click.option("--since", metavar="TIME", help="Only from this virtual time on (like 1.5 or 20ms).")
@click.option("--until", metavar="TIME", help="Only up to this virtual time.")
@click.option("--around", metavar="N", type=click.IntRange(0), help="Event N and those around it.")
@click.option(
    "-C", "--context", metavar="K", type=click.IntRange(0), default=AROUND, show_default=True,
    help="With --around: how many before and after.",
)  # fmt: skip
@click.option(
    "--follow", metavar="fd:PID:N[@EVENT]", multiple=True,
    help="Only what is done with descriptor N of a process, through dup, fork and close.",
)  # fmt: skip
@click.option(
    "--path", metavar="GLOB", multiple=True,
    help="Only calls on such a path, or on a descriptor for it; renames are followed.",
)  # fmt: skip
@click.option(
    "--connection", metavar="N|ADDRESS:PORT", multiple=True,
    help="Only what is done at both ends of a connection.",
)  # fmt: skip
@click.option("--connections", is_flag=True, help="List the connections: who, with whom, bytes.")
@click.option("--head", metavar="N", type=click.IntRange(0), help="The first N of them.")
@click.option("--tail", metavar="N", type=click.IntRange(0), help="The last N of them.")
@click.option("--stats", is_flag=True, help="A table of calls, like strace -c, in virtual time.")
@click.option(
    "--by", type=click.Choice(BY), help="With --stats: a table for each process or thread."
)
@click.option("--timeline", is_flag=False, flag_value="time", type=click.Choice(AXES),
              help="A lane of text for each task: over virtual time, or over events.")  # fmt: skip
@click.option("--wakes", is_flag=True, help="Who woke whom: which call ended which one's wait.")
@click.option("--info", is_flag=True, help="How the run was started and how it ended.")
@click.option("--json", "as_json", is_flag=True,
              help="JSON, an event a line; keys are stable within its `version`.")  # fmt: skip
@click.option("--no-pager", is_flag=True, help="Never through a pager.")
def command(trace: Path, **options: Any) -> int:
    """List the events of TRACE."""
    selection = _selection(options)
    with open_trace(trace) as opened:
        for warning in opened.warnings:
            click.echo(f"dstrun: {warning}", err=True)
        lines = _lines(opened, selection, options)
        _write(lines, options["no_pager"] or options["as_json"])
    return 0


def _lines(trace: Trace, selection: Selection, options: dict[str, Any]) -> Iterable[str]:
    """What was asked for."""
    as_json = options["as_json"]
    if options["info"]:
        return _info(trace, as_json)
    if options["choices"]:
        return _choices(trace, as_json)
    if options["connections"]:
        return _connections(trace, as_json)
    chosen = _limited(trace, selection, options)
    events = ((index, event) for index, event, _step in chosen)
    if options["timeline"]:
        from dstrun.trace.timeline import timeline_lines

        return timeline_lines(trace, events, options["timeline"])
    if options["wakes"]:
        from dstrun.trace.wakes import wakes_lines

        return wakes_lines(trace, events, as_json)
    if options["stats"]:
        return _stats(trace, events, as_json, options["by"])
    if as_json:
        return _json_lines(trace, chosen)
    with_files = bool(options["follow"] or options["connection"])
    return _listing(trace, chosen, options["around"], with_files)


def _stats(
    trace: Trace, events: Iterable[tuple[int, Event]], as_json: bool, by: str | None
) -> Iterable[str]:
    cost_ns = int(trace.meta.get("call_cost_ns") or 0)
    if by is None or as_json:
        return stats_lines(events, as_json, by, cost_ns)
    from dstrun.trace.tasks import find_tasks

    return stats_lines(events, as_json, by, cost_ns, find_tasks(trace).name_of)


def _selection(options: dict[str, Any]) -> Selection:
    if options["head"] is not None and options["tail"] is not None:
        raise BadUsage("--head and --tail: give one of them")
    if options["around"] is not None and options["events"]:
        raise BadUsage("--around and --events: give one of them")
    if options["timeline"] and options["as_json"]:
        raise BadUsage("--timeline is text: --json does not go with it")
    if options["by"] and not options["stats"]:
        raise BadUsage("--by: of what? (--stats --by process)")
    if options["tree"] and not options["process"]:
        raise BadUsage("--tree: of which process? (--process NAME|PID)")
    start, stop = parse_range(options["events"]) if options["events"] else (0, None)
    processes = [name for text in options["process"] for name in text.split(",")]
    targets = Targets(
        descriptors=tuple(parse_descriptor(text) for text in options["follow"]),
        paths=tuple(options["path"]),
        connections=tuple(options["connection"]),
    )
    return Selection(
        names=parse_names(options["syscall"]) if options["syscall"] else None,
        processes=tuple(processes),
        tree=options["tree"],
        targets=targets,
        start=start,
        stop=stop,
        since_ns=_time_ns(options["since"]) or 0,
        until_ns=_time_ns(options["until"]),
        faults=options["faults"],
    )


def _time_ns(text: str | None) -> int | None:
    """A virtual time, from the run's start."""
    if text is None:
        return None
    return 0 if text.strip() == "0" else parse_duration_ns(text)


def _limited(trace: Trace, selection: Selection, options: dict[str, Any]) -> Iterable[Chosen]:
    head, tail, around = options["head"], options["tail"], options["around"]
    if around is not None:
        if around >= trace.events:
            raise BadUsage(f"--around {around}: no such event; the last is {trace.events - 1}")
        return selection.around(trace, around, options["context"])
    chosen = selection.steps(trace)
    if head is not None:
        return islice(chosen, head)
    return deque(chosen, maxlen=tail) if tail is not None else chosen


def _json_lines(trace: Trace, chosen: Iterable[Chosen]) -> Iterator[str]:
    renderer = Renderer(trace)
    for index, event, step in chosen:
        row = renderer.as_dict(index, event)
        yield json.dumps(row | step.as_dict() if step else row)


def _listing(
    trace: Trace, chosen: Iterable[Chosen], marked: int | None, with_files: bool
) -> Iterator[str]:
    renderer = Renderer(trace)
    told: set[int] = set()  # open files
    for index, event, step in chosen:
        for use in step.uses if with_files else ():
            if use.file.number not in told:
                told.add(use.file.number)
                yield _file_heading(use)
        line = renderer.line(index, event)
        if with_files and (remarks := step.remarks()):
            line += f"  # {'; '.join(remarks)}"
        mark = "" if marked is None else "> " if index == marked else "  "
        yield mark + line


def _file_heading(use: Use) -> str:
    file = use.file
    return f"# open file {file.number}: {file.name}, descriptor {use.fd} of pid {use.pid}"


def _connections(trace: Trace, as_json: bool) -> Iterator[str]:
    rows = connection_rows(trace)
    if as_json:
        yield from (json.dumps(row._asdict()) for row in rows)
        return
    from tabulate import tabulate

    table = [
        [row.number, row.address, row.client, row.server or row.failed, row.connected,
         "" if row.accepted is None else row.accepted, row.bytes_out, row.bytes_in]
        for row in rows
    ]  # fmt: skip
    headers = ["no", "address", "client", "server", "connect", "accept", "to server", "to client"]
    yield from tabulate(table, headers, disable_numparse=True).splitlines()


def _choices(trace: Trace, as_json: bool) -> Iterator[str]:
    from dstrun.trace.choices import choice_line, choices

    return (json.dumps(row) if as_json else choice_line(row) for row in choices(trace))


def _info(trace: Trace, as_json: bool) -> Iterator[str]:
    info = about(trace)
    if as_json:
        yield json.dumps(info)
        return
    for key, value in info.items():
        yield f"{key}: {value if isinstance(value, (str, int)) else json.dumps(value)}"


def _write(lines: Iterable[str], no_pager: bool) -> None:
    """To a pager where a person looks, else straight out."""
    if sys.stdout.isatty() and not no_pager:
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager(f"{line}\n" for line in lines)
        return
    out = sys.stdout
    lines = iter(lines)
    while block := list(islice(lines, _LINES_AT_ONCE)):
        out.write("\n".join(block) + "\n")
    out.flush()
