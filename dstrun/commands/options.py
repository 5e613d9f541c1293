"""run's options: the table, and how a command line with a command in it is taken apart.

Each option can also come from `DSTRUN_<NAME>` and from a configuration file; click settles the
precedence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dstrun.config import run_defaults
from dstrun.errors import BadUsage
from dstrun.quantities import parse_cost_ns, parse_duration_ns, parse_percent_ppm, parse_time_ns
from dstrun.strategies import DEFAULT_STRATEGY, STRATEGIES, parameter_lines, parse_strategy

# How dstrun reports is no part of the run, and does not belong into the line that repeats it.
REPORTING = ("trace", "no_trace", "force", "json", "status_fd", "quiet", "verbose", "color", "keep")


# Options that make up the fault plan, in the order of those that do not stand on the command line.
FAULT_OPTIONS = ("plan", "inject", "expression", "fault")
FAULT_ORDER = "dstrun.fault_order"


class RunCommand(click.Command):
    """A command whose last argument is a command line of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {str(param.name) for param in self.params if param.expose_value}
        ctx.default_map = run_defaults(Path.cwd(), known - {"argv", "force", "expression"})
        args = _expand_optional_values(self, args)
        # click gathers the values of each option; across options their order is the rules' order.
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[FAULT_ORDER] = [str(param.name) for param in order if param.name in FAULT_OPTIONS]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS] [--] CMD [ARG ...]"]


def _expand_optional_values(command: click.Command, args: list[str]) -> list[str]:
    """Turns a bare --verify into --verify=2; click would take CMD as its value.

    Only options before CMD count, so the words that are options' values have to be skipped.
    """
    takes_value = {
        name: not (option.is_flag or option.count)
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
    }
    result = list(args)
    index = 0
    while index < len(result):
        word = result[index]
        if word in ("--", "-") or not word.startswith("-"):
            break
        if word == "--verify":
            result[index] = "--verify=2"
        elif takes_value.get(word, False):
            index += 1
        index += 1
    return result


def _converter(convert: Callable[[str], Any]) -> Callable[..., Any]:
    """A click callback that applies `convert` and names the option in its error."""

    def callback(_ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except BadUsage as error:
            raise BadUsage(f"{param.opts[0]}: {error}") from None

    return callback


CPUS_MAX = 64  # one word of an affinity mask


def _cpus(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= CPUS_MAX:
        raise BadUsage(f"a number of CPUs from 1 to {CPUS_MAX} is wanted, not {text!r}")
    return int(text)


def _hostname(text: str) -> str:
    if not text or len(text.encode()) > 64 or "\0" in text:
        raise BadUsage(f'"{text}" is not a host name (1 to 64 bytes)')
    return text


def fault_sources(ctx: click.Context) -> list[tuple[str, str]]:
    """The options that make up the fault plan, in the order in which they were given."""
    values = {name: list(ctx.params[name]) for name in FAULT_OPTIONS}
    order = ctx.meta[FAULT_ORDER]
    rest = [name for name in FAULT_OPTIONS if name not in order for _ in values[name]]
    return [(name, values[name].pop(0)) for name in (*order, *rest)]


def _option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option that can also come from the environment."""
    longest = max(names, key=len)
    variable = "DSTRUN_" + longest.lstrip("-").replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=False, **attributes)


_OPTIONS = [
    _option("--seed", metavar="N", help="Decimal, 0x hex, 40 hex digits or git:REV [drawn]."),
    _option("-o", "--trace", metavar="FILE", help="[.dstrun/PROGRAM-SEED.trace]"),
    _option("--no-trace", is_flag=True, help="Record nothing."),
    _option("--force", is_flag=True, help="Overwrite FILE."),
    _option(
        "--strategy", metavar="NAME[:K=V,...]", default=DEFAULT_STRATEGY,
        callback=_converter(lambda text: parse_strategy(text).text),
        help=f"Who runs next; see below [{DEFAULT_STRATEGY}].",
    ),
    _option("--sched-seed", metavar="N", help="Take the schedule from another seed."),
    _option("--fault-seed", metavar="N", help="Take the faults from another seed."),
    _option("--entropy-seed", metavar="N", help="Take the program's randomness from another seed."),
    _option(
        "--epoch", metavar="TIME", callback=_converter(parse_time_ns),
        help="The clock at the start: seconds since 1970, or 2026-01-31T12:00:00.",
    ),
    _option(
        "--call-cost", metavar="DUR", default="1us", callback=_converter(parse_cost_ns),
        help="How far a system call moves the clock.", show_default=True,
    ),
    _option(
        "--clock-cost", metavar="DUR", default="50ns", callback=_converter(parse_cost_ns),
        help="How far reading the clock moves it.", show_default=True,
    ),
    _option(
        "--cost-jitter", metavar="PCT", default="0%", callback=_converter(parse_percent_ppm),
        help="Let both vary by up to so much, drawn from the schedule's seed.", show_default=True,
    ),
    _option(
        "--cpus", metavar="N", default="1", callback=_converter(_cpus),
        help="CPUs that the program sees.",
    ),
    _option(
        "--hostname", metavar="NAME", default="dstrun", callback=_converter(_hostname),
        help="The host's name in the simulation.",
    ),
    _option("--env", metavar="K=V", multiple=True, help="Set a variable for the program."),
    _option("--clean-env", is_flag=True, help="Start from a small fixed environment."),
    _option(
        "--net", type=click.Choice(["isolated", "host"]), default="isolated",
        help="What network it may touch.",
    ),
    _option(
        "--fs", type=click.Choice(["host", "overlay"]), default="host",
        help="Work on the user's files, or on a view of its own (working directory, /tmp).",
    ),
    _option("--overlay", metavar="DIR", multiple=True, help="Include DIR in that view."),
    _option(
        "--keep", metavar="DIR",
        help="Keep what changed in that view: DIR/files/PATH, and DIR/deleted.txt.",
    ),
    _option("--plan", metavar="FILE", multiple=True, help="A fault plan: .toml or .py. [repeat]"),
    click.option(
        "--inject", metavar="SPEC", multiple=True,
        help="A fault as strace's inject= has it. [repeat]",
    ),
    click.option(
        "-e", "expression", metavar="inject=SPEC", multiple=True,
        help="The same as for strace; fault=SPEC too. [repeat]",
    ),
    click.option(
        "--fault", metavar="RULE", multiple=True,
        help='One rule of a plan, like "on=fsync prob=0.1 error=EIO". [repeat]',
    ),
    _option(
        "--max-time", metavar="DUR", callback=_converter(parse_duration_ns),
        help="Limit of virtual time [100 years].",
    ),
    _option("--max-events", metavar="N", type=click.IntRange(1), help="Limit of events."),
    _option(
        "--wall-limit", metavar="DUR", callback=_converter(parse_duration_ns),
        help="Limit of real time.",
    ),
    _option(
        "--verify", metavar="[=N]", type=click.IntRange(2, 1000),
        help="Run N (2) times and compare output and traces.",
    ),
    _option("--strict", is_flag=True, help="Whatever is not under control is an error."),
    _option(
        "--no-preload",
        is_flag=True,
        help="Do without the preloaded library: locks and allocations are no points.",
    ),
    _option("--json", is_flag=True, help="The summary as one line of JSON."),
    _option("--status-fd", metavar="N", type=click.IntRange(0), help="Write that JSON there too."),
    _option("-q", "--quiet", is_flag=True, help="No summary."),
    _option("-v", "--verbose", is_flag=True, help="A longer summary."),
    _option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto",
        help="Colour in the summary.",
    ),
]  # fmt: skip


def strategies_help() -> str:
    """The strategies and their parameters, for the help's end."""
    lines = ["\b"]  # click is to leave these lines alone
    lines += ["Strategies, as NAME or NAME:K=V,...; where more than one task can run, next is"]
    for strategy in STRATEGIES.values():
        lines.append(f"  {strategy.name:7} {strategy.meaning}")
        lines += [f"            {line}" for line in parameter_lines(strategy)]
    return "\n".join(lines)


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a command's function with all of run's options, in the order of the help."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
