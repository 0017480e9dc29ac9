"""Migrations: killed at any statement a rerun completes, two at once do not meet, and a server never guesses (F21)."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from authrim.store import migrations
from authrim.store.contract import Store, Unavailable, UnknownSchema
from authrim.store.migrations import Migration
from authrim.store.postgres import functions
from authrim.store.postgres import schema as postgres_schema
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite import schema as sqlite_schema
from authrim.store.sqlite.store import SQLiteStore
from projections.expiry import KEEPING, LOOKED_AT_AGAIN
from projections.tables import INLINE_TABLES, PRIVATE_TABLES
from tests.postgres_cluster import Cluster

#: Ends the session that runs the command of this number: a sequence is no part of a transaction.
_KILL = """
    CREATE OR REPLACE FUNCTION killer.kill() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('killer.commands') = {after} THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    END $$;
"""


@pytest.fixture
def empty_dsn(cluster: Cluster) -> Iterator[str]:
    """A database without the schema."""
    name = cluster.new_database("template0")
    yield cluster.dsn(name)
    cluster.drop_database(name)


def _migrates_and_dies(path: Path, after: int) -> bool:
    """Migrate in a process that dies after so many statements; False when there are fewer."""
    pid = os.fork()
    if pid == 0:
        whole, left = sqlite_schema.statements, after

        def killed(sql: str) -> Iterator[str]:
            nonlocal left
            for statement in whole(sql):
                yield statement
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sqlite_schema.statements = killed  # type: ignore[assignment]
        try:
            sqlite_schema.migrate_sqlite(path)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_sqlite_killed_half_way(tmp_path: Path) -> None:
    """The process dies at one statement after the other, further on in each run: no server starts on what is left, and
    the last run completes it."""
    path = tmp_path / "authrim.db"
    died = 0
    while _migrates_and_dies(path, died + 1):
        died += 1
        with (
            closing(sqlite3.connect(path)) as connection,
            pytest.raises(UnknownSchema, match="authrim migrate"),
        ):
            sqlite_schema.check_sqlite(connection)
    assert died > 5
    with closing(sqlite3.connect(path)) as connection:
        sqlite_schema.check_sqlite(connection)
    assert sqlite_schema.migrate_sqlite(path) == []


async def test_postgres_killed_at_commands(empty_dsn: str) -> None:
    """The session dies at commands further and further on, within migrations and functions: a server refuses what is
    left, and each run goes on there, until the schema is whole."""
    administrator = await asyncpg.connect(empty_dsn)
    await administrator.execute("CREATE SCHEMA killer; CREATE SEQUENCE killer.commands")
    died = 0
    while True:
        await administrator.execute(_KILL.format(after=died * 2 + 1))
        await administrator.execute("ALTER SEQUENCE killer.commands RESTART")
        await administrator.execute(
            "CREATE EVENT TRIGGER killer ON ddl_command_end EXECUTE FUNCTION killer.kill()"
        )
        try:
            await postgres_schema.migrate_postgres(empty_dsn)
            break
        except Unavailable:
            died += 1
        finally:
            await administrator.execute("DROP EVENT TRIGGER killer")
        with pytest.raises(UnknownSchema, match="authrim migrate"):
            await PostgresStore(empty_dsn).open()
    await administrator.close()
    assert died > 10
    assert await postgres_schema.migrate_postgres(empty_dsn) == []
    store = PostgresStore(empty_dsn)
    await store.open()
    await store.close()


async def test_postgres_killed_half_way(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session dies at the end of each migration in turn: the next run goes on there, and nothing is there twice."""
    whole = migrations.migrations
    for number in range(len(whole("postgres"))):

        def dying(engine: migrations.Engine, number: int = number) -> list[Migration]:
            found = whole(engine)
            found[number] = found[number]._replace(
                sql=found[number].sql + ";SELECT pg_terminate_backend(pg_backend_pid())"
            )
            return found

        monkeypatch.setattr(migrations, "migrations", dying)
        with pytest.raises(Unavailable):
            await postgres_schema.migrate_postgres(empty_dsn)
        store = PostgresStore(empty_dsn)
        with pytest.raises(UnknownSchema, match="authrim migrate"):
            await store.open()
    monkeypatch.setattr(migrations, "migrations", whole)
    assert await postgres_schema.migrate_postgres(empty_dsn) == [whole("postgres")[-1].name, *functions.NAMES]
    assert await postgres_schema.migrate_postgres(empty_dsn) == []


async def test_two_runs_at_once(empty_dsn: str) -> None:
    """Three runs in the same moment apply each migration once, and make each function once."""
    runs = await asyncio.gather(*(postgres_schema.migrate_postgres(empty_dsn) for _ in range(3)))
    applied = [name for run in runs for name in run]
    assert sorted(applied) == sorted(
        [*(found.name for found in migrations.migrations("postgres")), *functions.NAMES]
    )


async def test_two_schemas_in_one_database(empty_dsn: str) -> None:
    """A schema of another name is a log of its own."""
    for schema in ("one", "two"):
        await postgres_schema.migrate_postgres(empty_dsn, schema)
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute("UPDATE one.head SET changed_at = 5")
    await connection.close()
    for schema, changed_at in (("one", 5), ("two", 0)):
        store = PostgresStore(empty_dsn, schema=schema)
        await store.open()
        assert (await store.head()).changed_at == changed_at
        await store.close()


async def test_no_schema_at_all(empty_dsn: str, tmp_path: Path) -> None:
    """A database that was never migrated is refused with the command that helps."""
    with pytest.raises(UnknownSchema, match="authrim migrate"):
        await PostgresStore(empty_dsn).open()
    with pytest.raises(UnknownSchema, match="authrim migrate"):
        await SQLiteStore(tmp_path / "none.db").open()


async def test_a_changed_migration_is_refused(
    store_place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration whose text is not the one that was applied is refused by its name."""
    whole = migrations.migrations
    monkeypatch.setattr(
        migrations,
        "migrations",
        lambda engine: [whole(engine)[0]._replace(checksum="other"), *whole(engine)[1:]],
    )
    with pytest.raises(UnknownSchema, match="0001_events"):
        await _store_at(store_place).open()


async def test_the_tables_have_the_columns(store_place: Path | str) -> None:
    """The columns of ``projections/tables.py`` are those of the migrations on both engines, but for those in which
    retention keeps its own notes."""
    for table in INLINE_TABLES + PRIVATE_TABLES:
        beside = [LOOKED_AT_AGAIN] if table in KEEPING else []
        assert sorted(await _columns(store_place, table.name)) == sorted([*table.columns, *beside])


def test_each_number_once() -> None:
    """The migrations of each engine are numbered from 1 on, and each number stands once."""
    for engine in ("postgres", "sqlite"):
        found = migrations.migrations(engine)  # type: ignore[arg-type]
        versions = [migration.version for migration in found]
        assert versions == sorted(versions)
        assert len(set(versions)) == len(versions)
        assert versions[0] == 1


def _store_at(place: Path | str) -> Store:
    return SQLiteStore(place) if isinstance(place, Path) else PostgresStore(place)


async def _columns(place: Path | str, table: str) -> list[str]:
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as connection:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    connection = await asyncpg.connect(place)
    rows = await connection.fetch(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'authrim' AND table_name = $1 ORDER BY ordinal_position",
        table,
    )
    await connection.close()
    return [row[0] for row in rows]
