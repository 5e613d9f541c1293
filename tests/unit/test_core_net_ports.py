"""core/net_ports.c and net_time_wait.c against a table of Linux's rules.

The model knows an address as the set of this host's addresses at which it receives: two names are
in each other's way when the sets meet.
"""

from __future__ import annotations

import ctypes
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

from core_lib import World
from hypothesis import given, settings
from hypothesis import strategies as st

from dstrun import abi

STREAM, DGRAM = 1, 2
MINUTE_NS = 60 * 10**9
V4 = frozenset({"127.0.0.1", "127.0.0.2"})
V6 = frozenset({"::1"})
PORTS = (5000, 5000, 5000, 6000)  # they are to meet
REUSE = abi.SOCK_REUSE_ADDR | abi.SOCK_REUSE_PORT


def packed(host: str, port: int) -> bytes:
    """struct net_address"""
    ip = ipaddress.ip_address(host)
    raw = ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed
    return raw + port.to_bytes(2, "little") + bytes(6)


def receives_at(host: str, flags: int) -> frozenset[str]:
    if host == "0.0.0.0":
        return V4
    if host == "::":
        return V6 if flags & abi.SOCK_V6_ONLY else V4 | V6
    return frozenset({host})


@dataclass(eq=False)
class Sock:
    slot: int
    type: int
    host: str
    port: int
    flags: int
    listens: bool = False
    peer: tuple[str, int] | None = None
    at: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.at = receives_at(self.host, self.flags)


@dataclass(eq=False)
class Use:
    """A connection that has a port without owning it: accepted, or (until then) in TIME_WAIT."""

    host: str
    port: int
    flags: int
    until_ns: int | None
    handle: int


class Ports:
    """The C table in a world beside the model of it."""

    def __init__(self, core: ctypes.CDLL, world: World) -> None:
        self.core, self.world = core, world
        self.owners: list[Sock] = []
        self.uses: list[Use] = []
        self.slots = 0

    # -- the C side
    def address_of(self, slot: int) -> int:
        return self.world.address + abi.World.socks.at(slot)

    def fill(self, slot: int, sock: Sock) -> None:
        base = abi.World.socks.at(slot)
        self.world.memory[base : base + abi.Sock.SIZE] = bytes(abi.Sock.SIZE)
        state = abi.SOCK_LISTENING if sock.listens else abi.SOCK_CLOSED
        if sock.peer:
            state = abi.SOCK_CONNECTED
            at = base + abi.Sock.peer_address.offset
            self.world.memory[at : at + 24] = packed(*sock.peer)
        abi.Sock.type.set(self.world.memory, sock.type, base)
        abi.Sock.flags.set(self.world.memory, sock.flags, base)
        abi.Sock.state.set(self.world.memory, state, base)
        at = base + abi.Sock.local.offset
        self.world.memory[at : at + 24] = packed(sock.host, sock.port)

    def set_state(self, sock: Sock, state: int) -> None:
        abi.Sock.state.set(self.world.memory, state, abi.World.socks.at(sock.slot))

    def free_slot(self) -> int:
        self.slots += 1
        return self.slots

    @property
    def now_ns(self) -> int:
        return abi.World.now_ns.get(self.world.memory)

    # -- the model
    def in_the_way(self, sock: Sock, other: Sock) -> bool:
        both = sock.flags & other.flags
        if not sock.at & other.at or both & abi.SOCK_REUSE_PORT:
            return False
        shared = both & abi.SOCK_REUSE_ADDR and (sock.type == DGRAM or not other.listens)
        return not shared

    def standing_uses(self, port: int) -> list[Use]:
        return [
            use for use in self.uses
            if use.port == port and (use.until_ns is None or use.until_ns > self.now_ns)
        ]  # fmt: skip

    def may_bind(self, sock: Sock) -> bool:
        others = [o for o in self.owners if (o.type, o.port) == (sock.type, sock.port)]
        if any(self.in_the_way(sock, other) for other in others):
            return False
        return sock.type == DGRAM or not any(
            use.host in sock.at and not use.flags & sock.flags & REUSE
            for use in self.standing_uses(sock.port)
        )

    def may_listen(self, sock: Sock) -> bool:
        return not any(
            other.listens and other.port == sock.port and self.in_the_way(sock, other)
            for other in self.owners
            if other is not sock
        )

    def meant(self, type_: int, host: str, port: int, sender: tuple[str, int]) -> list[Sock]:
        """Whom a datagram or a connection is for; several: a group with SO_REUSEPORT."""

        def rank(sock: Sock) -> tuple[bool, bool, bool]:
            same_family = (":" in sock.host) == (":" in host)
            return sock.peer is not None, sock.host == host, same_family

        fitting = [
            sock for sock in self.owners
            if (sock.type, sock.port) == (type_, port) and host in sock.at
            and (sock.listens or type_ == DGRAM) and sock.peer in (None, sender)
        ]  # fmt: skip
        if not fitting:
            return []
        best = [sock for sock in fitting if rank(sock) == max(map(rank, fitting))]
        if not best[-1].flags & abi.SOCK_REUSE_PORT:
            return [best[-1]]
        group = [sock for sock in best if sock.flags & abi.SOCK_REUSE_PORT]
        return [sock for sock in group if sock.host == best[-1].host]


Step = tuple[str, int, int, int, int]  # what, and four small numbers that say to whom
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["bind", "bind", "bind", "listen", "close", "accept", "hang up", "wait", "send", "send"]
        ),
        *(st.integers(0, 7) for _ in range(4)),
    ),
    min_size=20,
    max_size=60,
)
HOSTS = ("127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::")
FLAGS = (0, abi.SOCK_REUSE_ADDR, abi.SOCK_REUSE_PORT, REUSE)


def bind(ports: Ports, a: int, b: int, c: int, d: int) -> None:
    flags = FLAGS[b % 4] | abi.SOCK_BOUND | (abi.SOCK_V6_ONLY if d & 4 else 0)
    sock = Sock(ports.free_slot(), STREAM if c & 1 else DGRAM, HOSTS[a % 5], PORTS[d & 3], flags)
    if sock.type == DGRAM and c & 4 and sock.host not in {"0.0.0.0", "::"}:
        sock.peer = ("127.0.0.1" if "." in sock.host else "::1", 9000 + c)
    ports.fill(sock.slot, sock)
    world, at = ports.world.address, ports.address_of(sock.slot)
    assert bool(ports.core.port_conflicts(world, at, sock.port, 0)) != ports.may_bind(sock)
    if ports.may_bind(sock):
        ports.core.port_add(world, at)
        ports.owners.append(sock)


def listen(ports: Ports, a: int, *_: int) -> None:
    streams = [sock for sock in ports.owners if sock.type == STREAM and not sock.listens][-3:]
    if not streams:
        return
    sock = streams[a % len(streams)]
    world, at = ports.world.address, ports.address_of(sock.slot)
    assert bool(ports.core.port_conflicts(world, at, sock.port, 1)) != ports.may_listen(sock)
    if ports.may_listen(sock):
        sock.listens = True
        ports.set_state(sock, abi.SOCK_LISTENING)


def close(ports: Ports, a: int, *_: int) -> None:
    if ports.owners:
        sock = ports.owners.pop(a % len(ports.owners))
        ports.core.port_remove(ports.world.address, ports.address_of(sock.slot))


def accept(ports: Ports, a: int, b: int, *_: int) -> None:
    listeners = [sock for sock in ports.owners if sock.listens]
    if not listeners:
        return
    listener = listeners[a % len(listeners)]
    host = sorted(listener.at)[b % len(listener.at)]
    sock = Sock(ports.free_slot(), STREAM, host, listener.port, listener.flags & REUSE)
    ports.fill(sock.slot, sock)
    ports.core.port_add_accepted(ports.world.address, ports.address_of(sock.slot))
    ports.uses.append(Use(host, sock.port, sock.flags, None, sock.slot))


def hang_up(ports: Ports, a: int, b: int, *_: int) -> None:
    """An accepted connection ends: first (TIME_WAIT), last, or by a reset after it."""
    accepted = [use for use in ports.uses if use.until_ns is None]
    if not accepted:
        return
    use = accepted[a % len(accepted)]
    ports.uses.remove(use)
    world, at = ports.world.address, ports.address_of(use.handle)
    waits = int(ports.core.time_wait_start(world, at, 0)) if b % 3 else 0
    ports.core.port_remove(world, at)
    if b % 3 == 2:
        ports.core.time_wait_end(world, waits)
    elif waits:
        until_ns = ports.now_ns + MINUTE_NS
        ports.uses.append(Use(use.host, use.port, use.flags, until_ns, waits))


def wait(ports: Ports, a: int, b: int, *_: int) -> None:
    """Time passes; perhaps a TIME_WAIT starts anew (the other end's FIN comes again)."""
    abi.World.now_ns.set(ports.world.memory, ports.now_ns + a * MINUTE_NS // 5)
    ports.uses = [u for u in ports.uses if u.until_ns is None or u.until_ns > ports.now_ns]
    waiting = [use for use in ports.uses if use.until_ns is not None]
    if waiting and b & 1:
        use = waiting[b % len(waiting)]
        ports.core.time_wait_again(ports.world.address, use.handle)
        use.until_ns = ports.now_ns + MINUTE_NS


def send(ports: Ports, a: int, b: int, c: int, d: int) -> None:
    host = sorted(V4 | V6)[a % 3]
    sender = ("127.0.0.1" if "." in host else "::1", 9000 + b % 4 * 2)
    type_, port = STREAM if c & 1 else DGRAM, PORTS[d & 3]
    find = ports.core.port_listener if type_ == STREAM else ports.core.port_receiver
    found = int(find(ports.world.address, packed(*sender), packed(host, port)))
    meant = ports.meant(type_, host, port, sender)
    assert found in ([ports.address_of(sock.slot) for sock in meant] or [0])
    again = int(find(ports.world.address, packed(*sender), packed(host, port)))
    assert again == found, "a sender's always go to the same one"


ACTIONS: dict[str, Callable[..., None]] = {
    "bind": bind, "listen": listen, "close": close, "accept": accept, "hang up": hang_up,
    "wait": wait, "send": send,
}  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(steps)
def test_ports_follow_linux(core: ctypes.CDLL, chosen: list[Step]) -> None:
    with World() as world:
        ports = Ports(core, world)
        for name, *numbers in chosen:
            ACTIONS[name](ports, *numbers)
        for use in ports.uses:
            if use.until_ns is None:
                core.port_remove(world.address, ports.address_of(use.handle))
        for sock in ports.owners:
            core.port_remove(world.address, ports.address_of(sock.slot))
        abi.World.now_ns.set(world.memory, ports.now_ns + MINUTE_NS)
        core.time_waits_expire(world.address)
        host = abi.World.host.offset
        for port in PORTS:
            for table in (abi.Host.tcp_ports, abi.Host.udp_ports, abi.Host.tcp_uses):
                assert table.get(world.memory, host, port) == 0, "nobody is left"
        assert abi.Host.first_time_wait.get(world.memory, host) == 0


def test_a_group_is_spread(core: ctypes.CDLL) -> None:
    """SO_REUSEPORT: many senders reach every member; without it all go to the newest."""
    for flags, expected in ((abi.SOCK_REUSE_PORT, {1, 2, 3}), (abi.SOCK_REUSE_ADDR, {3})):
        with World() as world:
            ports = Ports(core, world)
            for slot in (1, 2, 3):
                ports.fill(slot, Sock(slot, DGRAM, "127.0.0.1", 5000, flags))
                core.port_add(world.address, ports.address_of(slot))
            to = packed("127.0.0.1", 5000)
            reached = {
                core.port_receiver(world.address, packed("127.0.0.1", 9000 + i), to)
                for i in range(50)
            }
            assert reached == {ports.address_of(slot) for slot in expected}


def test_ephemeral_ports(core: ctypes.CDLL) -> None:
    """Each once; when all are taken, a connect shares one that leads to elsewhere."""
    first, count = 32768, 28232
    with World() as world:
        ports = Ports(core, world)
        given_out = set()
        for slot in range(1, count + 1):
            sock = Sock(slot, STREAM, "127.0.0.1", 0, 0, peer=("127.0.0.1", 80))
            ports.fill(slot, sock)
            port = core.port_ephemeral(world.address, ports.address_of(slot))
            at = abi.World.socks.at(slot) + abi.Sock.local.offset
            world.memory[at : at + 24] = packed("127.0.0.1", port)
            core.port_add(world.address, ports.address_of(slot))
            given_out.add(port)
            if len(given_out) == 200:
                break
        assert len(given_out) == 200
        assert all(first <= port < first + count for port in given_out)
        for port in set(range(first, first + count)) - given_out:
            slot = port - first + 1000
            ports.fill(slot, Sock(slot, STREAM, "127.0.0.1", port, 0, peer=("127.0.0.1", 80)))
            core.port_add(world.address, ports.address_of(slot))
        for number, wanted in ((80, False), (81, True)):
            ports.fill(
                100_000, Sock(100_000, STREAM, "127.0.0.1", 0, 0, peer=("127.0.0.1", number))
            )
            port = core.port_ephemeral(world.address, ports.address_of(100_000))
            assert bool(port) == wanted
        ports.fill(100_000, Sock(100_000, STREAM, "127.0.0.1", 0, 0))
        assert core.port_ephemeral(world.address, ports.address_of(100_000)) == 0, "for a bind"


def test_groups(core: ctypes.CDLL) -> None:
    one, two = packed("239.0.0.1", 0), packed("239.0.0.2", 0)
    with World() as world:
        ports = Ports(core, world)
        a, b, here = ports.address_of(1), ports.address_of(2), world.address
        assert core.group_join(here, a, one[12:16])
        assert core.group_join(here, b, one[12:16])
        assert core.group_join(here, b, two[12:16])
        assert core.is_member(here, a, one)
        assert not core.is_member(here, a, two)
        core.group_leave(here, a, one[12:16])
        assert not core.is_member(here, a, one)
        assert core.group_has_members(here, one)
        core.groups_leave(here, b)
        assert not core.group_has_members(here, one)
        assert not core.group_has_members(here, two)
        assert core.group_join(here, a, two[12:16])
        assert abi.World.used_memberships.get(world.memory) == 3, "slots are used again"
