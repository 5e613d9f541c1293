"""`dstrun doctor`: what this machine allows. Exit status 0 when runs are possible, else 1."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from dstrun.doctor import examine, runs_possible


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="As one line of JSON.")
@click.option("--points", is_flag=True, help="The learned yield points instead.")
def command(as_json: bool, points: bool) -> int:
    """Tell what this machine allows, and what that means for runs."""
    if points:
        _tell_points(as_json)
        return 0
    findings = examine()
    possible = runs_possible(findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"runs_possible": possible, "checks": checks}))
    else:
        from tabulate import tabulate

        rows = [(f.name, f.state, f.found, f.meaning) for f in findings]
        click.echo(tabulate(rows, headers=["check", "state", "found", "meaning"]))
        click.echo(f"\nRuns are {'possible' if possible else 'NOT possible'} on this machine.")
    return 0 if possible else 1


def _tell_points(as_json: bool) -> None:
    """Where programs spin, as earlier runs have learned it."""
    from dstrun.points import cache_file, load_points

    points = load_points()
    if as_json:
        click.echo(json.dumps([asdict(point) for point in points]))
        return
    if not points:
        click.echo(f"No yield points have been learned ({cache_file()}).")
        return
    from tabulate import tabulate

    rows = [
        (p.path, p.build_id[:16], f"{p.file_offset:#x}", "counts" if p.counters else "for ever")
        for p in points
    ]
    click.echo(tabulate(rows, headers=["file", "build id", "offset", "waits"]))
    click.echo(f"\nKept in {cache_file()}; delete it to learn them anew.")
