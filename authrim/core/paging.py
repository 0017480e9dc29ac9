"""Lists, read one page at a time, so that nothing loads all clients, accounts or sessions of a tenant."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from authrim.store.contract import Store
from projections.tables import Table, row_key

_PAGE: Final = 500


async def rows_of(
    store: Store, table: Table, tenant: str, after: str = ""
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield the tenant's rows of a table in the order of their ids, from the one after the id ``after``."""
    key = row_key(tenant, after)
    while rows := await store.read_rows(table.name, key, _PAGE):
        for row in rows:
            if row["tenant"] != tenant:
                return
            yield row
        key = rows[-1]["key"]


async def rows_of_subject(
    store: Store, table: Table, tenant: str, subject: str, after: str = ""
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield a person's rows of ``sessions`` or ``tokens`` in the order of their keys, from the one after ``after``."""
    key = row_key(tenant, after)
    while rows := await store.read_rows_of(table.name, tenant, subject, key, _PAGE):
        for row in rows:
            yield row
        key = rows[-1]["key"]
