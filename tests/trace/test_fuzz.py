"""Damaged traces never crash a command, nor hang it, nor have it take a GiB of memory.

Real traces, in both forms, are changed at random: bits, ranges, sizes, headers, and (with checksums
made right again) what is inside of chunks. Each command then has to end with a listing or with one
clear error. TEST_FULL=1 does so to 10,000 of them.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runs_lib import FULL, ROOT

from dstrun import abi
from dstrun.cli import run_command_line
from dstrun.trace import chunks

SHARDS = 10
MUTATIONS = 1000 if FULL else 25  # of a shard
SECONDS_MAX = 20  # of the processor: others may keep the machine busy
MEMORY_MAX = 1 << 30

SCRIPT = """
(sleep 1; echo a; /bin/ls -l /etc/passwd /none) 2>&1 | while read x y; do echo "$x"; done
python3 -c 'import threading; t = threading.Thread(target=print); t.start(); t.join()' || :
/bin/true & wait
"""
COMMANDS: list[tuple[str, ...]] = [
    ("show",),
    ("show", "--json"),
    ("show", "--stats"),
    ("show", "--info"),
    ("show", "--connections"),
    ("show", "--timeline"),
    ("show", "--wakes"),
    ("show", "--choices"),
    ("show", "--stats", "--by", "process"),
    ("show", "--process", "sh", "--path", "*pass*"),
    ("show", "--tail", "3"),
    ("diff",),
    ("diff", "--ignore", "time,pid"),
    ("diff", "--json"),
    ("diff", "--html", "out.html"),
    ("export", "--to", "json", "-o", "-"),
    ("export", "--to", "perfetto", "-o", "out", "--force"),
    ("export", "--to", "html", "-o", "out", "--force"),
]

Mutate = Callable[[bytearray, random.Random], None]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A real trace at rest, and one as it was recorded."""
    folder = tmp_path_factory.mktemp("seeds")
    packed, recorded = folder / "packed", folder / "recorded"
    recorded.touch()
    os.link(recorded, folder / "link")  # two names: it is not replaced by a packed one
    for path in (packed, recorded):
        command = [sys.executable, "-m", "dstrun", "-q", "--seed", "7", "--force", "-o", path, "--"]
        subprocess.run(
            [*command, "/bin/sh", "-c", SCRIPT], cwd=folder, check=True, timeout=60,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    forms = [abi.TraceHeader.form.get(path.read_bytes()[:64]) for path in (packed, recorded)]
    assert forms == [abi.FORM_CHUNKS, abi.FORM_SEGMENTS]
    return [packed, recorded]


# ---- what is done to a trace ----


def _place(data: bytearray, rng: random.Random) -> int:
    """A place where something is: most of a recorded trace's segments is empty."""
    if len(data) < abi.TRACE_SEGMENT_BYTES or rng.random() < 0.2:
        return rng.randrange(len(data))
    segment = rng.randrange(len(data) // abi.TRACE_SEGMENT_BYTES) * abi.TRACE_SEGMENT_BYTES
    if rng.random() < 0.3:  # its records
        return segment + abi.TRACE_SEGMENT_BYTES - 1 - rng.randrange(20_000)
    return segment + rng.randrange(20_000)


def _bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 3, 20))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.choice((_place(data, rng), rng.randrange(200))) :]


def _zeros(data: bytearray, rng: random.Random) -> None:
    start = _place(data, rng)
    size = min(rng.choice((8, 64, 4096, 1 << 20)), len(data) - start)
    data[start : start + size] = bytes(size)


def _splice(data: bytearray, rng: random.Random) -> None:
    """A piece from elsewhere, in the place of another or between."""
    size = rng.choice((1, 8, 40, 64, 1000))
    source, target = _place(data, rng), _place(data, rng)
    replaced = rng.choice((0, size))
    data[target : target + replaced] = data[source : source + size]


def _number(data: bytearray, rng: random.Random) -> None:
    """A number in a header or a record: the likes of which are boundaries."""
    start = rng.choice((0, 0, 16, abi.TRACE_SEGMENT_BYTES, _place(data, rng)))
    value = rng.choice((0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 1 << 20, rng.getrandbits(32)))
    at = start + rng.randrange(0, 64, 4)
    if at + 4 <= len(data):
        struct.pack_into("<I", data, at, value)


def _inside(data: bytearray, rng: random.Random) -> None:
    """What is inside a chunk, or what its header says; the checksums are right."""
    found = list(chunks.walk(data, 0, len(data)))
    if not found:
        return _bits(data, rng)
    chunk = rng.choice(found)
    content = bytearray(chunks.unpack(data, chunk))
    number, part = chunk.number, chunk.part
    if rng.random() < 0.3:
        number, part = rng.choice(((1 << 40, part), (number, 1 << 20), (number + 1, part), (0, 1)))
    if content:
        rng.choice((_bits, _bits, _cut, _zeros, _splice))(content, rng)
    stop = chunk.start + chunk.stored
    start = chunk.start - chunks.HEADER_BYTES
    data[start:stop] = chunks.pack(chunk.kind, bytes(content), number, part)
    return None


MUTATIONS_OF: list[Mutate] = [_bits, _bits, _cut, _zeros, _splice, _number, _inside, _inside]


# ---- what must not happen ----


@contextmanager
def _limits() -> Iterator[None]:
    """No more than a GiB of memory on top of what is there."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + MEMORY_MAX
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    signal.signal(signal.SIGPROF, _hangs)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _hangs(_number: int, _frame: object) -> None:
    raise AssertionError(f"takes more than {SECONDS_MAX} s")


def _run(path: Path, command: tuple[str, ...], other: Path) -> None:
    name, *options = command
    args = [name, str(path), *([str(other)] if name == "diff" else []), *options]
    signal.setitimer(signal.ITIMER_PROF, SECONDS_MAX)
    status = run_command_line(args)
    assert status in (0, 1, 2), (args, status)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_traces(
    seeds: list[Path], tmp_path: Path, shard: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DSTRUN_DEBUG", "1")  # what escapes is raised
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fuzzed"
    with _limits():
        for index in range(MUTATIONS):
            rng = random.Random(f"{shard}.{index}")
            seed = rng.choice(seeds)
            data = bytearray(seed.read_bytes())
            for _ in range(rng.choice((1, 1, 2))):
                if data:
                    rng.choice(MUTATIONS_OF)(data, rng)
            path.write_bytes(data)
            for command in rng.sample(COMMANDS, 2 - FULL):
                try:
                    _run(path, command, seed)
                except BaseException as error:
                    raise AssertionError(f"mutation {shard}.{index}, {command}") from error
                told = capsys.readouterr().err
                assert all(line.startswith("dstrun: ") for line in told.splitlines()), told
