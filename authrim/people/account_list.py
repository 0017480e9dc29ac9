"""The accounts of a tenant, a page at a time, by their pseudonyms: nothing personal is read."""

from contextlib import aclosing

import msgspec

from authrim.core.paging import rows_of
from authrim.store.contract import Store
from domain.person.account import Account
from projections.tables import ACCOUNTS


async def list_accounts(store: Store, tenant: str, after: str = "", limit: int = 100) -> tuple[Account, ...]:
    """At most ``limit`` accounts in the order of their subjects, those after ``after``; erased ones too."""
    found: list[Account] = []
    async with aclosing(rows_of(store, ACCOUNTS, tenant, after)) as rows:
        async for row in rows:
            if len(found) == limit:
                break
            found.append(msgspec.json.decode(row["document"], type=Account))
    return tuple(found)
