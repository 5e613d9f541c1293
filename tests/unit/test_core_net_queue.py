"""core/net_queue.c: a stream is a bytes object, datagrams are a list; and no block is ever lost."""

from __future__ import annotations

import ctypes
from collections import deque

from core_lib import U64, World
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dstrun import abi

SOCKS = 3
BLOCK = abi.NET_BLOCK_BYTES - abi.NetBlock.data.offset  # bytes of data in one
sizes = st.integers(0, 300) | st.integers(BLOCK - 2, BLOCK + 2) | st.integers(0, 4 * BLOCK)
socks = st.integers(1, SOCKS)


class Net:
    """The C queues of a few sockets in a world."""

    def __init__(self, core: ctypes.CDLL, world: World) -> None:
        self.core, self.world = core, world
        self.written = 0

    def sock(self, index: int) -> int:
        return self.world.address + abi.World.socks.at(index)

    def field(self, index: int, name: str) -> int:
        member = getattr(abi.Sock, name)
        return int(member.get(self.world.memory, abi.World.socks.at(index)))

    def fresh(self, size: int) -> bytes:
        """Bytes that are unlike those written before."""
        self.written += 1
        return bytes((self.written * 37 + i * 11 + i // 251) % 256 for i in range(size))

    def put(self, sock: int, data: bytes) -> None:
        while data:
            room = U64(len(data))
            to = self.core.stream_space(self.world.address, self.sock(sock), ctypes.byref(room))
            assert to and 0 < room.value <= len(data)
            ctypes.memmove(to, data, room.value)
            self.core.stream_added(self.world.address, self.sock(sock), room.value)
            data = data[room.value :]

    def put_nothing(self, sock: int) -> None:
        """A send whose memory turns out to be bad."""
        room = U64(100)
        assert self.core.stream_space(self.world.address, self.sock(sock), ctypes.byref(room))
        self.core.stream_added(self.world.address, self.sock(sock), 0)

    def look(self, sock: int, skip: int, size: int) -> bytes:
        found = b""
        while len(found) < size:
            room = U64(size - len(found))
            start = self.core.stream_data(
                self.world.address, self.sock(sock), skip + len(found), ctypes.byref(room)
            )
            if not room.value:
                break
            found += ctypes.string_at(start, room.value)
        return found

    def make_datagram(self, data: bytes) -> int:
        datagram = int(self.core.datagram_new(self.world.address, len(data)))
        assert datagram
        done = 0
        while done < len(data):
            room = U64(len(data) - done)
            to = self.core.datagram_span(self.world.address, datagram, done, ctypes.byref(room))
            ctypes.memmove(to, data[done:], room.value)
            done += room.value
        return datagram

    def read_datagram(self, datagram: int) -> bytes:
        base = abi.World.net_blocks.at(datagram)
        size, found = abi.NetBlock.datagram_bytes.get(self.world.memory, base), b""
        while len(found) < size:
            room = U64(1 << 40)
            at = self.core.datagram_span(
                self.world.address, datagram, len(found), ctypes.byref(room)
            )
            found += ctypes.string_at(at, room.value)
        return found

    def blocks_in_use(self) -> int:
        memory = self.world.memory
        used = abi.World.used_net_blocks.get(memory)
        free, block = 0, abi.World.free_net_block.get(memory)
        while block:
            free += 1
            block = abi.NetBlock.next.get(memory, abi.World.net_blocks.at(block))
            assert free <= used
        return used - free


def blocks_of(size: int) -> int:
    """Of a datagram."""
    return max(1, -(-size // BLOCK))


stream_steps = st.lists(
    st.tuples(st.sampled_from(["write", "read", "peek", "nothing", "drop"]), socks, sizes, sizes),
    max_size=40,
)


@settings(deadline=None)
@given(stream_steps)
@example([("write", 1, BLOCK, 0), ("nothing", 1, 0, 0), ("read", 1, BLOCK, 0)])
@example([("write", 1, BLOCK, 0), ("nothing", 1, 0, 0)])
def test_a_stream_is_its_bytes(core: ctypes.CDLL, steps: list[tuple[str, int, int, int]]) -> None:
    model = dict.fromkeys(range(1, SOCKS + 1), b"")
    with World() as world:
        net = Net(core, world)
        for name, sock, size, skip in steps:
            unread = model[sock]
            if name == "write":
                data = net.fresh(size)
                net.put(sock, data)
                model[sock] += data
            elif name == "read":
                assert net.look(sock, 0, size) == unread[:size]
                core.stream_remove(world.address, net.sock(sock), min(size, len(unread)))
                model[sock] = unread[size:]
            elif name == "peek":
                assert net.look(sock, skip, size) == unread[skip : skip + size]
            elif name == "nothing":
                net.put_nothing(sock)
            else:
                core.net_queue_drop(world.address, net.sock(sock))
                model[sock] = b""
            for index, data in model.items():
                assert net.field(index, "bytes") == len(data)
                assert bool(net.field(index, "first_block")) == bool(data), "idle ones hold none"
        # What is left, and what it lies in: each socket's first and last block may be part full.
        for sock, data in model.items():
            assert net.look(sock, 0, len(data) + 1) == data
        least = sum(-(-len(data) // BLOCK) for data in model.values())
        assert least <= net.blocks_in_use() <= least + SOCKS
        for sock in model:
            core.net_queue_drop(world.address, net.sock(sock))
        assert net.blocks_in_use() == 0


datagram_steps = st.lists(
    st.tuples(st.sampled_from(["send", "copy", "lose", "receive", "drop"]), socks, sizes),
    max_size=40,
)


@settings(deadline=None)
@given(datagram_steps)
def test_datagrams_are_a_list(core: ctypes.CDLL, steps: list[tuple[str, int, int]]) -> None:
    model: dict[int, deque[bytes]] = {sock: deque() for sock in range(1, SOCKS + 1)}
    with World() as world:
        net = Net(core, world)
        for name, sock, size in steps:
            queue = model[sock]
            if name in {"send", "copy", "lose"}:
                data = net.fresh(size)
                datagram = net.make_datagram(data)
                if name == "copy":
                    copy = int(core.datagram_copy(world.address, datagram))
                    core.datagram_free(world.address, datagram)
                    datagram = copy
                assert net.read_datagram(datagram) == data
                if name == "lose":
                    core.datagram_free(world.address, datagram)
                else:
                    core.datagram_append(world.address, net.sock(sock), datagram)
                    queue.append(data)
            elif name == "receive" and queue:
                assert net.read_datagram(net.field(sock, "first_block")) == queue.popleft()
                core.datagram_remove(world.address, net.sock(sock))
            elif name == "drop":
                core.net_queue_drop(world.address, net.sock(sock))
                queue.clear()
            for index, waiting in model.items():
                assert net.field(index, "datagrams") == len(waiting)
                assert net.field(index, "bytes") == sum(map(len, waiting))
                charge = sum(int(core.datagram_charge(len(data))) for data in waiting)
                assert net.field(index, "charge") == charge
        everything = [len(data) for waiting in model.values() for data in waiting]
        assert net.blocks_in_use() == sum(map(blocks_of, everything))
