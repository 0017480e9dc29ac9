"""A hot standby that answers which may lag are read from (docs/designs/0043).

Each answer has a connection of its own, so it takes none of the pool that tokens wait for, and all of it comes from one
standby, also where several are behind one address. Before it reads, the last batch that is there is compared with the
primary's ledger: only a standby of this very log is read, and only up to that batch.
"""

import asyncio
from typing import Any, Final, Literal, NamedTuple

import asyncpg

from authrim.store.causes import cause_of
from authrim.store.contract import Unavailable
from authrim.store.postgres import connections
from authrim.store.postgres import reads as sql
from authrim.store.postgres.audit_index import PostgresAudit
from authrim.store.postgres.connections import LOST, MALFORMED, SESSION, quoted
from authrim.store.postgres.dropped import PostgresDrops
from authrim.store.postgres.known_types import KnowingConnection
from authrim.store.postgres.log import PostgresLog
from authrim.store.postgres.schema import SCHEMA
from authrim.store.postgres.store import PostgresStore
from authrim.store.postgres.tree import PostgresTiles
from authrim.tasks.cancellation import heed_cancellation
from projections.audit import AUDIT
from projections.tree import NAME as TREE

#: Seconds that a statement may take. Nobody waits for the connection, so it is more than at the primary.
STATEMENT_TIMEOUT: Final = 5.0
#: Nothing is written, should the address lead elsewhere; and a connection for one answer has no plan that it could use
#: again.
_SESSION: Final = {
    **SESSION,
    "default_transaction_read_only": "on",
    "application_name": "authrim replica",
    "plan_cache_mode": "force_custom_plan",
    "idle_in_transaction_session_timeout": "0",  # nobody waits for what an answer holds
}
_NO_BOUND: Final = 2**63 - 1

#: Why a replica is not read: it cannot be reached, it is not in recovery, its log is another one; or, in the middle of
#: an answer, the connection was lost, or recovery had to end the statement.
Reason = Literal["down", "not_standby", "other_log", "lost", "conflict"]

_WORDS: Final[dict[Reason, str]] = {
    "not_standby": "the database in `database_replica` is no standby: it was promoted, or is a primary. Name a standby "
    "of the database in `database`",
    "other_log": "the database in `database_replica` has another log than the one in `database`: name a standby of it",
    "conflict": "recovery ended a statement at the replica: set hot_standby_feedback, or raise "
    "max_standby_streaming_delay, there",
}


class ReplicaFailed(Unavailable):
    """The replica cannot be read, for ``reason``; the text says what to do."""

    def __init__(self, reason: Reason, words: str = "") -> None:
        super().__init__(words or _WORDS[reason])
        self.reason = reason


class Reached(NamedTuple):
    """How far a replica can be read: a batch that the primary has too, with its chain hash, and the newest change of
    the configuration up to there. Every event of before ``until`` (µs UTC) is there. The primary is ``behind``
    positions further, and has been for ``lag`` µs."""

    position: int
    chain_hash: bytes
    changed_at: int
    until: int
    behind: int
    lag: int


class Replica:
    """The standby at an address, beside the primary that it must follow."""

    def __init__(self, dsn: str, primary: PostgresStore, schema: str = SCHEMA) -> None:
        self._dsn = dsn
        self._primary = primary
        self._settings = {"search_path": f"{quoted(schema)}, pg_temp", **_SESSION}

    async def connect(self) -> "ReplicaConnection":
        """A connection for one answer. Raises ReplicaFailed."""
        try:
            connection = await asyncpg.connect(
                self._dsn,
                timeout=connections.CONNECT_TIMEOUT,
                command_timeout=STATEMENT_TIMEOUT,
                server_settings=self._settings,
                connection_class=KnowingConnection,
            )
        except (*LOST, *MALFORMED, asyncpg.PostgresError) as failed:
            heed_cancellation()
            raise ReplicaFailed("down", _cause(failed)) from None
        return ReplicaConnection(connection, self._primary)


class ReplicaConnection(PostgresLog):
    """The log on a replica."""

    def __init__(self, connection: asyncpg.Connection, primary: PostgresStore) -> None:
        self._line = _Line(connection)
        self._primary = primary
        super().__init__(self._line)
        self.audit = PostgresAudit(self._line)
        self.tree = PostgresTiles(self._line)
        self.dropped = PostgresDrops(self._line)

    def close(self) -> None:
        """Disconnect, without waiting for anything."""
        self._line.connection.terminate()

    async def look(self) -> Reached:
        """How far it can be read now. Raises ReplicaFailed, and Unavailable when the primary cannot be asked."""
        row = await self._reached(_NO_BOUND)
        known = await self._primary.compare(row["position"])
        if known.position < row["position"]:
            # A standby shows a commit before the primary does, which still waits for standbys (synchronous_commit).
            row = await self._reached(known.position)
            known = await self._primary.compare(row["position"])
        position = row["position"]
        if position and known.chain_hash != row["chain_hash"]:
            raise ReplicaFailed("other_log")
        return Reached(
            position=position,
            chain_hash=row["chain_hash"] or bytes(32),
            changed_at=row["changed_at"],
            until=known.now if known.next_at is None else known.next_at - 1,
            behind=max(0, known.position - position),
            lag=0 if known.next_at is None else max(0, known.now - known.next_at),
        )

    async def _reached(self, bound: int) -> asyncpg.Record:
        rows = await self._line.fetch(sql.REACHED, bound, TREE, AUDIT.name)
        if not rows:
            raise ReplicaFailed("other_log")
        if not rows[0]["follows"]:
            raise ReplicaFailed("not_standby")
        return rows[0]


class _Line:
    """One connection, for one statement at a time."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._one_at_a_time = asyncio.Lock()

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement. Raises ReplicaFailed."""
        async with self._one_at_a_time:
            return await self._fetch(sql, *arguments)

    async def fetch_planned(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The same: all statements are planned for their arguments here."""
        return await self.fetch(sql, *arguments)

    async def _fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        try:
            rows: list[asyncpg.Record] = await self.connection.fetch(sql, *arguments)
        except asyncpg.exceptions.TransactionRollbackError:
            raise ReplicaFailed("conflict") from None
        except (
            asyncpg.exceptions.UndefinedTableError,
            asyncpg.exceptions.UndefinedColumnError,
            asyncpg.exceptions.UndefinedFunctionError,
        ):
            raise ReplicaFailed("other_log") from None
        except (*LOST, asyncpg.PostgresError) as failed:
            heed_cancellation()
            raise ReplicaFailed("lost", _cause(failed)) from None
        return rows


def _cause(failed: Exception) -> str:
    """What is wrong, in the words that we have for the primary."""
    return cause_of(failed).replace("`database`", "`database_replica`")
