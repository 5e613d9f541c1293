"""Runs on the machine's network replay when nobody is there any more: the trace has the answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from replay_lib import PYTHON, Result, record, replay

HOST = ("--net", "host")
BIG = b"".join(b"line %d\n" % n for n in range(20_000))

SERVER = """
import array, fcntl, socket, sys, termios, threading
port = int(sys.argv[1])

def serve(c, address):
    data = c.recv(1)
    while not data.endswith(b"\\n"):
        data += c.recv(100)
    left = array.array("i", [0])
    fcntl.ioctl(c, termios.FIONREAD, left)
    with open("big.txt", "rb") as file:
        sent = c.sendfile(file)
        print(data, address == c.getpeername(), left[0], c.getsockname(), sent, file.tell())
    print(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 100).hex())
    c.shutdown(socket.SHUT_WR)
    c.close()

s = socket.create_server(("127.0.0.1", port))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", port))
threads = []
for _ in range(3):
    threads.append(threading.Thread(target=serve, args=s.accept()))
    threads[-1].start()
for t in threads:
    t.join()
data, address = u.recvfrom(100)
print(data, address, u.sendto(b"pong", address))
u.setsockopt(socket.SOL_IP, 8, 1)  # IP_PKTINFO
data, control, flags, address = u.recvmsg(3, 100)
print(data, control, flags & socket.MSG_TRUNC, address)
"""

CLIENT = """
import select, socket, sys
port = int(sys.argv[1])
print(socket.getaddrinfo("localhost", port, socket.AF_INET, socket.SOCK_STREAM))
for wait in (None, 0):
    c = socket.socket()
    c.settimeout(wait)
    print(c.connect_ex(("127.0.0.1", port)))
    select.select([], [c], [])
    print(c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), c.getsockname())
    c.settimeout(None)
    c.sendall(b"hello\\n")
    size = 0
    while data := c.recv(5000):
        size += len(data)
    print(size)
c = socket.socket()
print(c.connect_ex(("127.0.0.1", 1)))
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "big.txt").write_bytes(BIG)
    return folder


@pytest.fixture
def port() -> int:
    """One that is free for both TCP and UDP."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return int(tcp.getsockname()[1])


def judge(work: Path, recorded: Result, trace: Path) -> None:
    assert recorded.code == 0, recorded.err
    again = replay(work, trace, "-q")
    assert "all as in the trace" in again.notes, again.notes
    assert (again.code, again.out) == (recorded.code, recorded.out)
    assert again.status["trace_hash"] == recorded.status["trace_hash"]


def connect(port: int) -> socket.socket:
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("nobody listens")


def ask(port: int) -> None:
    """The clients that the server wants."""
    for number in range(3):
        with connect(port) as c:
            c.sendall(b"hello %d\n" % number)
            while c.recv(65536):
                pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.sendto(b"ping", ("127.0.0.1", port))
        u.recv(10)
        time.sleep(0.2)
        u.sendto(b"too long", ("127.0.0.1", port))


@contextmanager
def answering(port: int) -> Iterator[None]:
    """A server outside of the simulation, for as many as come."""

    def serve() -> None:
        while True:
            c, _ = listener.accept()
            with c:
                if c.recv(100) == b"over":
                    return
                c.sendall(BIG)

    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with socket.create_connection(("127.0.0.1", port)) as c:
                c.sendall(b"over")
            thread.join()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--fault", "on=%net peer=127.0.0.1 prob=0.2 delay=1ms"),
        ("-e", "inject=accept4:delay_exit=5ms"),
    ],
)
def test_a_server(work: Path, port: int, options: tuple[str, ...]) -> None:
    clients = threading.Thread(target=ask, args=(port,))
    clients.start()
    recorded, trace = record(work, PYTHON, "-S", "-c", SERVER, str(port), options=HOST + options)
    clients.join()
    assert recorded.out.count("True 0") == 3
    assert str(len(BIG)) in recorded.out
    judge(work, recorded, trace)


def test_a_client(work: Path, port: int) -> None:
    command = (PYTHON, "-S", "-c", CLIENT, str(port))
    with answering(port):
        recorded, trace = record(work, *command, options=HOST)
    assert recorded.out.count(str(len(BIG))) == 2, recorded.out + recorded.err
    assert recorded.out.endswith("\n111\n")
    judge(work, recorded, trace)
    # Negative control: the same run, which does not follow the trace, meets nobody.
    alone, _ = record(work, *command, options=HOST)
    assert alone.code == 1
    assert "\n111\n0 (" in alone.out


UNIX_CLIENT = """
import socket
c = socket.socket(socket.AF_UNIX)
c.connect("../stream")
c.sendall(b"hello")
print(c.recv(100), c.recv(100), c.getpeername())
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(d.sendto(b"log", "../datagrams"))
try:
    d.sendto(b"log", "../nowhere")
except OSError as error:
    print(error.errno)
"""


def test_services_of_the_machine(work: Path) -> None:
    """AF_UNIX sockets: the names, too, are not there any more."""
    stream, datagrams = (str(work.parent / name) for name in ("stream", "datagrams"))
    with socket.socket(socket.AF_UNIX) as s, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as d:
        s.bind(stream)
        s.listen()
        d.bind(datagrams)

        def serve() -> None:
            with s.accept()[0] as c:
                c.sendall(b"not " + c.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        recorded, trace = record(work, PYTHON, "-S", "-c", UNIX_CLIENT, options=HOST)
        thread.join()
        assert recorded.out == f"b'not hello' b'' {stream}\n3\n2\n", recorded.err
        assert d.recv(100) == b"log"
        Path(stream).unlink()
        judge(work, recorded, trace)
        d.setblocking(False)
        with pytest.raises(BlockingIOError):
            d.recv(100)  # the replay has sent nothing
    Path(datagrams).unlink()
    judge(work, recorded, trace)


def test_what_a_splice_would_bring_is_kept(work: Path) -> None:
    code = """
import os
r, w = os.pipe()
try:
    os.splice(0, w, 100)
except OSError as error:
    print(error.errno)
print(os.read(0, 100))
"""
    recorded, trace = record(work, PYTHON, "-S", "-c", code, stdin="from outside")
    assert recorded.out == "22\nb'from outside'\n"
    judge(work, recorded, trace)
