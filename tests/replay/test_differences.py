"""Something is changed on purpose: the replay stops at the very event where that first shows.

Which event that is, is found without replay: the changed thing is recorded anew under the same
seed, and the two traces are compared. Of an edited trace it is the event that was edited.
TEST_FULL=1: 50 differences and more.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from replay_lib import PYTHON, THREADS, record, replay
from runs_lib import FIXED_ENV, FULL, ROOT

from dstrun.trace.diff import first_difference
from dstrun.trace.reader import Trace

BYTES = 40_000
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int shared(int n);
int main(int argc, char **argv)
{
    char buffer[64];
    FILE *file = fopen("data", "r");
    for (int i = 0; i < 10; i++) {
        int n = fread(buffer, 1, sizeof buffer, file);
        printf("%d %d %s\\n", n, shared(i), getenv("WORD"));
        fflush(stdout);
        if (i == PLACE) CHANGE;
    }
    return 0;
}
"""
SHARED = "int shared(int n) { return n * FACTOR; }"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    (path / "data").write_bytes(bytes(i * 7 % 251 for i in range(BYTES)))
    return path


def stopped_at(work: Path, trace: Path, cause: str = "no cause is known") -> int:
    result = replay(work, trace, "-q")
    assert result.code == 120 and result.status["outcome"] == "diverged", result.err
    assert any(line.startswith(cause) for line in result.status["notes"]), result.notes
    return int(result.status["message"].split()[1])


def judge(
    work: Path, change: Callable[[], None], *command: str, options: tuple[str, ...] = ()
) -> None:
    """Records, changes, replays, and records what is changed."""
    _recorded, trace = record(work, *command, options=options)
    trace.rename(work.parent / "first.trace")
    first = work.parent / "first.trace"
    assert "all as in the trace" in replay(work, first, "-q").notes  # nothing is changed so far
    change()
    stopped = stopped_at(work, first, "likely cause: ")
    _again, second = record(work, *command, options=options)
    with Trace(first) as one, Trace(second) as other:
        assert stopped == first_difference(one, other)


@pytest.mark.parametrize("place", range(0, BYTES, 2500) if FULL else (0, 39_999))
def test_a_byte_of_an_input_file(work: Path, place: int) -> None:
    def change() -> None:
        data = bytearray((work / "data").read_bytes())
        data[place] ^= 1
        (work / "data").write_bytes(data)

    judge(work, change, "dd", "if=data", "of=/dev/null", "bs=1000")


def build(work: Path, place: int = -1, change: str = "", factor: int = 2) -> None:
    (work / "shared.c").write_text(SHARED)
    (work / "main.c").write_text(PROGRAM)
    for words in (
        ["-shared", "-fPIC", f"-DFACTOR={factor}", "-o", "libshared.so", "shared.c"],
        [f"-DPLACE={place}", f"-DCHANGE={change}", "-o", "main", "main.c", "./libshared.so"],
    ):
        subprocess.run(["gcc", *words], cwd=work, check=True)


@pytest.mark.parametrize(
    ("place", "what"),
    [(n, w) for n in (0, 4, 9) for w in ("getpid()", "exit(3)", 'puts("x")', "abort()")]
    if FULL else [(4, "getppid()")],
)  # fmt: skip
def test_another_binary(work: Path, place: int, what: str) -> None:
    build(work)
    judge(work, lambda: build(work, place, what), "./main", options=("--env", "WORD=one"))


@pytest.mark.parametrize("factor", (3, 5, 7, 10) if FULL else (3,))
def test_another_library(work: Path, factor: int) -> None:
    build(work)
    judge(work, lambda: build(work, factor=factor), "./main", options=("--env", "WORD=one"))


RAW = """
import sys
from dataclasses import replace
from pathlib import Path
from dstrun.launch.supervise import run
from dstrun.replay import follow, own_trace, spec_of
from dstrun.startstate import start_state
from dstrun.trace.reader import Trace
with Trace(sys.argv[1]) as trace, own_trace() as own:
    run(replace(start_state(trace, spec_of(trace)), trace=own, replay=follow(trace)))
    Path(sys.argv[2]).write_bytes(own.read_bytes())
"""


def as_recorded(trace: Path) -> bytearray:
    """A trace that was not packed: what it says can be changed in place, as no checksum tells."""
    raw = trace.with_name("raw.trace")
    subprocess.run(
        [sys.executable, "-c", RAW, str(trace), str(raw)], input=b"", capture_output=True,
        env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, timeout=60, check=True,
    )  # fmt: skip
    return bytearray(raw.read_bytes())


@pytest.mark.parametrize("word", ("two", "ONE", "onE", "   ") if FULL else ("two",))
def test_a_changed_environment(work: Path, word: str) -> None:
    """The trace's own: a replay takes nothing of its surroundings."""
    build(work)
    _recorded, trace = record(work, "./main", options=("--env", "WORD=one"))
    data = as_recorded(trace)
    assert data.count(b'"WORD": "one"') == 1
    trace.write_bytes(data.replace(b'"WORD": "one"', f'"WORD": "{word}"'.encode()))
    with Trace(trace) as opened:
        wrote = [n for n, event in enumerate(opened.read()) if (event.kind, event.nr) == (1, 1)]
    assert stopped_at(work, trace) == wrote[0]
    again = replay(work, trace, "-q")  # what surrounds it is not asked
    assert again.code == 120


@pytest.mark.parametrize("place", [n / 20 for n in range(20)] if FULL else [0, 0.6])
def test_an_edited_event(work: Path, place: float) -> None:
    (work / "threads.py").write_text(THREADS)
    _recorded, trace = record(work, PYTHON, "threads.py", options=("--strategy", "random"))
    data = as_recorded(trace)
    with Trace(trace) as opened:
        number = int(opened.events * place)
        wanted = opened.event(number).identity
        before = sum(event.identity == wanted for event in opened.read(0, number))
    where = len(data)  # records lie from a segment's end downwards
    for _ in range(before + 1):  # the same call with the same result may come again
        where = data.rindex(struct.pack("<Q", wanted), 0, where)
    data[where] ^= 1
    trace.write_bytes(data)
    assert stopped_at(work, trace) == number
