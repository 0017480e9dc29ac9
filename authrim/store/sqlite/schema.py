"""Creates, upgrades and checks the schema of a SQLite file."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import time

from authrim.store.contract import Unavailable, UnknownSchema
from authrim.store.migrations import CREATE_NOTES, NO_HEAD, READ_NOTES, pending, refuse_pending

_BUSY_SECONDS = 10.0


def migrate_sqlite(path: Path) -> list[str]:
    """Create the file if necessary, readable only by its owner, and apply pending migrations."""
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
    refuse_pending("sqlite", _applied_sqlite(connection))
    if not connection.execute("SELECT 1 FROM head").fetchone():
        raise UnknownSchema(NO_HEAD)


def _apply_next_sqlite(connection: sqlite3.Connection) -> str | None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        missing = pending("sqlite", _applied_sqlite(connection))
        if missing:
            connection.execute(CREATE_NOTES)
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
    return dict(connection.execute(READ_NOTES).fetchall())


def statements(sql: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit our transaction first."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
