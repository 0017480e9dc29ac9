"""What PostgreSQL says of itself to the role of the server: its settings, its sessions, and what is in between.

Nothing is written. It also works with a schema that is not ours, or with none.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal, NamedTuple

import asyncpg

from authrim.store.contract import Unavailable
from authrim.store.postgres.application_role import APPLICATION_WRITES
from authrim.store.postgres.connections import CONNECT_TIMEOUT, LOST, MALFORMED, REFUSED, SESSION, unavailable
from authrim.store.postgres.known_types import KnowingConnection
from authrim.store.postgres.schema import SCHEMA

#: What is between us and PostgreSQL: nothing, or a pooler that keeps a session per client or per transaction.
Pooler = Literal["none", "session", "transaction"]

_STATEMENT_SECONDS: Final = 5.0
#: How often a pooler is tried: other clients may take the session that would have shown its mode.
_TRIES: Final = 5

_NAMES: Final = (
    "fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names", "data_checksums", "max_connections",
    "superuser_reserved_connections", "reserved_connections", "transaction_read_only", "server_version_num",
    "search_path", *SESSION,
)  # fmt: skip

#: With their units, as they are set.
_SETTINGS: Final = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY($1)"

#: With what another role has that this one may become (SET ROLE), also where it does not inherit it.
_ROLE: Final = """
    WITH mine AS (SELECT * FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER'))
    SELECT current_user AS name, EXISTS (SELECT FROM mine WHERE rolsuper) AS superuser,
           EXISTS (
               SELECT FROM mine WHERE oid IN (
                   SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relkind = 'r'
                   UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = $1
                   UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database())
           ) AS owner,
           EXISTS (
               SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, mine
               WHERE n.nspname = $1 AND c.relname = ANY ('{events,ledger,head}') AND (
                   has_table_privilege(mine.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
                   OR has_any_column_privilege(mine.oid, c.oid, 'INSERT, UPDATE'))
           ) AS writes_log,
           ARRAY (
               SELECT 'CREATEROLE' FROM mine WHERE rolcreaterole
               UNION SELECT 'REPLICATION' FROM mine WHERE rolreplication
               UNION SELECT 'CREATE in the schema' FROM mine JOIN pg_namespace n ON n.nspname = $1
                     WHERE has_schema_privilege(mine.oid, n.oid, 'CREATE')
               UNION SELECT rolname::text FROM mine WHERE rolname IN (
                     'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
               ORDER BY 1
           ) AS powers,
           ARRAY (
               SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relkind = 'r' AND (
                   NOT has_table_privilege(c.oid, 'SELECT') OR (c.relname = ANY ($2) AND NOT (
                       has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                       AND has_table_privilege(c.oid, 'DELETE'))))
               UNION ALL
               SELECT p.proname || '()' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = $1 AND NOT has_function_privilege(p.oid, 'EXECUTE')
               ORDER BY 1
           ) AS lacks
"""

_SESSIONS: Final = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL) AS in_use,
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS of_database
"""

_RECOVERY: Final = "SELECT pg_is_in_recovery()"
#: Nobody but a monitor sees more of them than that they are there.
_STANDBYS: Final = "SELECT count(*) FROM pg_stat_replication"
_BACKEND: Final = "SELECT pg_backend_pid()"


class Role(NamedTuple):
    """The role of the server. ``writes_log``: it may write to the log past the append function. ``powers``: what
    no server needs, and leads to everything. ``lacks``: tables and functions that it needs and may not use."""

    name: str
    superuser: bool
    owner: bool
    writes_log: bool
    powers: Sequence[str]
    lacks: Sequence[str]


class Sessions(NamedTuple):
    """How many sessions PostgreSQL takes from such a role, and how many there are of all roles now."""

    most: int
    in_use: int


class Inspection(NamedTuple):
    """What was found. ``settings`` are those of a session as the server's own; ``pooled_settings`` those that a session
    has without choosing them. ``standbys``: how many servers follow this one now. ``listen_pooler``: what is between us
    and the address for LISTEN."""

    settings: Mapping[str, str]
    in_recovery: bool
    standbys: int
    role: Role
    sessions: Sessions
    pooler: Pooler
    listen_pooler: Pooler


async def inspect(dsn: str, listen_dsn: str | None = None, schema: str = SCHEMA) -> Inspection:
    """Ask PostgreSQL. Raises Unavailable."""
    try:
        await _refuse_statement_mode(dsn)
        async with _session(dsn) as session:
            settings = dict(await _fetch(session, _SETTINGS, list(_NAMES)))
            ((in_recovery,),) = await _fetch(session, _RECOVERY)
            ((standbys,),) = await _fetch(session, _STANDBYS)
            (role,) = await _fetch(session, _ROLE, schema, list(APPLICATION_WRITES))
            (sessions,) = await _fetch(session, _SESSIONS)
        pooler = await _pooler_of(dsn)
        listen_pooler = "none" if listen_dsn is None else await _pooler_of(listen_dsn)
    except (*LOST, *REFUSED, *MALFORMED, asyncpg.PostgresError) as failed:
        raise unavailable(failed) from None
    return Inspection(
        settings,
        in_recovery,
        standbys,
        Role(*role),
        Sessions(_most(settings, role["superuser"], sessions), sessions["in_use"]),
        pooler,
        listen_pooler,
    )


def _most(settings: Mapping[str, str], superuser: bool, sessions: Mapping[str, int]) -> int:
    kept = 0 if superuser else int(settings.get("superuser_reserved_connections", 0))
    kept += 0 if superuser else int(settings.get("reserved_connections", 0))
    limits = [int(settings["max_connections"]) - kept]
    limits += [
        limit for limit in (sessions["of_role"], sessions["of_database"]) if limit >= 0 and not superuser
    ]
    return max(0, min(limits))


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session that keeps no statement prepared, so that it works behind every pooler."""
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_TIMEOUT, command_timeout=_STATEMENT_SECONDS, statement_cache_size=0,
        connection_class=KnowingConnection,
    )  # fmt: skip
    try:
        yield connection
    finally:
        connection.terminate()


async def _fetch(session: asyncpg.Connection, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    """The rows of a statement in a transaction of its own: behind a pooler, all of it meets one session."""
    async with session.transaction():
        rows: list[asyncpg.Record] = await session.fetch(sql, *arguments)
        return rows


async def _refuse_statement_mode(dsn: str) -> None:
    """A pooler in statement mode answers, and cuts the connection off that begins a transaction. Raises Unavailable."""
    async with _session(dsn) as session:
        await _backend(session)
        try:
            async with session.transaction():
                await _backend(session)
        except (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.ProtocolViolationError):
            raise Unavailable(
                "a pooler in statement mode is at the address in `database`, and allows no transactions: set "
                "pool_mode = transaction there"
            ) from None


async def _backend(session: asyncpg.Connection) -> int:
    ((pid,),) = await session.fetch(_BACKEND)
    return int(pid)


async def _pooler_of(dsn: str) -> Pooler:
    """PgBouncer makes up the process id that a client is told when it connects. In transaction mode, a session that is
    idle is given to the next client, and the first one gets another."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(_session(dsn))
        async with first.transaction():
            backend = await _backend(first)
        if backend == first.get_server_pid():
            return "none"
        for _ in range(_TRIES):
            second = await stack.enter_async_context(_session(dsn))
            async with second.transaction():
                taken = await _backend(second)
                async with first.transaction():
                    if taken == backend or await _backend(first) != backend:
                        return "transaction"
    return "session"
