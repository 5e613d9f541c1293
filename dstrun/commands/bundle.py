"""`dstrun bundle`: a trace with the files that it needs, in one. Exit status 0, or 2."""

from __future__ import annotations

from pathlib import Path

import click

from dstrun.errors import BadUsage
from dstrun.trace.reader import Trace

_MIB = 1 << 20


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", help="Instead of TRACE.bundle.")
@click.option("--list", "only_list", is_flag=True, help="Tell what would be in it, write nothing.")
@click.option(
    "--limit", metavar="MIB", type=click.IntRange(1), default=1024, show_default=True,
    help="Bytes of files in all; what is beyond is left out, and named.",
)  # fmt: skip
@click.option(
    "--exclude", metavar="GLOB", multiple=True,
    help="Leave these files out: replay takes its machine's own. [repeat]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def command(
    trace: Path, output: str | None, only_list: bool, limit: int, exclude: tuple[str, ...],
    force: bool,
) -> int:  # fmt: skip
    """Pack TRACE with the programs, libraries and files that its run has used."""
    from dstrun.bundle.pack import collect, write_bundle
    from dstrun.startcheck import file_differences

    target = Path(output) if output else trace.with_name(f"{trace.name}.bundle")
    if target.exists() and not force and not only_list:
        raise BadUsage(f"{target}: exists (use --force)")
    with Trace(trace) as recorded:
        contents = collect(recorded, limit * _MIB, exclude)
        for text in file_differences(recorded):
            click.echo(f"dstrun: not as it was recorded: {text}", err=True)
    whole = sorted((e for e in contents.entries.values() if e.content), key=lambda e: e.path)
    if only_list:
        for entry in whole:
            click.echo(f"{entry.size:>12} {entry.path}")
    for path, reason in contents.left_out.items():
        click.echo(f"dstrun: left out: {path} ({reason})", err=True)
    if only_list:
        return 0
    write_bundle(trace, contents, target)
    others = len(contents.entries) - len(whole)
    click.echo(
        f"dstrun: {target}: {target.stat().st_size / _MIB:.1f} MiB; {len(whole)} files "
        f"({contents.bytes / _MIB:.1f} MiB), {others} names",
        err=True,
    )
    return 0
