"""Descriptors, sockets, polling: programs that check themselves, native and simulated alike."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from runs_lib import PROGRAMS, Native, Simulate

_FOLDER = PROGRAMS / "net"
_NAMES = sorted(p.stem for p in _FOLDER.glob("*.c"))
_FLAGS = ("-D_GNU_SOURCE", "-O1", "-g", "-w", "-pthread")

Build = Callable[[str], str]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """build(name): tests/programs/net/<name>.c, compiled."""
    folder = tmp_path_factory.mktemp("bin")

    def compiled(name: str) -> str:
        binary = folder / name
        if not binary.exists():
            command = ["gcc", *_FLAGS, "-o", str(binary), str(_FOLDER / f"{name}.c"), "-lrt"]
            subprocess.run(command, check=True)
        return str(binary)

    return compiled


@pytest.mark.parametrize("name", _NAMES)
def test_agrees_with_native(name: str, build: Build, native: Native, simulate: Simulate) -> None:
    binary = build(name)
    alone = native(binary)
    assert (alone.status, alone.out) == (0, "ok\n"), "the test itself is wrong"
    first, second = simulate(binary), simulate(binary)
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("name", _NAMES)
def test_holds_under_another_schedule(name: str, build: Build, simulate: Simulate) -> None:
    options = ("--strategy", "random")
    first, second = (simulate(build(name), seed=11, options=options) for _ in range(2))
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity
