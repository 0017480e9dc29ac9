"""What a process knows of the primary and of the log decides what it takes (F05, F06, F07)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import asyncpg
import psycopg2
import pytest
from structlog.testing import capture_logs

from authrim.store.contract import Unavailable
from authrim.store.postgres.fence import Fence, Primary
from authrim.store.postgres.restored import mark_longer
from authrim.store.postgres.store import PostgresStore
from tests.store.store_samples import grant_append
from tests.support.patience import PATIENCE

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
async def store(own_dsn: str) -> AsyncIterator[PostgresStore]:
    """A store that has appended, so that its writer is connected."""
    opened = PostgresStore(own_dsn)
    await opened.open()
    await opened.append(grant_append("first"))
    yield opened
    await opened.close()


def known(store: PostgresStore) -> Primary:
    """The primary that it knows."""
    assert store._fence.primary is not None
    return store._fence.primary


def before(primary: Primary) -> Primary:
    """The same server, when it had not been started again yet."""
    return Primary(primary.timeline, primary.started - timedelta(hours=1))


async def test_a_statement_that_meets_another_primary_is_repeated_there(store: PostgresStore) -> None:
    """Behind a pooler the writer's connection may lead to a new primary: its log is compared, then it gets it."""
    real = known(store)
    store._fence.primary = before(real)
    await store.append(grant_append("second"))
    assert known(store) == real
    assert (await store.head()).position == 2


async def test_a_statement_that_meets_an_old_primary_is_refused(store: PostgresStore) -> None:
    """Where the primary is an old one, a single append is refused for now, as any other."""
    real = known(store)
    store._fence.primary = Primary(real.timeline + 1, real.started)
    with pytest.raises(Unavailable, match="old primary"):
        await store.append(grant_append("second"))
    store._fence.primary = real
    assert (await store.read_stream("default:grant:second")).version == 0


async def test_what_a_replaced_primary_confirms_is_looked_up(store: PostgresStore, own_dsn: str) -> None:
    """A confirmation that comes when another primary is known already says nothing: the new one is asked."""
    real = known(store)
    with closing(psycopg2.connect(own_dsn)) as other, other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM authrim.head FOR UPDATE")
        append = asyncio.create_task(store.append(grant_append("second")))
        await waiting(own_dsn)
        store._fence.primary = before(real)
        other.rollback()
        assert (await append).last_position == 2
    assert known(store) == real


async def test_connections_that_find_a_new_primary_together_say_so_once(
    store: PostgresStore, own_dsn: str
) -> None:
    """F06: after a failover every connection of a process is new. However many compare the log at the same time, one
    line tells of the change, and the connections to the primary before are left once."""
    connections = [
        await asyncpg.connect(own_dsn, server_settings={"search_path": "authrim"}) for _ in range(4)
    ]
    moves: list[None] = []
    store._fence.on_move = lambda: moves.append(None)
    real = known(store)
    store._fence.primary = before(real)
    try:
        with capture_logs() as lines:
            await asyncio.gather(*map(store._fence.admit, connections))
    finally:
        for connection in connections:
            await connection.close()
    assert known(store) == real
    assert [line["event"] for line in lines] == ["store.primary_changed"]
    assert len(moves) == 1


async def waiting(dsn: str) -> None:
    """Wait until an append waits for the head row."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                if await connection.fetchval(WAITING):
                    return
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def test_what_another_server_said_is_not_held_against_a_primary() -> None:
    """What was read from a standby before a primary was known, or from the primary before, is not demanded of this
    one: it may be what nobody was told was recorded."""
    real = Primary(2, datetime.now(UTC))
    fence = Fence()
    fence.saw(None, 7, b"standby")
    fence.primary = real
    fence.saw(before(real), 8, b"before")
    assert fence._position == 0
    fence.saw(real, 3, b"real")
    assert fence._position == 3


async def test_a_database_that_has_everything_is_not_marked(store: PostgresStore) -> None:
    """When the address leads back to the right primary before the mark was written, that one is not marked."""
    head = await store.head()
    await mark_longer(store._connections, head.position, head.chain_hash)
    assert await store.restored.read() is None
    await mark_longer(store._connections, head.position + 1, b"lost")
    restored = await store.restored.read()
    assert restored is not None
    assert restored.longer == head.position + 1
