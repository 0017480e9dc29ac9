"""A server whose level of overload the test sets, and a connection to it that the test speaks on itself."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from authrim.server.app import make_app
from authrim.web.overload import OVERLOAD, Overload
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from authrim.wire.tls import Tls
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer


class Shown(NamedTuple):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, line: str, body: str = "", **headers: str) -> None:
        """A request in one piece."""
        named = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if line.startswith("POST"):
            named |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.writer.write(f"{line} HTTP/1.1\r\n{lines}\r\n{body}".encode())

    async def answer(self) -> Shown:
        """The next answer."""
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
            return Shown(int(first.split()[1]), headers, body)

    async def ask(self, line: str, body: str = "", **headers: str) -> Shown:
        self.send(line, body, **headers)
        return await self.answer()


@asynccontextmanager
async def gated(
    server: RunningServer,
    limits: Limits = Limits(),  # noqa: B008 - a constant
    *,
    tls: Tls | None = None,
    client: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[Overload, Line]]:
    """A server whose level the test sets, and a connection to it, which is one of ``client`` over ``tls`` where they
    are given."""
    app = make_app(server.parts, limits)
    running = await start_site(app, "127.0.0.1", 0, limits=limits, tls=tls)
    name = None if client is None else "localhost"
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", running.port, ssl=client, server_hostname=name
    )
    app[OVERLOAD].room = 0
    try:
        yield app[OVERLOAD], Line(reader, writer)
    finally:
        writer.close()
        await running.stop(1)
