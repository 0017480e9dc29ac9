"""The append function of PostgreSQL: its text, made for the tables there are, and its installation.

The text is in ``migrations/functions/append_batch.postgres.sql``. The installed function carries the digest of its text
as a comment, so that ``migrate`` sees whether it is this version's, and a server refuses to start on another one.
"""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import asyncpg

from authrim.store.postgres.batch import ARGUMENTS
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, Table

Fetch = Callable[..., Awaitable[list[Any]]]
"""Runs a query, and gives its rows."""

NAME: Final = "append_batch"

_REPEATED: Final = re.compile(r"^ *-- for each table\n(.*?)^ *-- end\n", re.DOTALL | re.MULTILINE)
_INSTALLED: Final = """
    SELECT d.description FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
    WHERE n.nspname = $1 AND p.proname = $2
"""
_SIGNATURE: Final = """
    SELECT p.oid::regprocedure::text FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = $1 AND p.proname = $2 AND p.pronargs = $3
"""
_CALLERS: Final = """
    SELECT DISTINCT a.grantee::regrole::text FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
    WHERE n.nspname = $1 AND p.proname = $2 AND a.privilege_type = 'EXECUTE' AND a.grantee NOT IN (0, p.proowner)
"""


@cache
def text() -> str:
    """The SQL that makes the function, or makes it again, for all tables of ``projections/tables.py``."""
    template = (files("migrations") / "functions" / f"{NAME}.postgres.sql").read_text(encoding="utf-8")
    tables = INLINE_TABLES + PRIVATE_TABLES
    return _REPEATED.sub(lambda part: "".join(_of_table(part[1], table) for table in tables), template)


def _of_table(part: str, table: Table) -> str:
    """One repetition. Every value is a name of ``projections/tables.py``, nothing comes from outside."""
    of_column = {column: table.column_type(column) for column in table.columns}
    # JSON has no bytes: they travel as base64 text.
    types = (f"{column} {'TEXT' if type_ == 'BYTEA' else type_}" for column, type_ in of_column.items())
    values = (
        f"decode(w.{column}, 'base64')" if type_ == "BYTEA" else f"w.{column}"
        for column, type_ in of_column.items()
    )
    names = {
        "{table}": table.name,
        "{columns}": ", ".join(table.columns),
        "{values}": ", ".join(values),
        "{types}": ", ".join(types),
        "{updates}": ", ".join(f"{column} = excluded.{column}" for column in table.columns[1:]),
    }
    for name, value in names.items():
        part = part.replace(name, value)
    return part


def digest() -> str:
    """The digest that the installed function is compared by."""
    return "sha256:" + sha256(text().encode()).hexdigest()


async def is_current(fetch: Fetch, schema: str) -> bool:
    """Whether the schema has the function of this version."""
    return digest() in [found for (found,) in await fetch(_INSTALLED, schema, NAME)]


async def install(connection: asyncpg.Connection, schema: str) -> None:
    """Make the function, within the caller's transaction and search path. Who could append before still can.

    Nobody else may call it but the owner and the roles of ``grant_application_role`` (decisions.md 11).
    """
    callers = [role for (role,) in await connection.fetch(_CALLERS, schema, NAME)]
    await connection.execute(text())
    (signature,) = await connection.fetchrow(_SIGNATURE, schema, NAME, ARGUMENTS)
    await connection.execute(f"COMMENT ON FUNCTION {signature} IS '{digest()}'")
    await connection.execute(f"REVOKE ALL ON FUNCTION {signature}, drop_rows FROM PUBLIC")
    for role in callers:  # quoted by regrole where it has to be
        await connection.execute(f"GRANT EXECUTE ON FUNCTION {signature}, drop_rows TO {role}")
