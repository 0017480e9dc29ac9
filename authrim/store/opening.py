"""The store that the settings name: PostgreSQL by its address, SQLite by a file name."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from authrim.settings import Settings
from authrim.store.group_commit import QueueLimits
from authrim.store.read_back import ReadBack

if TYPE_CHECKING:
    from authrim.store.postgres.replica import Replica

#: Prepared statements that a connection keeps: none behind a pooler, where the next statement may meet another
#: session (decisions.md 8).
STATEMENTS_KEPT: Final = 100


def replica_of(settings: Settings, primary: ReadBack) -> "Replica | None":
    """The configured replica of an open store; it is connected to when something is read there."""
    if settings.database_replica is None:
        return None
    from authrim.store.postgres.replica import Replica
    from authrim.store.postgres.store import PostgresStore

    assert isinstance(primary, PostgresStore)  # by the rule of the settings
    return Replica(settings.database_replica.get_secret_value(), primary)


def open_store(settings: Settings, *, exclusive: bool = False) -> ReadBack:
    """The configured store, not opened yet. ``exclusive`` is for servers: SQLite allows only one."""
    limits = QueueLimits(settings.append_queue_limit, settings.append_wait_seconds)
    if (database := settings.postgres_dsn) is not None:
        from authrim.store.postgres.store import PostgresStore  # a process needs one of the two

        listen = settings.database_listen
        return PostgresStore(
            database,
            statement_cache_size=0 if settings.database_pooled else STATEMENTS_KEPT,
            listen_dsn=None if listen is None else listen.get_secret_value(),
            queue_limits=limits,
            standby=settings.database_failover,
        )
    from authrim.store.sqlite.store import SQLiteStore

    return SQLiteStore(Path(settings.database.get_secret_value()), exclusive=exclusive, queue_limits=limits)
