"""Ends all that people and clients hold: where an older log is accepted, nobody knows what was revoked (A231)."""

from contextlib import aclosing
from typing import Final, NamedTuple

from authrim.core.clients_and_keys import Configuration
from authrim.core.paging import rows_of
from authrim.core.sealed_rows import PrivateData
from authrim.core.signing_keys import revoke_key
from authrim.people.accounts import end_grants
from authrim.people.grants import end_grant
from authrim.people.sessions.end import end_one
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.key.key import ACTIVE as KEY_ACTIVE
from domain.liveness import ACTIVE
from projections.tables import ACCOUNTS, SESSIONS, TOKENS

#: The reason in each event.
ROLLBACK: Final = "rollback"


class Ended(NamedTuple):
    """How much was ended, and how many could not be, because others kept changing them."""

    sessions: int = 0
    accounts: int = 0
    grants: int = 0
    keys: int = 0
    left: int = 0


async def end_everything(
    store: Store, private: PrivateData, configuration: Configuration, tenant: str
) -> Ended:
    """End every session and every grant, and replace every key that signs. It can be repeated."""
    sessions = accounts = grants = keys = left = 0
    async with aclosing(rows_of(store, SESSIONS, tenant)) as rows:
        async for row in rows:
            if row["status"] == ACTIVE:
                ended = await end_one(store, tenant, row["session_id"], ROLLBACK)
                left += isinstance(ended, Refusal)
                sessions += ended is True
    async with aclosing(rows_of(store, ACCOUNTS, tenant)) as rows:
        async for row in rows:
            answer = await end_grants(store, tenant, row["subject"], None, ROLLBACK)
            accounts += not isinstance(answer, Refusal)
    # Of services, which have no account, and whatever else has a token.
    last = ""
    async with aclosing(rows_of(store, TOKENS, tenant)) as rows:
        async for row in rows:
            if row["revoked_at"] is None and row["grant_id"] != last:
                last = row["grant_id"]
                over = await end_grant(store, tenant, last, ROLLBACK)
                left += isinstance(over, Refusal)
                grants += over is True
    for key in configuration.key_ring.keys(tenant):
        if key.status == KEY_ACTIVE and not key.is_for_encryption:
            replaced = await revoke_key(store, private, configuration, tenant, key.kid, ROLLBACK)
            keys += not isinstance(replaced, Refusal)
    return Ended(sessions, accounts, grants, keys, left)
