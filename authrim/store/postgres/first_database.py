"""Makes what a first set-up needs before there are tables: the database, and the role that the server runs as."""

import asyncpg

from authrim.store.contract import Unavailable
from authrim.store.postgres.address import Address, read_address
from authrim.store.postgres.connections import LOST, MALFORMED, REFUSED, quoted, unavailable
from authrim.store.postgres.schema import connect

_CONNECT_SECONDS = 10.0
_HAS_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
#: Where a database is made from, as with ``createdb``.
_MAINTENANCE = "postgres"


async def make_database(owner: str, server: str) -> list[str]:
    """Make the database of ``owner`` and the role of ``server`` (addresses) where they are missing; what was made.

    Raises Unavailable, with the statement that is left to an administrator.
    """
    made = []
    if await _make_database(owner, read_address(owner).database):
        made.append("database")
    if await _make_role(owner, read_address(server)):
        made.append("role")
    return made


async def _make_database(owner: str, name: str) -> bool:
    try:
        await (await asyncpg.connect(owner, timeout=_CONNECT_SECONDS)).close()
    except asyncpg.InvalidCatalogNameError:
        pass
    except (*LOST, *REFUSED, *MALFORMED) as failed:
        raise unavailable(failed) from None
    else:
        return False
    try:
        connection = await asyncpg.connect(owner, database=_MAINTENANCE, timeout=_CONNECT_SECONDS)
        try:
            # template0: the other template may have an encoding that does not hold every text.
            await connection.execute(f"CREATE DATABASE {quoted(name)} ENCODING 'UTF8' TEMPLATE template0")
        finally:
            await connection.close()
    except asyncpg.DuplicateDatabaseError:
        return False
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable(
            f"there is no database {name}, and the role in `database_owner` may not make one: make it with "
            f"CREATE DATABASE {quoted(name)} ENCODING 'UTF8' TEMPLATE template0"
        ) from None
    except (*LOST, *REFUSED, *MALFORMED) as failed:
        raise unavailable(failed) from None
    return True


async def _make_role(owner: str, server: Address) -> bool:
    """Make the role of the server if it needs no password: one in a statement could end in the database's log."""
    connection = await connect(owner)
    try:
        if await connection.fetchval(_HAS_ROLE, server.role):
            return False
        if server.has_password:
            raise Unavailable(
                _left(server.role, "setup makes no roles with a password", "LOGIN PASSWORD '…'")
            )
        await connection.execute(f"CREATE ROLE {quoted(server.role)} LOGIN")
    except asyncpg.DuplicateObjectError:
        return False
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable(
            _left(server.role, "the role in `database_owner` may not make it", "LOGIN")
        ) from None
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()
    return True


def _left(role: str, why: str, rights: str) -> str:
    return f"there is no role {role}, and {why}: make it with CREATE ROLE {quoted(role)} {rights}"
