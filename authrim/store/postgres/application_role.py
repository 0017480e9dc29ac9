"""The role that the server runs as on PostgreSQL: its privileges and its settings (decisions.md 11)."""

import asyncpg

from authrim.store.contract import Unavailable, UnknownSchema
from authrim.store.postgres.connections import LOST, REFUSED, SESSION, quoted, unavailable
from authrim.store.postgres.schema import SCHEMA, connect

#: Beside executing the append function and reading, what the application role may do: rows that are no history.
APPLICATION_WRITES = (
    "guard", "counters", "followers", "audit", "failed_events", "outbox", "monitor_states", "monitor_breaches", "tiles",
    "checkpoints", "receivers", "deliveries", "restored", "retention",
)  # fmt: skip


_NO_ROLE = "there is no role {}: make it with CREATE ROLE … LOGIN"
_MAY_WRITE = """
    SELECT bool_and(has_table_privilege($1, name, 'SELECT') AND has_table_privilege($1, name, 'DELETE'))
    FROM unnest($2::TEXT[]) AS name
"""


async def grant_application_role(dsn: str, role: str, schema: str = SCHEMA) -> bool:
    """Let a role run the server and nothing more: execute the append function, read, and keep guard rows.

    The owner is for ``authrim migrate`` alone (decisions.md 11). Run it again after each migration. False when the
    owner may not keep settings with the role, which only a pooler in transaction mode asks for; the rest is done.
    """
    connection = await connect(dsn)
    try:
        async with connection.transaction():
            await _grant(connection, role, schema)
        return await _keep_settings(connection, role, schema)
    except asyncpg.UndefinedObjectError:
        raise UnknownSchema(_NO_ROLE.format(role)) from None
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable(
            "only the owner of the schema may grant: run `authrim migrate` as its owner"
        ) from None
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()


async def refuse_unknown_role(dsn: str, role: str) -> None:
    """Raise UnknownSchema when there is nobody to grant to, before anything else is done."""
    connection = await connect(dsn)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            raise UnknownSchema(_NO_ROLE.format(role))
    finally:
        await connection.close()


async def _grant(connection: asyncpg.Connection, role: str, schema: str) -> None:
    name, of = quoted(role), quoted(schema)
    writes = [f"{of}.{table}" for table in APPLICATION_WRITES]
    await connection.execute(f"GRANT USAGE ON SCHEMA {of} TO {name}")
    await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {of} TO {name}")
    await connection.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {of} TO {name}")
    await connection.execute(f"GRANT INSERT, UPDATE, DELETE ON {', '.join(writes)} TO {name}")
    # Whoever is not the owner may be told of success, with a warning that nothing was granted.
    if not await connection.fetchval(_MAY_WRITE, role, writes):
        raise asyncpg.InsufficientPrivilegeError


async def _keep_settings(connection: asyncpg.Connection, role: str, schema: str) -> bool:
    """Store the settings with the role that a connection through a pooler in transaction mode cannot choose."""
    try:
        async with connection.transaction():
            for statement in role_settings(role, schema):
                await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


def role_settings(role: str, schema: str = SCHEMA) -> list[str]:
    """The statements that keep a connection's settings with the role. PostgreSQL wants CREATEROLE for them, and the
    ADMIN option on the role."""
    session = {setting: f"'{value}'" for setting, value in SESSION.items()}
    chosen = {"search_path": f"{quoted(schema)}, pg_temp", **session}
    return [f"ALTER ROLE {quoted(role)} SET {setting} TO {value}" for setting, value in chosen.items()]
