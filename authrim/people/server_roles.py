"""The roles of the server itself, such as ``auditor``: given and taken by an administrator, read by our own pages.

A role holds while the account is active, and is read from the log for each request: one that was taken opens nothing
from the next request on.
"""

import msgspec

from authrim.core.execute import Change, Outcome, carry_out, change_state
from authrim.core.stream_state import read_state
from authrim.store.contract import Store
from domain.decision import Decision
from domain.errors import Refusal
from domain.liveness import ACTIVE
from domain.person import account as accounts
from domain.person import role as roles
from domain.person.account import Account
from domain.person.role import Holders
from domain.stream import account_stream, role_stream
from projections.tables import row_key


async def grant_role(store: Store, tenant: str, subject: str, role: str) -> Holders | Refusal:
    """Give an account a role of the server."""
    stream, of_account = role_stream(tenant, role), account_stream(tenant, subject)

    async def attempt() -> Outcome[Holders]:
        account, account_version, _ = await read_state(store, of_account, accounts.fold)
        holders, version, now = await read_state(store, stream, roles.fold)
        decision = roles.decide_grant(holders, role, account, now)
        changes = (Change(stream, version, decision.events, holders),) if decision.events else ()
        return Outcome(decision.answer, changes, expects=((of_account, account_version),))

    return await carry_out(store, tenant, attempt)


async def take_role(store: Store, tenant: str, subject: str, role: str) -> Holders | Refusal:
    """Take a role of the server away."""

    def decide(holders: Holders, now: int) -> Decision[Holders]:
        return roles.decide_take(holders, role, subject, now)

    return await change_state(store, tenant, role_stream(tenant, role), roles.fold, decide)


async def holders_of(store: Store, tenant: str, role: str) -> tuple[str, ...]:
    """The subjects of the accounts that have the role, whether they may sign in or not."""
    holders, _, _ = await read_state(store, role_stream(tenant, role), roles.fold)
    return holders.subjects


async def roles_of(store: Store, tenant: str, subject: str) -> tuple[str, ...]:
    """The server's roles of one account."""
    return tuple([role for role in roles.ROLES if subject in await holders_of(store, tenant, role)])


async def anybody_has(store: Store, tenant: str, role: str) -> bool:
    """Whether there is an account with the role that may sign in."""
    for subject in await holders_of(store, tenant, role):
        found = await store.find("account", row_key(tenant, subject))
        if found.row is not None:
            account = msgspec.json.decode(found.row["document"], type=Account)
            if account.status == ACTIVE:
                return True
    return False
