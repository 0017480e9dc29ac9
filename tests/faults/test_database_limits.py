"""A database that is there and can do no more: its disk is full, or all connections to it are busy."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from authrim.store.chain import verify
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite import lane
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server

SERVICE = {"grant_type": "client_credentials"}
# The trigger says what PostgreSQL says itself when a file cannot grow.
DISK_FULL = """
    CREATE FUNCTION authrim.disk_full() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER disk_full BEFORE INSERT ON authrim.events EXECUTE FUNCTION authrim.disk_full();
"""
SPACE_AGAIN = "DROP TRIGGER disk_full ON authrim.events; DROP FUNCTION authrim.disk_full()"


@pytest.fixture
async def postgres_server(postgres_dsn: str) -> AsyncIterator[RunningServer]:
    """A server with two connections for its reads."""
    store = PostgresStore(postgres_dsn, pool_size=2)
    await store.open()
    async with running_server(store) as running:
        yield running
    await store.close()


async def ask(server: RunningServer, path: str, form: dict[str, str] | None = None) -> aiohttp.ClientResponse:
    """By the service: a POST of a form, or else a GET."""
    service, method = await server.client("service"), "POST" if form else "GET"
    async with server.http.request(method, server.url(path), data=form, headers=service.basic) as answer:
        await answer.read()
        return answer


async def test_a_full_disk(postgres_server: RunningServer, postgres_dsn: str) -> None:
    """F10: appends fail with 503 and change nothing, reads go on, and with space the server goes on by itself."""
    api = await postgres_server.client("api")
    issued = await (await ask(postgres_server, "/token", SERVICE)).json()
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(DISK_FULL)
    before = await connection.fetchval("SELECT position FROM authrim.head")
    try:
        for _ in range(3):
            refused = await ask(postgres_server, "/token", SERVICE)
            assert (refused.status, "Retry-After" in refused.headers) == (503, True)
            assert (await refused.json())["error"] == "temporarily_unavailable"
        status, told = await postgres_server.post("/introspect", {"token": issued["access_token"]}, api.basic)
        assert (status, told["active"]) == (200, True)
        assert (await ask(postgres_server, "/jwks")).status == 200
        assert await connection.fetchval("SELECT position FROM authrim.head") == before
    finally:
        await connection.execute(SPACE_AGAIN)
        await connection.close()
    assert (await ask(postgres_server, "/token", SERVICE)).status == 200
    assert (await verify(postgres_server.core.store)).problem is None


async def test_busy_connections(postgres_server: RunningServer, postgres_dsn: str) -> None:
    """F24: when every read waits for the database, clients get 503 within seconds; keys and metadata are served on."""
    api = await postgres_server.client("api")
    issued = await (await ask(postgres_server, "/token", SERVICE)).json()
    question = {"token": issued["access_token"]}
    async with AsyncExitStack() as locked:
        connection = await asyncpg.connect(postgres_dsn)
        locked.push_async_callback(connection.close)
        await locked.enter_async_context(connection.transaction())
        await connection.execute("LOCK TABLE authrim.tokens IN ACCESS EXCLUSIVE MODE")
        questions = [
            asyncio.create_task(postgres_server.post("/introspect", question, api.basic)) for _ in range(40)
        ]
        await asyncio.sleep(0.2)
        for path in ("/jwks", "/.well-known/openid-configuration"):
            assert (await ask(postgres_server, path)).status == 200
        answers = await asyncio.wait_for(asyncio.gather(*questions), PATIENCE)
        assert {(status, answer.get("error")) for status, answer in answers} == {
            (503, "temporarily_unavailable")
        }
    status, told = await postgres_server.post("/introspect", question, api.basic)
    assert (status, told["active"]) == (200, True)


async def test_a_held_head_row(postgres_server: RunningServer, postgres_dsn: str) -> None:
    """F38: while a transaction elsewhere holds the head row, clients that need an append get 503, and reads go on; when
    it is over, so is that."""
    api = await postgres_server.client("api")
    issued = await (await ask(postgres_server, "/token", SERVICE)).json()
    connection = await asyncpg.connect(postgres_dsn)
    async with connection.transaction():
        await connection.execute("SELECT * FROM authrim.head FOR UPDATE")
        refused = await ask(postgres_server, "/token", SERVICE)
        assert (refused.status, "Retry-After" in refused.headers) == (503, True)
        status, told = await postgres_server.post("/introspect", {"token": issued["access_token"]}, api.basic)
        assert (status, told["active"]) == (200, True)
    await connection.close()
    assert (await ask(postgres_server, "/token", SERVICE)).status == 200


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_held_write_lock(
    server: RunningServer, store_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: likewise while another program holds the write lock of the embedded store."""
    monkeypatch.setattr(lane, "BUSY_TIMEOUT", 100)
    api = await server.client("api")
    await server.client("service")
    issued = await (await ask(server, "/token", SERVICE)).json()
    with closing(sqlite3.connect(store_place, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        refused = await ask(server, "/token", SERVICE)
        assert (refused.status, "Retry-After" in refused.headers) == (503, True)
        status, told = await server.post("/introspect", {"token": issued["access_token"]}, api.basic)
        assert (status, told["active"]) == (200, True)
        holder.execute("ROLLBACK")
    assert (await ask(server, "/token", SERVICE)).status == 200
