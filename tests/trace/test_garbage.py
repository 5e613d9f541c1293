"""Traces whose events say anything at all: every view of them is an answer or one clear error."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from tracefile import TraceWriter, args_field, field_bytes

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.commands import diff, show
from dstrun.errors import DstrunError

KINDS = [*abi.EVENT_KIND_NAMES, 0, 99]
NUMBERS = [*SYSCALLS, 600, 0xFFFF]
VIEWS = [
    [], ["--wakes"], ["--timeline"], ["--timeline=events"], ["--connections"], ["--path", "*"],
    ["--follow", "fd:2:3"], ["--connection", "1"], ["--stats", "--by", "process"], ["--json"],
    ["--process", "2", "--tree"], ["--around", "7"],
]  # fmt: skip
COMPARED = [[], ["--json"], ["--all"], ["--ignore", "order,wait"], ["--ignore", "data,fd"]]


def _side_data(rng: random.Random) -> bytes:
    """Fields of any kind with anything in them; sometimes broken as a whole."""
    data = args_field(*(rng.choice([0, 3, 2**64 - 100, rng.getrandbits(64)]) for _ in range(6)))
    for _ in range(rng.randrange(4)):
        kind = rng.choice(
            [abi.FIELD_STRING, abi.FIELD_STRUCT, abi.FIELD_STRINGS, abi.FIELD_CONTROL]
        )
        payload = rng.choice([b"", b"/a/b", rng.randbytes(rng.randrange(160))])
        data += field_bytes(kind, rng.randrange(6), payload)
    if rng.random() < 0.2:
        data += field_bytes(
            abi.FIELD_FAULT, 0, rng.randbytes(rng.choice([3, abi.FaultRecord.SIZE]))
        )
    return rng.randbytes(30) if rng.random() < 0.1 else data


def _write(rng: random.Random, path: Path) -> Path:
    writer = TraceWriter(meta={"cwd": 7, "plan": [3], "call_cost_ns": 1})
    for _ in range(rng.randrange(1, 80)):
        pid = rng.randrange(2, 6)
        writer.add(
            kind=rng.choice([abi.EVENT_SYSCALL, rng.choice(KINDS)]),
            nr=rng.choice(NUMBERS),
            result=rng.choice([0, 3, 4, -2, -11, rng.randrange(-5000, 5000), 1 << 40]),
            pid=pid,
            tid=rng.choice([pid, rng.randrange(2, 9)]),
            data=_side_data(rng),
            identity=rng.getrandbits(64),
            flags=rng.randrange(16),
        )
    return writer.write(path)


@pytest.mark.parametrize("seed", range(12))
def test_every_view_of_garbage(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(4):
        a, b = _write(rng, tmp_path / "a"), _write(rng, tmp_path / "b")
        calls = [(show.command, [str(a), *view]) for view in VIEWS]
        calls += [(diff.command, [str(a), str(b), *view]) for view in COMPARED]
        calls.append((diff.command, [str(b), str(a), "--html", str(tmp_path / "page.html"), "-q"]))
        for command, args in calls:
            try:
                CliRunner().invoke(command, args, catch_exceptions=False, standalone_mode=False)
            except DstrunError as error:
                assert str(error)
