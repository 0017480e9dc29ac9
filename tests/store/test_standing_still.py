"""Sessions whose process stands still in a statement (``authrim/store/postgres/standing_still.py``)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from authrim.store.postgres import connections
from authrim.store.postgres.store import PostgresStore
from tests.support.patience import PATIENCE

LOCK = "SELECT pg_advisory_xact_lock($1)"
TRY = "SELECT pg_try_advisory_xact_lock($1)"
STATE = "SELECT state, wait_event FROM pg_stat_activity WHERE pid = $1"


@pytest.fixture
async def hasty(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresStore]:
    """A store that gives whoever stands still one second."""
    monkeypatch.setitem(connections.SESSION, "idle_in_transaction_session_timeout", "1s")  # type: ignore[arg-type]
    store = PostgresStore(postgres_dsn)
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def working(dsn: str, name: str, statement: str, *arguments: int) -> AsyncIterator[asyncpg.Connection]:
    """A connection that has a lock in a transaction, and then runs a statement."""
    settings = {"application_name": name, "statement_timeout": "1s" if "sleep" not in statement else "0"}
    connection = await asyncpg.connect(dsn, server_settings=settings)
    await connection.execute("BEGIN")
    await connection.fetch(LOCK, 7)
    if "sleep" not in statement:
        connection._transport.pause_reading()  # it stands still: the first answer does not come
    running = asyncio.create_task(connection.fetch(statement, *arguments))
    yield connection
    connection.terminate()
    await asyncio.gather(running, return_exceptions=True)


async def until_seen(store: PostgresStore, connection: asyncpg.Connection, wait: str) -> None:
    async with asyncio.timeout(PATIENCE):
        pid = connection.get_server_pid()
        while [tuple(row) for row in await store._connections.fetch(STATE, pid)] != [("active", wait)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def is_free(store: PostgresStore) -> bool:
    return bool((await store._connections.fetch(TRY, 7))[0][0])


async def test_who_stands_still_in_a_statement_is_ended(hasty: PostgresStore, postgres_dsn: str) -> None:
    """F17: PostgreSQL waits for the rest of a statement without any limit, and nobody gets the locks; then the session
    is ended from outside, and the lock is free."""
    async with working(postgres_dsn, "authrim test", "SELECT $1::BIGINT + 1", 1) as stopped:
        await until_seen(hasty, stopped, "ClientRead")
        assert await hasty.end_standing_still() == 0, "a moment is nothing"
        await asyncio.sleep(2)
        await until_seen(hasty, stopped, "ClientRead")
        assert not await is_free(hasty)
        assert await hasty.end_standing_still() == 1
        async with asyncio.timeout(PATIENCE):
            while not await is_free(hasty):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.05)
        assert await hasty.end_standing_still() == 0


@pytest.mark.parametrize(
    ("name", "statement", "argument", "wait"),
    [
        ("psql", "SELECT $1::BIGINT + 1", 1, "ClientRead"),
        ("authrim test", "SELECT pg_sleep($1)", 600, "PgSleep"),
    ],
    ids=["another program", "a long statement"],
)
async def test_nobody_else_is_ended(
    hasty: PostgresStore, postgres_dsn: str, name: str, statement: str, argument: int, wait: str
) -> None:
    """F17: a session of another program, and one whose statement is at work, are left alone."""
    async with working(postgres_dsn, name, statement, argument) as other:
        await until_seen(hasty, other, wait)
        await asyncio.sleep(1.5)
        assert await hasty.end_standing_still() == 0
        await until_seen(hasty, other, wait)
