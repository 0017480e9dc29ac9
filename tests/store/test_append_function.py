"""The append function of PostgreSQL is made for the tables there are, and replaced when its text changes (F20)."""

import asyncpg
import pytest

from authrim.store.contract import UnknownSchema
from authrim.store.postgres import append_function
from authrim.store.postgres import schema as postgres_schema
from authrim.store.postgres.store import PostgresStore
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, Table


def test_every_table_is_in_it() -> None:
    """Each table of ``projections/tables.py`` is written, dropped from and looked for; no placeholder is left."""
    text = append_function.text()
    for table in INLINE_TABLES + PRIVATE_TABLES:
        assert f"INSERT INTO {table.name} ({', '.join(table.columns)})" in text
        assert f"WHEN '{table.name}' THEN DELETE FROM {table.name}" in text
        assert f"WHEN '{table.name}' THEN EXISTS" in text
    assert "{" not in text.replace("'{}'", "")


async def test_a_changed_text_is_installed_anew(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server refuses another version's function, and ``migrate`` replaces it, once."""
    changed = append_function.text() + "-- changed\n"
    monkeypatch.setattr(append_function, "text", lambda: changed)
    with pytest.raises(UnknownSchema, match="append function"):
        await PostgresStore(postgres_dsn).open()
    assert await postgres_schema.migrate_postgres(postgres_dsn) == ["append_batch"]
    assert await postgres_schema.migrate_postgres(postgres_dsn) == []
    store = PostgresStore(postgres_dsn)
    await store.open()
    await store.close()
    monkeypatch.undo()
    assert await postgres_schema.migrate_postgres(postgres_dsn) == ["append_batch"]


async def test_a_table_costs_one_declaration(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one more table in ``projections/tables.py``, and its migration, the function writes to it."""
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(
        'CREATE TABLE authrim.devices (key TEXT COLLATE "C" PRIMARY KEY, tenant TEXT, expires_at BIGINT)'
    )
    devices = Table("devices", ("key", "tenant", "expires_at"))
    append_function.text.cache_clear()
    monkeypatch.setattr(append_function, "INLINE_TABLES", (*INLINE_TABLES, devices))
    try:
        await postgres_schema.migrate_postgres(postgres_dsn)
        nothing: list[list[object]] = [[]] * 24
        rows = '[{"append": 0, "key": "default:1", "tenant": "default", "expires_at": 7}]'
        places = ", ".join(f"${n}" for n in range(1, 27))
        await connection.fetchrow(
            f"SELECT * FROM authrim.append_batch({places})", *nothing, ["devices"], [rows]
        )
        assert await connection.fetchval("SELECT expires_at FROM authrim.devices") == 7
    finally:
        append_function.text.cache_clear()
        monkeypatch.undo()
        await postgres_schema.migrate_postgres(postgres_dsn)
        await connection.execute("DROP TABLE authrim.devices")
        await connection.close()


async def test_who_could_append_still_can(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function with other arguments takes over the roles that may call the one before it (decisions 11)."""
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE ROLE caller_of_before")
    try:
        await connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA authrim TO caller_of_before")
        await connection.execute(
            "DO $$ DECLARE f text; BEGIN"
            " SELECT p.oid::regprocedure::text INTO f FROM pg_proc p WHERE p.proname = 'append_batch'"
            " AND p.pronargs = 26; EXECUTE 'DROP FUNCTION ' || f; END $$"
        )
        await postgres_schema.migrate_postgres(postgres_dsn)
        callers = await connection.fetch(
            "SELECT p.pronargs FROM pg_proc p WHERE p.proname = 'append_batch'"
            " AND has_function_privilege('caller_of_before', p.oid, 'EXECUTE')"
            " AND NOT has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1"
        )
        assert [arguments for (arguments,) in callers] == [26, 32]
    finally:
        await connection.execute("DROP OWNED BY caller_of_before; DROP ROLE caller_of_before")
        await connection.close()
