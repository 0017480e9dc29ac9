"""Connections to PostgreSQL: how they are made, and which failures mean "not for now" (F04, F08, F24).

Every wait is bounded: connecting and statements by three seconds, a free connection by one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import asyncpg
from asyncpg.transaction import Transaction

from authrim.metrics import catalogue as metrics
from authrim.store.causes import cause_of
from authrim.store.contract import Unavailable
from authrim.store.postgres.fence import Fence
from authrim.store.postgres.known_types import KnowingConnection
from authrim.tasks.cancellation import heed_cancellation

T = TypeVar("T")

#: Seconds.
CONNECT_TIMEOUT = 3.0
STATEMENT_TIMEOUT = 3.0
ACQUIRE_TIMEOUT = 1.0

#: Connections of a pool for reads and guard rows.
POOL_SIZE = 8
#: Connections of one process at most: its pool, and one each for the writer, the followers, notifications and archives.
MOST_CONNECTIONS = POOL_SIZE + 4

#: All our reads are look-ups by an index. Planning them again would cost more than running them; a plan that is
#: kept must not be one that was right for the empty tables of the first minute. A process that stands still in a
#: transaction, as one that was stopped or whose machine hangs, gives its locks back: the others go on without it (F17).
#: Appends wait for one another, each seeing what the last has written, whatever isolation and patience the role, the
#: database or the cluster has for others: serializable ones would fail as soon as two come together.
SESSION: Mapping[str, str] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_isolation": "read committed",
    "lock_timeout": "0",
}
#: Likewise for a statement that waits for a lock when its process stands still; ``standing_still`` is for one whose
#: other half such a process has not sent. Our own deadline comes before it. Not for the writer: whoever cancels its
#: wait for a standby makes visible what no standby has (F06).
BOUNDED: Mapping[str, str] = {"statement_timeout": "10s"}

#: The server cannot be reached, or the connection died under a statement.
LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the pool's own word for a connection that was lost while it was in use
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
)
#: An address that cannot be read: asyncpg's own error, or Python's for a part of the URL.
MALFORMED = (ValueError,)
#: The server answered that it cannot, and nothing was done.
REFUSED = (
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.exceptions.QueryCanceledError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,
    asyncpg.exceptions.InvalidCatalogNameError,
    asyncpg.exceptions.ObjectNotInPrerequisiteStateError,  # the database takes no connections now
    asyncpg.exceptions.PostgresIOError,
)

_process = uuid4().hex[:12]
_numbers = count(1)


class NamedConnection(NamedTuple):
    """A connection, and the ``application_name`` by which another connection can end it."""

    connection: asyncpg.Connection
    name: str


class _BoundedTransaction(Transaction):  # type: ignore[misc]  # asyncpg has no types
    """A transaction with the limit of ``BOUNDED`` for its statements."""

    async def start(self) -> None:
        """Begin it, and set the limit, unless it is part of one that has it."""
        await super().start()
        if not self._nested:
            for setting, value in BOUNDED.items():
                await self._connection.execute(f"SET LOCAL {setting} = '{value}'")


class _BehindPooler(KnowingConnection):
    """A connection whose session is another one in each transaction. The role has ``SESSION``; it cannot have
    ``BOUNDED``, which the writer must not have."""

    def transaction(
        self,
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
    ) -> Transaction:
        """A transaction that ends by itself where the process stands still."""
        return _BoundedTransaction(self, isolation, readonly, deferrable)


class Connections:
    """Makes connections, and keeps a pool of them for reads and guard rows.

    ``statement_cache_size`` is 0 behind a pooler in transaction mode. Such a pooler does not let a connection
    choose its settings either: they come with the role (``grant_application_role``), or with each transaction.
    ``fence`` looks at each new connection.
    """

    def __init__(
        self, dsn: str, schema: str, *, pool_size: int, statement_cache_size: int, fence: Fence | None = None
    ) -> None:
        self._dsn = dsn
        self.fence = fence or Fence()
        self.fence.on_move = self._leave
        self._pool_size = pool_size
        self._statement_cache_size = statement_cache_size
        self._settings = {"search_path": f'"{schema}", pg_temp', **SESSION} if statement_cache_size else {}
        self._bounded = {**self._settings, **BOUNDED} if statement_cache_size else {}
        self._bounded_class = KnowingConnection if statement_cache_size else _BehindPooler
        self._pool: asyncpg.Pool | None = None
        self._leaving: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Connect. Raises Unavailable."""
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._pool_size,
                timeout=CONNECT_TIMEOUT,
                command_timeout=STATEMENT_TIMEOUT,
                statement_cache_size=self._statement_cache_size,
                server_settings={**self._bounded, "application_name": f"authrim {_process}"},
                connection_class=self._bounded_class,
                init=self.fence.admit,
                reset=_nothing_to_reset,
            )
        except (*LOST, *REFUSED, *MALFORMED) as failed:
            raise unavailable(failed) from None

    async def close(self) -> None:
        """Close the pool; a connection that does not close in time is cut."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(STATEMENT_TIMEOUT):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    def measure(self) -> None:
        """Set the gauges of the pool."""
        if self._pool is not None:
            idle, size = self._pool.get_idle_size(), self._pool.get_size()
            metrics.POOL.set(idle, "idle")
            metrics.POOL.set(size - idle, "busy")
            metrics.POOL_MOST.set(self._pool.get_max_size())

    async def connect(
        self,
        dsn: str | None = None,
        patience: float = STATEMENT_TIMEOUT,
        *,
        admit: bool = True,
        bounded: bool = False,
    ) -> NamedConnection:
        """A connection of one's own, under a name that no other connection has. Raises what LOST names, and Unavailable
        when the fence does not admit it.

        ``patience``: how long a statement may take, in seconds. ``bounded``: it ends by itself where the process stands
        still.
        """
        name = f"authrim {_process} {next(_numbers)}"
        connection = await asyncpg.connect(
            dsn or self._dsn,
            timeout=CONNECT_TIMEOUT,
            command_timeout=patience,
            statement_cache_size=self._statement_cache_size,
            server_settings={**(self._bounded if bounded else self._settings), "application_name": name},
            connection_class=self._bounded_class if bounded else KnowingConnection,
        )
        if admit and dsn is None:
            try:
                await self.fence.admit(connection)
            except BaseException:
                connection.terminate()
                raise
        return NamedConnection(connection, name)

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement. Raises Unavailable."""

        async def work(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
            return rows

        return await self._with_connection(work)

    async def fetch_planned(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement that is planned for its arguments, as no other is (``SESSION``): a plan for any
        value takes one that the table hardly has for a frequent one. Raises Unavailable."""

        async def work(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
            return rows

        return await self.in_transaction(work)

    async def in_transaction(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Some statements in one transaction. Raises Unavailable."""

        async def together(connection: asyncpg.Connection) -> T:
            try:
                async with connection.transaction():
                    return await work(connection)
            except asyncio.CancelledError:
                # Its BEGIN may be under way. asyncpg would take whatever comes next for a part of this transaction,
                # which nobody commits.
                connection.terminate()
                raise

        return await self._with_connection(together)

    async def _with_connection(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            raise Unavailable("the store is closed")
        self.fence.refuse_if_differs()
        began = perf_counter()
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT)
            try:
                return await work(connection)
            except LOST:
                connection.terminate()  # or giving it back would wait for an answer that never comes
                raise
            finally:
                await self._pool.release(connection, timeout=ACQUIRE_TIMEOUT)
                metrics.DATABASE_CALLS.observe(perf_counter() - began, "reads")
        except (*LOST, *REFUSED) as failed:
            raise unavailable(failed) from None

    def _leave(self) -> None:
        """Let no connection of the pool that was made before be used again."""
        if self._pool is not None:
            self._leaving = asyncio.ensure_future(self._pool.expire_connections())


def unavailable(failed: Exception) -> Unavailable:
    """What the caller is told: what the failure means, never its text, which may quote a value.

    Raises CancelledError when the task was cancelled, and the failure came of that: of giving the connection back.
    """
    heed_cancellation()
    metrics.DATABASE_FAILURES.add(type(failed).__name__)
    return Unavailable(cause_of(failed))


def quoted(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """We never change a session, so giving a connection back costs no round trip."""
