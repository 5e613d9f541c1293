"""The descriptor tracker, the pairing of connections, and who read whose bytes."""

from __future__ import annotations

import struct
from pathlib import Path

from trace_calls import call, inet
from tracefile import TraceWriter

from dstrun import abi
from dstrun.trace.connections import Address, parse_address
from dstrun.trace.descriptors import CLOSE, INHERIT, READ, WRITE, Tracker, Use
from dstrun.trace.flows import Flows, Message
from dstrun.trace.reader import Trace

O_CLOEXEC = 0o2000000
AT_FDCWD = -100
EINPROGRESS, EBADF, ECONNREFUSED = 115, 9, 111


def _walk(writer: TraceWriter, tmp_path: Path) -> tuple[Tracker, list[Use], list[Message]]:
    with Trace(writer.write(tmp_path / "t")) as trace:
        tracker, flows = Tracker(trace), Flows()
        uses: list[Use] = []
        messages: list[Message] = []
        for index, event in enumerate(trace.read()):
            new = tracker.step(index, event)
            uses += new
            messages += flows.step(new)
        return tracker, uses, messages


def _started() -> TraceWriter:
    writer = TraceWriter(meta={"cwd": "/home/u"})
    writer.start("/bin/sh", "sh")
    return writer


def _open(writer: TraceWriter, path: str, fd: int, flags: int = 0, pid: int = 2) -> int:
    return call(writer, "openat", AT_FDCWD, 0x7000, flags, 0, result=fd, strings={1: path}, pid=pid)


def _pipe(writer: TraceWriter, read: int, write: int, flags: int = 0) -> int:
    return call(writer, "pipe2", 0x7000, flags, structs={0: struct.pack("<2i", read, write)})


def test_dup_fork_and_close(tmp_path: Path) -> None:
    writer = _started()
    opened = _open(writer, "notes", 3)
    call(writer, "dup2", 3, 7, result=7)
    call(writer, "close", 3)
    call(writer, "fork", result=3)
    last = call(writer, "close", 7)
    writer.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)
    read = call(writer, "read", 7, 0x7000, 10, result=4, pid=3, data={1: b"data"})
    writer.add(kind=abi.EVENT_EXIT, nr=0, pid=3)
    tracker, uses, _ = _walk(writer, tmp_path)
    file = next(file for file in tracker.files if file.kind == "file")
    assert (file.name, file.opened, file.pid, file.fd) == ("/home/u/notes", opened, 2, 3)
    mine = [(use.event, use.pid, use.fd, use.how) for use in uses if use.file is file]
    assert mine == [
        (1, 2, 3, "open"), (2, 2, 3, "dup"), (2, 2, 7, "dup"), (3, 2, 3, "close"),
        (last, 2, 7, "close"), (6, 3, 7, "inherit"), (read, 3, 7, "read"), (8, 3, 7, "close"),
    ]  # fmt: skip
    assert file.closed == 8
    assert file.refs == 0


def test_the_child_has_what_the_parent_had_at_the_fork(tmp_path: Path) -> None:
    writer = _started()
    _pipe(writer, 3, 4)
    call(writer, "fork", result=3)
    call(writer, "close", 3)
    _open(writer, "/other", 3)
    writer.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)
    tracker, _, _ = _walk(writer, tmp_path)
    child, parent = tracker.lookup(3, 3), tracker.lookup(2, 3)
    assert child is not None and child.kind == "pipe"
    assert parent is not None and parent.name == "/other"


def test_vfork_the_child_comes_first(tmp_path: Path) -> None:
    writer = _started()
    _open(writer, "/kept", 3)
    _open(writer, "/left", 4, O_CLOEXEC)
    writer.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)
    call(writer, "execve", 0x7000, 0, 0, pid=3, strings={0: "/bin/true"})
    writer.start("/bin/true", "true", pid=3)
    call(writer, "vfork", result=3)
    tracker, uses, _ = _walk(writer, tmp_path)
    assert set(tracker.descriptors(3)) == {0, 1, 2, 3}
    assert set(tracker.descriptors(2)) == {0, 1, 2, 3, 4}
    assert [use.fd for use in uses if use.how == CLOSE] == [4]
    assert [use.fd for use in uses if use.how == INHERIT and use.pid == 3] == [0, 1, 2, 3, 4]


def test_threads_and_clone_files_share_a_table(tmp_path: Path) -> None:
    writer = _started()
    call(writer, "clone", 0x10F00, 0, 0, 0, 0, result=3)  # CLONE_THREAD and what goes with it
    call(writer, "clone", 0x400, 0, 0, 0, 0, result=4)  # CLONE_FILES
    writer.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=4)
    _open(writer, "/seen by both", 3, pid=4)
    call(writer, "close_range", 3, 2**32 - 1, 2, pid=4)  # CLOSE_RANGE_UNSHARE
    tracker, _, _ = _walk(writer, tmp_path)
    assert tracker.lookup(2, 3) is not None
    assert tracker.lookup(4, 3) is None
    assert 3 not in tracker._tables


def test_close_on_exec_is_kept(tmp_path: Path) -> None:
    writer = _started()
    for fd in (3, 4, 5, 6):
        _open(writer, f"/f{fd}", fd, O_CLOEXEC if fd < 5 else 0)
    call(writer, "fcntl", 3, 2, 0)  # F_SETFD
    call(writer, "fcntl", 5, 2, 1)
    call(writer, "fcntl", 4, 0, 10, result=10)  # F_DUPFD
    call(writer, "fcntl", 3, 1030, 11, result=11)  # F_DUPFD_CLOEXEC
    call(writer, "ioctl", 6, 0x5451, 0)
    call(writer, "execve", 0x7000, 0, 0, strings={0: "/bin/true"})
    tracker, _, _ = _walk(writer, tmp_path)
    assert {fd: file.name for fd, file in tracker.descriptors(2).items() if fd > 2} == {
        3: "/f3", 10: "/f4"
    }  # fmt: skip


def test_what_was_not_seen_is_not_guessed(tmp_path: Path) -> None:
    writer = _started()
    call(writer, "read", 9, 0x7000, 10, result=-EBADF)
    call(writer, "write", 1, 0x7000, 2, result=2, data={1: b"hi"})
    call(writer, "read", 12, 0x7000, 10, result=1, data={1: b"x"})
    call(writer, "read", -1, 0x7000, 10, result=-EBADF)
    writer.add(nr=0, data=b"\xff" * 24)
    tracker, uses, _ = _walk(writer, tmp_path)
    assert [(use.fd, use.file.kind) for use in uses if use.how != INHERIT] == [
        (1, "inherited"), (12, "unknown")
    ]  # fmt: skip
    assert tracker.lookup(2, 9) is None


def test_relative_paths(tmp_path: Path) -> None:
    writer = _started()
    call(writer, "chdir", 0x7000, strings={0: "work"})
    _open(writer, "../x", 3)
    _open(writer, "/etc", 4)
    call(writer, "openat", 4, 0x7000, 0, 0, result=5, strings={1: "passwd"})
    call(writer, "fchdir", 4)
    _open(writer, "group", 6)
    tracker, _, _ = _walk(writer, tmp_path)
    names = [file.name for file in tracker.files if file.kind == "file"]
    assert names == ["/home/u/x", "/etc", "/etc/passwd", "/etc/group"]


def _server(writer: TraceWriter, fd: int, port: int) -> None:
    call(writer, "socket", 2, 1, 0, result=fd)
    call(writer, "bind", fd, 0x7000, 16, structs={1: inet(port, "0.0.0.0")})
    call(writer, "listen", fd, 5)


def _client(writer: TraceWriter, fd: int, port: int, pid: int, result: int = 0) -> int:
    call(writer, "socket", 2, 1, 0, result=fd, pid=pid)
    return call(writer, "connect", fd, 0x7000, 16, result=result, structs={1: inet(port)}, pid=pid)


def _accept(writer: TraceWriter, listener: int, fd: int, port: int = 0) -> int:
    if not port:
        return call(writer, "accept", listener, 0, 0, result=fd)
    return call(writer, "accept", listener, 0x7000, 0x7010, result=fd, structs={1: inet(port)})


def test_connections_in_their_order_and_by_port(tmp_path: Path) -> None:
    writer = _started()
    _server(writer, 3, 80)
    _server(writer, 4, 81)
    first = _client(writer, 3, 80, pid=5)
    other = _client(writer, 3, 81, pid=6, result=-EINPROGRESS)
    call(writer, "connect", 3, 0x7000, 16, structs={1: inet(81)}, pid=6)
    second = _client(writer, 4, 80, pid=5)
    call(writer, "getsockname", 4, 0x7000, 0x7010, pid=5, structs={1: inet(5002)})
    at = [_accept(writer, 3, 7, 5002), _accept(writer, 3, 8), _accept(writer, 4, 9)]
    tracker, _, _ = _walk(writer, tmp_path)
    found = [(one.connected, one.accepted, one.server and one.server.fd)
             for one in tracker.connections]  # fmt: skip
    assert found == [(first, at[1], 8), (other, at[2], 9), (second, at[0], 7)]
    assert str(tracker.connections[0]) == "connection 1 to 127.0.0.1:80"
    server = tracker.lookup(2, 8)
    assert server is not None and server.peer is tracker.connections[0].client


def test_refused_connects_are_not_accepted(tmp_path: Path) -> None:
    writer = _started()
    refused = _client(writer, 3, 80, 5, -EINPROGRESS)
    unasked = _client(writer, 4, 80, 5, -EINPROGRESS)
    _client(writer, 5, 80, 5, -ECONNREFUSED)
    call(writer, "getsockopt", 3, 1, 4, 0x7000, 0x7010, pid=5,
         structs={3: struct.pack("<i", ECONNREFUSED)})  # fmt: skip
    _server(writer, 3, 80)
    real = _client(writer, 6, 80, 5)
    _accept(writer, 3, 7)
    tracker, _, _ = _walk(writer, tmp_path)
    assert [(one.connected, one.error, one.server is not None) for one in tracker.connections] == [
        (refused, ECONNREFUSED, False), (unasked, 0, False), (real, 0, True)
    ]  # fmt: skip


def test_an_accept_before_its_connect_has_ended(tmp_path: Path) -> None:
    writer = _started()
    _server(writer, 3, 80)
    accepted = _accept(writer, 3, 7)
    connected = _client(writer, 3, 80, pid=5)
    tracker, _, _ = _walk(writer, tmp_path)
    assert [(one.connected, one.accepted) for one in tracker.connections] == [(connected, accepted)]


def _send(writer: TraceWriter, fd: int, data: bytes, pid: int = 2) -> int:
    return call(writer, "write", fd, 0x7000, len(data), result=len(data), data={1: data}, pid=pid)


def _receive(writer: TraceWriter, fd: int, data: bytes, pid: int = 2) -> int:
    return call(writer, "read", fd, 0x7000, 99, result=len(data), data={1: data}, pid=pid)


def test_bytes_are_followed_through_pipes_and_connections(tmp_path: Path) -> None:
    writer = _started()
    _pipe(writer, 3, 4)
    early = _receive(writer, 3, b"ab")  # of a write that waits for room
    long = _send(writer, 4, b"abcdef")
    rest = _receive(writer, 3, b"cdef")
    call(writer, "socketpair", 1, 1, 0, 0x7000, structs={3: struct.pack("<2i", 5, 6)})
    sent = [_send(writer, 5, b"one"), _send(writer, 5, b"two")]
    both = _receive(writer, 6, b"onetwo")
    _server(writer, 8, 80)
    _client(writer, 9, 80, 2)
    before = _send(writer, 9, b"before the accept")
    _accept(writer, 8, 10)
    after = _receive(writer, 10, b"before the accept")
    _, _, messages = _walk(writer, tmp_path)
    assert [(one.sent, one.received, one.bytes) for one in messages] == [
        (long, early, 2), (long, rest, 4), (sent[0], both, 3), (sent[1], both, 3),
        (before, after, 17),
    ]  # fmt: skip


def test_descriptors_in_messages(tmp_path: Path) -> None:
    def rights(*fds: int) -> bytes:
        return struct.pack(f"<Qii{len(fds)}i", 16 + 4 * len(fds), 1, 1, *fds) + b"\0" * 4

    writer = _started()
    call(writer, "socketpair", 1, 1, 0, 0x7000, structs={3: struct.pack("<2i", 5, 6)})
    _open(writer, "/passed", 7)
    _open(writer, "/other", 8)
    call(writer, "fork", result=3)
    sent = call(writer, "sendmsg", 5, 0x7000, 0, result=1, data={1: b"x"}, control=rights(7, 8))
    call(writer, "close", 7)
    got = call(
        writer, "recvmsg", 6, 0x7000, 0x40000000, result=1, data={1: b"x"},
        control=rights(10, 11), pid=3,
    )  # fmt: skip
    tracker, uses, messages = _walk(writer, tmp_path)
    passed, other = tracker.lookup(3, 10), tracker.lookup(3, 11)
    assert passed is not None and passed.name == "/passed" and passed.closed is None
    assert other is tracker.lookup(2, 8)
    assert {use.event for use in uses if use.file is passed} >= {sent, got}
    assert [(one.sent, one.received) for one in messages] == [(sent, got)]


def test_datagrams_are_matched_by_what_is_in_them(tmp_path: Path) -> None:
    writer = _started()
    for fd, port in ((3, 53), (4, 54)):
        call(writer, "socket", 2, 2, 0, result=fd)
        call(writer, "bind", fd, 0x7000, 16, structs={1: inet(port)})
    call(writer, "socket", 2, 2, 0, result=5)

    def send(port: int, data: bytes) -> int:
        return call(writer, "sendto", 5, 0x7000, len(data), 0, 0x7100, 16, result=len(data),
                    data={1: data}, structs={4: inet(port)})  # fmt: skip

    lost, other, sent = send(53, b"lost"), send(54, b"query"), send(53, b"query")
    got = [
        call(writer, "recvfrom", fd, 0x7000, 99, 0, 0, 0, result=5, data={1: b"query"})
        for fd in (3, 4)
    ]
    _, uses, messages = _walk(writer, tmp_path)
    assert [(one.sent, one.received) for one in messages] == [(sent, got[0]), (other, got[1])]
    assert lost in {use.event for use in uses if use.how == WRITE}
    assert [use.bytes for use in uses if use.how == READ] == [5, 5]


def test_addresses() -> None:
    assert parse_address(inet(80)) == Address("127.0.0.1", 80)
    mapped = b"\x0a\0\0\x50" + b"\0" * 14 + b"\xff\xff\x7f\0\0\x01" + b"\0" * 4
    assert parse_address(mapped) == Address("127.0.0.1", 80)
    assert str(parse_address(b"\x0a\0\0\x50\0\0\0\0" + b"\0" * 15 + b"\1\0\0\0\0")) == "[::1]:80"
    assert str(parse_address(b"\x01\0/run/x\0junk")) == "/run/x"
    assert str(parse_address(b"\x01\0\0name")) == "@name"
    assert parse_address(b"\x01\0") is None
    assert parse_address(b"") is None
    assert Address("0.0.0.0", 80).answers(Address("127.0.0.1", 80))
    assert not Address("127.0.0.1", 80).answers(Address("127.0.0.1", 81))
    assert not Address("/run/a", 0).answers(Address("/run/b", 0))
