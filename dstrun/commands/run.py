"""`dstrun run`: from a command line to a RunSpec, and from a RunResult to an exit status.

The program's exit status is dstrun's own, and where a signal killed it dstrun dies of the same one:
a script cannot tell whether dstrun stands before a command or not.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dstrun.commands.options import (
    FAULT_OPTIONS,
    REPORTING,
    RunCommand,
    fault_sources,
    run_options,
    strategies_help,
)
from dstrun.environment import (
    blocked_signals,
    ignored_signals,
    program_environment,
    resolve_program,
)
from dstrun.errors import BadUsage, DstrunError
from dstrun.points import load_points
from dstrun.quantities import NS_PER_S, PPM_PER_PERCENT
from dstrun.report.summary import exit_code, json_line, outcome_text, succeeded, summary_lines
from dstrun.seed import Seed, make_seed
from dstrun.spec import TRACE_DIR, RunResult, RunSpec
from dstrun.tracepath import make_room

if TYPE_CHECKING:
    from dstrun.plan.model import Plan


@click.command(
    cls=RunCommand,
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    epilog=strategies_help(),
)
@run_options
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, /, argv: tuple[str, ...], **options: Any) -> int:
    """Run CMD as a simulation. Options after CMD belong to CMD."""
    if not argv:
        raise BadUsage('no command given (try "dstrun run --help")')
    seed = make_seed(
        options["seed"], options["entropy_seed"], options["sched_seed"], options["fault_seed"]
    )
    report = Report(options, seed.text, _reproduce_line(ctx, seed, argv))
    try:
        spec = make_spec(argv, seed, options, fault_sources(ctx))
        # Left ignored, it would have the kernel reap our children before we can wait for them.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        result = _execute(spec, options["verify"])
    except DstrunError as error:
        if report.failed(error):
            return error.exit_code
        raise
    return report.finished(result)


def make_spec(
    argv: tuple[str, ...], seed: Seed, options: dict[str, Any], faults: list[tuple[str, str]]
) -> RunSpec:
    """The run that the options describe; `faults`: those of the plan, in their order."""
    env = program_environment(os.environ, options["env"], options["clean_env"])
    program = resolve_program(argv[0], env.get("PATH"))
    wall_limit_ns = options["wall_limit"]
    if options["fs"] != "overlay" and not options["verify"]:
        if options["keep"]:
            raise BadUsage("--keep: there is nothing to keep without --fs overlay")
        if options["overlay"]:
            raise BadUsage("--overlay: has no meaning without --fs overlay")
    spec = RunSpec(
        argv=argv,
        program=program,
        env=env,
        cwd=_working_directory(),
        seed=seed,
        ignored_signals=ignored_signals(),
        blocked_signals=blocked_signals(),
        epoch_ns=options["epoch"],
        cpus=options["cpus"],
        hostname=options["hostname"],
        net=options["net"],
        fs=options["fs"],
        overlay_dirs=tuple(str(_existing_dir(path)) for path in options["overlay"]),
        keep=_new_dir(options["keep"]) if options["keep"] else None,
        strict=options["strict"],
        preload=not options["no_preload"],
        strategy=options["strategy"],
        plan=_fault_plan(faults, seed, options["hostname"]),
        points=load_points(),
        call_cost_ns=options["call_cost"],
        clock_cost_ns=options["clock_cost"],
        cost_jitter_ppm=options["cost_jitter"],
        max_virtual_ns=options["max_time"],
        max_events=options["max_events"],
        wall_limit_s=wall_limit_ns / NS_PER_S if wall_limit_ns else None,
    )
    return replace(_with_trace(spec, options), prepared_ns=time.time_ns())


def _fault_plan(faults: list[tuple[str, str]], seed: Seed, hostname: str) -> Plan | None:
    if not faults:
        return None
    from dstrun.plan.load import load_plan

    return load_plan(faults, seed.fault, hostname)


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        raise BadUsage("the working directory does not exist any more (cd elsewhere)") from None


def _existing_dir(path: str) -> Path:
    if not Path(path).is_dir():
        raise BadUsage(f"--overlay {path}: no such directory")
    return Path(path).resolve()


def _new_dir(path: str) -> Path:
    """--keep's directory: old files in it would be taken for the run's."""
    if os.path.lexists(path) and not (Path(path).is_dir() and not any(Path(path).iterdir())):
        raise BadUsage(f"--keep {path}: is not an empty directory (give a new one)")
    return Path(path).absolute()


def _with_trace(spec: RunSpec, options: dict[str, Any]) -> RunSpec:
    """The spec with the place of its trace, which can be written."""
    if options["no_trace"]:
        if options["trace"]:
            raise BadUsage("--trace and --no-trace: give one of them")
        return spec
    if options["trace"]:
        path = Path(options["trace"])
        if not options["force"]:
            refuse_to_overwrite(path, spec, "--force")
    else:
        path = Path(TRACE_DIR, f"{Path(spec.argv[0]).name}-{spec.seed.text}.trace")
    try:
        make_room(path)
    except OSError as error:
        raise BadUsage(
            f"trace {path}: cannot be written: {error.strerror} (use -o FILE or --no-trace)"
        ) from None
    return replace(spec, trace=path)


def refuse_to_overwrite(path: Path, spec: RunSpec, way_out: str) -> None:
    """A file given by name is overwritten only by the run that it is the trace of; `way_out`: the
    option that allows it."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return
    from dstrun.errors import TraceError
    from dstrun.trace.reader import Trace

    try:
        with Trace(path) as trace:
            meta = trace.meta
    except TraceError:
        raise BadUsage(f"trace {path}: exists and is not a trace (use {way_out})") from None
    if any(
        meta.get(key) != value for key, value in spec.meta().items() if key not in ("env", "points")
    ):
        raise BadUsage(f"trace {path}: is the trace of another run (use {way_out})")


def _execute(spec: RunSpec, verify: int | None) -> RunResult:
    """Runs once, or with --verify as often as asked."""
    from dstrun.launch.supervise import run

    try:
        if not verify:
            return run(spec)
        from dstrun.verify import verify_runs

        return verify_runs(spec, verify, run)
    finally:
        # Where no run came about nothing was recorded.
        if spec.trace and spec.trace.exists() and spec.trace.stat().st_size == 0:
            spec.trace.unlink()


def _reproduce_line(ctx: click.Context, seed: Seed, argv: tuple[str, ...]) -> str:
    """The command line that gives this run again, quoted for a shell."""
    words = ["dstrun", "--seed", seed.text]
    given = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    for param in ctx.command.params:
        name = str(param.name)
        if name in ("seed", "argv", *REPORTING, *FAULT_OPTIONS) or not param.expose_value:
            continue
        if ctx.get_parameter_source(name) in given:
            words += _option_words(ctx, param)
    names = {str(param.name): max(param.opts, key=len) for param in ctx.command.params}
    for name, value in fault_sources(ctx):
        words += [names[name], value]
    return shlex.join([*words, "--", *argv])


def _option_words(ctx: click.Context, param: click.Parameter) -> list[str]:
    """An option as it was given. Its value may have been converted: seeds and times stay exact."""
    name = max(param.opts, key=len)
    value = ctx.params[str(param.name)]
    if value is True:
        return [name]
    if name == "--cost-jitter":
        return [name, f"{value / PPM_PER_PERCENT:.4f}%"]
    if not value:
        return []
    if param.multiple:
        return [word for item in value for word in (name, item)]
    if name == "--epoch":
        return [name, f"{value // NS_PER_S}.{value % NS_PER_S:09d}"]
    if name in ("--max-time", "--wall-limit", "--call-cost", "--clock-cost"):
        return [name, f"{value}ns"]
    return [f"{name}={value}"] if name == "--verify" else [name, str(value)]


class Report:
    """Where and how a run's outcome is told."""

    def __init__(self, options: dict[str, Any], seed: str, reproduce: str) -> None:
        self.seed = seed
        self.reproduce = reproduce
        self.json: bool = options["json"]
        self.quiet: bool = options["quiet"]
        self.verbose: bool = options["verbose"]
        self.status_fd: int | None = options["status_fd"]
        self.color = _wants_color(options["color"])
        if self.status_fd is not None:
            try:
                os.set_inheritable(self.status_fd, False)  # it is ours, not the program's
            except OSError:
                raise BadUsage(f"--status-fd {self.status_fd}: is not open") from None

    def finished(self, result: RunResult) -> int:
        """The summary, last; the exit status. Where a signal killed the program it kills us too."""
        self._status(result)
        if self.json:
            _print_error(json_line(result, self.seed, self.reproduce))
        elif not self.quiet or result.origin == "dstrun":
            lines = summary_lines(result, self.seed, self.reproduce, self.verbose)
            if self.color:
                text = outcome_text(result)
                colored = click.style(text, fg="green" if succeeded(result) else "red", bold=True)
                lines[0] = lines[0].replace(text, colored, 1)
            _print_error("\n".join(f"dstrun: {line}" for line in lines))
        if result.outcome == "killed" and result.signal:
            _die_of(result.signal)
        return exit_code(result)

    def left(self, result: RunResult) -> int:
        """A user has looked into a run and left it: nothing to complain of."""
        self._status(result)
        if self.json:
            _print_error(json_line(result, self.seed, self.reproduce))
        return 0

    def warn(self, text: str) -> None:
        """Something to know beforehand."""
        if not self.quiet and not self.json:
            _print_error(f"dstrun: {text}")

    def failed(self, error: DstrunError) -> bool:
        """The run did not come about; whether the message has been printed."""
        result = RunResult("error", "dstrun", exit_code=error.exit_code, message=str(error))
        self._status(result)
        if self.json:
            _print_error(json_line(result, self.seed, self.reproduce))
        return self.json

    def _status(self, result: RunResult) -> None:
        if self.status_fd is not None:
            line = json_line(result, self.seed, self.reproduce) + "\n"
            try:
                os.write(self.status_fd, line.encode())
            except OSError as error:
                raise BadUsage(f"--status-fd {self.status_fd}: {error.strerror}") from None


def _wants_color(choice: str) -> bool:
    if choice == "auto":
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return choice == "always"


def _print_error(text: str) -> None:
    """To stderr; that nobody reads it any more does not change the run's outcome."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        pass


def _die_of(number: int) -> None:
    """Ends as the program did, without a core file of our own."""
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    sys.stdout.flush()
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
