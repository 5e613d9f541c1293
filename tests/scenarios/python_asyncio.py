"""asyncio's streams: an echo server, 20 clients at once, timeouts, a datagram endpoint."""

from __future__ import annotations

import asyncio
import os

PORT = int(os.environ.get("PORT", "7001"))
CLIENTS, LINES, BIG = 20, 30, 1_000_000


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line == b"slow\n":
            await asyncio.sleep(0.6)
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def client(number: int) -> int:
    reader, writer = await asyncio.open_connection("localhost", PORT, limit=2 * BIG)
    same = 0
    for turn in range(LINES):
        line = f"client {number} line {turn}\n".encode()
        writer.write(line)
        same += await reader.readline() == line.upper()
        await asyncio.sleep(0.001 * (number % 3))
    writer.write(b"x" * BIG + b"\n")
    got = await reader.readuntil(b"\n")
    writer.close()
    await writer.wait_closed()
    return same + len(got)


async def slow_client() -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(b"slow\n")
    try:
        await asyncio.wait_for(reader.readline(), 0.2)
    except asyncio.TimeoutError:
        return "timed out"
    finally:
        writer.close()
    return "was not slow"


class Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram with its length."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(str(len(data)).encode(), addr)


class Asker(asyncio.DatagramProtocol):
    """Collects answers."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.put_nowait(data)


async def datagrams() -> list[int]:
    loop = asyncio.get_running_loop()
    there, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", PORT + 1))
    here, asker = await loop.create_datagram_endpoint(Asker, remote_addr=("127.0.0.1", PORT + 1))
    sizes = []
    for size in (1, 100, 5000):
        here.sendto(b"d" * size)
        sizes.append(int(await asker.answers.get()))
    here.close()
    there.close()
    return sizes


async def refused() -> str:
    try:
        await asyncio.open_connection("127.0.0.1", PORT + 2)
    except OSError as error:
        return type(error).__name__
    return "accepted"


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, limit=2 * BIG)
    async with server:
        print("clients:", sum(await asyncio.gather(*map(client, range(CLIENTS)))))
        print("slow:", await slow_client())
        print("datagrams:", await datagrams())
        print("nobody there:", await refused())
        process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
        print("cat:", await process.communicate(b"through a process"))
        await asyncio.sleep(0.6)  # the slow server ends


asyncio.run(main())
