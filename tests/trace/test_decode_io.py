"""What ioctl, setsockopt and messages carry, and names that depend on the call."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trace_calls import NUMBERS, inet

from dstrun import abi
from dstrun.trace import structs_io
from dstrun.trace.decode import render_call
from dstrun.trace.sidedata import Field

P = 0x7FFE1000
TERMIOS = struct.pack("<4I", 0x500, 0x5, 0xBF, 0x8A3B) + b"\0" * 20
RIGHTS = struct.pack("<Qiii", 20, 1, 1, 5) + b"\0" * 4
CREDENTIALS = struct.pack("<QiiiII", 28, 1, 2, 7, 0, 0) + b"\0" * 4


def _data(content: bytes) -> Field:
    return Field(abi.FIELD_BYTES, content, len(content))


def _in_out(content: bytes) -> Field:
    return Field(abi.FIELD_STRUCT, content)


def _control(content: bytes) -> Field:
    return Field(abi.FIELD_CONTROL, content)


@pytest.mark.parametrize(
    ("name", "args", "fields", "result", "line"),
    [
        ("ioctl", [1, 0x5401, P], {2: [_in_out(TERMIOS)]}, 0,
         "ioctl(1, TCGETS, {c_iflag=ICRNL|IXON, c_oflag=OPOST|ONLCR, c_cflag=B38400|CS8|CREAD, "
         "c_lflag=ISIG|ICANON|ECHO|ECHOE|ECHOK|ECHOCTL|ECHOKE|IEXTEN, ...}) = 0"),
        ("ioctl", [1, 0x5413, P], {2: [_in_out(struct.pack("<4H", 24, 80, 0, 0))]}, 0,
         "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0"),
        ("ioctl", [3, 0x541B, P], {2: [_in_out(b"\x07\0\0\0")]}, 0, "ioctl(3, FIONREAD, [7]) = 0"),
        ("ioctl", [3, 0x5401, P], {}, -25,
         f"ioctl(3, TCGETS, {P:#x}) = -1 ENOTTY (Inappropriate ioctl for device)"),
        ("setsockopt", [3, 1, 9, P, 4], {3: [_in_out(b"\1\0\0\0")]}, 0,
         "setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0"),
        ("setsockopt", [3, 1, 20, P, 16], {3: [_in_out(struct.pack("<qq", 2, 5))]}, 0,
         "setsockopt(3, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=2, tv_usec=5}, 16) = 0"),
        ("setsockopt", [3, 1, 13, P, 8], {3: [_in_out(struct.pack("<ii", 1, 0))]}, 0,
         "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8) = 0"),
        ("getsockopt", [3, 1, 17, P, P], {3: [_in_out(struct.pack("<iII", 2, 0, 0))]}, 0,
         f"getsockopt(3, SOL_SOCKET, SO_PEERCRED, {{pid=2, uid=0, gid=0}}, {P:#x}) = 0"),
        ("getsockopt", [3, 1, 3, P, P], {3: [_in_out(b"\1\0\0\0")]}, 0,
         f"getsockopt(3, SOL_SOCKET, SO_TYPE, [SOCK_STREAM], {P:#x}) = 0"),
        ("sendmsg", [3, P, 0], {1: [_data(b"x"), _control(RIGHTS)]}, 1,
         'sendmsg(3, {msg_iov=["x"], msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, '
         "cmsg_type=SCM_RIGHTS, cmsg_data=[5]}]}, 0) = 1"),
        ("recvmsg", [3, P, 0], {1: [_in_out(inet(80)), _data(b"x"), _control(CREDENTIALS)]}, 1,
         "recvmsg(3, {msg_name={sa_family=AF_INET, sin_port=htons(80), "
         'sin_addr=inet_addr("127.0.0.1")}, msg_iov=["x"], msg_control=[{cmsg_len=28, '
         "cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=7, uid=0, gid=0}}]}, "
         "0) = 1"),
        ("socket", [2, 1, 6], {}, 3, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3"),
        ("socket", [1, 1, 0], {}, 3, "socket(AF_UNIX, SOCK_STREAM, 0) = 3"),
        ("epoll_create1", [0o2000000], {}, 3, "epoll_create1(EPOLL_CLOEXEC) = 3"),
        ("accept4", [3, 0, 0, 0o2004000], {}, 4,
         "accept4(3, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC) = 4"),
        ("pipe2", [P, 0o2000000], {}, -24, f"pipe2({P:#x}, O_CLOEXEC) = -1 EMFILE (Too many open "
         "files)"),
        ("preadv2", [3, P, 1, 4096, 0, 0], {1: [_data(b"x")]}, 1,
         'preadv2(3, ["x"], 1, 4096, 0) = 1'),
        ("mmap", [0, 4096, 1, 2, 3, 0x7000], {}, 0x7F0000000000,
         "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0x7000) = 0x7f0000000000"),
        ("exit_group", [0], {}, 0, "exit_group(0) = ?"),
    ],
)  # fmt: skip
def test_line(
    name: str, args: list[int], fields: dict[int, list[Field]], result: int, line: str
) -> None:
    assert render_call(NUMBERS[name], args, fields, result) == line


@given(
    st.sampled_from([0x5401, 0x5413, 0x541B, 0x8915, 0x8927, 0xC0481273]), st.binary(max_size=60)
)
def test_any_bytes_of_an_ioctl_can_be_shown(request: int, data: bytes) -> None:
    assert render_call(NUMBERS["ioctl"], [3, request, P], {2: [_in_out(data)]}, 0)


@given(st.integers(0, 50), st.sampled_from([0, 1, 6, 41]), st.binary(max_size=20))
def test_any_bytes_of_an_option_can_be_shown(option: int, level: int, data: bytes) -> None:
    fields = {3: [_in_out(data)]}
    assert render_call(NUMBERS["setsockopt"], [3, level, option, P, len(data)], fields, 0)


@given(st.binary(max_size=80))
def test_any_control_data_can_be_shown(data: bytes) -> None:
    assert structs_io.control(data).startswith("[")
    fields = {1: [_data(b""), _control(data)]}
    assert render_call(NUMBERS["sendmsg"], [3, P, 0], fields, 0)
