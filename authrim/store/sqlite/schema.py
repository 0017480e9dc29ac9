"""Creates, upgrades and checks the schema of a SQLite file."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep, time
from typing import Final

from authrim.store.contract import Unavailable, UnknownSchema
from authrim.store.migrations import (
    CREATE_NOTES,
    NO_HEAD,
    PAGE,
    READ_NOTES,
    Engine,
    Migration,
    Note,
    Told,
    pending,
    refuse_pending,
    unfinished,
)
from authrim.store.sqlite.writes import transaction

Which = Callable[[Engine, Mapping[int, Note]], list[Migration]]
"""Which of the missing migrations are wanted: ``pending`` or ``unfinished``."""

_BUSY_SECONDS = 10.0

_KEEP_PLACE: Final = """
    INSERT INTO rewrites (version, after_key, done) VALUES (?, ?, ?)
    ON CONFLICT (version) DO UPDATE SET after_key = excluded.after_key, done = excluded.done
"""


def migrate_sqlite(path: Path) -> list[str]:
    """Create the file if necessary, readable only by its owner, and add what is missing.

    Where nothing was ever appended, everything is done at once.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as failed:
        raise Unavailable(f"{path} cannot be made: {failed.strerror}: correct `database`") from None
    with _opened(path) as connection:
        names = _apply_all(connection, pending, _not_told)
        if connection.execute("SELECT position FROM head").fetchone() == (0,):
            names += _apply_all(connection, unfinished, _not_told)
        return names


def finish_sqlite(path: Path, told: Told) -> list[str]:
    """Add what is missing, rewrite rows, and take away what no server of this version needs."""
    with _opened(path) as connection:
        return _apply_all(connection, pending, told) + _apply_all(connection, unfinished, told)


def unfinished_sqlite(path: Path) -> list[str]:
    """The migrations that `migrate --finish` has to apply."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)) as connection:
        return [found.name for found in unfinished("sqlite", _applied(connection))]


def check_sqlite(connection: sqlite3.Connection) -> None:
    """Raise UnknownSchema when a server of this version cannot run on the file."""
    refuse_pending("sqlite", _applied(connection))
    if not connection.execute("SELECT 1 FROM head").fetchone():
        raise UnknownSchema(NO_HEAD)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        yield connection


def _apply_all(connection: sqlite3.Connection, which: Which, told: Told) -> list[str]:
    names: list[str] = []
    while missing := which("sqlite", _applied(connection)):
        apply = _rewrite if missing[0].kind == "rewrite" else _apply
        if apply(connection, missing[0], told):
            names.append(missing[0].name)
    return names


def _apply(connection: sqlite3.Connection, migration: Migration, _told: Told) -> bool:
    """Whether this run has applied it, and no other."""
    with transaction(connection):
        if migration.version in _applied(connection):
            return False
        connection.execute(CREATE_NOTES)
        for statement in statements(migration.sql):
            connection.execute(statement)
        _note(connection, migration)
    return True


def _rewrite(connection: sqlite3.Connection, migration: Migration, told: Told) -> bool:
    """A page at a time, with a pause as long as the page took: half of the time is the server's."""
    (whole,) = connection.execute(f"SELECT count(*) FROM {migration.table}").fetchone()  # noqa: S608 - our own name
    while True:
        begun = monotonic()
        with transaction(connection):
            if migration.version in _applied(connection):
                return False
            done = _rewrite_page(connection, migration)
            if done is None:
                _note(connection, migration)
                return True
        told(done, max(whole, done))
        sleep(monotonic() - begun)


def _rewrite_page(connection: sqlite3.Connection, migration: Migration) -> int | None:
    """How many rows are done with this page; None when there was no page."""
    place = connection.execute(
        "SELECT after_key, done FROM rewrites WHERE version = ?", (migration.version,)
    ).fetchone()
    after, done = place or ("", 0)
    last, rows = connection.execute(
        f"SELECT max(key), count(*) FROM (SELECT key FROM {migration.table} WHERE key > ? ORDER BY key LIMIT {PAGE})",  # noqa: S608 - our own name
        (after,),
    ).fetchone()
    if not rows:
        return None
    connection.execute(migration.sql, {"1": after, "2": last})
    connection.execute(_KEEP_PLACE, (migration.version, last, done + rows))
    return int(done + rows)


def _note(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
        (migration.version, migration.name, migration.checksum, int(time())),
    )
    if migration.kind != "expand":  # what every server takes a note for, also before there were kinds
        connection.execute(
            "UPDATE schema_migrations SET kind = ? WHERE version = ?", (migration.kind, migration.version)
        )


def _applied(connection: sqlite3.Connection) -> dict[int, Note]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone():
        return {}
    rows = connection.execute(READ_NOTES)
    columns = [column for column, *_ in rows.description]
    notes = [dict(zip(columns, row, strict=True)) for row in rows]
    return {note["version"]: Note(note["checksum"], note.get("kind", "expand")) for note in notes}


def _not_told(_done: int, _whole: int) -> None:
    """For a rewrite of no rows."""


def statements(sql: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit our transaction first."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
