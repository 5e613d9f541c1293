"""`dstrun plan`: fault plans without a run: check them, show what they mean, list what there is."""

from __future__ import annotations

import json
from typing import Any

import click

from dstrun.commands.options import FAULT_OPTIONS, FAULT_ORDER, fault_sources
from dstrun.errors import BadUsage
from dstrun.plan.compile import check_room
from dstrun.plan.fields import ALIASES, FIELDS, GROUPS
from dstrun.plan.load import load_plan
from dstrun.plan.model import Plan, Rule
from dstrun.seed import make_seed

_CALLS_SHOWN = 12
_HELP = {"help_option_names": ["-h", "--help"]}
_TITLES = {
    "which calls": "Which calls",
    "who": "Of whom",
    "time": "When",
    "how often": "How often",
    "fault": "What happens",
}


@click.group(context_settings=_HELP)
def command() -> None:
    """Fault plans: check them, show what they mean, list the kinds of faults."""


class _PlanCommand(click.Command):
    """A command with the options of a plan, whose order is kept; files come first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        names = [str(param.name) for param in order]
        ctx.meta[FAULT_ORDER] = [name for name in names if name in FAULT_OPTIONS[1:]]
        return super().parse_args(ctx, args)


def _plan_options(function: Any) -> Any:
    for option in reversed(
        (
            click.argument("plan", nargs=-1, metavar="[FILE ...]"),
            click.option("--inject", metavar="SPEC", multiple=True, help="As run has it."),
            click.option("-e", "expression", metavar="inject=SPEC", multiple=True, help="As well."),
            click.option("--fault", metavar="RULE", multiple=True, help="As well."),
            click.option("--seed", metavar="N", default="0", help="For scripts that draw."),
            click.option("--hostname", metavar="NAME", default="dstrun", help="As run has it."),
        )
    ):
        function = option(function)
    return function


def _load(ctx: click.Context) -> Plan:
    ctx.meta[FAULT_ORDER][:0] = ["plan"] * len(ctx.params["plan"])
    sources = fault_sources(ctx)
    if not sources:
        raise BadUsage("no plan given (a .toml or .py file, --inject, --fault)")
    return load_plan(sources, make_seed(ctx.params["seed"]).fault, ctx.params["hostname"])


@command.command("check", cls=_PlanCommand, context_settings=_HELP)
@_plan_options
@click.pass_context
def check(ctx: click.Context, /, **_options: Any) -> int:
    """Check plans; all that is wrong is told at once. Exit status 0 or 2."""
    plan = _load(ctx)
    check_room(plan)
    count = len(plan.rules)
    click.echo(f"{count} rule{'s' if count != 1 else ''}, all right")
    return 0


@command.command("show", cls=_PlanCommand, context_settings=_HELP)
@_plan_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, a rule a line.")
@click.pass_context
def show(ctx: click.Context, /, **options: Any) -> int:
    """Show what plans resolve to, as TOML that means the same."""
    for rule in _load(ctx).rules:
        if options["as_json"]:
            calls = {"calls": rule.values["on"].names} if "on" in rule.values else {}
            click.echo(json.dumps(rule.meta() | {"stream": f"{rule.stream:016x}"} | calls))
        else:
            click.echo("\n".join(_toml_lines(rule)) + "\n")
    return 0


def _toml_lines(rule: Rule) -> list[str]:
    """A rule as a [[fault]] table."""
    lines = [f"# {rule.place}"]
    if "on" in rule.values:
        names = rule.values["on"].names
        more = f" and {len(names) - _CALLS_SHOWN} more" if len(names) > _CALLS_SHOWN else ""
        lines.append(f"# calls ({len(names)}): {' '.join(names[:_CALLS_SHOWN])}{more}")
    if rule.is_strace:
        lines.append("# counts as strace does: by call and thread")
    if rule.callback is not None:
        lines.append(f"# asks the function {rule.function}")
    lines.append("[[fault]]")
    fields = rule.fields()
    if rule.is_strace:  # its own words for sets are not the plan language's
        fields["on"] = rule.values["on"].names
    return lines + [f"{name} = {_toml(value)}" for name, value in fields.items()]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@command.command("kinds", context_settings=_HELP)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def kinds(as_json: bool) -> int:
    """List the kinds of faults, and all that a rule can say of which calls they hit."""
    if as_json:
        rows = [
            {"name": f.name, "group": f.group, "meaning": f.meaning, "example": f.example}
            for f in FIELDS.values()
        ]
        click.echo(json.dumps(rows))
        return 0
    width = max(len(name) for name in FIELDS)
    for group in reversed(GROUPS):
        click.echo(f"{_TITLES[group]}:")
        for field in FIELDS.values():
            if field.group == group:
                click.echo(f"  {field.name:{width}}  {field.meaning}")
                click.echo(f"  {'':{width}}  {field.example}")
        click.echo()
    aliases = ", ".join(f"{alias} = {name}" for alias, name in ALIASES.items())
    click.echo(f"Short for others: {aliases}.")
    return 0
