"""Migrations: numbered plain SQL, applied once, in order, under a lock.

``NNNN_name.sql`` runs on both engines, ``NNNN_name.postgres.sql`` and ``NNNN_name.sqlite.sql`` on one. Each file and
the note that it was applied are one transaction: a run that is killed leaves whole migrations behind, and the next
run goes on from there (F21). A server only checks, and refuses a schema that it was not made for.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from time import time
from typing import Literal, NamedTuple

import asyncpg

from authrim.settings import Settings
from authrim.store import append_function
from authrim.store.append_function import Fetch
from authrim.store.contract import Unavailable, UnknownSchema
from authrim.store.postgres_connections import LOST, MALFORMED, REFUSED, unavailable

Engine = Literal["postgres", "sqlite"]

#: The PostgreSQL schema that everything lives in.
SCHEMA = "authrim"

_NO_HEAD = "the database has lost the head of its log, it was changed by hand: restore the backup"
_BUSY_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_LOCK = 0x61757468  # any number that all runs agree on
_CREATE_NOTES = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
    )
"""
_READ_NOTES = "SELECT version, checksum FROM schema_migrations"


class Migration(NamedTuple):
    """One file: its number, its name, its text, and the SHA-256 of the text."""

    version: int
    name: str
    sql: str
    checksum: str


def migrations(engine: Engine) -> list[Migration]:
    """The migrations of an engine, in order."""
    found: dict[int, Migration] = {}
    for file in files("migrations").iterdir():
        name, _, suffix = file.name.partition(".")
        if suffix not in ("sql", f"{engine}.sql"):
            continue
        sql = file.read_text(encoding="utf-8")
        migration = Migration(int(name[:4]), name, sql, sha256(sql.encode()).hexdigest())
        if migration.version in found:
            raise ValueError(f"two migrations have the number of {file.name}")
        found[migration.version] = migration
    return [found[version] for version in sorted(found)]


def pending(engine: Engine, applied: Mapping[int, str]) -> list[Migration]:
    """What is still to be applied. Raises UnknownSchema when the database is newer, or a file was changed."""
    known = migrations(engine)
    unknown = applied.keys() - {migration.version for migration in known}
    if unknown:
        raise UnknownSchema(
            f"the database has migration {max(unknown)}, which this version does not know: update it"
        )
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise UnknownSchema(
                f"migration {migration.name} is not the text that was applied: restore the file"
            )
    return [migration for migration in known if migration.version not in applied]


def _refuse_pending(engine: Engine, applied: Mapping[int, str]) -> None:
    missing = pending(engine, applied)
    if missing:
        raise UnknownSchema(f"the database lacks migration {missing[0].name}: run `authrim migrate`")


async def migrate(settings: Settings) -> list[str]:
    """Bring the configured database up to date; the names of what was applied. Raises UnknownSchema, Unavailable."""
    database = settings.database.get_secret_value()
    if is_postgres(database):
        return await migrate_postgres(database)
    return migrate_sqlite(Path(database))


async def check(settings: Settings) -> None:
    """Raise UnknownSchema when the configured database is not up to date."""
    database = settings.database.get_secret_value()
    if not is_postgres(database):
        return _check_file(Path(database))
    connection = await connect(database)
    try:
        await check_postgres(connection.fetch, SCHEMA)
    finally:
        await connection.close()


def _check_file(path: Path) -> None:
    if not path.exists():
        raise UnknownSchema(f"there is no database at {path}: run `authrim migrate`")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        check_sqlite(connection)


def is_postgres(database: str) -> bool:
    """Whether the setting names a PostgreSQL database; a file name otherwise."""
    return database.startswith(("postgresql://", "postgres://"))


# --- SQLite ---------------------------------------------------------------------------------------------------


def migrate_sqlite(path: Path) -> list[str]:
    """Make the file if need be, readable by its owner only, and apply what is pending."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as failed:
        raise Unavailable(f"{path} cannot be made: {failed.strerror}: correct `database`") from None
    names: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        while name := _apply_next_sqlite(connection):
            names.append(name)
    return names


def check_sqlite(connection: sqlite3.Connection) -> None:
    """Raise UnknownSchema when the file is not up to date."""
    _refuse_pending("sqlite", _applied_sqlite(connection))
    if not connection.execute("SELECT 1 FROM head").fetchone():
        raise UnknownSchema(_NO_HEAD)


def _apply_next_sqlite(connection: sqlite3.Connection) -> str | None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        missing = pending("sqlite", _applied_sqlite(connection))
        if missing:
            connection.execute(_CREATE_NOTES)
            for statement in statements(missing[0].sql):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                (missing[0].version, missing[0].name, missing[0].checksum, int(time())),
            )
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return missing[0].name if missing else None


def _applied_sqlite(connection: sqlite3.Connection) -> dict[int, str]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone():
        return {}
    return dict(connection.execute(_READ_NOTES).fetchall())


def statements(sql: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit our transaction first."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


# --- PostgreSQL -----------------------------------------------------------------------------------------------


async def migrate_postgres(dsn: str, schema: str = SCHEMA) -> list[str]:
    """Make the schema if need be and apply what is pending. The role that runs it owns everything."""
    connection = await connect(dsn)
    names: list[str] = []
    try:
        while name := await _apply_next_postgres(connection, schema):
            names.append(name)
        if await _install_append_function(connection, schema):
            names.append(append_function.NAME)
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable("this role may not change the schema: run `authrim migrate` as its owner") from None
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()
    return names


async def check_postgres(fetch: Fetch, schema: str) -> None:
    """Raise UnknownSchema when the schema is not up to date."""
    _refuse_pending("postgres", await _applied_postgres(fetch, schema))
    if not await fetch(f"SELECT 1 FROM {quoted(schema)}.head"):  # noqa: S608 - quoted
        raise UnknownSchema(_NO_HEAD)
    if not await append_function.is_current(fetch, schema):
        raise UnknownSchema("the database lacks this version's append function: run `authrim migrate`")


async def _install_append_function(connection: asyncpg.Connection, schema: str) -> bool:
    """Install the append function unless it is there; whether it was not."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}, pg_temp")
        if await append_function.is_current(connection.fetch, schema):
            return False
        await append_function.install(connection, schema)
        return True


async def _apply_next_postgres(connection: asyncpg.Connection, schema: str) -> str | None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        # The functions keep this search path: no other schema can slip a table or an operator under them.
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}, pg_temp")
        missing = pending("postgres", await _applied_postgres(connection.fetch, schema))
        if not missing:
            return None
        await connection.execute(_CREATE_NOTES)
        await connection.execute(missing[0].sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
            missing[0].version,
            missing[0].name,
            missing[0].checksum,
            int(time()),
        )
        return missing[0].name


async def _applied_postgres(fetch: Fetch, schema: str) -> dict[int, str]:
    table = f"{quoted(schema)}.schema_migrations"
    ((known,),) = await fetch("SELECT to_regclass($1) IS NOT NULL", table)
    if not known:
        return {}
    return dict(await fetch(f"SELECT version, checksum FROM {table}"))  # noqa: S608 - quoted


async def connect(dsn: str) -> asyncpg.Connection:
    """A connection of one's own to the database. Raises Unavailable."""
    try:
        return await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    except (*LOST, *REFUSED, *MALFORMED) as failed:
        raise unavailable(failed) from None


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
