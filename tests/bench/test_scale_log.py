"""A log that is made in bulk is one that a server could have written."""

from collections import Counter
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from authrim.audit import rebuild
from authrim.store import chain
from authrim.store.postgres.store import PostgresStore
from bench.scale.__main__ import proved_batches
from bench.scale.log import Size
from bench.scale.sample import samples
from bench.scale.write import refresh, write
from tests.postgres_cluster import Cluster
from tests.support.browser import Browser
from tests.support.running import running_server

_SIZE = Size.of(2000)


async def test_a_made_log_verifies_and_serves(cluster: Cluster) -> None:
    """The chain, the tree and all projections of a made log verify, also after more was written behind it; a server
    starts on it, signs somebody in, and finds no broken rule; and a changed row is found."""
    made = await samples(cluster)
    dsn = cluster.dsn(cluster.new_database())
    position = await write(dsn, made, _SIZE)
    assert abs(position - _SIZE.events) < _SIZE.events * 0.05
    assert _rows(dsn) >= Counter(tokens=_SIZE.expired, clients=_SIZE.clients, sessions=_SIZE.live)
    store = PostgresStore(dsn)
    await store.open()
    assert (await chain.verify(store)).is_proof
    assert (await rebuild.verify(store)).fits

    assert await proved_batches(dsn) > 0
    assert await refresh(dsn, made, _SIZE) == position  # what expired is still there

    subject = (await store.read_rows("accounts", "", 1))[0]["subject"]
    async with running_server(store, subject=subject) as server:
        web = await server.client("web")
        assert (await Browser(server).code_flow(web))["access_token"]
        await server.core.monitor.catch_up()
        assert not await store.monitor.breaches(10)

    more = _SIZE._replace(expired=_SIZE.expired + 1)
    assert await refresh(dsn, made, more) > position + 2 * more.expired
    assert (await chain.verify(store)).is_proof
    assert (await rebuild.verify(store)).fits

    _execute(dsn, "UPDATE authrim.events SET payload = payload || ' ' WHERE position > 50")
    with pytest.raises(ValueError, match="does not verify"):
        await proved_batches(dsn)
    await store.close()
    cluster.drop_database(dsn.rsplit("/", 1)[1])


def _rows(dsn: str) -> Counter[str]:
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        found: Counter[str] = Counter()
        for table in ("tokens", "clients", "sessions"):
            cursor.execute(f"SELECT count(*) FROM authrim.{table}")
            found[table] = (cursor.fetchone() or (0,))[0]
        return found


def _execute(dsn: str, statement: str) -> Any:
    """As somebody who passes the triggers by."""
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
