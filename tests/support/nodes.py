"""Another node of a running server: the same store and issuer, nothing else shared. A restart is no different."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from authrim.server.app import make_app
from authrim.server.wiring import make_parts
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from tests.support.ports import free_port
from tests.support.running import RunningServer, development_settings


class Node(RunningServer):
    """A node by its own address; clients and people are those of all."""

    def __init__(self, address: str, server: RunningServer) -> None:
        super().__init__(server.issuer, server.parts, server.http, server.subject, clients=server.clients)
        self.address = address

    def url(self, path: str) -> str:
        return self.address + path


@asynccontextmanager
async def another_node(server: RunningServer, **changes: Any) -> AsyncIterator[RunningServer]:
    """Serve beside ``server`` with empty memory."""
    port = free_port()
    parts = await make_parts(development_settings(port, issuer=server.issuer, **changes), server.core.store)
    limits = Limits()
    running = await start_site(make_app(parts, limits), "localhost", port, limits=limits)
    try:
        yield Node(f"http://localhost:{port}", server)
    finally:
        await running.stop(1)
