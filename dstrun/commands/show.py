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

from dstrun.errors import BadUsage
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer, about
from dstrun.trace.select import Selection, parse_names, parse_range

Numbered = Iterable[tuple[int, Event]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--syscall", metavar="NAMES", help="Only these: read,write or !read or /regex/.")
@click.option("--path", metavar="GLOB", multiple=True, help="Only calls on such a path.")
@click.option("--process", "--pid", metavar="NAME|PID", multiple=True, help="Only of this process.")
@click.option("--faults", is_flag=True, help="Only injected faults.")
@click.option("--events", metavar="A..B", help="Only these numbers.")
@click.option("--head", metavar="N", type=click.IntRange(0), help="The first N of them.")
@click.option("--tail", metavar="N", type=click.IntRange(0), help="The last N of them.")
@click.option("--stats", is_flag=True, help="A table of calls, like strace -c, in virtual time.")
@click.option("--info", is_flag=True, help="How the run was started and how it ended.")
@click.option("--json", "as_json", is_flag=True, help="JSON, an event a line.")
@click.option("--no-pager", is_flag=True, help="Never through a pager.")
def command(trace: Path, **options: Any) -> int:
    """List the events of TRACE."""
    selection = _selection(options)
    with Trace(trace) as opened:
        for warning in opened.warnings:
            click.echo(f"dstrun: {warning}", err=True)
        if options["info"]:
            _write(_info(opened, options["as_json"]), options["no_pager"])
            return 0
        chosen = _limited(selection.select(opened), options["head"], options["tail"])
        if options["stats"]:
            from dstrun.trace.stats import stats_lines

            lines: Iterable[str] = stats_lines(chosen, options["as_json"])
        else:
            lines = _listing(opened, chosen, options["as_json"])
        _write(lines, options["no_pager"] or options["as_json"])
    return 0


def _selection(options: dict[str, Any]) -> Selection:
    if options["head"] is not None and options["tail"] is not None:
        raise BadUsage("--head and --tail: give one of them")
    start, stop = parse_range(options["events"]) if options["events"] else (0, None)
    processes = [name for text in options["process"] for name in text.split(",")]
    return Selection(
        names=parse_names(options["syscall"]) if options["syscall"] else None,
        paths=tuple(options["path"]),
        processes=tuple(processes),
        start=start,
        stop=stop,
        faults=options["faults"],
    )


def _limited(chosen: Numbered, head: int | None, tail: int | None) -> Numbered:
    if head is not None:
        return islice(chosen, head)
    return deque(chosen, maxlen=tail) if tail is not None else chosen


def _listing(trace: Trace, chosen: Numbered, as_json: bool) -> Iterator[str]:
    renderer = Renderer(trace)
    for index, event in chosen:
        yield json.dumps(renderer.as_dict(index, event)) if as_json else renderer.line(index, event)


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
    for line in lines:
        out.write(line)
        out.write("\n")
    out.flush()
