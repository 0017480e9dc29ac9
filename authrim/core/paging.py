"""Lists, read one page at a time, so that nothing loads all clients, accounts or sessions of a tenant."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeVar

import msgspec

from authrim.store.contract import Store
from projections.tables import Table, row_key

_PAGE: Final = 500

T = TypeVar("T")


async def states_of(
    store: Store, table: Table, tenant: str, state: type[T], after: str, limit: int,
    wanted: Callable[[T], bool] = lambda _state: True,
) -> tuple[T, ...]:  # fmt: skip
    """At most ``limit`` of the states in a table's documents, in the order of their ids, after the id ``after``."""
    found: list[T] = []
    async with aclosing(rows_of(store, table, tenant, after)) as rows:
        async for row in rows:
            if len(found) == limit:
                break
            one = msgspec.json.decode(row["document"], type=state)
            if wanted(one):
                found.append(one)
    return tuple(found)


async def rows_of(
    store: Store, table: Table, tenant: str, after: str = "", page: int = _PAGE
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield the tenant's rows of a table in the order of their ids, from the one after the id ``after``. ``page``: how
    many are read at a time."""
    key = row_key(tenant, after)
    while rows := await store.read_rows(table.name, key, page):
        for row in rows:
            if row["tenant"] != tenant:
                return
            yield row
        key = rows[-1]["key"]


async def rows_of_subject(
    store: Store, table: Table, tenant: str, subject: str, after: str = ""
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield a person's rows of a table of ``TABLES_OF_SUBJECT`` in the order of their keys, from the one after
    ``after``."""
    key = row_key(tenant, after)
    while rows := await store.read_rows_of(table.name, tenant, subject, key, _PAGE):
        for row in rows:
            yield row
        key = rows[-1]["key"]
