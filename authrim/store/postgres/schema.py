"""Creates, upgrades and checks the schema of a PostgreSQL database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from authrim.store.contract import Unavailable, UnknownSchema
from authrim.store.migrations import NO_HEAD, Told, pending, refuse_pending, unfinished
from authrim.store.postgres import functions
from authrim.store.postgres._migrate import Run, applied, log_is_empty
from authrim.store.postgres.connections import LOST, MALFORMED, REFUSED, quoted, unavailable
from authrim.store.postgres.functions import Fetch
from authrim.store.postgres.known_types import KnowingConnection

#: The PostgreSQL schema that everything lives in.
SCHEMA = "authrim"

_CONNECT_SECONDS = 10.0


async def migrate_postgres(dsn: str, schema: str = SCHEMA) -> list[str]:
    """Create the schema if necessary and add what is missing. The role that runs it owns everything.

    Servers of the version before go on meanwhile, and afterwards. Where nothing was ever appended there is none, so
    everything is done at once.
    """
    async with _owner(dsn) as connection:
        run = Run(connection, schema)
        names = await run.all_of(pending) + await run.functions()
        if await log_is_empty(connection, schema):
            names += await run.all_of(unfinished)
            await run.drop_unused_functions()
        return names


async def finish_postgres(dsn: str, told: Told, schema: str = SCHEMA) -> list[str]:
    """Add what is missing, rewrite rows, and take away what no server of this version needs."""
    async with _owner(dsn) as connection:
        run = Run(connection, schema, told)
        names = await run.all_of(pending) + await run.functions()
        return names + await run.all_of(unfinished) + await run.drop_unused_functions()


async def unfinished_postgres(dsn: str, schema: str = SCHEMA) -> list[str]:
    """The migrations that `migrate --finish` has to apply, and the functions that it drops."""
    async with _owner(dsn) as connection:
        left = unfinished("postgres", await applied(connection.fetch, schema))
        return [found.name for found in left] + await functions.unused(connection.fetch, schema)


async def check_postgres(fetch: Fetch, schema: str) -> None:
    """Raise UnknownSchema when a server of this version cannot run on the schema."""
    refuse_pending("postgres", await applied(fetch, schema))
    if not await fetch(f"SELECT 1 FROM {quoted(schema)}.head"):  # noqa: S608 - quoted
        raise UnknownSchema(NO_HEAD)
    if lacking := await functions.lacking(fetch, schema):
        raise UnknownSchema(f"the database lacks this version's function {lacking[0]}: run `authrim migrate`")


@asynccontextmanager
async def _owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(dsn)
    try:
        yield connection
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable("this role may not change the schema: run `authrim migrate` as its owner") from None
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()


async def connect(dsn: str) -> asyncpg.Connection:
    """A separate connection to the database. Raises Unavailable."""
    try:
        # A statement that is kept would be wrong after the table was changed.
        return await asyncpg.connect(
            dsn, timeout=_CONNECT_SECONDS, statement_cache_size=0, connection_class=KnowingConnection
        )
    except (*LOST, *REFUSED, *MALFORMED) as failed:
        raise unavailable(failed) from None
