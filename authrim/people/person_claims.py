"""What is known of a person, changed by an administrator: claims, groups and roles.

The values are one sealed row; the event says their names alone (decisions.md 16).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from authrim.core.claim_definitions import read_catalogue
from authrim.core.execute import Outcome, carry_out
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.people.accounts import outcome_of, read_account
from authrim.people.claims import CLAIMS
from authrim.people.new_account import stored_claims
from authrim.people.replaced_claims import forgetting_row, kept_name
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.person import account as accounts
from domain.person.account import Account
from domain.vocabulary.claims import STANDARD_CLAIMS
from projections.rows import Row

Claims = Mapping[str, Any]


async def set_claims(
    store: Store, private: PrivateData, tenant: str, subject: str, claims: Claims
) -> Account | Refusal:
    """Replace the person's claims of OIDC Core §5.1. Groups, roles and defined claims stay where ``claims`` does not
    name them."""

    def replaced(known: Claims) -> dict[str, Any]:
        stays = {name: value for name, value in known.items() if name not in STANDARD_CLAIMS}
        return stays | dict(claims)

    return await _change(store, private, tenant, subject, replaced, tuple(claims))


async def set_claim(
    store: Store, private: PrivateData, tenant: str, subject: str, name: str, value: Any
) -> Account | Refusal:
    """Replace one claim of the person, groups and roles too. None or an empty array takes it away, a retired one
    too."""
    takes_away = value is None or value == []

    def replaced(known: Claims) -> dict[str, Any]:
        others = {other: one for other, one in known.items() if other != name}
        return others if takes_away else others | {name: value}

    return await _change(store, private, tenant, subject, replaced, () if takes_away else (name,))


async def _change(
    store: Store, private: PrivateData, tenant: str, subject: str,
    replaced: Callable[[Claims], Claims], given: tuple[str, ...],
) -> Account | Refusal:  # fmt: skip
    """The claims are read after the account and written at its version: a change in between, an erasure too, begins
    this one again. ``given``: the new ones; what was there before, a retired claim among it, is not judged again.
    Raises SealBroken."""

    async def attempt() -> Outcome[Account]:
        catalogue = await read_catalogue(store, tenant)
        read = await read_account(store, tenant, subject)
        if not read.account.exists:
            return Outcome(accounts.UNKNOWN)
        stored = await private.open(tenant, SUBJECT, subject, CLAIMS)
        claims = replaced({} if stored is None else json.loads(stored))
        refusal = catalogue.check_person(
            {name: value for name, value in claims.items() if name in given or name in catalogue.defined}
        )
        if refusal is not None:
            return Outcome(refusal)
        decision = accounts.decide_change_claims(read.account, claims, read.now)
        values = {CLAIMS: stored_claims(claims)}
        forgotten: tuple[Row, ...] = ()
        if not read.account.is_held(read.now):
            forgotten = (forgetting_row(tenant, subject),) if read.account.holds else ()  # they are over
        elif stored is not None:
            values[kept_name(read.version)] = stored  # A235: a change is no way to destroy what is held
        rows = (*forgotten, *await private.more_rows(tenant, SUBJECT, subject, values))
        return outcome_of(tenant, subject, read, decision, rows)

    return await carry_out(store, tenant, attempt)
