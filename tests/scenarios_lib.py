"""tests/scenarios: real servers with their clients, and what each needs to be run.

A scenario is one command. It works in an empty directory, starts its server as the server's own
documentation says, on ports from $PORT on, drives it, prints what does not depend on clocks or
chance, and leaves nothing running. It knows nothing of dstrun: natively it prints the same.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "scenarios"
PORTS = 3  # that a scenario uses, from $PORT on
SBIN = "/usr/sbin:/sbin"  # nginx and sshd are there; not on everybody's PATH
_POSTGRES = "/usr/lib/postgresql"


@dataclass(frozen=True)
class Scenario:
    """`version`: a command whose output tells it. `short`: the environment of a shorter run."""

    name: str
    program: str
    needs: tuple[str, ...]
    version: tuple[str, ...]
    build: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    remarks: str = ""

    @property
    def missing(self) -> str | None:
        """The first program that is not installed."""
        return next((name for name in self.needs if find(name) is None), None)


_BENCHMARK = ("REQUESTS=1000", "TESTS=set,get,lpush,lrange_100,mset")
_C = ("gcc", "-O1", "-o", "{out}", "{dir}/bulk_tcp.c")

SCENARIOS = (
    Scenario(
        "redis", "redis-server, redis-cli, redis-benchmark",
        ("redis-server", "redis-cli", "redis-benchmark"), ("redis-server", "--version"),
        short=_BENCHMARK, remarks="20 clients at once, publish and subscribe",
    ),
    Scenario(
        "redis_threads", "redis-server --io-threads 2",
        ("redis-server", "redis-cli", "redis-benchmark"), ("redis-server", "--version"),
        short=("REQUESTS=1000", "TESTS=set,incr,lpush"),
        remarks="append-only file, restart; natively its threads spin",
    ),
    Scenario(
        "memcached", "memcached -t 4", ("memcached", "memccp", "python3"), ("memcached", "-V"),
        remarks="libmemcached's tools, 8 clients at once",
    ),
    Scenario(
        "nginx", "nginx", ("nginx", "curl"), ("nginx", "-v"),
        remarks="two workers, 20 curls at once of 10 MB, proxy",
    ),
    Scenario(
        "postgres", "PostgreSQL", ("postgres", "initdb", "pgbench", "psql", "setpriv"),
        ("postgres", "--version"), remarks="initdb, SQL, pgbench, COPY of 10 MB both ways",
    ),
    Scenario(
        "sqlite", "sqlite3", ("sqlite3",), ("sqlite3", "--version"),
        remarks="4 processes write to one file",
    ),
    Scenario(
        "etcd", "etcd, etcdctl", ("etcd", "etcdctl"), ("etcd", "--version"),
        remarks="put, get, watch, transactions",
    ),
    Scenario(
        "rsync", "rsync", ("rsync",), ("rsync", "--version"),
        remarks="through a pipe, and its daemon over TCP",
    ),
    Scenario(
        "sshd", "sshd -i, ssh, sftp", ("sshd", "ssh", "sftp", "ssh-keygen"), ("ssh", "-V"),
        remarks="through a pipe",
    ),
    Scenario(
        "go_http", "Go net/http", ("go",), ("go", "version"),
        build=("go", "build", "-o", "{out}", "{dir}/go_http.go"), run=("{out}",),
        remarks="server and 8 clients in one static binary",
    ),
    Scenario(
        "python_asyncio", "CPython asyncio", ("python3",), ("python3", "--version"),
        run=("python3", "{dir}/python_asyncio.py"),
        remarks="20 clients at once, UDP, a subprocess",
    ),
    Scenario(
        "python_http", "CPython http.server, urllib", ("python3",), ("python3", "--version"),
        run=("python3", "{dir}/python_http.py"), remarks="threads, XML-RPC",
    ),
    Scenario(
        "node_http", "Node.js http", ("node",), ("node", "--version"),
        run=("node", "{dir}/node_http.js"),
        remarks="10 agents at once, a worker thread, a child process",
    ),
    Scenario(
        "java_pool", "Java sockets", ("java", "javac"), ("java", "-version"),
        build=("javac", "-d", "{dir}", "{dir}/JavaPool.java"),
        run=("java", "-cp", "{dir}", "JavaPool"), remarks="thread pools, 8 clients at once",
    ),
    Scenario(
        "bulk_tcp", "bulk transfer in C", ("gcc",), ("gcc", "--version"), build=_C, run=("{out}",),
        remarks="10 MB both ways, non-blocking, partial writes",
    ),
)  # fmt: skip


def search_path() -> str:
    """PATH with the places where Debian hides servers."""
    versions = sorted(Path(_POSTGRES).glob("*/bin"), key=lambda p: int(p.parent.name))
    return ":".join([os.environ["PATH"], SBIN, *map(str, versions[-1:])])


def find(program: str) -> str | None:
    return shutil.which(program, path=search_path())


def version(scenario: Scenario) -> str:
    """What the program says of itself: the first thing that looks like a version."""
    program, *arguments = scenario.version
    done = subprocess.run(
        [find(program) or program, *arguments], capture_output=True, text=True, check=False
    )
    found = re.search(r"\d+\.\d+[.\w]*", done.stdout + done.stderr)
    return found.group() if found else "?"


class Scenarios:
    """The scenarios, copied and built in a folder that every user can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)

    def command(self, scenario: Scenario) -> list[str]:
        """What to run; built before its first run."""
        out = self.folder / scenario.name
        words = {"out": str(out), "dir": str(self.folder)}
        if scenario.build and not out.exists():
            env = {**os.environ, "CGO_ENABLED": "0"}
            build = [word.format(**words) for word in scenario.build]
            subprocess.run(build, env=env, cwd=self.folder, check=True)
        run = scenario.run or ("{dir}/" + f"{scenario.name}.sh",)
        return [word.format(**words) for word in run]


def free_ports() -> int:
    """The first of PORTS free ports in a row."""
    for first in range(20000, 32000, PORTS):
        with ExitStack() as stack:
            try:
                for port in range(first, first + PORTS):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError("no free ports")
