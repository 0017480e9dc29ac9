"""The erasure of people (GDPR Art. 17), and the legal holds that forbid it."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec

from authrim.audit.follow import Follower
from authrim.core.execute import Outcome, carry_out
from authrim.core.paging import rows_of_subject
from authrim.core.sealed_rows import GRANT, SUBJECT, PrivateData, erasing_row
from authrim.crypto.ids import new_id
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import SealBroken, login_hmacs
from authrim.people.accounts import AccountRead, outcome_of, read_account
from authrim.people.claims import LOGIN
from authrim.people.replaced_claims import forgetting_row
from authrim.people.sessions.end import and_end_sessions
from authrim.people.sign_in.counters import counters_of
from authrim.store.contract import Store
from authrim.store.read_back import ReadBack
from domain.decision import Decision
from domain.errors import Refusal
from domain.person import erasure
from domain.person.account import ERASED, Account
from domain.person.erasure import AT_ONCE, Erasing, ErasurePolicy
from domain.stream import GRANT as GRANT_STREAM
from domain.stream import parse
from projections.audit import AUDIT
from projections.rows import Row
from projections.tables import LOGINS, row_key

#: Grants looked at together.
_PAGE: Final = 500


class ErasureRequest(msgspec.Struct, frozen=True):
    """Who asks to erase a person and why, and what that has to wait for."""

    reason: str = ""
    operator: str = ""
    policy: ErasurePolicy = AT_ONCE


async def erase_account(
    store: ReadBack, private: PrivateData, master: MasterKeys, tenant: str, subject: str,
    request: ErasureRequest | None = None,
) -> Account | Refusal:  # fmt: skip
    """Take away all that is kept of the person, first of all the key of it; or note the request, where it has to wait.

    The log goes on to tell what the pseudonym did, and still verifies; the subject is never used again. An erasure that
    was interrupted after its event is finished by the next one.
    """
    known = (await read_account(store, tenant, subject)).account
    if known.status == ERASED:
        return await _finish(store, tenant, known)
    request = request or ErasureRequest()
    logins = await _login_hashes(store, private, master, tenant, subject)
    drops = tuple(Row(LOGINS.name, "drop", {"key": row_key(tenant, hashed)}) for hashed in logins)
    requests = await open_requests(store, private, tenant, subject)
    owners = ((SUBJECT, subject), *((GRANT, grant_id) for grant_id in requests))
    rows = (*drops, *(erasing_row(tenant, kind, owner) for kind, owner in owners))

    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, subject)
        keys = [await private.key_id(tenant, kind, owner) for kind, owner in owners]
        erasing = Erasing(request.operator, request.reason, tuple(filter(None, keys)))
        decision = erasure.decide_ask_to_erase(read.account, read.now, erasing, request.policy)
        return outcome_of(tenant, subject, read, decision, rows if _is_erased(decision.answer) else ())

    account = await carry_out(store, tenant, attempt)
    if isinstance(account, Refusal) or not _is_erased(account):
        return account
    for hashed in logins:
        await store.forget_counters(counters_of(tenant, hashed))
    return await _finish(store, tenant, account)


async def _finish(store: Store, tenant: str, erased: Account) -> Account | Refusal:
    ended = await and_end_sessions(store, tenant, erased.subject, "person_erased", erased)
    await store.overwrite_deleted()
    return ended


async def open_requests(store: ReadBack, private: PrivateData, tenant: str, subject: str) -> list[str]:
    """The grants of the person whose request is open: what came with it is sealed under a key of the grant."""
    await Follower(store, AUDIT).catch_up()
    found: list[str] = []
    after = ""
    while names := await store.audit.streams_of(tenant, subject, GRANT_STREAM, after, _PAGE):
        ids = [parse(name).id for name in names]
        keys = await asyncio.gather(*(private.key_id(tenant, GRANT, one) for one in ids))
        found += [one for one, key in zip(ids, keys, strict=True) if key]
        after = names[-1]
    return found


async def withdraw_erasure(
    store: Store, tenant: str, subject: str, reason: str, operator: str
) -> Account | Refusal:
    """Take back the request to erase the person."""
    return await _change(
        store,
        tenant,
        subject,
        lambda read: erasure.decide_withdraw_erasure(read.account, reason, operator, read.now),
    )


async def place_hold(
    store: Store, tenant: str, subject: str, by: ErasureRequest, until: int | None = None
) -> tuple[Account, str] | Refusal:
    """Forbid to erase the person; the account, and the id of the hold."""
    hold_id = new_id()
    account = await _change(
        store,
        tenant,
        subject,
        lambda read: erasure.decide_place_hold(
            read.account, hold_id, by.reason, by.operator, until, read.now
        ),
    )
    return account if isinstance(account, Refusal) else (account, hold_id)


async def release_hold(
    store: Store, tenant: str, subject: str, hold_id: str | None, by: ErasureRequest
) -> Account | Refusal:
    """End a hold; None: the only one. With the last one goes what was kept because of it."""

    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, subject)
        decision = erasure.decide_release_hold(read.account, hold_id, by.reason, by.operator, read.now)
        after = decision.answer
        over = isinstance(after, Account) and not after.is_held(read.now)
        return outcome_of(tenant, subject, read, decision, (forgetting_row(tenant, subject),) if over else ())

    return await carry_out(store, tenant, attempt)


def _is_erased(account: Account | Refusal) -> bool:
    return isinstance(account, Account) and account.status == ERASED


async def _change(
    store: Store, tenant: str, subject: str, decide: Callable[[AccountRead], Decision[Account]]
) -> Account | Refusal:
    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, subject)
        return outcome_of(tenant, subject, read, decide(read))

    return await carry_out(store, tenant, attempt)


async def _login_hashes(
    store: Store, private: PrivateData, master: MasterKeys, tenant: str, subject: str
) -> set[str]:
    """The hashes of the login that the person's login rows may be found by.

    Those that are there come first: one was perhaps made with a master key that has left, or that is lost with the
    login itself. The others are those by which a rotation of the master key may find the login until the append.
    """
    async with aclosing(rows_of_subject(store, LOGINS, tenant, subject)) as rows:
        hashes = {_hash_of(row["key"], tenant) async for row in rows}
    try:
        login = await private.open(tenant, SUBJECT, subject, LOGIN)
    except SealBroken:
        return hashes
    return hashes if login is None else hashes.union(login_hmacs(master, tenant, login.decode()))


def _hash_of(key: str, tenant: str) -> str:
    return key.removeprefix(row_key(tenant, ""))
