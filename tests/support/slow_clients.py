"""Clients that are slow on purpose: ``python -m tests.support.slow_clients PLAN`` inside a network namespace.

They come from the addresses of the plan in turn, and a line on standard output says when all of them are connected. They
stay until standard input ends, and come again when they are cut; a last line says how often that was.
"""

import asyncio
import json
import sys
from collections import Counter

import msgspec

_TOKEN = b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
#: Pause between two bytes of who sends slowly, in seconds.
_PAUSE = 0.5


class SlowPlan(msgspec.Struct, frozen=True):
    """How many connections of each kind: ``idle`` send nothing after one answer, ``heads`` a header byte by byte,
    ``bodies`` a form byte by byte, ``readers`` ask again and again and read nothing of ``large``."""

    host: str
    port: int
    addresses: tuple[str, ...]
    idle: int = 0
    heads: int = 0
    bodies: int = 0
    readers: int = 0
    large: str = "/.well-known/openid-configuration"


class _Crowd:
    def __init__(self, plan: SlowPlan) -> None:
        self._plan = plan
        self._next = 0
        self.connected = 0
        self.cut: Counter[str] = Counter()

    async def stay(self, kind: str) -> None:
        """One client, again and again."""
        first = True
        while True:
            try:
                await self._once(kind, first)
            except OSError:
                pass
            self.cut[kind] += 1
            first = False
            await asyncio.sleep(_PAUSE)

    async def _once(self, kind: str, first: bool) -> None:
        plan = self._plan
        self._next += 1
        address = plan.addresses[self._next % len(plan.addresses)]
        reader, writer = await asyncio.open_connection(
            plan.host, plan.port, local_addr=(address, 0), limit=1024
        )
        self.connected += first
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
            await asyncio.sleep(_PAUSE)


async def _run(plan: SlowPlan) -> None:
    crowd = _Crowd(plan)
    counts = {kind: getattr(plan, kind) for kind in ("idle", "heads", "bodies", "readers")}
    tasks = [asyncio.create_task(crowd.stay(kind)) for kind, count in counts.items() for _ in range(count)]
    while crowd.connected < len(tasks):
        await asyncio.sleep(0.02)
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
