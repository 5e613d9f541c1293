"""Real runs: what the tracker says agrees with what the program itself saw, and two seeds of a
threaded program are told apart in a readable way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from runs_lib import FIXED_ENV, ROOT

from dstrun.trace.compare import compare
from dstrun.trace.descriptors import Tracker
from dstrun.trace.diff_text import Bounds, text_lines
from dstrun.trace.flows import Flows
from dstrun.trace.reader import Trace
from dstrun.trace.wakes import wakes

PYTHON = "/usr/bin/python3"

# A server with two clients, a pipe to a child, and a descriptor sent in a message. Prints what it
# knows of itself as JSON: the clients' ports in the order of the accepts, and what /proc/self/fd
# says of the descriptor that was received.
PROGRAM = """
import array, json, os, socket
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
for n in range(2):
    if not os.fork():
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"x" * (100 + n)); client.recv(10); os._exit(0)
ports, sizes = [], []
for n in range(2):
    one, address = server.accept()
    ports.append(address[1])
    data = b""
    while len(data) < 100: data += one.recv(1000)
    sizes.append(len(data)); one.sendall(b"thanks"); one.close(); os.wait()
left, right = socket.socketpair()
file = open("/etc/passwd")
left.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))])
fd = array.array("i", right.recvmsg(1, 100)[1][0][2])[0]
read, write = os.pipe()
if not os.fork():
    os.write(write, b"from the child"); os._exit(0)
os.read(read, 100); os.wait()
path = os.readlink(f"/proc/self/fd/{fd}")
print(json.dumps({"ports": ports, "sizes": sizes, "fd": fd, "path": path}))
"""

THREADS = """
import queue, threading, time
q, out = queue.Queue(), []
def work(n):
    while (i := q.get()) is not None:
        out.append((n, i)); time.sleep(0.001 * (i % 3))
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for one in threads: one.start()
for i in range(40): q.put(i)
for one in threads: q.put(None)
for one in threads: one.join()
print(out)
"""


def _record(tmp_path: Path, program: str, seed: int) -> tuple[Path, str]:
    trace = tmp_path / f"{seed}.trace"
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, "-m", "dstrun", "--seed", str(seed), "-q", "-o", str(trace), "--"]
    result = subprocess.run(
        [*command, PYTHON, "-I", "program.py"], cwd=tmp_path, capture_output=True, text=True,
        timeout=60, check=False, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return trace, result.stdout


@pytest.mark.skipif(not Path(PYTHON).exists(), reason="no system Python")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_tracker_agrees_with_the_program(tmp_path: Path, seed: int) -> None:
    path, out = _record(tmp_path, PROGRAM, seed)
    told = json.loads(out)
    with Trace(path) as trace:
        tracker, flows = Tracker(trace), Flows()
        messages = []
        received = None
        for index, event in enumerate(trace.read()):
            uses = tracker.step(index, event)
            messages += flows.step(uses)
            received = tracker.lookup(2, told["fd"]) or received
        connections = sorted(tracker.connections, key=lambda one: one.accepted or 0)
        clients = [one.client.local.port for one in connections if one.client.local]
        assert clients == told["ports"]
        sent = [sum(m.bytes for m in messages if m.source is one.client) for one in connections]
        assert sent == told["sizes"]
        assert sum(m.bytes for m in messages if m.source.end == "server") == 2 * len(b"thanks")
        assert received is not None and received.name == told["path"] == "/etc/passwd"
        assert sum(m.bytes for m in messages if m.source.kind == "pipe") == len(b"from the child")
        assert not [file for file in tracker.files if file.kind == "unknown"]
        assert all(file.closed is not None for file in tracker.files)
        found = list(wakes(trace, enumerate(trace.read())))
        assert found and all(wake.by is not None for wake in found)


@pytest.mark.skipif(not Path(PYTHON).exists(), reason="no system Python")
def test_two_seeds_of_a_threaded_program(tmp_path: Path) -> None:
    (a, out_a), (b, out_b) = (_record(tmp_path, THREADS, seed) for seed in (1, 2))
    assert out_a != out_b  # else there is nothing to tell
    with Trace(a) as left, Trace(b) as right:
        found = compare(left, right)
        lines = list(text_lines(found, Bounds()))
    assert not found.same and found.other_task is not None
    assert all(task.a and task.b for task in found.tasks)
    assert len(lines) < 60
    text = "\n".join(lines)
    assert "more but for calls that wait" in text or "but for those that wait" in text
    assert "outcome: the same: exited 0" in text
    equal = sum(task.count("equal") for task in found.tasks)
    assert equal > 0.8 * min(len(left), len(right))
