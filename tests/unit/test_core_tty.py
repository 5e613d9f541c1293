"""core/tty_line.c against small models: what is typed and printed arrives, whole and in order."""

from __future__ import annotations

import ctypes

from core_lib import World
from hypothesis import given, settings
from hypothesis import strategies as st

from dstrun import abi

ICANON, ECHO, OPOST, ONLCR = 0o2, 0o10, 0o1, 0o4
CC_ERASE, CC_KILL, CC_EOF, CC_MIN = 2, 3, 4, 6
ERASE, KILL, EOF = b"\x7f", b"\x15", b"\x04"
TTY = abi.World.tty.offset + abi.TtyWorld.ttys.offset + abi.Tty.SIZE

pieces = st.lists(st.binary(min_size=1, max_size=3000), max_size=30)
lines = st.lists(st.text("ab c", max_size=12), max_size=20)


class Line:
    """A terminal in a world of its own."""

    def __init__(self, core: ctypes.CDLL, world: World, lflag: int, oflag: int) -> None:
        self.core = core
        self.tty = world.address + TTY
        fresh = bytearray(abi.TtySettings.SIZE)
        abi.TtySettings.lflag.set(fresh, lflag)
        abi.TtySettings.oflag.set(fresh, oflag)
        for key, code in ((CC_ERASE, ERASE), (CC_KILL, KILL), (CC_EOF, EOF), (CC_MIN, b"\x01")):
            abi.TtySettings.cc.set(fresh, code[0], index=key)
        self.core.tty_set(self.tty, bytes(fresh))

    def type(self, data: bytes) -> int:
        taken = self.core.tty_type(self.tty, data, len(data))
        self.core.tty_work_begin(self.tty)
        assert self.core.tty_work(self.tty) == 0
        return int(taken)

    def print(self, data: bytes) -> int:
        return int(self.core.tty_print(self.tty, data, len(data)))

    def read(self, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        count = self.core.tty_read_input(self.tty, buffer, size)
        self.core.tty_work_begin(self.tty)
        self.core.tty_work(self.tty)
        return buffer.raw[:count]

    def screen(self, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        count = self.core.tty_read_out(self.tty, buffer, size)
        return buffer.raw[:count]


@settings(deadline=None)
@given(pieces, st.integers(1, 5000))
def test_characters_come_whole_and_in_order(
    core: ctypes.CDLL, typed: list[bytes], size: int
) -> None:
    """Both ways, whatever the sizes; what has no room is not taken, and nothing taken is lost."""
    with World() as world:
        line = Line(core, world, 0, 0)
        sent, got, printed, seen = b"", b"", b"", b""
        for piece in typed:
            sent += piece[: line.type(piece)]
            printed += piece[: line.print(piece)]
            got += line.read(size)
            seen += line.screen(size)
        while more := line.read(size):
            got += more
        while more := line.screen(size):
            seen += more
        assert got == sent
        assert seen == printed


@settings(deadline=None)
@given(lines, st.booleans())
def test_lines_are_edited(core: ctypes.CDLL, words: list[str], echoes: bool) -> None:
    """Each word is mistyped and erased before it is typed; a line is killed before that."""
    with World() as world:
        line = Line(core, world, ICANON | (ECHO if echoes else 0), OPOST | ONLCR)
        for word in words:
            text = word.encode()
            line.type(b"wrong" + KILL + text + b"x" * 3 + ERASE * 3 + b"\n")
            assert line.read(100) == text + b"\n"
            assert line.read(100) == b""
        line.type(b"part" + EOF)
        assert line.read(100) == b"part"
        assert (line.screen(4000).count(b"\r\n") == len(words)) == (echoes or not words)
