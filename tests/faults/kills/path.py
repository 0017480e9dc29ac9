"""The functions between a decision and its durable row, on both stores: what appends, what reserves and counts guard
rows, what writes sealed rows with the events, and what makes, takes and settles messages of the outbox."""

from typing import Final

from tests.faults.kills.points import AppendPath

_CORE: Final = {
    "authrim.core.execute": (
        "Executor.on_grant", "Executor.on_remembered_grant", "Executor.until_it_fits", "Executor._fits", "again",
        "_append",
    ),
    "authrim.core.refusals": ("Refusals.record", "Refusals._turn_minute", "Refusals.flush", "Refusals._append"),
    "authrim.core.rate_limits": ("RateLimits._take_share",),
    "authrim.core.fan_out": ("catch_up",),
    "authrim.core.outbox": (
        "Outbox._take", "Outbox._serve", "Outbox._settlement", "Outbox._give_up_late", "Outbox._late", "_attempt",
    ),
    "authrim.store.group_commit": (
        "GroupCommit.append", "GroupCommit._write", "GroupCommit._commit_or_give_up", "GroupCommit._commit",
    ),
}  # fmt: skip

_LOOPS: Final = (
    "core.fan_out:fan_out_until_cancelled", "core.outbox:Outbox.deliver_until_cancelled",
    "store.loader:GroupLoader._load_until_idle", "store.loader:GroupLoader._load_batch",
)  # fmt: skip

POSTGRESQL: Final = AppendPath(
    {
        **_CORE,
        "authrim.store.postgres.store": ("PostgresStore.append", "PostgresStore.count"),
        "authrim.store.postgres.writer": (
            "_Line.call", "Writer.commit_batch", "Writer._call", "Writer._connected", "Writer._connected_anew",
            "Writer._settle", "Writer._look_up",
        ),
        "authrim.store.postgres._guard": ("Guard.count", "Guard._reserve_many", "Guard._count_many"),
        "authrim.store.postgres._deliveries": (
            "PostgresOutbox.run_page", "PostgresOutbox.take", "PostgresOutbox.settle", "PostgresOutbox.due",
            "PostgresOutbox.give_up", "PostgresOutbox._read", "_add", "_each",
        ),
        "authrim.store.postgres._followers": ("Followers.run",),
        "authrim.store.postgres.connections": (
            "Connections.connect", "Connections.fetch", "Connections.in_transaction", "Connections._with_connection",
        ),
    },
    shared=frozenset(
        {
            "store.postgres._deliveries:PostgresOutbox._read",
            "store.postgres._followers:Followers.run",
            "store.postgres.connections:Connections.connect",
            "store.postgres.connections:Connections.fetch",
            "store.postgres.connections:Connections.in_transaction",
            "store.postgres.connections:Connections._with_connection",
        }
    ),
    beside=frozenset(
        {
            *_LOOPS,
            "store.postgres.log:PostgresLog.read_log",
            "store.postgres.log:PostgresLog.read_whole_stream",
        }
    ),
)  # fmt: skip

SQLITE: Final = AppendPath(
    {
        **_CORE,
        "authrim.store.sqlite.store": (
            "SQLiteStore.append", "SQLiteStore.count", "SQLiteStore._commit_batch", "SQLiteStore._bound_wal",
            "SQLiteStore._reserve_many", "SQLiteStore._count_many",
        ),
        "authrim.store.sqlite.lane": ("Lane.run",),
        "authrim.store.sqlite.writes": (
            "commit_batch", "reserve", "count", "_conflict", "_chain", "_last_recorded_at", "_write_rows", "_commit",
            "transaction", "checkpoint",
        ),
        "authrim.store.sqlite._deliveries": (
            "SQLiteOutbox.run_page", "SQLiteOutbox.take", "SQLiteOutbox.settle", "SQLiteOutbox.due",
            "SQLiteOutbox.give_up", "SQLiteOutbox._write", "SQLiteOutbox._read", "_page", "_add", "_take", "_settle",
            "_give_up", "_all",
        ),
    },
    shared=frozenset(
        {
            "store.sqlite.lane:Lane.run",
            "store.sqlite._deliveries:SQLiteOutbox._read",
            "store.sqlite._deliveries:SQLiteOutbox._write",
            "store.sqlite._deliveries:_all",
        }
    ),
    beside=frozenset(
        {*_LOOPS, "store.sqlite.store:SQLiteStore.read_log", "store.sqlite.store:SQLiteStore.read_whole_stream"}
    ),
)  # fmt: skip

#: What this load does not pass, by the beginnings of points, and why not.
NOT_PASSED: Final = (
    # Another one was faster for the second time; the configuration has changed in the middle of a decision.
    "core.execute:again await 2", "core.execute:Executor._fits await 2",
    # A minute is over, and refusals were counted in it.
    "core.refusals:Refusals._turn_minute", "core.refusals:Refusals.flush",
    # Webhooks have changed in the page, or the page was full; a receiver does not answer.
    "core.fan_out:catch_up await 3", "core.fan_out:catch_up await 4",
    "core.outbox:Outbox._serve await 3", "core.outbox:Outbox._settlement await 2", "core.outbox:Outbox._give_up_late",
    "core.outbox:Outbox._late", "store.postgres._deliveries:PostgresOutbox.due",
    "store.postgres._deliveries:PostgresOutbox.give_up", "store.postgres._deliveries:PostgresOutbox._read",
    "store.sqlite._deliveries:SQLiteOutbox.due", "store.sqlite._deliveries:SQLiteOutbox.give_up",
    # A batch that the database refused is tried one by one.
    "store.group_commit:GroupCommit._commit await 2",
    # Reads only: the total of a counter.
    "store.postgres._guard:Guard.count await 1", "store.sqlite.store:SQLiteStore.count await 1",
    # The primary was replaced; the lost session waits for a standby (tests/faults/test_failover.py).
    "store.postgres.writer:Writer._connected_anew await 1", "store.postgres.writer:Writer.commit_batch await 3",
    "store.postgres.writer:Writer.commit_batch await 4", "store.postgres.writer:Writer._look_up await 6",
    # The write-ahead log is long (tests/store/test_sqlite.py).
    "store.sqlite.store:SQLiteStore._bound_wal await 1", "store.sqlite.writes:checkpoint statement",
    # What SQLite has refused is taken back.
    "store.sqlite.writes:_commit statement 2", "store.sqlite.writes:commit_batch statement 4",
    "store.sqlite.writes:transaction statement 3",
    # Nobody wants a name for a login.
    "store.sqlite.writes:_conflict statement 3",
)  # fmt: skip
