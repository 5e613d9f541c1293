"""A run is stopped anywhere, looked at, and gone through in both directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.replay.conftest import Look, dstrun

MARK = "----"


def _answers(out: str) -> list[str]:
    """What each command was answered, in a script that asks for something unknown in between."""
    return re.split(r"^.*no such command.*\n", out, flags=re.MULTILINE)


def _states(look: Look, trace: Path, events: list[int]) -> list[str]:
    """All that is to be seen at each event, in this order."""
    looks = [f"goto {event}\nxx\nevents 3\ntasks\ntime\nfds\nxx" for event in events]
    done = look(trace, "\n".join([*looks, "quit", ""]), "--until", "0")
    assert done.returncode == 0, done.stderr
    return _answers(done.stdout)[1::2]


@pytest.mark.parametrize("program", ["turns", "python_turns"])
def test_back_and_forth_shows_the_same(
    look: Look, program: str, request: pytest.FixtureRequest
) -> None:
    trace = request.getfixturevalue(program)
    events = [70, 75, 40, 70, 75, 40, 76]
    states = dict[int, set[str]]()
    for event, state in zip(events, _states(look, trace, events), strict=True):
        assert f"[  {event:2}]" in state
        assert f"event {event} of" in state
        states.setdefault(event, set()).add(state)
    assert [len(seen) for seen in states.values()] == [1] * len(states), states
    assert len(set.union(*states.values())) == len(states)  # they tell one event from another


def test_output_is_shown_once(look: Look, turns: Path) -> None:
    done = look(turns, "back 20\nuntil turn 2\nrestart\ncontinue\n", "--until", "worker 1 turn 1")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("worker", "counter"))]
    assert len(lines) == 7
    assert len(set(lines)) == 7
    assert lines[-1] == "counter 6"


@pytest.mark.parametrize(
    ("until", "first"),
    [
        ("30", "[  30]"),
        ("write", " write("),
        ("/worker . turn 1/", "turn 1"),
        ("clock_nanosleep(CLOCK", "clock_nanosleep("),
        ("500us", " clock_nanosleep("),
        ("0.0005", " clock_nanosleep("),
    ],
)
def test_until(look: Look, turns: Path, until: str, first: str) -> None:
    done = look(turns, "quit\n", "--until", until)
    assert done.returncode == 0
    assert first in done.stdout.splitlines()[-1]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ("100000", "the trace has no such event"),
        ("1h", "no event is so late"),
        ("no such text", "no event matches"),
        ("/(/", "not a regular expression"),
    ],
)
def test_nothing_to_stop_at(look: Look, turns: Path, until: str, why: str) -> None:
    done = look(turns, "", "--until", until)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_steps(look: Look, turns: Path) -> None:
    commands = "step\n\nstep 3\nback\nb 2\nnext\nprevious\ns 0\nquit\n"
    done = look(turns, commands, "--until", "worker 1 turn 0")
    numbers = [int(found) for found in re.findall(r"^\[ *(\d+)\]", done.stdout, re.MULTILINE)]
    at = numbers[0]
    assert numbers[:6] == [at, at + 1, at + 2, at + 5, at + 4, at + 2]
    assert numbers[6] > at + 2
    assert numbers[7] <= at + 2
    assert numbers[8] == numbers[7]


def test_to_the_end_and_back(look: Look, turns: Path) -> None:
    commands = "continue\ntasks\nstep\nback 3\ntasks\nc\nquit\n"
    done = look(turns, commands, "--until", "write")
    assert done.returncode == 3  # the program's
    assert done.stdout.count("the run is over: exited 3") == 2
    assert "nothing is there any more" in done.stdout
    assert re.search(r'write\(1, "counter 6\\n", 10\) = 10\n\* pid 2 ', done.stdout)
    assert "all as in the trace" in done.stderr


def test_tasks_tell_who_waits_for_whom(look: Look, turns: Path) -> None:
    done = look(turns, "tasks\ntime\nquit\n", "--until", "/worker . turn 0/")
    holder = re.search(r"\* pid 2  thread (\d)  turns  runs, in write", done.stdout)
    assert holder
    assert re.search(rf"waits for a mutex at 0x\w+ that thread {holder[1]} holds", done.stdout)
    assert "thread 2  turns  waits for the end of thread" in done.stdout


def test_words(look: Look, turns: Path) -> None:
    commands = "stap\nstep x\n# a remark\nbac 1\nthreads\nnext 99\nuntil nowhere\nfault\nhelp\n"
    done = look(turns, commands, "--until", "30")
    assert done.returncode == 0
    assert '"stap": no such command (did you mean "step"?)' in done.stdout
    assert '"x": not a number' in done.stdout
    assert "[  29]" in done.stdout
    assert "thread 99 has no event after this one" in done.stdout
    assert '"nowhere": no event after event 29 matches' in done.stdout
    assert "no fault is injected after this event" in done.stdout
    assert "step [N]" in done.stdout
    assert done.stderr == ""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of a shell that is refused one of its writes."""
    folder = tmp_path_factory.mktemp("faulty")
    script = "echo one; echo two; echo three; echo four"
    plan = ("--inject", "write:error=EIO:when=2")
    dstrun("--seed", "1", *plan, "-o", "f.trace", "--", "/bin/sh", "-c", script, cwd=folder)
    return folder / "f.trace"


def test_from_fault_to_fault(look: Look, faulty: Path) -> None:
    commands = "fault\nfault\nuntil exit_group\nrfault\nquit\n"
    done = look(faulty, commands, "--until", "0")
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert ["match 2" in line for line in lines] == [False, True, False, True]
    assert lines[1] == lines[3]
    assert "no fault is injected after this event" in done.stdout


def test_an_edited_run_is_looked_up_in_itself(look: Look, faulty: Path) -> None:
    edits = ("--without", "fault:1")
    done = look(faulty, "time\ncontinue\n", "--until", "/write.*two/", *edits)
    assert done.returncode == 0, done.stderr
    assert 'write(1, "two\\n", 4) = 4\n' in done.stdout
    assert done.stdout.count("two\n") == 1  # as output; what was looked up is not shown
    done = look(faulty, "", "--until", "/write.*= 4/")  # without the edit: the first is "one"
    assert '"one\\n"' in done.stdout


def test_answers_have_lines_of_their_own(
    look: Look, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("words")
    dstrun("-o", "w.trace", "--", "/bin/sh", "-c", "printf one; printf two", cwd=folder)
    done = look(folder / "w.trace", "continue\n", "--until", "write")
    assert re.match(r"one\n\[ *\d+\] .* write\(.*\ntwo\nthe run is over: exited 0", done.stdout)
