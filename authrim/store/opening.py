"""The store that the settings name: PostgreSQL by its address, SQLite by a file name."""

from pathlib import Path
from typing import Final

from authrim.settings import Settings
from authrim.store.group_commit import QueueLimits
from authrim.store.migrate import is_postgres
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.store import SQLiteStore

#: Prepared statements that a connection keeps: none behind a pooler, where the next statement may meet another
#: session (decisions.md 8).
STATEMENTS_KEPT: Final = 100


def open_store(settings: Settings, *, exclusive: bool = False) -> ReadBack:
    """The configured store, not opened yet. ``exclusive`` is for servers: SQLite allows only one."""
    database = settings.database.get_secret_value()
    limits = QueueLimits(settings.append_queue_limit, settings.append_wait_seconds)
    if is_postgres(database):
        listen = settings.database_listen
        return PostgresStore(
            database,
            statement_cache_size=0 if settings.database_pooled else STATEMENTS_KEPT,
            listen_dsn=None if listen is None else listen.get_secret_value(),
            queue_limits=limits,
        )
    return SQLiteStore(Path(database), exclusive=exclusive, queue_limits=limits)
