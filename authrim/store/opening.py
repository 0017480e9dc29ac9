"""The store that the settings name: PostgreSQL by its address, SQLite by a file name."""

from pathlib import Path

from authrim.settings import Settings
from authrim.store.migrate import is_postgres
from authrim.store.postgres import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite import SQLiteStore


def open_store(settings: Settings, *, exclusive: bool = False) -> ReadBack:
    """The configured store, not opened yet. ``exclusive`` is for a server, of which SQLite takes one."""
    database = settings.database.get_secret_value()
    if is_postgres(database):
        return PostgresStore(
            database, queue_limit=settings.append_queue_limit, wait_limit=settings.append_wait_seconds
        )
    return SQLiteStore(Path(database), exclusive=exclusive)
