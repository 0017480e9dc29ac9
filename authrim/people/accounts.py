"""Accounts: made, given a password and claims, disabled by an administrator.

An event says that something changed; the login, the password's hash and the claims are rows beside the log, sealed
under the person's own key and written in the event's append (decisions.md 16).
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import msgspec

from authrim.core.claim_definitions import read_catalogue
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.core.stream_state import read_state
from authrim.crypto.master import MasterKeys
from authrim.people.claims import CLAIMS, LOGIN, PASSWORD
from authrim.people.grant_list import list_grants
from authrim.people.grants import end_grant, record_endings
from authrim.people.new_account import (
    LOGIN_TAKEN,
    AccountRequest,
    AccountStore,
    decide_new_account,
    find_subject,
    prepare_account,
    refuse_new_account,
    refuse_password,
)
from authrim.people.sessions.end import and_end_sessions, end_sessions
from authrim.store.contract import Conflict, Store
from authrim.store.read_back import ReadBack
from domain.decision import Decision
from domain.errors import Refusal
from domain.person import account as accounts
from domain.person.account import Account, PendingErasure
from domain.person.grant_ending import Grants
from domain.stream import account_stream
from projections.rows import Row
from projections.tables import row_key


class AccountView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account as an administrator sees it. ``login`` and ``claims`` are there only when they were asked for."""

    subject: str
    status: str
    password_set_at: int | None = None
    consents: dict[str, tuple[str, ...]] = {}
    consent_claims: dict[str, tuple[str, ...]] = {}
    login: str | None = None
    claims: dict[str, Any] | None = None
    holds: dict[str, int | None] = {}
    erasure: PendingErasure | None = None

    def __repr__(self) -> str:
        return f"AccountView({self.subject})"


class AccountRead(msgspec.Struct, frozen=True):
    """An account as it was read: at which version, and when."""

    account: Account
    version: int
    now: int


async def create_account(
    account_store: AccountStore, wanted: AccountRequest, subject: str | None = None
) -> Account | Refusal:
    """Make an account that can sign in. ``subject`` None: a random pseudonym. Raises PasswordsBusy.

    All of it is one append; two accounts that want the same login at once are decided by the database.
    """
    store, tenant = account_store.store, account_store.tenant
    refusal = refuse_new_account(wanted, await read_catalogue(store, tenant))
    if refusal is not None:
        return refusal
    if await find_subject(store, account_store.master, tenant, wanted.login) is not None:
        return LOGIN_TAKEN
    new = await prepare_account(account_store, wanted, subject)

    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, new.subject)
        return outcome_of(
            tenant, new.subject, read, decide_new_account(read.account, new, read.now), new.rows
        )

    try:
        return await carry_out(store, tenant, attempt)
    except Conflict:
        return LOGIN_TAKEN


async def set_password(
    account_store: AccountStore, subject: str, password: str, ends: Grants = "unbound"
) -> Account | Refusal:
    """Change the password, end the person's sessions, and of the grants that outlive them those that ``ends`` says.
    Raises PasswordsBusy.

    A session that begins with the new password after the append may be ended with the older ones; one that
    began with the old password never stays: a sign-in that overlaps loses on the account's version. A refusal may
    come after the change: it says that a session is left, here as when an account is disabled or erased.
    """
    refusal = refuse_password(password)
    if refusal is not None:
        return refusal
    store, tenant = account_store.store, account_store.tenant
    values = {PASSWORD: (await account_store.passwords.hash(password)).encode()}
    account = await _change_private(
        store, account_store.private, tenant, subject, values,
        lambda read: accounts.decide_set_password(read.account, read.now, ends),
    )  # fmt: skip
    if isinstance(account, Refusal):
        return account
    answer = await and_end_sessions(store, tenant, subject, "password_changed", account)
    await record_endings(store, tenant, subject)
    return answer


async def disable_account(store: Store, tenant: str, subject: str, reason: str) -> Account | Refusal:
    """Forbid signing in; all tokens are inactive at once, and the person's sessions end. ``reason`` is for the log:
    nothing personal in it."""
    account = await _change(
        store, tenant, subject, lambda read: accounts.decide_disable(read.account, reason, read.now)
    )
    if isinstance(account, Refusal):
        return account
    return await and_end_sessions(store, tenant, subject, "account_disabled", account)


async def end_sessions_of(store: Store, tenant: str, subject: str) -> int | Refusal:
    """End all sessions of a person, who may sign in again at once; how many there were."""
    if not (await read_account(store, tenant, subject)).account.subject:
        return accounts.UNKNOWN
    return await end_sessions(store, tenant, subject, "administrator")


async def enable_account(store: Store, tenant: str, subject: str) -> Account | Refusal:
    """Let a disabled account sign in again."""
    return await _change(store, tenant, subject, lambda read: accounts.decide_enable(read.account, read.now))


async def withdraw_consent(store: Store, tenant: str, subject: str, client_id: str) -> Account | Refusal:
    """Forget what the person agreed to for a client, and end all that the client was granted: codes, refresh tokens
    and access tokens are worth nothing at once, and people are asked again."""
    account = await _change(
        store,
        tenant,
        subject,
        lambda read: accounts.decide_withdraw_consent(read.account, client_id, read.now),
    )
    if not isinstance(account, Refusal):
        await record_endings(store, tenant, subject)
    return account


async def end_grants(
    store: Store, tenant: str, subject: str, client_id: str | None, reason: str
) -> int | Refusal:
    """End all that a client has been granted for the person, or every client (None), also what outlives the session;
    how many grants that have rows of tokens this ended."""
    account = await _change(
        store,
        tenant,
        subject,
        lambda read: accounts.decide_end_grants(read.account, client_id, reason, read.now),
    )
    return account if isinstance(account, Refusal) else await record_endings(store, tenant, subject)


async def end_each_grant(
    store: ReadBack, tenant: str, subject: str, client_id: str | None, reason: str
) -> int | Refusal:
    """The same for somebody who waits for the number: of all grants that this ended, each of which says why. A grant
    whose refresh token alone is valid has no row of a token (projections/expiry.py), so they are listed before."""
    found = [one async for one in _not_over(store, tenant, subject, client_id)]
    ended = await end_grants(store, tenant, subject, client_id, reason)
    if isinstance(ended, Refusal):
        return ended
    for grant_id in found:
        ended += await end_grant(store, tenant, grant_id, reason) is True
    return ended


async def _not_over(store: ReadBack, tenant: str, subject: str, client_id: str | None) -> AsyncIterator[str]:
    """The ids of the person's grants that are not over, of one client or of all."""
    after = ""
    while page := await list_grants(store, tenant, subject, after):
        for one in page:
            if client_id in (None, one.client_id):
                yield one.grant_id
        after = page[-1].grant_id


async def is_subject(store: Store, tenant: str, name: str) -> bool:
    """Whether ``name`` is the subject of an account, be it erased."""
    return (await store.find("account", row_key(tenant, name))).row is not None


async def find_account(store: Store, master: MasterKeys, tenant: str, name: str) -> str | None:
    """The subject that ``name`` is, or that signs in with the login ``name``."""
    return name if await is_subject(store, tenant, name) else await find_subject(store, master, tenant, name)


async def show_account(
    store: Store, private: PrivateData, tenant: str, subject: str, *, personal: bool = False
) -> AccountView | Refusal:
    """The account; with its login and claims when ``personal``. Raises SealBroken."""
    account = (await read_account(store, tenant, subject)).account
    if not account.subject:
        return accounts.UNKNOWN
    shown = AccountView(
        account.subject, account.status, account.password_set_at, account.consents, account.consent_claims,
        holds=account.holds, erasure=account.erasure,
    )  # fmt: skip
    if not personal:
        return shown
    login = await private.open(tenant, SUBJECT, subject, LOGIN)
    claims = await private.open(tenant, SUBJECT, subject, CLAIMS)
    return msgspec.structs.replace(
        shown,
        login=None if login is None else login.decode(),
        claims=None if claims is None else json.loads(claims),
    )


async def read_account(store: Store, tenant: str, subject: str) -> AccountRead:
    """The account as its stream has it now."""
    return AccountRead(*await read_state(store, account_stream(tenant, subject), accounts.fold))


async def _change(
    store: Store, tenant: str, subject: str, decide: Callable[[AccountRead], Decision[Account]]
) -> Account | Refusal:
    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, subject)
        return outcome_of(tenant, subject, read, decide(read))

    return await carry_out(store, tenant, attempt)


async def _change_private(
    store: Store,
    private: PrivateData,
    tenant: str,
    subject: str,
    values: Mapping[str, bytes],
    decide: Callable[[AccountRead], Decision[Account]],
) -> Account | Refusal:
    """A change with sealed rows. They are sealed after the account was read: an erasure in between moves the
    account's version, so what was erased is never written back."""

    async def attempt() -> Outcome[Account]:
        read = await read_account(store, tenant, subject)
        decision = decide(read)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        rows = await private.more_rows(tenant, SUBJECT, subject, values)
        return outcome_of(tenant, subject, read, decision, rows)

    return await carry_out(store, tenant, attempt)


def outcome_of(
    tenant: str, subject: str, read: AccountRead, decision: Decision[Account], rows: Iterable[Row] = ()
) -> Outcome[Account]:
    """What to append. Rows are written with an event or not at all."""
    if not decision.events:
        return Outcome(decision.answer)
    change = Change(account_stream(tenant, subject), read.version, decision.events, read.account)
    return Outcome(decision.answer, (change,), tuple(rows))
