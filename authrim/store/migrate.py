"""Migrations: numbered plain SQL, applied once, in order, under a lock.

``NNNN_name.sql`` runs on both engines, ``NNNN_name.postgres.sql`` and ``NNNN_name.sqlite.sql`` on one. Each file and
the note that it was applied are one transaction: a run that is killed leaves whole migrations behind, and the next
run goes on from there (F21). A server only checks, and refuses a schema that it was not made for.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from authrim.settings import Settings
from authrim.store.contract import UnknownSchema
from authrim.store.postgres.schema import SCHEMA, check_postgres, connect, migrate_postgres
from authrim.store.sqlite.schema import check_sqlite, migrate_sqlite


async def migrate(settings: Settings) -> list[str]:
    """Upgrade the configured database; returns the applied migrations. Raises UnknownSchema, Unavailable."""
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


# --- PostgreSQL -----------------------------------------------------------------------------------------------
