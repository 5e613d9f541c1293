"""`dstrun export`: a trace as a file for Perfetto, for a browser, or for scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import click

from dstrun.bundle.trace import open_trace
from dstrun.errors import BadUsage, TraceError
from dstrun.export.model import Picture
from dstrun.trace.reader import Trace
from dstrun.trace.select import Selection, parse_range

Write = Callable[[Trace, Selection, BinaryIO], int]


def _perfetto(trace: Trace, selection: Selection, file: BinaryIO) -> int:
    from dstrun.export.perfetto import write_perfetto

    picture = _picture(trace, selection)
    write_perfetto(picture, file)
    return picture.events


def _json(trace: Trace, selection: Selection, file: BinaryIO) -> int:
    from dstrun.export.lines import write_json

    picture = _picture(trace, selection, with_arrows=False)
    write_json(picture, file)
    return picture.events


def _html(trace: Trace, selection: Selection, file: BinaryIO) -> int:
    from dstrun.export.html import check_size, write_html

    check_size(trace, selection)
    picture = _picture(trace, selection)
    write_html(picture, file)
    return picture.events


def _picture(trace: Trace, selection: Selection, with_arrows: bool = True) -> Picture:
    picture = Picture(trace, selection, with_arrows)
    if not picture.events:
        raise TraceError(f"{trace.path}: no event to export (see --events and --process)")
    return picture


class _Format(NamedTuple):
    write: Write  # gives how many events it has written
    suffix: str
    is_text: bool
    hint: str


_FORMATS = {
    "perfetto": _Format(_perfetto, ".pftrace", False, "open it in ui.perfetto.dev"),
    "json": _Format(_json, ".jsonl", True, "a header, then an event a line"),
    "html": _Format(_html, ".html", True, "open it in a browser"),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Choice(list(_FORMATS)), help="What for.")
@click.option("-o", "--output", metavar="FILE", help="[TRACE's name with another ending; - stdout]")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--events", metavar="A..B", help="Only these numbers.")
@click.option("--process", "--pid", metavar="NAME|PID", multiple=True, help="Only of this process.")
def command(trace: Path, target: str, output: str | None, force: bool, **chosen: Any) -> int:
    """Write TRACE as a picture or as JSON.

    perfetto: for the viewer of that name. html: a page of its own, for any browser. json: lines.
    """
    chosen_format = _FORMATS[target]
    selection = _selection(chosen["events"], chosen["process"])
    path = None if output == "-" else Path(output or trace.with_suffix(chosen_format.suffix))
    if path is None and not chosen_format.is_text and sys.stdout.isatty():
        raise BadUsage(f"--to {target}: not to a terminal (give -o FILE)")
    with open_trace(trace) as opened:
        for warning in opened.warnings:
            click.echo(f"dstrun: {warning}", err=True)
        if path is not None:
            _refuse_to_overwrite(path, trace, force)
        if path is None:
            chosen_format.write(opened, selection, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return 0
        with _new_file(path) as file:
            events = chosen_format.write(opened, selection, file)
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    click.echo(f"dstrun: {path}: {events} events, {size} ({chosen_format.hint})", err=True)
    return 0


def _selection(events: str | None, processes: tuple[str, ...]) -> Selection:
    start, stop = parse_range(events) if events else (0, None)
    names = tuple(name for text in processes for name in text.split(","))
    return Selection(processes=names, start=start, stop=stop)


def _refuse_to_overwrite(path: Path, trace: Path, force: bool) -> None:
    if path.exists() and path.samefile(trace):
        raise BadUsage(f"-o {path}: is the trace itself (give another name)")
    if path.is_dir():
        raise BadUsage(f"-o {path}: is a directory (give a file's name)")
    if not force and path.is_file() and path.stat().st_size:
        raise BadUsage(f"-o {path}: exists (use --force, or another name)")


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is there whole or, when something goes wrong, not at all."""
    to_device = path.exists() and not path.is_file()
    partial = path if to_device else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        if partial != path:
            partial.replace(path)
    except OSError as error:
        raise BadUsage(f"-o {path}: cannot be written: {error.strerror}") from None
    finally:
        if partial != path:
            partial.unlink(missing_ok=True)
