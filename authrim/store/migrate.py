"""Migrations: numbered plain SQL, applied once, in order, under a lock, in the two steps of an upgrade.

``migrate`` adds what the next version needs, beside servers of the version before. ``finish`` takes away what nobody
needs any more, when the last of them has ended. A run that is killed leaves whole migrations behind, and the next run
goes on from there (F21). A server only checks, and refuses a schema that it cannot run on (F20).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from authrim.settings import Settings
from authrim.store.contract import UnknownSchema
from authrim.store.migrations import Told
from authrim.store.postgres.schema import (
    SCHEMA,
    check_postgres,
    connect,
    finish_postgres,
    migrate_postgres,
    unfinished_postgres,
)
from authrim.store.sqlite.schema import check_sqlite, finish_sqlite, migrate_sqlite, unfinished_sqlite


async def migrate(settings: Settings) -> list[str]:
    """Upgrade the configured database; returns the applied migrations. Raises UnknownSchema, Unavailable."""
    database = settings.database.get_secret_value()
    if is_postgres(database):
        return await migrate_postgres(database)
    return migrate_sqlite(Path(database))


async def finish(settings: Settings, told: Told) -> list[str]:
    """End the upgrade: rewrite rows, and take away what only older versions need. ``told`` is told of the progress."""
    database = settings.database.get_secret_value()
    if is_postgres(database):
        return await finish_postgres(database, told)
    _refuse_missing(Path(database))
    return finish_sqlite(Path(database), told)


async def unfinished(settings: Settings) -> list[str]:
    """The migrations that wait for ``finish``."""
    database = settings.database.get_secret_value()
    if is_postgres(database):
        return await unfinished_postgres(database)
    return unfinished_sqlite(Path(database))


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
    _refuse_missing(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        check_sqlite(connection)


def _refuse_missing(path: Path) -> None:
    if not path.exists():
        raise UnknownSchema(f"there is no database at {path}: run `authrim migrate`")


def is_postgres(database: str) -> bool:
    """Whether the setting names a PostgreSQL database; a file name otherwise."""
    return database.startswith(("postgresql://", "postgres://"))
