"""Clients that are slow on purpose: ``python -m tests.support.slow_clients PLAN`` inside a network namespace.

They come from the addresses of the plan in turn, and come again when they are cut. A line on standard output says when
all of them are connected, and another one when all that send slowly have been cut. They stay until standard input ends;
a last line says how often each kind was cut.
"""

import asyncio
import contextlib
import json
import socket
import sys
from collections import Counter

import msgspec

_TOKEN = b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class SlowPlan(msgspec.Struct, frozen=True):
    """How many connections of each kind: ``idle`` send nothing after one answer, ``heads`` a header byte by byte,
    ``bodies`` a form byte by byte, ``readers`` ask again and again for ``large`` and read nothing. ``pause``: seconds
    between two bytes."""

    host: str
    port: int
    addresses: tuple[str, ...]
    idle: int = 0
    heads: int = 0
    bodies: int = 0
    readers: int = 0
    pause: float = 0.5
    large: str = "/.well-known/openid-configuration"


class _Crowd:
    def __init__(self, plan: SlowPlan) -> None:
        self._plan = plan
        self._next = 0
        self._connected = 0
        self.expected = 0
        self._slow = plan.heads + plan.bodies
        self.is_complete = asyncio.Event()
        self.cut: Counter[str] = Counter()

    async def stay(self, kind: str) -> None:
        """One client, again and again."""
        first = True
        while True:
            with contextlib.suppress(OSError):
                await self._once(kind, first)
            self.cut[kind] += 1
            if first and kind in {"heads", "bodies"}:
                self._slow -= 1
                if not self._slow:
                    print("cut", flush=True)
            first = False
            await asyncio.sleep(self._plan.pause)

    async def _once(self, kind: str, first: bool) -> None:
        plan = self._plan
        self._next += 1
        address = plan.addresses[self._next % len(plan.addresses)]
        reader, writer = await asyncio.open_connection(sock=await _connected(plan, address), limit=1024)
        self._connected += first
        if self._connected == self.expected:
            self.is_complete.set()
        try:
            await getattr(self, f"_{kind}")(reader, writer)
        finally:
            writer.transport.abort()

    async def _idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await reader.read(1024):
            pass

    async def _heads(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        await self._drip(reader, writer)

    async def _bodies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_TOKEN + b"Content-Length: 5000\r\n\r\n")
        await self._drip(reader, writer)

    async def _readers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = f"GET {self._plan.large} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        writer.write(asked * 200)
        await asyncio.sleep(3600)  # it is cut, and the transport tells nobody who does not read

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not (reader.at_eof() or writer.is_closing()):
            writer.write(b"a")
            await asyncio.sleep(self._plan.pause)


async def _connected(plan: SlowPlan, address: str) -> socket.socket:
    """A connection from an address, with little room for what is not read."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((address, 0))
    try:
        await asyncio.get_running_loop().sock_connect(sock, (plan.host, plan.port))
    except OSError:
        sock.close()
        raise
    return sock


async def _run(plan: SlowPlan) -> None:
    crowd = _Crowd(plan)
    counts = {kind: getattr(plan, kind) for kind in ("idle", "heads", "bodies", "readers")}
    tasks = [asyncio.create_task(crowd.stay(kind)) for kind, count in counts.items() for _ in range(count)]
    crowd.expected = len(tasks)
    await crowd.is_complete.wait()
    print("connected", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    print(json.dumps(crowd.cut), flush=True)
    for task in tasks:
        task.cancel()


def main() -> None:
    """Come, stay, and say how it went."""
    asyncio.run(_run(msgspec.json.decode(sys.argv[1], type=SlowPlan)))


if __name__ == "__main__":
    main()
