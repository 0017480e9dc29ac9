"""Connections that know PostgreSQL's arrays.

asyncpg knows no arrays but two. It asks the database about any other at the first statement of a connection that has
one, by a recursive query that takes PostgreSQL 20 ms, as long as all other statements of a start. What it would hear is
the same in every database: these types have had the same numbers since PostgreSQL has had them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import asyncpg


class _Array(NamedTuple):
    """The type of an array, and that of its elements, by the numbers of ``pg_type``."""

    oid: int
    element: int
    name: str
    element_name: str


_ARRAYS: Final = (
    _Array(199, 114, "_json", "json"),
    _Array(1001, 17, "_bytea", "bytea"),
    _Array(1007, 23, "_int4", "integer"),
    _Array(1016, 20, "_int8", "bigint"),
)


def row_of(array: _Array) -> Mapping[str, Any]:
    """What asyncpg reads of a row of its query."""
    return {
        "oid": array.oid, "ns": "pg_catalog", "name": array.name, "kind": b"b", "basetype": None,
        "elemtype": array.element, "elemdelim": b",", "range_subtype": None, "attrtypoids": None, "attrnames": None,
        "basetype_name": None, "elemtype_name": array.element_name, "range_subtype_name": None,
    }  # fmt: skip


#: The rows by the number of the type.
KNOWN: Final = {array.oid: row_of(array) for array in _ARRAYS}


class _NoStatement(NamedTuple):
    """In place of the statement that would have asked. One without a name would have taken another's place."""

    name: str = "none"


class KnowingConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that asks about no type that is known."""

    async def _introspect_types(self, typeoids: Iterable[int], *more: Any) -> Any:
        wanted = set(typeoids)
        if wanted <= KNOWN.keys():
            return [KNOWN[oid] for oid in wanted], _NoStatement()
        return await super()._introspect_types(typeoids, *more)
