"""Clients that send and read slowly, from many addresses in another network namespace (F23)."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from authrim.server.app import make_app
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from tests.support.namespace import Namespace, namespace, why_not
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server
from tests.support.slow_clients import SlowPlan

ROOT = Path(__file__).parents[2]
REQUESTS = 150
#: Slow ones of each kind; none comes more often from one address than is allowed.
CROWD = {"idle": 200, "heads": 40, "bodies": 40, "readers": 20}

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there are namespaces")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server on SQLite: nothing here depends on the store."""
    place = tmp_path / "authrim.db"
    migrate_sqlite(place)
    store = SQLiteStore(place)
    await store.open()
    async with running_server(store) as running:
        yield running
    await store.close()


@asynccontextmanager
async def slow_clients(place: Namespace, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The crowd, as soon as it is connected."""
    plan = SlowPlan(place.here, port, place.addresses, **CROWD)
    process = await asyncio.create_subprocess_exec(
        *place.command([sys.executable, "-m", "tests.support.slow_clients", msgspec.json.encode(plan).decode()]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readline() == b"connected\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def honest(host: str, port: int) -> float:
    """The processor time of one request of somebody else, in seconds; all of them are answered."""
    reader, writer = await asyncio.open_connection(host, port)
    begun = time.process_time()
    for _ in range(REQUESTS):
        writer.write(b"GET /jwks HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))
    used = time.process_time() - begun
    writer.close()
    return used / REQUESTS


async def test_slow_clients_cost_others_little(server: RunningServer) -> None:
    """F23: with 300 slow connections from another namespace, everybody else is answered, for hardly more work than
    without them; those that send slowly are cut, and when they are gone no place is taken."""
    app, limits = (
        make_app(server.parts, Limits()),
        Limits(header_seconds=1, body_seconds=1, linger_seconds=0.1),
    )
    with namespace(20) as place:
        running = await start_site(app, place.here, 0, limits=limits)
        port = running.port
        without = min([await honest(place.here, port) for _ in range(3)])
        async with slow_clients(place, port) as process:
            beside = min([await honest(place.here, port) for _ in range(3)])
            assert process.stdin is not None
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE):
                assert await process.stdout.readline() == b"cut\n"
            process.stdin.close()
            cut = json.loads(await process.stdout.readline())
        assert cut["heads"] >= CROWD["heads"]
        assert cut["bodies"] >= CROWD["bodies"]
        assert "idle" not in cut
        async with asyncio.timeout(PATIENCE):
            await running.stop(PATIENCE / 2)
    assert beside < 2 * without
