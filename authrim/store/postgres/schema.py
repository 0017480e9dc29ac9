"""Creates, upgrades and checks the schema of a PostgreSQL database."""

from time import time

import asyncpg

from authrim.store.contract import Unavailable, UnknownSchema
from authrim.store.migrations import CREATE_NOTES, NO_HEAD, pending, refuse_pending
from authrim.store.postgres import append_function
from authrim.store.postgres.append_function import Fetch
from authrim.store.postgres.connections import LOST, MALFORMED, REFUSED, unavailable

#: The PostgreSQL schema that everything lives in.
SCHEMA = "authrim"

_CONNECT_SECONDS = 10.0

_LOCK = 0x61757468  # any number that all runs agree on


async def migrate_postgres(dsn: str, schema: str = SCHEMA) -> list[str]:
    """Create the schema if necessary and apply pending migrations. The role that runs it owns everything."""
    connection = await connect(dsn)
    names: list[str] = []
    try:
        while name := await _apply_next_postgres(connection, schema):
            names.append(name)
        if await _install_append_function(connection, schema):
            names.append(append_function.NAME)
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable("this role may not change the schema: run `authrim migrate` as its owner") from None
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()
    return names


async def check_postgres(fetch: Fetch, schema: str) -> None:
    """Raise UnknownSchema when the schema is not up to date."""
    refuse_pending("postgres", await _applied_postgres(fetch, schema))
    if not await fetch(f"SELECT 1 FROM {quoted(schema)}.head"):  # noqa: S608 - quoted
        raise UnknownSchema(NO_HEAD)
    if not await append_function.is_current(fetch, schema):
        raise UnknownSchema("the database lacks this version's append function: run `authrim migrate`")


async def _install_append_function(connection: asyncpg.Connection, schema: str) -> bool:
    """Install the append function if it is missing. Returns whether it was."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}, pg_temp")
        if await append_function.is_current(connection.fetch, schema):
            return False
        await append_function.install(connection, schema)
        return True


async def _apply_next_postgres(connection: asyncpg.Connection, schema: str) -> str | None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        # The functions keep this search path: no other schema can slip a table or an operator under them.
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}, pg_temp")
        missing = pending("postgres", await _applied_postgres(connection.fetch, schema))
        if not missing:
            return None
        await connection.execute(CREATE_NOTES)
        await connection.execute(missing[0].sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
            missing[0].version,
            missing[0].name,
            missing[0].checksum,
            int(time()),
        )
        return missing[0].name


async def _applied_postgres(fetch: Fetch, schema: str) -> dict[int, str]:
    table = f"{quoted(schema)}.schema_migrations"
    ((known,),) = await fetch("SELECT to_regclass($1) IS NOT NULL", table)
    if not known:
        return {}
    return dict(await fetch(f"SELECT version, checksum FROM {table}"))  # noqa: S608 - quoted


async def connect(dsn: str) -> asyncpg.Connection:
    """A separate connection to the database. Raises Unavailable."""
    try:
        return await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    except (*LOST, *REFUSED, *MALFORMED) as failed:
        raise unavailable(failed) from None


def quoted(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
