"""Who holds which open file, and who could make one readable or writable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dstrun import abi
from dstrun.launch.world import World
from dstrun.layout import Member

_OBJECT_MASK = 0x7FFFFFFF  # of a descriptor's entry; the rest is FD_CLOEXEC
_PIPES = (abi.OBJECT_PIPE_R, abi.OBJECT_PIPE_W, abi.OBJECT_PIPE_RW)
_WRITERS = (abi.OBJECT_PIPE_W, abi.OBJECT_PIPE_RW)
_READERS = (abi.OBJECT_PIPE_R, abi.OBJECT_PIPE_RW)
_SIDES = {
    abi.SIDE_READ: "to read", abi.SIDE_WRITE: "to write", abi.SIDE_EXCLUSIVE: "to read"
}  # fmt: skip
_NAMES = {
    abi.OBJECT_PIPE_R: "a pipe", abi.OBJECT_PIPE_W: "a pipe", abi.OBJECT_PIPE_RW: "a FIFO",
    abi.OBJECT_UNIX: "a UNIX socket", abi.OBJECT_SOCKET: "a socket", abi.OBJECT_EVENTFD: "eventfd",
    abi.OBJECT_TIMERFD: "timerfd", abi.OBJECT_SIGNALFD: "signalfd", abi.OBJECT_EPOLL: "epoll",
    abi.OBJECT_TTY: "a terminal", abi.OBJECT_INOTIFY: "inotify", abi.OBJECT_MQ: "a message queue",
    abi.OBJECT_OUTSIDE: "from outside",
}  # fmt: skip
_MEMBERS_MAX = 4096
_TIMER_POS = abi.TimerRef.heap_pos.within(abi.Object.timer)
_ENDS = abi.UnixWorld.ends.within(abi.World.af_unix)
_FLIGHTS = abi.UnixWorld.flights.within(abi.World.af_unix)
_USED_FLIGHTS = abi.UnixWorld.used_flights.within(abi.World.af_unix)
_UNIX_NAMES = abi.UnixWorld.names.within(abi.World.af_unix)


@dataclass(frozen=True)
class Awaited:
    """One thing that a task waits for: "to read", its descriptor (-1: none now), what it is."""

    side: str
    fd: int
    what: str


class Descriptors:
    """The tables of all live processes, looked through once."""

    def __init__(self, world: World, procs: Iterable[int]) -> None:
        self._world = world
        self._holders: dict[int, set[int]] = {}
        self._by_channel: dict[int, set[int]] = {}
        self._fds: dict[int, dict[int, int]] = {}  # by table: descriptor, object
        for proc in procs:
            table = world.proc(proc, abi.Proc.fd_table)
            if table not in self._fds:
                self._fds[table] = dict(self._read_table(table))
            for found in self._fds[table].values():
                self._holders.setdefault(found, set()).add(proc)
                self._by_channel.setdefault(self._get(abi.Object.channel, found), set()).add(found)

    def _read_table(self, table: int) -> Iterator[tuple[int, int]]:
        base = abi.World.fd_tables.at(table)
        used = abi.FdTable.fds_used.get(self._world.memory, base)
        entry = abi.FdTable.object
        for fd in range(used):
            found = entry.get(self._world.memory, base, fd) & _OBJECT_MASK
            if found:
                yield fd, found

    def _get(self, member: Member, index: int) -> int:
        return member.get(self._world.memory, abi.World.objects.at(index))

    def _objects_of(self, task: int) -> list[tuple[int, int, int]]:
        """What a task waits for: descriptor, object, side; an epoll's members are not among it."""
        world = self._world
        fds = self._fds.get(world.proc(world.task(task, abi.Task.proc), abi.Proc.fd_table), {})
        hints = [world.task_word(abi.Task.trap_args, task, 0) & 0xFFFFFFFF]
        ordered = [(fd, fds[fd]) for fd in hints if fd in fds] + list(fds.items())
        found = []
        for channel, side in self._waiters(task):
            for fd, held in ordered:
                if self._get(abi.Object.channel, held) == channel and self._can_be(held, side):
                    found.append((fd, held, side))
                    break
            else:
                found.append((-1, self._any_with(channel), side))
        return found[::-1]  # the last one asked for comes first

    def _can_be(self, held: int, side: int) -> bool:
        """A pipe's ends have one channel."""
        kind = self._get(abi.Object.kind, held)
        return kind not in _PIPES or kind in (_WRITERS if side == abi.SIDE_WRITE else _READERS)

    def _any_with(self, channel: int) -> int:
        return min(self._by_channel.get(channel, {0}))

    def _waiters(self, task: int) -> Iterator[tuple[int, int]]:
        slot = self._world.task(task, abi.Task.first_waiter)
        for _ in range(_MEMBERS_MAX):
            if not slot:
                return
            base = abi.World.waiters.at(slot)
            memory = self._world.memory
            yield abi.Waiter.channel.get(memory, base), abi.Waiter.side.get(memory, base)
            slot = abi.Waiter.next_of_task.get(memory, base)

    # ---- words ----
    def waited_for(self, task: int) -> list[Awaited]:
        """In the order in which the call named them, as far as that is known."""
        return [
            Awaited(self._side(held, side), fd, self._describe(held, side))
            for fd, held, side in self._objects_of(task)
        ]

    def _side(self, held: int, side: int) -> str:
        kind = self._get(abi.Object.kind, held)
        part = self._get(abi.Object.part, held)
        memory = self._world.memory
        if kind == abi.OBJECT_INET:
            state = abi.Sock.state.get(memory, abi.World.socks.at(part))
            is_listening = state == abi.SOCK_LISTENING
        else:
            flags = abi.UnixEnd.flags.get(memory, _ENDS.at(part)) if kind == abi.OBJECT_UNIX else 0
            is_listening = bool(flags & abi.UNIX_LISTENING)
        return "for a connection to" if is_listening else _SIDES[side]

    def _describe(self, held: int, side: int) -> str:
        if not held:
            return "something closed"
        kind = self._get(abi.Object.kind, held)
        if kind == abi.OBJECT_INET:
            return self._describe_inet(self._get(abi.Object.part, held))
        if kind == abi.OBJECT_UNIX:
            return self._describe_unix(held)
        if kind == abi.OBJECT_PIDFD:
            return f"pidfd of {self._get(abi.Object.value, held)}"
        if kind == abi.OBJECT_EPOLL:
            count = sum(1 for _ in self._items(held))
            return f"epoll of {count} descriptor{'' if count == 1 else 's'}"
        name = _NAMES.get(kind, "a file")
        if kind in _PIPES:
            return f"{name}, {self._other_end(held, side)}"
        return name

    def _other_end(self, held: int, side: int) -> str:
        """Who has the end that it hangs on."""
        wanted = _READERS if side == abi.SIDE_WRITE else _WRITERS
        procs = self._holders_of_ends(self._get(abi.Object.channel, held), wanted)
        end = "read" if side == abi.SIDE_WRITE else "write"
        return f"{end} end with {self._pids_of(procs)}"

    def _describe_unix(self, held: int) -> str:
        memory = self._world.memory
        base = _ENDS.at(self._get(abi.Object.part, held))
        name = abi.UnixEnd.name.get(memory, base)
        text = "a UNIX socket"
        if name:
            place = _UNIX_NAMES.at(name)
            size = abi.UnixName.bytes.get(memory, place)
            path = abi.UnixName.text.get_bytes(memory, place)[:size]
            text += f" {path.decode(errors='replace')}".replace("\0", "@").rstrip("@ ")
        peer = abi.UnixEnd.peer.get(memory, base)
        if peer:
            procs = self._holders_of_part(abi.OBJECT_UNIX, {peer}) or set()
            text += f", other end with {self._pids_of(procs)}"
        return text

    def _pids_of(self, procs: set[int]) -> str:
        pids = sorted(self._world.proc(proc, abi.Proc.pid) for proc in procs)
        return ", ".join(map(str, pids)) or "nobody"

    def _describe_inet(self, sock: int) -> str:
        memory, base = self._world.memory, abi.World.socks.at(sock)
        family = "UDP" if abi.Sock.type.get(memory, base) == 2 else "TCP"
        local = _address(abi.Sock.local.get_bytes(memory, base))
        state = abi.Sock.state.get(memory, base)
        if state == abi.SOCK_LISTENING:
            return f"{family} listening at {local}"
        if abi.Sock.peer.get(memory, base):
            return f"{family} {local} to {_address(abi.Sock.peer_address.get_bytes(memory, base))}"
        return f"{family} at {local}"

    # ---- who can change it ----
    def who_can_change(self, task: int) -> set[int] | None:
        """Processes that could make one of the things ready; None: that is not to be known."""
        found = self._objects_of(task)
        if not found:
            return None
        procs: set[int] = set()
        for _fd, held, side in found:
            some = self._changers(held, side)
            if some is None:
                return None
            procs |= some
        return procs

    def _changers(self, held: int, side: int) -> set[int] | None:
        kind = self._get(abi.Object.kind, held) if held else abi.OBJECT_NONE
        channel = self._get(abi.Object.channel, held)
        if self._is_in_flight(channel):
            return None
        if kind in _PIPES:
            if self._channel_inode(channel):  # a FIFO: anybody can open it
                return None
            wanted = _READERS if side == abi.SIDE_WRITE else _WRITERS
            return self._holders_of_ends(channel, wanted)
        if kind == abi.OBJECT_EVENTFD:
            return self._holders[held]
        if kind == abi.OBJECT_UNIX:
            return self._unix_changers(held)
        if kind == abi.OBJECT_INET:
            return self._inet_changers(held)
        if kind == abi.OBJECT_EPOLL:
            return self._epoll_changers(held)
        return None

    def _holders_of_ends(self, channel: int, kinds: tuple[int, ...]) -> set[int]:
        ends = self._by_channel.get(channel, set())
        return {
            proc for end in ends if self._get(abi.Object.kind, end) in kinds
            for proc in self._holders[end]
        }  # fmt: skip

    def _channel_inode(self, channel: int) -> int:
        return abi.Channel.inode.get(self._world.memory, abi.World.channels.at(channel))

    def _is_in_flight(self, channel: int) -> bool:
        """A descriptor of it is on its way in a message."""
        memory = self._world.memory
        for index in range(1, self._world.get(_USED_FLIGHTS) + 1):
            held = abi.Flight.object.get(memory, _FLIGHTS.at(index))
            if held and self._get(abi.Object.channel, held) == channel:
                return True
        return False

    def _unix_changers(self, held: int) -> set[int] | None:
        """Of a connected pair: who holds either end."""
        memory = self._world.memory
        end = self._get(abi.Object.part, held)
        base = _ENDS.at(end)
        peer = abi.UnixEnd.peer.get(memory, base)
        mutual = peer and abi.UnixEnd.peer.get(memory, _ENDS.at(peer)) == end
        if not mutual or abi.UnixEnd.flags.get(memory, base) & abi.UNIX_LISTENING:
            return None
        return self._holders_of_part(abi.OBJECT_UNIX, {end, peer})

    def _inet_changers(self, held: int) -> set[int] | None:
        memory = self._world.memory
        sock = self._get(abi.Object.part, held)
        base = abi.World.socks.at(sock)
        peer = abi.Sock.peer.get(memory, base)
        if abi.Sock.state.get(memory, base) != abi.SOCK_CONNECTED or not peer:
            return None
        return self._holders_of_part(abi.OBJECT_INET, {sock, peer})

    def _holders_of_part(self, kind: int, parts: set[int]) -> set[int] | None:
        """None when one of them is nobody's: a connection that waits to be accepted."""
        found: dict[int, set[int]] = {}
        for held, procs in self._holders.items():
            part = self._get(abi.Object.part, held)
            if part in parts and self._get(abi.Object.kind, held) == kind:
                found.setdefault(part, set()).update(procs)
        return set().union(*found.values()) if len(found) == len(parts) else None

    def _items(self, held: int) -> Iterator[int]:
        memory = self._world.memory
        epoll = abi.World.epolls.at(self._get(abi.Object.part, held))
        item = abi.Epoll.first_item.get(memory, epoll)
        for _ in range(_MEMBERS_MAX):
            if not item:
                return
            base = abi.World.epoll_items.at(item)
            yield abi.EpollItem.object.get(memory, base)
            item = abi.EpollItem.next_of_epoll.get(memory, base)

    def _epoll_changers(self, held: int) -> set[int] | None:
        """Also who holds the epoll itself: it can be given more to watch."""
        procs = set(self._holders[held])
        for member in self._items(held):
            if self._get(abi.Object.kind, member) == abi.OBJECT_EPOLL:
                return None
            for side in (abi.SIDE_READ, abi.SIDE_WRITE):
                some = self._changers(member, side)
                if some is None:
                    return None
                procs |= some
        return procs

    def flock_holders(self, inode: int, fd: int, proc: int, exclusive: bool) -> set[int]:
        """Processes with a flock on a file that is in the way of one asked for by `fd`."""
        own = self._fds.get(self._world.proc(proc, abi.Proc.fd_table), {}).get(fd)
        in_the_way = (
            (abi.FLOCK_SHARED, abi.FLOCK_EXCLUSIVE) if exclusive else (abi.FLOCK_EXCLUSIVE,)
        )
        return {
            holder for held, procs in self._holders.items()
            if held != own and self._get(abi.Object.inode, held) == inode
            and self._get(abi.Object.flock, held) in in_the_way
            for holder in procs
        }  # fmt: skip


def _address(data: bytes) -> str:
    """struct net_address: IPv4 as ::ffff:a.b.c.d."""
    import ipaddress  # slow to import, and seldom needed

    address = ipaddress.IPv6Address(data[:16])
    port = int.from_bytes(data[16:18], "little")
    short = address.ipv4_mapped
    return f"{short}:{port}" if short else f"[{address}]:{port}"
