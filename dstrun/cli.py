"""The command line: which subcommand, and what becomes of an error.

`run` is the default: a subcommand's name counts only as the first argument, so `dstrun -- show`
runs a program called show. Each subcommand is a module of dstrun.commands and is imported only when
it is the one, because a run of /bin/true must not pay for a trace viewer.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence

import click

from dstrun import __version__
from dstrun.errors import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_USAGE, DstrunError

SUBCOMMANDS = {
    "run": "run CMD as a simulation (the default command)",
    "show": "list a trace's events, like strace",
    "diff": "the first difference of two traces",
    "replay": "run again by a trace, and compare each event",
    "bundle": "a trace with the files that it needs, for another machine",
    "export": "a trace as a picture (Perfetto, a page for a browser) or as JSON",
    "plan": "check a fault plan, show what it means, list the kinds of faults",
    "doctor": "what this machine allows, and what that means",
}

# Names that are kept for what is to come: they must not start to mean something else some day.
RESERVED = ("explore", "shrink")

HELP = """\
usage: dstrun [run] [OPTIONS] [--] CMD [ARG ...]
       dstrun COMMAND ...

Run an unmodified Linux program as a deterministic simulation: virtual time, seeded randomness, one
order of events for each seed, every step in a trace.

commands:
{commands}

"dstrun COMMAND --help" tells more. Exit status: the program's own; 2 usage, 120 runs differed,
121 deadlock, 122 limit, 123 uncontrolled under --strict, 125 dstrun's own error, 126 and 127 CMD
cannot be executed or found, 130 interrupted."""


def run_command_line(args: Sequence[str]) -> int:
    """Runs dstrun with these arguments; the exit status."""
    try:
        return _dispatch(list(args))
    except DstrunError as error:
        if error.messages:
            for message in error.messages:
                click.echo(f"dstrun: {message}", err=True)
            return error.exit_code
        return _fail(str(error), error.exit_code)
    except click.ClickException as error:
        return _fail(_click_message(error), EXIT_USAGE)
    except click.exceptions.Exit as request:
        return request.exit_code
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone (`| head`). What Python still holds back must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("DSTRUN_DEBUG"):
            raise
        text = " ".join(str(error).split()) or "no message"
        return _fail(
            f"internal error: {type(error).__name__}: {text} (DSTRUN_DEBUG=1 shows where)",
            EXIT_ERROR,
        )


def _dispatch(args: list[str]) -> int:
    first = args[0] if args else None
    if first is None:
        raise click.UsageError('no command given (try "dstrun --help")')
    if first in ("--help", "-h"):
        lines = [f"  {name:8} {text}" for name, text in SUBCOMMANDS.items()]
        click.echo(HELP.format(commands="\n".join(lines)))
        return 0
    if first == "--version":
        click.echo(f"dstrun {__version__}")
        return 0
    if first in RESERVED:
        raise click.UsageError(
            f'{first}: not available in this version ("dstrun -- {first}" runs a program so called)'
        )
    name = first if first in SUBCOMMANDS else "run"
    module = importlib.import_module(f"dstrun.commands.{name}")
    command: click.Command = module.command
    # A run has its own handling, and before it there is nothing to put in order.
    if name != "run" and signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    rest = args[1:] if first in SUBCOMMANDS else args
    # Not command.main(): that handles interrupts and broken pipes in its own way.
    with command.make_context(f"dstrun {name}", rest) as context:
        return int(command.invoke(context))


def _click_message(error: click.ClickException) -> str:
    """click's message in our form: one line, what first, no capital, no full stop."""
    message = " ".join(error.format_message().split()).rstrip(".")
    return message[:1].lower() + message[1:]


def _fail(message: str, exit_code: int) -> int:
    line = " ".join(message.splitlines())
    click.echo(f"dstrun: {line}", err=True)
    return exit_code
