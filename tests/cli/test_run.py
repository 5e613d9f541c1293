"""run's command line: what it means, what it refuses, what it exits with."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Dstrun, one_line
from tracefile import TraceWriter

from dstrun.seed import make_seed


def spec(dstrun: Dstrun, *args: str, **more: Any) -> dict[str, Any]:
    """The RunSpec that a command line gives."""
    result = dstrun(*args, "sh", "spec", **more)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        ([], 2, "no command given"),
        (["run"], 2, "no command given"),
        (["--seed", "7"], 2, "no command given"),
        (["--seed", "7", "--"], 2, "no command given"),
        (["--bogus", "sh"], 2, "no such option"),
        (["--seed"], 2, "requires an argument"),
        (["--seed", "q", "sh"], 2, "not a seed"),
        (["--seed", "git:none", "sh"], 2, "no such revision"),
        (["--sched-seed", "q", "sh"], 2, "not a seed"),
        (["--cpus", "65", "sh"], 2, "a number of CPUs from 1 to 64"),
        (["--cpus", "x", "sh"], 2, "a number of CPUs from 1 to 64"),
        (["--strategy", "surw", "sh"], 2, "not available in this version"),
        (["--strategy", "x", "sh"], 2, 'unknown strategy "x" (use fifo, random, '),
        (["--strategy", "pcr", "sh"], 2, 'unknown strategy "pcr" (did you mean "pct"?)'),
        (["--strategy", "pct:d=0", "sh"], 2, "pct: d=0: out of range (1 to 64)"),
        (["--strategy", "pct:depth=3", "sh"], 2, 'pct has no parameter "depth" (use d, k or '),
        (["--plan", "f.toml", "sh"], 2, "plan f.toml: cannot be read: No such file or directory"),
        (["--inject", "read:error=EOI", "sh"], 2, 'error: unknown errno "EOI"'),
        (["-e", "trace=read", "sh"], 2, "-e 'trace=read': \"trace\" is not known here"),
        (["--fault", "x", "sh"], 2, "--fault 'x': unknown field \"x\""),
        (["--epoch", "soon", "sh"], 2, "--epoch: time"),
        (["--call-cost", "0", "sh"], 2, "--call-cost: duration"),
        (["--clock-cost", "2h", "sh"], 2, "--clock-cost: duration"),
        (["--cost-jitter", "101%", "sh"], 2, "--cost-jitter: "),
        (["--max-time", "x", "sh"], 2, "--max-time: duration"),
        (["--max-events", "0", "sh"], 2, "--max-events"),
        (["--verify=1", "sh"], 2, "--verify"),
        (["--net", "x", "sh"], 2, "--net"),
        (["--hostname", "", "sh"], 2, "--hostname"),
        (["--keep", "d", "sh"], 2, "--fs overlay"),
        (["--fs", "overlay", "--overlay", "none", "sh"], 2, "no such directory"),
        (["--trace", "/proc/none/x", "sh"], 2, "cannot be written"),
        (["--trace", "x", "--no-trace", "sh"], 2, "give one of them"),
        (["--status-fd", "99", "sh"], 2, "is not open"),
        (["explore", "x"], 2, "not available in this version"),
        (["no-such-command"], 127, "not found"),
        (["/no/such"], 127, "no such file"),
        (["/etc"], 126, "is a directory"),
        (["/etc/passwd"], 126, "not executable"),
        (["--", "show"], 127, "show: command not found"),
        (["sh", "raise", "CommandNotExecutable"], 126, "32-bit"),
        (["sh", "raise", "ValueError"], 125, "internal error: ValueError: something odd"),
        (["sh", "raise", "KeyboardInterrupt"], 130, "interrupted"),
    ],
)
def test_errors_are_one_line(dstrun: Dstrun, args: list[str], status: int, message: str) -> None:
    result = dstrun(*args)
    assert message in one_line(result.stderr)
    assert result.returncode == status
    assert result.stdout == ""


def test_debug_shows_the_traceback(dstrun: Dstrun) -> None:
    result = dstrun("sh", "raise", "ValueError", env={"DSTRUN_DEBUG": "1"})
    assert "Traceback" in result.stderr


def test_options_after_the_command_are_its_own(dstrun: Dstrun) -> None:
    found = dstrun("--seed", "7", "sh", "spec", "--seed", "8", "--verify", "--", "-q")
    assert json.loads(found.stdout)["argv"][1:] == ["spec", "--seed", "8", "--verify", "--", "-q"]
    assert json.loads(found.stdout)["seed"] == "7"
    again = dstrun("run", "--seed", "7", "--", "sh", "spec")
    assert json.loads(again.stdout)["argv"] == ["sh", "spec"]


def test_every_option_arrives(dstrun: Dstrun, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    found = spec(
        dstrun, "--seed", "0x7", "--fault-seed", "9", "--epoch", "2026-01-01", "--hostname", "h",
        "--env", "A=b c", "--clean-env", "--net", "host", "--fs", "overlay", "--overlay", "data",
        "--max-time", "1h", "--max-events", "5", "--wall-limit", "500ms", "--strict",
        "--no-preload", "-o", "x/my.trace", "-q",
    )  # fmt: skip
    assert found["seed"] == "7"
    assert found["fault"] == make_seed("9").fault
    assert found["epoch_ns"] == 1767225600 * 10**9
    assert (found["hostname"], found["net"], found["fs"]) == ("h", "host", "overlay")
    assert found["env"]["A"] == "b c"
    assert found["env"]["TERM"] == "dumb"
    assert found["overlay_dirs"] == [str(tmp_path / "data")]
    assert (found["max_virtual_ns"], found["max_events"]) == (3600 * 10**9, 5)
    assert found["wall_limit_s"] == 0.5
    assert (found["strict"], found["preload"]) == (True, False)
    assert found["trace"] == "x/my.trace"


def test_defaults(dstrun: Dstrun, tmp_path: Path) -> None:
    found = spec(dstrun)
    assert (found["net"], found["fs"], found["hostname"]) == ("isolated", "host", "dstrun")
    assert found["cwd"] == str(tmp_path)
    assert found["trace"] == f".dstrun/sh-{found['seed']}.trace"
    assert found["program"].endswith("/sh")
    assert spec(dstrun)["seed"] != found["seed"]
    assert spec(dstrun, "--no-trace")["trace"] == "None"


def test_precedence(dstrun: Dstrun, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dstrun]\nseed = 1\nhostname = "project"\n')
    assert spec(dstrun)["seed"] == "1"
    (tmp_path / "dstrun.toml").write_text('seed = 2\nstrict = true\nenv = ["A=1", "B=2"]\n')
    found = spec(dstrun)
    assert (found["seed"], found["hostname"], found["strict"]) == ("2", "dstrun", True)
    assert (found["env"]["A"], found["env"]["B"]) == ("1", "2")
    env = {"DSTRUN_SEED": "3", "DSTRUN_MAX_EVENTS": "9"}
    found = spec(dstrun, env=env)
    assert (found["seed"], found["max_events"]) == ("3", 9)
    assert "DSTRUN_SEED" not in found["env"]
    assert spec(dstrun, "--seed", "4", env=env)["seed"] == "4"


def test_bad_configuration(dstrun: Dstrun, tmp_path: Path) -> None:
    (tmp_path / "dstrun.toml").write_text("sede = 2\n")
    result = dstrun("sh")
    assert result.returncode == 2
    assert 'did you mean "seed"' in one_line(result.stderr)


def test_exit_status_is_the_programs(dstrun: Dstrun) -> None:
    assert dstrun("sh", "exit", "0").returncode == 0
    assert dstrun("sh", "exit", "77").returncode == 77


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_dies_of_the_programs_signal(dstrun: Dstrun, number: int, tmp_path: Path) -> None:
    result = dstrun("sh", "kill", str(int(number)))
    assert result.returncode == -number
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("core*"))


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("deadlock", 121),
        ("limit", 122),
        ("uncontrolled", 123),
        ("error", 125),
        ("interrupted", 130),
    ],
)
def test_own_exit_statuses(dstrun: Dstrun, outcome: str, status: int) -> None:
    result = dstrun("-q", "sh", "end", outcome)
    assert result.returncode == status
    assert "because" in result.stderr


def test_summary_comes_on_stderr_and_can_be_silenced(dstrun: Dstrun) -> None:
    result = dstrun("--seed", "7", "sh")
    assert result.stdout == ""
    assert result.stderr.startswith("dstrun: seed 7: exited 0; 5 events, 1.000 s virtual")
    assert "reproduce" not in result.stderr
    assert dstrun("-q", "sh", "exit", "3").stderr == ""


def test_reproduce_line_gives_the_same_run(dstrun: Dstrun) -> None:
    first = dstrun(
        "--seed", "0x20", "--env", "A='b c'", "--epoch", "1.5", "--strict",
        "--max-time", "1h", "--call-cost", "2us", "--clock-cost", "0.000000007",
        "--cost-jitter", "2.5%", "--no-trace", "--json", "sh", "exit", "3",
    )  # fmt: skip
    words = shlex.split(json.loads(first.stderr)["reproduce"])
    assert words[0] == "dstrun"
    place = words.index("exit")
    found = dstrun(*words[1:place], "spec")
    fields = json.loads(found.stdout)
    assert (fields["seed"], fields["epoch_ns"], fields["strict"]) == ("32", 1_500_000_000, True)
    assert (fields["env"]["A"], fields["max_virtual_ns"]) == ("'b c'", 3600 * 10**9)
    costs = (fields["call_cost_ns"], fields["clock_cost_ns"], fields["cost_jitter_ppm"])
    assert costs == (2000, 7, 25_000)


def test_json_is_one_line_also_for_errors(dstrun: Dstrun) -> None:
    result = dstrun("--json", "--seed", "7", "no-such-command")
    assert result.returncode == 127
    fields = json.loads(result.stderr)
    assert (fields["outcome"], fields["origin"], fields["exit_code"]) == ("error", "dstrun", 127)


def test_status_fd(dstrun: Dstrun) -> None:
    read_end, write_end = os.pipe()
    result = dstrun("--status-fd", str(write_end), "--seed", "7", "sh", fds=(write_end,))
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        assert json.loads(pipe.read())["seed"] == "7"
    assert result.stderr.startswith("dstrun: seed 7")


def test_color(dstrun: Dstrun) -> None:
    assert "\x1b[" in dstrun("--color", "always", "sh").stderr
    assert "\x1b[" not in dstrun("--color", "never", "sh").stderr
    assert "\x1b[" not in dstrun("sh").stderr


def test_named_trace_of_another_run_is_kept(dstrun: Dstrun, tmp_path: Path) -> None:
    path = tmp_path / "my.trace"
    path.write_text("notes")
    result = dstrun("-o", "my.trace", "sh")
    assert result.returncode == 2
    assert "not a trace" in one_line(result.stderr)
    assert path.read_text() == "notes"
    meta = spec(dstrun, "--seed", "7", "-o", "my.trace", "--force")
    assert not path.exists()  # this launcher records nothing
    TraceWriter(meta=meta).write(path)
    assert spec(dstrun, "--seed", "7", "-o", "my.trace")["seed"] == "7"
    TraceWriter(meta=meta).write(path)
    result = dstrun("--seed", "8", "-o", "my.trace", "sh", "spec")
    assert "another run" in one_line(result.stderr)


def test_no_empty_trace_is_left(dstrun: Dstrun, tmp_path: Path) -> None:
    dstrun("sh", "raise", "CommandNotExecutable")
    assert list(tmp_path.rglob("*.trace")) == []


def test_help_and_version(dstrun: Dstrun) -> None:
    for args in (["--help"], ["-h"], ["run", "--help"], ["show", "-h"], ["doctor", "--help"]):
        result = dstrun(*args)
        assert result.returncode == 0
        assert "sage:" in result.stdout
    assert dstrun("--version").stdout.startswith("dstrun 0.")
