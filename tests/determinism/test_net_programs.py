"""Descriptors, sockets, polling, terminals: programs that check themselves, here and in dstrun."""

from __future__ import annotations

import socket
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


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("name", _NAMES)
def test_passes_natively(name: str, build: Build, native: Native) -> None:
    if '"::' in (_FOLDER / f"{name}.c").read_text() and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback; the simulation has")
    alone = native(build(name))
    assert (alone.status, alone.out, alone.err) == (0, "ok\n", "")


@pytest.mark.parametrize("name", _NAMES)
def test_agrees_with_native(name: str, build: Build, simulate: Simulate) -> None:
    first, second = simulate(build(name)), simulate(build(name))
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("name", _NAMES)
def test_holds_under_another_schedule(name: str, build: Build, simulate: Simulate) -> None:
    options = ("--strategy", "random")
    first, second = (simulate(build(name), seed=11, options=options) for _ in range(2))
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


def test_another_seed_is_another_order(build: Build, simulate: Simulate) -> None:
    """The hash can differ: who accepts which connection is the seed's."""
    runs = [
        simulate(build("tcp_accept_threads"), seed=seed, options=("--strategy", "random"))
        for seed in (11, 12)
    ]
    assert {run.out for run in runs} == {"ok\n"}
    assert runs[0].hash != runs[1].hash
