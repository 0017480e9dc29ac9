"""The accounts of a tenant, a page at a time, by their pseudonyms: nothing personal is read."""

from authrim.core.paging import states_of
from authrim.store.contract import Store
from domain.person.account import Account
from projections.tables import ACCOUNTS


async def list_accounts(
    store: Store, tenant: str, after: str = "", limit: int = 100, *, held: bool = False
) -> tuple[Account, ...]:
    """At most ``limit`` accounts in the order of their subjects, those after ``after``; erased ones too. ``held``: only
    those that a legal hold or a request to erase them waits for."""

    def wanted(account: Account) -> bool:
        return not held or bool(account.holds) or account.erasure is not None

    return await states_of(store, ACCOUNTS, tenant, Account, after, limit, wanted)
