"""The functions of PostgreSQL: their texts, made for the tables there are, and their installation.

``migrations/functions/NAME.postgres.sql`` is the only home of the function NAME, and of the functions that only NAME
calls. ``migrate`` makes it again when its text changed, so no migration has a copy of it. ``revisions.json`` beside it
counts its texts (``make docs`` writes it), and the installed function carries the revision as a comment:

* ``migrate`` replaces an older revision, and leaves a newer one.
* A server starts on its own revision, and on a newer one that still takes its calls: one whose arguments are the same,
  which ``since`` says. Other arguments make another function beside the old one, which stays until
  ``migrate --finish``, so that servers of the version before can go on calling it (F20).
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from authrim.store.contract import UnknownSchema
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, Table

Fetch = Callable[..., Awaitable[list[Any]]]
"""Runs a query, and gives its rows."""

NAMES: Final = ("append_batch", "move_logins", "prune_rows", "reseal_rows")

_REPEATED: Final = re.compile(r"^ *-- for each table\n(.*?)^ *-- end\n", re.DOTALL | re.MULTILINE)
_MADE: Final = re.compile(r"^CREATE OR REPLACE FUNCTION (\w+)\(", re.MULTILINE)
_COMMENT: Final = re.compile(r"revision (\d+) since (\d+) (sha256:\w+)")
_INSTALLED: Final = """
    SELECT p.oid::regprocedure::text, coalesce(d.description, '') FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    LEFT JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
    WHERE n.nspname = $1 AND p.proname = $2
"""
#: Those that this transaction has written.
_JUST_MADE: Final = """
    SELECT p.oid::regprocedure::text FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = $1 AND p.proname = $2 AND p.xmin::text = (txid_current() % (2 ^ 32)::BIGINT)::text
"""
_CALLERS: Final = """
    SELECT DISTINCT a.grantee::regrole::text FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
    WHERE n.nspname = $1 AND p.proname = $2 AND a.privilege_type = 'EXECUTE' AND a.grantee NOT IN (0, p.proowner)
"""


class Revision(NamedTuple):
    """Which text of a function it is, and the first one whose callers it still serves."""

    revision: int
    since: int


class Installed(NamedTuple):
    """A function of a database: its name with the types of its arguments, and what its comment says."""

    signature: str
    revision: int
    since: int
    digest: str


@cache
def text(name: str) -> str:
    """The SQL that makes the function, or makes it again, for all tables of ``projections/tables.py``."""
    template = (files("migrations") / "functions" / f"{name}.postgres.sql").read_text(encoding="utf-8")
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


def digest(name: str) -> str:
    """The digest of the text."""
    return "sha256:" + sha256(text(name).encode()).hexdigest()


@cache
def revision(name: str) -> Revision:
    """The revision that this version has."""
    counted = msgspec.json.decode((files("migrations") / "functions" / "revisions.json").read_bytes())
    return Revision(counted[name]["revision"], counted[name]["since"])


async def lacking(fetch: Fetch, schema: str) -> list[str]:
    """The functions that a server of this version cannot call in the schema."""
    return [
        name for name in NAMES if not any(_serves(name, one) for one in await _installed(fetch, schema, name))
    ]


async def install(connection: asyncpg.Connection, schema: str) -> list[str]:
    """Make the functions that are missing or older, within the caller's transaction and search path; their names.

    Raises UnknownSchema when a newer version has taken the place of one.
    """
    made = await lacking(connection.fetch, schema)
    for name in made:
        for one in await _installed(connection.fetch, schema, name):
            if one.revision > revision(name).revision:
                raise UnknownSchema(
                    f"the database has the function {name} of a newer version, which does not serve this one: start "
                    "the newer version, or restore the backup from before `authrim migrate --finish`"
                )
        await _make(connection, schema, name)
    return made


async def unused(fetch: Fetch, schema: str) -> list[str]:
    """What only servers of older versions call; the signatures."""
    return [
        one.signature
        for name in NAMES
        for one in await _installed(fetch, schema, name)
        if one.revision < revision(name).revision
    ]


def _serves(name: str, one: Installed) -> bool:
    ours = revision(name)
    if one.revision == ours.revision:
        return one.digest == digest(name)
    return one.since <= ours.revision < one.revision


async def _installed(fetch: Fetch, schema: str, name: str) -> list[Installed]:
    """The functions of this name, which differ in their arguments. One without a revision is older than revisions."""
    found = []
    for signature, comment in await fetch(_INSTALLED, schema, name):
        said = _COMMENT.fullmatch(comment)
        found.append(
            Installed(signature, int(said[1]), int(said[2]), said[3])
            if said
            else Installed(signature, 0, 0, "")
        )
    return found


async def _make(connection: asyncpg.Connection, schema: str, name: str) -> None:
    """Who could call a function of this name before still can, and nobody else but its owner (decisions 11, A313)."""
    sql = text(name)
    makes = _MADE.findall(sql)
    callers = {made: [role for (role,) in await connection.fetch(_CALLERS, schema, made)] for made in makes}
    await connection.execute(sql)
    ours = revision(name)
    for made in makes:
        (signature,) = await _just_made(connection, schema, made)
        await connection.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        for role in callers[made]:  # quoted by regrole where it has to be
            await connection.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {role}")
        if made == name:
            said = f"revision {ours.revision} since {ours.since} {digest(name)}"
            await connection.execute(f"COMMENT ON FUNCTION {signature} IS '{said}'")


async def _just_made(connection: asyncpg.Connection, schema: str, name: str) -> Sequence[str]:
    return [signature for (signature,) in await connection.fetch(_JUST_MADE, schema, name)]
