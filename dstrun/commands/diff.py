"""`dstrun diff`: where two runs part. Exit status as diff's: 0 same, 1 different, 2 trouble."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dstrun.trace.diff import CONTEXT, difference_lines, first_difference, meta_differences
from dstrun.trace.reader import Trace


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "-U",
    "--context",
    metavar="N",
    type=click.IntRange(0),
    default=CONTEXT,
    show_default=True,
    help="Events to show around the difference.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only the exit status.")
@click.option("--json", "as_json", is_flag=True, help="The finding as one line of JSON.")
def command(a: Path, b: Path, context: int, quiet: bool, as_json: bool) -> int:
    """Show the first difference of traces A and B."""
    with Trace(a) as left, Trace(b) as right:
        for warning in [*left.warnings, *right.warnings]:
            click.echo(f"dstrun: {warning}", err=True)
        index = first_difference(left, right)
        if quiet:
            pass
        elif as_json:
            click.echo(
                json.dumps(
                    {
                        "same": index is None,
                        "first_difference": index,
                        "events": [left.events, right.events],
                        "trace_hash": [f"{left.trace_hash:016x}", f"{right.trace_hash:016x}"],
                    }
                )
            )
        else:
            _print(left, right, index, context)
    return 0 if index is None else 1


def _print(left: Trace, right: Trace, index: int | None, context: int) -> None:
    if index is None:
        click.echo(f"the same: {left.events} events, hash {left.trace_hash:016x}")
        return
    click.echo(f"--- {left.path} ({left.events} events)")
    click.echo(f"+++ {right.path} ({right.events} events)")
    for line in [*meta_differences(left, right), *difference_lines(left, right, index, context)]:
        click.echo(line)
