"""What connections to PostgreSQL know of its types without asking."""

from typing import Any

import asyncpg
import pytest

from authrim.store.postgres.known_types import KNOWN, KnowingConnection
from authrim.store.postgres.store import PostgresStore
from tests.support.running import running_server


async def test_what_is_known_is_what_the_database_says(postgres_dsn: str) -> None:
    """Each row of a known type is the one that PostgreSQL would have answered."""
    connection = await asyncpg.connect(postgres_dsn)
    try:
        rows, _ = await connection._introspect_types(list(KNOWN), 10)
    finally:
        await connection.close()
    told = {row["oid"]: dict(row) for row in rows}
    for oid, known in KNOWN.items():
        assert known.items() <= told[oid].items()


async def test_a_server_asks_about_no_type(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server starts, and makes a client, without the query that costs a new connection more than all others."""
    asked: list[list[int]] = []
    ask = asyncpg.Connection._introspect_types

    async def noted(self: asyncpg.Connection, typeoids: list[int], *more: Any) -> Any:
        asked.append(list(typeoids))
        return await ask(self, typeoids, *more)

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", noted)
    store = PostgresStore(postgres_dsn)
    await store.open()
    try:
        async with running_server(store) as server:
            await server.client()
    finally:
        await store.close()
    assert asked == []


@pytest.mark.parametrize("statements", [0, 100])
async def test_arrays_go_there_and_come_back(postgres_dsn: str, statements: int) -> None:
    """Known arrays are read and written as asyncpg does after asking, also where no statement is kept; what is not
    known is asked."""
    connection = await asyncpg.connect(
        postgres_dsn, statement_cache_size=statements, connection_class=KnowingConnection
    )
    sent = ([b"\x00", None], [1, -(2**63)], [2**31 - 1, None], ['{"a": 1}', "2"], [True, None])
    try:
        row = await connection.fetchrow(
            "SELECT $1::BYTEA[], $2::BIGINT[], $3::INT[], $4::JSON[], $5::BOOLEAN[]", *sent
        )
    finally:
        await connection.close()
    assert tuple(row) == sent
