"""Work on PostgreSQL that is cancelled at any moment, and what comes after it on the same connection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest

from authrim.store.contract import StoredEvent, Unavailable
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ProjectionResult
from projections.audit import AUDIT
from tests.postgres_cluster import Cluster
from tests.store.log_samples import behind_its_back, write_grant
from tests.support.tcp_proxy import Proxy

_POSITIONS = "SELECT position FROM followers"
#: Moments at which work is cancelled: turns of the event loop after it began.
MOMENTS = range(1, 13)


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_dsn)
    await store.open()
    yield store
    await store.close()


async def test_a_cancelled_page_leaves_no_open_transaction(store: PostgresStore, postgres_dsn: str) -> None:
    """F18: a page of a follower that is cancelled while its transaction begins leaves no connection on which the next
    pages are part of a transaction that nobody commits."""
    await write_grant(store, "one")
    for moment in MOMENTS:
        await cancelled(store.run_followed_page(AUDIT, 100, nothing), moment)
        await store.run_followed_page(AUDIT, 100, nothing, wait=True)
        assert behind_its_back(postgres_dsn, _POSITIONS) == [(8,)], moment
        behind_its_back(postgres_dsn, "DELETE FROM followers")


async def test_a_cancelled_transaction_of_the_pool(store: PostgresStore, postgres_dsn: str) -> None:
    """F18: the same for a connection that goes back to the pool."""
    await write_grant(store, "one")
    for moment in MOMENTS:
        await store.run_followed_page(AUDIT, 100, nothing, wait=True)
        await cancelled(store.restored.follow_again(4), moment)
        await store.restored.follow_again(2)
        assert behind_its_back(postgres_dsn, _POSITIONS) == [(2,)], moment


async def test_a_cancellation_outlives_a_connection_that_is_lost(cluster: Cluster, postgres_dsn: str) -> None:
    """F18: a loop that tries again what is unavailable ends when it is cancelled while its statement runs, also where
    the network is gone, and giving the connection back fails: before, it went on, and the server never ended."""

    async def again_and_again() -> None:
        while True:
            with suppress(Unavailable):
                await store.restored.follow_again(2)
            await asyncio.sleep(0)

    async with Proxy(cluster.port) as proxy:
        store = PostgresStore(postgres_dsn.replace(f":{cluster.port}", f":{proxy.port}"))
        await store.open()
        working = asyncio.create_task(again_and_again())
        await asyncio.sleep(0.05)
        proxy.hold()
        await asyncio.sleep(0.05)
        working.cancel()
        _ended, running = await asyncio.wait([working], timeout=5)
        proxy.pass_on()
        for task in running:
            task.cancel()
        await store.close()
        assert not running


def nothing(_events: Sequence[StoredEvent]) -> ProjectionResult:
    return ProjectionResult(())


async def cancelled(work: object, moment: int) -> None:
    """Begin some work, and cancel it at a moment."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    for _ in range(moment):
        await asyncio.sleep(0.0002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
