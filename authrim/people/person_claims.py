"""What is known of a person, changed by an administrator: claims, groups and roles.

The values are one sealed row; the event says their names alone (decisions.md 16).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from authrim.core.execute import Outcome, carry_out
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.people.accounts import outcome_of, read_account
from authrim.people.claims import CLAIMS
from authrim.people.new_account import stored_claims
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.person import account as accounts
from domain.person.account import Account
from domain.vocabulary.claims import MEMBERSHIPS, check_membership, check_person

Claims = Mapping[str, Any]


async def set_claims(
    store: Store, private: PrivateData, tenant: str, subject: str, claims: Claims
) -> Account | Refusal:
    """Replace all claims of the person (OIDC Core §5.1). Groups and roles stay where ``claims`` does not name them."""
    refusal = check_person(claims)
    if refusal is not None:
        return refusal

    def replaced(known: Claims) -> dict[str, Any]:
        return {name: known[name] for name in MEMBERSHIPS if name in known} | dict(claims)

    return await _change(store, private, tenant, subject, replaced)


async def set_membership(
    store: Store, private: PrivateData, tenant: str, subject: str, name: str, values: tuple[str, ...]
) -> Account | Refusal:
    """Replace the person's ``groups`` or ``roles``; none takes them away."""
    refusal = check_membership(name, values)
    if refusal is not None:
        return refusal

    def replaced(known: Claims) -> dict[str, Any]:
        others = {other: value for other, value in known.items() if other != name}
        return others | ({name: list(values)} if values else {})

    return await _change(store, private, tenant, subject, replaced)


async def _change(
    store: Store, private: PrivateData, tenant: str, subject: str, replaced: Callable[[Claims], Claims]
) -> Account | Refusal:
    """The claims are read after the account and written at its version: a change in between, an erasure too, begins
    this one again. Raises SealBroken."""

    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, subject)
        if not read.account.exists:
            return Outcome(accounts.UNKNOWN)
        stored = await private.open(tenant, SUBJECT, subject, CLAIMS)
        claims = replaced({} if stored is None else json.loads(stored))
        decision = accounts.decide_change_claims(read.account, claims, read.now)
        rows = await private.more_rows(tenant, SUBJECT, subject, {CLAIMS: stored_claims(claims)})
        return outcome_of(tenant, subject, read, decision, rows)

    return await carry_out(store, tenant, attempt)
