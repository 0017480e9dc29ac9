"""Applies migrations on PostgreSQL beside servers that go on, each kind in its own way (F20, F21).

A migration and the note that it was applied are one transaction, so a run that is killed leaves whole migrations
behind. Two kinds are no single transaction, because it would hold up appends: an index that is made while servers write
(a killed run leaves an index that is not valid, which the next one drops), and a rewrite (each page is a transaction
with the place where the next one begins).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic, time
from typing import Final

import asyncpg

from authrim.store.contract import Unavailable
from authrim.store.migrations import CREATE_NOTES, PAGE, Engine, Migration, Note, Told
from authrim.store.postgres import functions
from authrim.store.postgres.connections import quoted
from authrim.store.postgres.functions import Fetch

Which = Callable[[Engine, Mapping[int, Note]], list[Migration]]
"""Which of the missing migrations are wanted: ``pending`` or ``unfinished``."""

_LOCK: Final = 0x61757468  # any number that all runs agree on

#: Whoever waits for the lock of a table holds up all that come after. So a change of a table waits for a short time,
#: lets the others go first, and tries again. Far below the second that an append waits for a lock.
_LOCK_TIMEOUT: Final = "300ms"
#: How long it tries, and how long two runs wait between looking whether the other has ended, in seconds.
PATIENCE: Final = 120.0
_PAUSE: Final = 0.3

_INDEX: Final = re.compile(r"^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+)[^;]*;", re.MULTILINE)
_BROKEN: Final = """
    SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2 AND NOT i.indisvalid
"""
_ROWS: Final = """
    SELECT greatest(c.reltuples, 0)::BIGINT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
"""
_PAGE: Final = (
    "SELECT max(key), count(*) FROM (SELECT key FROM {} WHERE key > $1 ORDER BY key LIMIT {}) AS page"
)
_KEEP_PLACE: Final = """
    INSERT INTO rewrites (version, after_key, done) VALUES ($1, $2, $3)
    ON CONFLICT (version) DO UPDATE SET after_key = excluded.after_key, done = excluded.done
"""


class Run:
    """One run of ``authrim migrate`` on one schema."""

    def __init__(
        self, connection: asyncpg.Connection, schema: str, told: Told = lambda _done, _whole: None
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._told = told

    async def all_of(self, which: Which) -> list[str]:
        """Apply the wanted migrations; their names. Another run may do a part of them meanwhile."""
        names: list[str] = []
        while missing := which("postgres", await applied(self._connection.fetch, self._schema)):
            first = missing[0]
            match first.kind:
                case "expand concurrently":
                    done = await self._add_indexes(first)
                case "rewrite":
                    done = await self._rewrite(first)
                case _:
                    done = await self._apply(first)
            if done:
                names.append(first.name)
        return names

    async def functions(self) -> list[str]:
        """Make the functions again that changed; their names."""
        async with self._transaction():
            return await functions.install(self._connection, self._schema)

    async def drop_unused_functions(self) -> list[str]:
        """Drop the functions that only servers of older versions call; their signatures."""
        async with self._transaction():
            unused = await functions.unused(self._connection.fetch, self._schema)
            for signature in unused:
                await self._connection.execute(f"DROP FUNCTION {signature}")
            return unused

    async def _apply(self, migration: Migration) -> bool:
        patience = monotonic() + PATIENCE
        while True:
            try:
                async with self._transaction():
                    if migration.version in await applied(self._connection.fetch, self._schema):
                        return False
                    await self._connection.execute(CREATE_NOTES)
                    await self._connection.execute(migration.sql)
                    await self._note(migration)
                    return True
            except asyncpg.LockNotAvailableError:
                if monotonic() > patience:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _add_indexes(self, migration: Migration) -> bool:
        """Servers write to the table meanwhile, so none of it can be within a transaction."""
        async with self._alone():
            if migration.version in await applied(self._connection.fetch, self._schema):
                return False
            for index in _INDEX.finditer(migration.sql):
                if await self._connection.fetch(_BROKEN, self._schema, index[1]):
                    await self._connection.execute(f"DROP INDEX CONCURRENTLY {index[1]}")
                await self._connection.execute(index[0])
            async with self._connection.transaction():
                await self._note(migration)
            return True

    async def _rewrite(self, migration: Migration) -> bool:
        """A page at a time, with a pause as long as the page took: half of the time is the servers'."""
        whole = await self._connection.fetchval(_ROWS, self._schema, migration.table)
        while True:
            begun = monotonic()
            try:
                async with self._transaction():
                    if migration.version in await applied(self._connection.fetch, self._schema):
                        return False
                    done = await self._rewrite_page(migration)
                    if done is None:
                        await self._note(migration)
                        return True
                self._told(done, max(whole, done))
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                pass  # an append has one of the rows: it goes first
            await asyncio.sleep(monotonic() - begun)

    async def _rewrite_page(self, migration: Migration) -> int | None:
        """How many rows are done with this page; None when there was no page."""
        place = await self._connection.fetchrow(
            "SELECT after_key, done FROM rewrites WHERE version = $1", migration.version
        )
        after, done = place or ("", 0)
        last, rows = await self._connection.fetchrow(_PAGE.format(migration.table, PAGE), after)
        if not rows:
            return None
        await self._connection.execute(migration.sql, after, last)
        await self._connection.execute(_KEEP_PLACE, migration.version, last, done + rows)
        return int(done + rows)

    async def _note(self, migration: Migration) -> None:
        await self._connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
            migration.version,
            migration.name,
            migration.checksum,
            int(time()),
        )
        if migration.kind != "expand":  # what every server takes a note for, also before there were kinds
            await self._connection.execute(
                "UPDATE schema_migrations SET kind = $2 WHERE version = $1", migration.version, migration.kind
            )

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        """A transaction within the schema while no other run is in one."""
        while True:
            async with self._connection.transaction():
                # Whoever waits within PostgreSQL has a snapshot, for whose end an index is made would wait.
                if await self._connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                    await self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self._schema)}")
                    # The functions keep this search path: no other schema can slip a table or an operator under them.
                    await self._connection.execute(
                        f"SET LOCAL search_path TO {quoted(self._schema)}, pg_temp"
                    )
                    await self._connection.execute(f"SET LOCAL lock_timeout TO '{_LOCK_TIMEOUT}'")
                    yield
                    return
            await asyncio.sleep(_PAUSE)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """The same for statements that are transactions of their own."""
        await self._refuse_pooler()
        while True:
            if await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                break
            await asyncio.sleep(_PAUSE)
        try:
            await self._connection.execute(f"SET search_path TO {quoted(self._schema)}, pg_temp")
            yield
        finally:
            if not self._connection.is_closed():
                await self._connection.execute("RESET search_path")
                await self._connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)

    async def _refuse_pooler(self) -> None:
        """Behind a pooler each statement may meet another session: one would have the lock and the search path, and
        another one the index. A pooler makes up the process id that a client is told when it connects."""
        backend = await self._connection.fetchval("SELECT pg_backend_pid()")
        if backend != self._connection.get_server_pid():
            raise Unavailable(
                "an index is made while servers write, and not through a pooler: name PostgreSQL's own address in "
                "`database`"
            )


async def applied(fetch: Fetch, schema: str) -> dict[int, Note]:
    """The migrations that were applied to the schema."""
    table = f"{quoted(schema)}.schema_migrations"
    ((known,),) = await fetch("SELECT to_regclass($1) IS NOT NULL", table)
    if not known:
        return {}
    notes = [dict(row) for row in await fetch(f"SELECT * FROM {table}")]  # noqa: S608 - quoted
    return {note["version"]: Note(note["checksum"], note.get("kind", "expand")) for note in notes}


async def log_is_empty(connection: asyncpg.Connection, schema: str) -> bool:
    """Whether nothing was ever appended: then no server has ever run on the database."""
    return not await connection.fetchval(f"SELECT position FROM {quoted(schema)}.head")  # noqa: S608 - quoted
