"""Which connect an accept answers.

A listening socket's connections are accepted in the order in which they were made, so the n-th
accept at an address answers the n-th connect to it; where the program asked for the peer's
address, and the connecting end's own is known, the ports must agree as well. An accept may stand
in the trace before its connect: that call is recorded when it ends, which link latency can make
later. A connect that did not wait and met no listener was refused in all likelihood, so it is
answered only where nothing else is left.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dstrun.trace.text import escape

if TYPE_CHECKING:
    from dstrun.trace.descriptors import OpenFile

_AF_UNIX: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10
_EINTR: Final = 4
_EALREADY: Final = 114
_EINPROGRESS: Final = 115
_EISCONN: Final = 106
_PENDING: Final = (0, -_EINPROGRESS, -_EALREADY, -_EINTR, -_EISCONN)


class Address(NamedTuple):
    """A socket's address: host and port, or the name of an AF_UNIX socket and port 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_any(self) -> bool:
        """Of a listening socket: it takes connections to all of the machine's addresses."""
        return self.host in ("0.0.0.0", "::")

    def answers(self, target: Address) -> bool:
        """Whether a socket that listens at this address takes a connection to `target`."""
        if self.port != target.port:
            return False
        if self.host == target.host:
            return True
        return self.port != 0 and (self.is_any or target.is_any)


def parse_address(data: bytes) -> Address | None:
    """struct sockaddr's address; None where it has none that could be met again."""
    if len(data) < 2:
        return None
    (family,) = struct.unpack_from("<H", data)
    if family == _AF_INET and len(data) >= 8:
        return Address(str(ipaddress.IPv4Address(data[4:8])), int.from_bytes(data[2:4], "big"))
    if family == _AF_INET6 and len(data) >= 24:
        host = ipaddress.IPv6Address(data[8:24])
        shown = str(host.ipv4_mapped or host)
        return Address(shown, int.from_bytes(data[2:4], "big"))
    if family == _AF_UNIX and len(data) > 2:
        path = data[2:]
        if path[0]:
            return Address(escape(path.split(b"\0", 1)[0]), 0)
        return Address("@" + escape(path[1:]), 0)
    return None


@dataclass(eq=False, slots=True, repr=False)
class Connection:
    """A stream connection. `server` is None as long as nobody has accepted it."""

    number: int  # counted from 1 in the order of the connects
    client: OpenFile
    address: Address | None  # that was connected to
    connected: int  # number of the connect's event
    server: OpenFile | None = None
    accepted: int | None = None  # number of the accept's event
    error: int = 0  # errno with which the connect failed in the end
    doubtful: bool = False  # nobody listened there when it was begun

    def __str__(self) -> str:
        where = self.address or "?"
        return f"connection {self.number} to {where}"

    __repr__ = __str__


def _rank(made: Connection, remote: Address | None) -> tuple[bool, bool]:
    """Those whose port is known to be the peer's come first, the doubtful ones last."""
    own = made.client.local
    return made.doubtful, not (own and remote and own.port == remote.port)


class Connections:
    """All connections of a trace, fed by the descriptor tracker in the order of events."""

    def __init__(self) -> None:
        self.all: list[Connection] = []
        self._waiting: list[Connection] = []  # connects that no accept has answered yet
        self._listeners: list[OpenFile] = []
        self._early: list[tuple[int, OpenFile, OpenFile]] = []  # accepts before their connect

    def listen(self, listener: OpenFile) -> None:
        """A socket has begun to take connections."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def connect(self, index: int, client: OpenFile, address: Address | None, result: int) -> None:
        """A connect on a stream socket has ended."""
        if result not in _PENDING:
            self.fail(client, -result)
            return
        if client.connection:
            return
        made = Connection(len(self.all) + 1, client, address, index)
        made.doubtful = result != 0 and not self._has_listener(address)
        self.all.append(made)
        client.connection = made
        client.end, client.remote = "client", address
        for early in self._early:
            if self._fits(made, early[1], early[2].remote):
                self._early.remove(early)
                self._pair(made, early[0], early[2])
                return
        self._waiting.append(made)

    def fail(self, client: OpenFile, error: int) -> None:
        """What became of a connect that did not wait: an errno."""
        known = client.connection
        if known and known.server is None:
            known.error = error
            client.connection = None
            if known in self._waiting:
                self._waiting.remove(known)

    def _has_listener(self, address: Address | None) -> bool:
        self._listeners = [one for one in self._listeners if one.closed is None]
        return any(
            not (one.local and address) or one.local.answers(address) for one in self._listeners
        )

    def accept(
        self, index: int, listener: OpenFile, server: OpenFile, remote: Address | None
    ) -> None:
        """An accept has given `server`; `remote` is the peer's address if the program asked."""
        server.end, server.local, server.remote = "server", listener.local, remote
        for made in sorted(self._waiting, key=lambda one: _rank(one, remote)):
            if self._fits(made, listener, remote):
                self._waiting.remove(made)
                self._pair(made, index, server)
                return
        self._early.append((index, listener, server))

    def _fits(self, made: Connection, listener: OpenFile, remote: Address | None) -> bool:
        if listener.local and made.address and not listener.local.answers(made.address):
            return False
        own = made.client.local
        return not (own and remote and own.port and remote.port and own.port != remote.port)

    def _pair(self, made: Connection, index: int, server: OpenFile) -> None:
        made.server, made.accepted = server, index
        server.connection = made
        server.peer, made.client.peer = made.client, server
        made.client.local = made.client.local or server.remote
