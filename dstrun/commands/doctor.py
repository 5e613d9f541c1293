"""`dstrun doctor`: what this machine allows. Exit status 0 when runs are possible, else 1."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from dstrun.doctor import examine, runs_possible


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="As one line of JSON.")
def command(as_json: bool) -> int:
    """Tell what this machine allows, and what that means for runs."""
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
