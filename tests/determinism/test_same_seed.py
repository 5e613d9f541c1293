"""The promise itself: a line of work, run again and again, is one trace and one output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FULL, Burners, Simulate

RUNS, LOADED = (60, 20) if FULL else (4, 2)
# What the runs start from: the overlay's line needs nothing of it but an empty directory.
_HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'

_PYTHON = (
    "import time,os,random,uuid,socket; print(time.time(), time.monotonic(), random.random(), "
    'uuid.uuid4(), os.getpid(), hash("x"), socket.gethostname(), id(object()))'
)
_SQL = (
    "create table if not exists t(a); insert into t values(random()); "
    'select *, datetime("now") from t'
)
_BASH = (
    "ls -la /etc | md5sum; for i in 1 2 3; do echo $RANDOM $$ $BASHPID; done | sort | "
    "tee o | wc; date +%s.%N; mktemp -u; sleep 3600; date"
)

LINES = {
    "python": ((), ("python3", "-c", _PYTHON)),
    "sqlite3": (("--fs", "overlay"), ("sqlite3", "t.db", _SQL)),
    "bash": ((), ("bash", "-c", _BASH)),
    "gcc": ((), ("gcc", "-O1", "hello.c", "-o", "hello")),
    "perl": ((), ("perl", "-e", 'print rand, " ", time, "\n"')),
    "hello": ((), ("sh", "-c", "gcc -static -O1 hello.c -o hello && ./hello && date +%N")),
}


@pytest.fixture
def start(tmp_path: Path, fresh: Callable[[Path], None]) -> Callable[[], None]:
    """start(): the same starting files at the same place, copied anew."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "hello.c").write_text(_HELLO)
    return lambda: fresh(source)


@pytest.mark.parametrize("name", LINES)
def test_one_hash_one_output(
    name: str, simulate: Simulate, start: Callable[[], None], burners: Burners
) -> None:
    options, command = LINES[name]

    def run(seed: int) -> tuple[int, str, str, str | None]:
        start()
        return simulate(*command, seed=seed, options=options).identity

    first = run(7)
    assert first[0] == 0, first
    different = [r for _ in range(RUNS - LOADED - 1) if (r := run(7)) != first]
    with burners():
        different += [r for _ in range(LOADED) if (r := run(7)) != first]
    assert not different, f"{len(different)} of {RUNS}: {first} {different[0]}"
    assert run(8)[3] != first[3]


@pytest.mark.parametrize("name", ["perl", "python"])
def test_verify(name: str, simulate: Simulate, start: Callable[[], None]) -> None:
    start()
    done = simulate(*LINES[name][1], options=("--verify",))
    assert done.status == 0, done.err
