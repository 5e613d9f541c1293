"""Real threaded programs: run again and again, loaded or not, each is one trace and one output."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, FULL, PROGRAMS, Burners, Simulate

RUNS, LOADED = (50, 10) if FULL else (4, 1)
_REAL = PROGRAMS / "real"
_MODULES = 6
_MAKEFILE = """\
OBJECTS = main.o {objects}
prog: $(OBJECTS)
\tgcc -o prog $(OBJECTS)
%.o: %.c
\tgcc -c $<
"""

# What a program needs to be built, and how; {out}: the binary.
BUILDS = {
    "routines.go": ("go", "build", "-o", "{out}", "{source}"),
    "threads.rs": ("rustc", "-O", "-o", "{out}", "{source}"),
    "async.cpp": ("g++", "-O1", "-pthread", "-o", "{out}", "{source}"),
    "openmp.c": ("gcc", "-O1", "-fopenmp", "-o", "{out}", "{source}"),
}
PYTHON = ("queues.py", "processes.py", "futures.py")
COMMANDS = {
    "xz": ("xz", "-T4", "--block-size=300000", "-k", "numbers"),
    "zstd": ("zstd", "-q", "-T4", "numbers", "-o", "numbers.zst"),
    "pigz": ("pigz", "-p", "4", "-k", "numbers"),
    "sort": ("sort", "--parallel=4", "-S", "1M", "-R", "numbers", "-o", "sorted"),
    "make": ("make", "-j4"),
    "git": ("git", "-c", "pack.threads=4", "-c", "gc.auto=0", "gc", "-q"),
}

OneHash = Callable[..., None]


def _needs(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: nothing is known about it on this machine")
    return path


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the runs start from: numbers, a small C project, a repository of a few commits."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "numbers").write_text("".join(f"{i}\n" for i in range(200_000)))
    names = [f"f{i}" for i in range(_MODULES)]
    for name in names:
        (folder / f"{name}.c").write_text(f"#include <stdio.h>\nint {name}(void) {{ return 1; }}\n")
    (folder / "main.c").write_text("int f0(void);\nint main(void) { return f0() - 1; }\n")
    (folder / "Makefile").write_text(_MAKEFILE.format(objects=" ".join(f"{n}.o" for n in names)))
    if shutil.which("git"):
        env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "gc.auto=0"]
        for step in (["init", "-q"], ["add", "f0.c"], [*who, "commit", "-qm", "1"],
                     ["add", "."], [*who, "commit", "-qm", "2"]):  # fmt: skip
            subprocess.run(["git", *step], cwd=folder, env=env, check=True)
    return folder


@pytest.fixture
def one_hash(
    simulate: Simulate, fresh: Callable[[Path], None], source: Path, burners: Burners
) -> OneHash:
    """one_hash(*command, options=()): runs it RUNS times from the same files."""

    def judge(*command: str, options: tuple[str, ...] = ()) -> None:
        def run() -> tuple[int, str, str, str | None]:
            fresh(source)
            return simulate(*command, options=options).identity

        first = run()
        assert first[0] == 0, first
        different = [r for _ in range(RUNS - LOADED - 1) if (r := run()) != first]
        with burners():
            different += [r for _ in range(LOADED) if (r := run()) != first]
        assert not different, f"{len(different)} of {RUNS}: {first} {different[0]}"

    return judge


def _built(name: str, folder: Path) -> str:
    compiler, *arguments = BUILDS[name]
    _needs(compiler)
    out = folder / "program"
    words = [a.format(out=out, source=_REAL / name) for a in arguments]
    env = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(folder / "cache")}
    subprocess.run([compiler, *words], env=env, check=True)
    return str(out)


@pytest.mark.parametrize("name", BUILDS)
def test_compiled(name: str, one_hash: OneHash, tmp_path: Path) -> None:
    one_hash(_built(name, tmp_path))


@pytest.mark.parametrize("name", BUILDS)
def test_compiled_at_four_cpus(
    name: str,
    one_hash: OneHash,
    simulate: Simulate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Go's collector and OpenMP's threads spin for each other: that is learned first."""
    monkeypatch.setitem(FIXED_ENV, "XDG_CACHE_HOME", str(tmp_path / "points"))
    program = _built(name, tmp_path)
    options = ("--cpus", "4", "--strategy", "random", "--strict")
    while "that is learned now" in simulate(program, options=options).err:
        pass
    one_hash(program, options=options)


def test_two_hundred_threads(one_hash: OneHash, tmp_path: Path) -> None:
    source, out = PROGRAMS / "threads" / "threads_200.c", tmp_path / "program"
    subprocess.run(["gcc", "-O1", "-w", "-pthread", "-o", out, source], check=True)
    one_hash(str(out))


def test_java(one_hash: OneHash, tmp_path: Path) -> None:
    subprocess.run([_needs("javac"), "-d", tmp_path, _REAL / "Threads.java"], check=True)
    # Not with its file of counters in /tmp, where other JVMs have theirs.
    one_hash(_needs("java"), "-XX:-UsePerfData", "-Xmx64m", "-cp", str(tmp_path), "Threads")


@pytest.mark.parametrize("name", PYTHON)
def test_python(name: str, one_hash: OneHash) -> None:
    one_hash(_needs("python3"), str(_REAL / name))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.alone
def test_hours_of_sleep_take_no_time(simulate: Simulate) -> None:
    """Four threads, an hour each: under a second of CPU, dstrun's own start with it."""
    script = (
        "import threading as t, time; a = [t.Thread(target=time.sleep, args=(3600,)) "
        "for _ in range(4)]; [x.start() for x in a]; [x.join() for x in a]; print(time.monotonic())"
    )
    took_s = []
    for _ in range(3):
        before_s = _cpu_s()
        assert simulate(_needs("python3"), "-c", script).status == 0
        took_s.append(_cpu_s() - before_s)
    assert min(took_s) < 1, took_s


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str, one_hash: OneHash) -> None:
    _needs(COMMANDS[name][0])
    one_hash(*COMMANDS[name])
