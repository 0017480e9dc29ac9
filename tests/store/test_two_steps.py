"""The two steps of an upgrade: what a version adds beside the one before, and what it takes away at the end (F20)."""

import asyncio
import re
import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from authrim.settings import Settings
from authrim.store import migrate as store_migrate
from authrim.store import migrations
from authrim.store.contract import Append, NewEvent, StreamAppend, Unavailable, UnknownSchema
from authrim.store.migrations import PAGE, Migration, Told
from authrim.store.opening import open_store
from authrim.store.postgres import schema as postgres_schema
from authrim.store.sqlite import schema as sqlite_schema
from tests.support.patience import PATIENCE
from tests.support.running import development_settings


class Versions:
    """The migrations of a version after this one, and of this one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._whole = migrations.migrations
        self._monkeypatch = monkeypatch

    def next(self, *texts: str) -> None:
        """Be the next version, which has these files too."""
        more = [
            Migration(number, f"{number}_next.sql", text, f"digest of {text}")
            for number, text in enumerate(texts, 9001)
        ]
        self._monkeypatch.setattr(migrations, "migrations", lambda engine: [*self._whole(engine), *more])

    def ours(self) -> None:
        """Be this version again."""
        self._monkeypatch.setattr(migrations, "migrations", self._whole)


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Versions:
    return Versions(monkeypatch)


@pytest.fixture(params=["sqlite", "postgres"])
def own_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A store whose schema the test changes."""
    if request.param == "postgres":
        return str(request.getfixturevalue("own_dsn"))
    sqlite_schema.migrate_sqlite(tmp_path / "authrim.db")
    return tmp_path / "authrim.db"


async def test_what_a_newer_version_has_added(own_place: Path | str, versions: Versions) -> None:
    """F20: a server that is older than the database starts, and its ``migrate`` changes nothing, as long as the newer
    version has only added something; what it takes away waits for ``--finish``, after which the older server is
    refused."""
    await _append(own_place)
    versions.next(
        "-- expand: a note\nCREATE TABLE notes (key TEXT);", "-- contract: no note\nDROP TABLE notes;"
    )
    with pytest.raises(UnknownSchema, match=r"9001_next\.sql: run `authrim migrate`"):
        await _opened(own_place)
    assert await _migrate(own_place) == ["9001_next.sql"]
    await _opened(own_place)
    versions.ours()
    await _opened(own_place)
    assert await _migrate(own_place) == []
    await _opened(own_place)
    versions.next(
        "-- expand: a note\nCREATE TABLE notes (key TEXT);", "-- contract: no note\nDROP TABLE notes;"
    )
    assert await _finish(own_place) == ["9002_next.sql"]
    assert await _finish(own_place) == []
    await _opened(own_place)
    versions.ours()
    with pytest.raises(UnknownSchema, match="9002, which this version does not know and which takes away"):
        await _opened(own_place)
    with pytest.raises(UnknownSchema, match="9002, which this version does not know and which takes away"):
        await _migrate(own_place)


async def test_an_empty_log_is_finished_at_once(own_place: Path | str, versions: Versions) -> None:
    """Where nothing was ever appended, no older server can be running: one run does both steps."""
    versions.next(
        "-- expand: a note\nCREATE TABLE notes (key TEXT);", "-- contract: no note\nDROP TABLE notes;"
    )
    assert await _migrate(own_place) == ["9001_next.sql", "9002_next.sql"]


class Interrupted(Exception):
    """Ends a run from within."""


_FILLED = """-- rewrite of guard: what the version before left out
UPDATE guard SET expires_at = expires_at + 1 WHERE key > $1 AND key <= $2"""


async def test_a_rewrite_that_is_interrupted(own_place: Path | str, versions: Versions) -> None:
    """F21: a rewrite goes a page at a time, tells how far it is, and the next run goes on where one was interrupted:
    each row is rewritten once."""
    await _append(own_place)
    await _execute(own_place, _MANY.format(rows=3 * PAGE - 10))
    versions.next(_FILLED)
    told: list[tuple[int, int]] = []

    def interrupted(done: int, whole: int) -> None:
        told.append((done, whole))
        if len(told) == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        await _finish(own_place, interrupted)
    await _opened(own_place)  # nobody waits for a rewrite
    assert await _finish(own_place, lambda done, whole: told.append((done, whole))) == ["9001_next.sql"]
    assert [done for done, _ in told] == [PAGE, 2 * PAGE, 3 * PAGE - 10]
    assert all(whole >= done for done, whole in told)
    assert await _rows(own_place, "SELECT min(expires_at), max(expires_at) FROM guard") == (2, 2)


_MANY = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
    INSERT INTO guard (key, expires_at) SELECT 'key ' || n, 1 FROM numbers
"""

_INDEXES = """-- expand concurrently: two of them
CREATE INDEX CONCURRENTLY IF NOT EXISTS guard_first ON guard (expires_at, key);
CREATE INDEX CONCURRENTLY IF NOT EXISTS guard_second
    ON guard (key, expires_at);
"""


async def test_an_index_is_made_while_servers_write(own_dsn: str, versions: Versions) -> None:
    """F21: an index of a large table holds up nobody who writes to it, and one that a killed run left half-made is
    made again."""
    versions.next(_INDEXES)
    writer, other = await asyncpg.connect(own_dsn), await asyncpg.connect(own_dsn)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("INSERT INTO authrim.guard VALUES ('writing', 1)")
    killed = asyncio.create_task(postgres_schema.migrate_postgres(own_dsn))
    await _until(other, "SELECT count(*) FROM pg_class WHERE relname = 'guard_first'")
    await other.execute("SET lock_timeout = '30s'; INSERT INTO authrim.guard VALUES ('meanwhile', 1)")
    await other.execute(
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%'"
        " AND datname = current_database()"
    )
    with pytest.raises(Unavailable):
        await killed
    await transaction.rollback()
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert await other.fetchval(invalid) == 1
    runs = await asyncio.gather(*(postgres_schema.migrate_postgres(own_dsn) for _ in range(2)))
    assert sorted(runs) == [[], ["9001_next.sql"]]
    assert await other.fetchval(invalid) == 0
    assert (
        await other.fetchval("SELECT count(*) FROM pg_class WHERE relname IN ('guard_first', 'guard_second')")
        == 2
    )
    await writer.close()
    await other.close()


async def test_a_change_of_a_table_waits_for_nobody_long(own_dsn: str, versions: Versions) -> None:
    """F20: a migration that cannot have the lock of a table leaves the queue for it again and again, so that whoever
    comes behind it does not wait for the one before it."""
    versions.next("-- expand: a column\nALTER TABLE guard ADD COLUMN noted BIGINT;")
    reader, other = await asyncpg.connect(own_dsn), await asyncpg.connect(own_dsn)
    transaction = reader.transaction()
    await transaction.start()
    await reader.execute("SELECT 1 FROM authrim.guard")
    run = asyncio.create_task(postgres_schema.migrate_postgres(own_dsn))
    await _until(
        other, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'authrim.guard'::regclass"
    )
    await other.execute("SET lock_timeout = '30s'; INSERT INTO authrim.guard VALUES ('meanwhile', 1)")
    assert not run.done()
    await transaction.rollback()
    assert await run == ["9001_next.sql"]
    await reader.close()
    await other.close()


#: What a server of the version before could not go on without, and what holds up all who write to a table.
_NOT_EXPANDING = re.compile(
    r"\bDROP\b|\bRENAME\b|ALTER COLUMN|ADD COLUMN(?![^;]*DEFAULT)[^;]*NOT NULL|ADD (CONSTRAINT|CHECK|UNIQUE|PRIMARY)|"
    r"CREATE (OR REPLACE )?FUNCTION|\bUPDATE\b|\bDELETE\b|SET NOT NULL",
    re.IGNORECASE,
)
#: The newest migration from before there were kinds.
_BEFORE_KINDS = 28


@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
def test_a_migration_does_what_its_kind_allows(engine: migrations.Engine) -> None:
    """F20: the first line of a file says its kind; what expands takes nothing away, has no function of its own (those
    are in ``migrations/functions``), and adds an index to a table of before only while servers write to it. A trigger
    may be replaced by another one of its name: no server calls it or its function."""
    for found in migrations.migrations(engine):
        if found.version <= _BEFORE_KINDS:
            continue
        assert re.match(r"-- (expand|expand concurrently|rewrite of \w+|contract): \S", found.sql), found.name
        sql = re.sub(r"--.*", "", found.sql)
        if found.kind == "expand":
            sql = _without_triggers(sql)
            assert not _NOT_EXPANDING.search(sql), f"{found.name}: {_NOT_EXPANDING.search(sql)}"
            made = re.findall(r"CREATE TABLE (\w+)", sql)
            for table in re.findall(r"CREATE (?:UNIQUE )?INDEX \w+\s+ON (\w+)", sql):
                assert table in made or engine == "sqlite", (
                    f"{found.name}: {table} is large: expand concurrently"
                )
        if found.kind == "expand concurrently":
            assert re.fullmatch(
                r"(\s*CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS \w+[^;]*;\s*)+", sql
            ), f"{found.name}: nothing but indexes"
        if found.kind == "rewrite":
            assert re.match(rf"\s*UPDATE {found.table} ", sql), found.name
            assert "key > $1 AND key <= $2" in sql, found.name


def _without_triggers(sql: str) -> str:
    sql = re.sub(r"CREATE FUNCTION \w+\(\) RETURNS trigger.*?\$\$.*?\$\$;", "", sql, flags=re.DOTALL)
    for name in re.findall(r"CREATE TRIGGER (\w+)", sql):
        sql = re.sub(rf"DROP TRIGGER {name}( ON \w+)?;", "", sql)
    return re.sub(r"CREATE TRIGGER .*?(EXECUTE FUNCTION \w+\(\);|END;)", "", sql, flags=re.DOTALL)


def _migrate(place: Path | str) -> Awaitable[list[str]]:
    return store_migrate.migrate(_settings(place))


def _finish(place: Path | str, told: Told = lambda _done, _whole: None) -> Awaitable[list[str]]:
    return store_migrate.finish(_settings(place), told)


def _settings(place: Path | str) -> Settings:
    return development_settings(1, database=SecretStr(str(place)))


async def _opened(place: Path | str) -> None:
    store = open_store(_settings(place))
    await store.open()
    await store.close()


async def _append(place: Path | str) -> None:
    store = open_store(_settings(place))
    await store.open()
    await store.append(
        Append(streams=(StreamAppend("default:es:1", 0, (NewEvent("x", b"{}"),)),), metadata=b"{}")
    )
    await store.close()


async def _until(connection: asyncpg.Connection, sql: str) -> None:
    """Wait until the statement gives something."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await connection.fetchval(sql):
                return
            await asyncio.sleep(0.02)


async def _execute(place: Path | str, sql: str) -> None:
    await _rows(place, sql)


async def _rows(place: Path | str, sql: str) -> tuple[Any, ...] | None:
    """The first row of a statement."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place, isolation_level=None)) as file:
            found = file.execute(sql).fetchone()
            return None if found is None else tuple(found)
    connection = await asyncpg.connect(place)
    try:
        await connection.execute("SET search_path TO authrim")
        found = await connection.fetchrow(sql)
        return None if found is None else tuple(found)
    finally:
        await connection.close()
