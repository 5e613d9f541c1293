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

# Where dstrun is not Linux yet, and why. Who mends one takes it out: passing is an error here.
_HANGS = {
    "pty_basics": "terminals are the kernel's",
    "pty_lines": "terminals are the kernel's",
    "pty_session": "terminals are the kernel's",
    "pty_signals": "terminals are the kernel's",
    "tcp_interrupted": "a call with SO_RCVTIMEO is restarted after a handler, not EINTR",
    "tee_vmsplice": "vmsplice to a full pipe blocks in the kernel",
    "udp_bind": "SO_REUSEADDR: not the newest socket gets the datagrams",
}
_DIFFERS = {
    "epoll_dup_fork": "an epoll is asked by a process that has not the file open",
    "epoll_errors": "O_PATH descriptors",
    "epoll_nested": "an epoll is asked by a process that has not the file open",
    "epoll_pwait": "what the temporary mask lets in or keeps out, at the end of the wait",
    "epoll_timers": "a periodic timerfd goes on without being read",
    "eventfds": "EPOLLOUT as an edge after a write that filled it",
    "poll_forms": "O_PATH descriptors",
    "ppoll_mask": "what the temporary mask lets in, though there is a result",
    "tcp_backlog": "connect again after SO_SNDTIMEO",
    "tcp_bind_conflicts": "TIME_WAIT",
    "tcp_bind_errors": "the order of checks",
    "tcp_buffers": "SO_RCVLOWAT; SO_SNDBUF before a connection",
    "tcp_close_blocked": "close under a sleeping call",
    "tcp_dual_stack": "a mapped address with IPV6_V6ONLY",
    "tcp_linger": "SO_LINGER does not wait",
    "tcp_peek_waitall": "recv of no bytes",
    "tcp_queues": "SIOCOUTQ; TCP_INFO after both ends are shut down",
    "tcp_reconnect": "AF_UNSPEC sends no reset",
    "tcp_self_connect": "connecting to oneself",
    "tcp_sendfile": "the errno of splice with an offset",
    "tcp_shutdown": "ENOTCONN after both ends are shut down",
    "udp_basics": "AF_UNSPEC as a goal",
    "udp_connected": "recv after shutdown, not waiting",
    "udp_errors": "the largest datagram of IPv6",
    "udp_mmsg": "the time left of recvmmsg",
    "udp_multicast": "multicast",
    "udp_pktinfo": "control messages of IP",
    "udp_v6": "a mapped peer of ::1",
}

Build = Callable[[str], str]


def _case(name: str) -> object:
    reason = _HANGS.get(name) or _DIFFERS.get(name)
    if reason is None:
        return name
    mark = pytest.mark.xfail(reason=reason, strict=True, run=name not in _HANGS)
    return pytest.param(name, marks=mark)


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


@pytest.mark.parametrize("name", [_case(name) for name in _NAMES])
def test_agrees_with_native(name: str, build: Build, simulate: Simulate) -> None:
    first, second = simulate(build(name)), simulate(build(name))
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity


@pytest.mark.parametrize("name", [n for n in _NAMES if n not in _HANGS and n not in _DIFFERS])
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


def test_what_is_not_right_yet_is_named_once() -> None:
    assert set(_HANGS).isdisjoint(_DIFFERS)
    assert set(_HANGS) | set(_DIFFERS) <= set(_NAMES)
