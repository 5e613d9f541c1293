"""`dstrun diff`: where two runs part, why, and the aligned rest.

Exit status as diff's: 0 same, 1 different, 2 trouble.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from dstrun.bundle.trace import open_trace
from dstrun.errors import BadUsage
from dstrun.trace.diff import CONTEXT, difference_lines, first_difference, meta_differences
from dstrun.trace.identity import RULES, parse_rules
from dstrun.trace.reader import Trace

_RULES_HELP = "\n".join(f"  {name:8}{meaning}" for name, meaning in RULES.items())
_EPILOG = f"""\b
--ignore leaves out of the comparison:
{_RULES_HELP}

Where the tasks' events are aligned, times are left out (--with-time counts them), and process ids
mean the tasks that match. --json writes one object; its keys are stable within a `version`.
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--ignore", metavar="RULE[,...]", multiple=True, help="What does not count; see below."
)
@click.option("--with-time", is_flag=True, help="Times count where tasks are aligned.")
@click.option("--all", "everything", is_flag=True, help="Every task and event that differs.")
@click.option(
    "-U",
    "--context",
    metavar="N",
    type=click.IntRange(0),
    default=CONTEXT,
    show_default=True,
    help="Events to show around the first difference.",
)
@click.option("--first", is_flag=True, help="Only the first difference: at once, of any trace.")
@click.option("-q", "--quiet", is_flag=True, help="Only the exit status.")
@click.option("--json", "as_json", is_flag=True, help="The finding as one line of JSON.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path),
              help="Both runs side by side, as a page that needs nothing else.")  # fmt: skip
def command(a: Path, b: Path, **options: Any) -> int:
    """Show where traces A and B part, and what they have in common."""
    ignored = parse_rules(options["ignore"])
    with open_trace(a) as left, open_trace(b) as right:
        for warning in [*left.warnings, *right.warnings]:
            click.echo(f"dstrun: {warning}", err=True)
        if options["quiet"] and not options["html"] and not ignored:
            return 0 if first_difference(left, right) is None else 1
        if options["first"]:
            return _first(left, right, options)
        return _report(left, right, ignored, options)


def _first(a: Trace, b: Trace, options: dict[str, Any]) -> int:
    """What memory speed can tell."""
    if options["ignore"] or options["html"] or options["as_json"]:
        raise BadUsage("--first: goes with none of --ignore, --html, --json (they read all)")
    index = first_difference(a, b)
    if index is None:
        click.echo(f"the same: {a.events} events, hash {a.trace_hash:016x}")
        return 0
    for line in [*meta_differences(a, b), *difference_lines(a, b, index, options["context"])]:
        click.echo(line)
    return 1


def _report(a: Trace, b: Trace, ignored: frozenset[str], options: dict[str, Any]) -> int:
    from dstrun.trace.compare import ALIGNED_MAX, compare

    most = None if options["everything"] else ALIGNED_MAX
    found = compare(a, b, ignored, options["with_time"], most)
    if options["html"]:
        from dstrun.trace.diff_html import write_page

        write_page(options["html"], found)
    if options["quiet"]:
        pass
    elif options["as_json"]:
        from dstrun.trace.diff_json import as_dict

        click.echo(json.dumps(as_dict(found)))
    else:
        for line, color in _text(found, options):
            click.echo(click.style(line, fg=color) if color else line)
    return 0 if found.same else 1


def _text(found: Any, options: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    from dataclasses import replace

    from dstrun.trace.diff_text import EVERYTHING, Bounds, color_of, text_lines

    bounds = EVERYTHING if options["everything"] else Bounds()
    for line in text_lines(found, replace(bounds, context=options["context"])):
        yield line, color_of(line)
