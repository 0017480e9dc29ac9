"""Accounts: made, given a password and claims, disabled, erased by an administrator.

An event says that something changed; the login, the password's hash and the claims are rows beside the log, sealed
under the person's own key and written in the event's append (decisions.md 16).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec

from authrim.administration.carrying_out import MICROSECONDS, carry_out
from authrim.administration.paging import rows_of
from authrim.administration.sessions import end_sessions
from authrim.crypto.ids import new_id
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.crypto.sealing import SealBroken, canonical_login, login_hmac
from authrim.execute import Change, Outcome
from authrim.person import CLAIMS, PASSWORD
from authrim.private_data import SUBJECT, PrivateData
from authrim.store import codec
from authrim.store.contract import Conflict, Store
from domain import account as accounts
from domain.account import Account
from domain.claims import check_person
from domain.decision import Decision
from domain.errors import Refusal, invalid_request
from domain.stream import ACCOUNT, account_stream
from projections.rows import Row
from projections.tables import LOGINS, row_key

#: Row name of the login as it was given.
LOGIN: Final = "login"

#: NIST SP 800-63B-3 §5.1.1.2 has 8 as the least to accept; the most bounds what is hashed.
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1024
LONGEST_LOGIN: Final = 320

TAKEN: Final = invalid_request("There is an account with this login already.", "Use another login.")


class ShownAccount(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account as an administrator sees it. ``login`` and ``claims`` are there only when they were asked for."""

    subject: str
    status: str
    password_set_at: int | None = None
    consents: dict[str, tuple[str, ...]] = {}
    login: str | None = None
    claims: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"ShownAccount({self.subject})"


class _Read(msgspec.Struct, frozen=True):
    account: Account
    version: int
    now: int


async def create_account(
    store: Store,
    private: PrivateData,
    passwords: Passwords,
    master: MasterKeys,
    tenant: str,
    login: str,
    password: str,
    claims: Mapping[str, Any],
    subject: str | None = None,
) -> Account | Refusal:
    """Make an account that can sign in. ``subject`` None: a random pseudonym. Raises PasswordsBusy.

    All of it is one append; two accounts that want the same login at once are decided by the database.
    """
    refusal = _login_refusal(login) or _password_refusal(password) or check_person(claims)
    if refusal is not None:
        return refusal
    if await find_subject(store, master, tenant, login) is not None:
        return TAKEN
    chosen = subject or new_id()
    values = {
        LOGIN: login.strip().encode(),
        PASSWORD: (await passwords.hash(password)).encode(),
        CLAIMS: _stored(claims),
    }
    login_key = row_key(tenant, login_hmac(master, tenant, login))
    rows = (
        Row(LOGINS.name, "claim", {"key": login_key, "tenant": tenant, "subject": chosen}),
        *private.first_rows(tenant, SUBJECT, chosen, values),
    )

    async def attempt() -> Outcome[Account]:
        read = await _read(store, tenant, chosen)
        return _outcome(tenant, chosen, read, _decide_create(read, chosen, claims), rows)

    try:
        return await carry_out(store, tenant, attempt)
    except Conflict:
        return TAKEN


def _decide_create(read: _Read, subject: str, claims: Mapping[str, Any]) -> Decision[Account]:
    created = accounts.decide_create(read.account, subject, read.now)
    if isinstance(created.answer, Refusal):
        return created
    with_password = accounts.decide_set_password(created.answer, read.now)
    assert isinstance(with_password.answer, Account)
    with_claims = accounts.decide_change_claims(with_password.answer, claims, read.now)
    events = (*created.events, *with_password.events, *with_claims.events)
    return Decision(events, with_claims.answer)


async def set_password(
    store: Store, private: PrivateData, passwords: Passwords, tenant: str, subject: str, password: str
) -> Account | Refusal:
    """Change the password, and end the person's sessions. Raises PasswordsBusy.

    A session that begins with the new password after the append may be ended with the older ones; one that
    began with the old password never stays: a sign-in that overlaps loses on the account's version.
    """
    refusal = _password_refusal(password)
    if refusal is not None:
        return refusal
    values = {PASSWORD: (await passwords.hash(password)).encode()}
    account = await _change_private(
        store, private, tenant, subject, values,
        lambda read: accounts.decide_set_password(read.account, read.now),
    )  # fmt: skip
    if not isinstance(account, Refusal):
        await end_sessions(store, tenant, subject, "password_changed")
    return account


async def set_claims(
    store: Store, private: PrivateData, tenant: str, subject: str, claims: Mapping[str, Any]
) -> Account | Refusal:
    """Replace all claims of the person (OIDC Core §5.1)."""
    refusal = check_person(claims)
    if refusal is not None:
        return refusal
    return await _change_private(
        store, private, tenant, subject, {CLAIMS: _stored(claims)},
        lambda read: accounts.decide_change_claims(read.account, claims, read.now),
    )  # fmt: skip


async def disable_account(store: Store, tenant: str, subject: str, reason: str) -> Account | Refusal:
    """Forbid signing in; all tokens are inactive at once, and the person's sessions end. ``reason`` is for the log:
    nothing personal in it."""
    account = await _change(
        store, tenant, subject, lambda read: accounts.decide_disable(read.account, reason, read.now)
    )
    if not isinstance(account, Refusal):
        await end_sessions(store, tenant, subject, "account_disabled")
    return account


async def end_sessions_of(store: Store, tenant: str, subject: str) -> int | Refusal:
    """End all sessions of a person, who may sign in again at once; how many there were."""
    if not (await _read(store, tenant, subject)).account.subject:
        return accounts.UNKNOWN
    return await end_sessions(store, tenant, subject, "administrator")


async def enable_account(store: Store, tenant: str, subject: str) -> Account | Refusal:
    """Let a disabled account sign in again."""
    return await _change(store, tenant, subject, lambda read: accounts.decide_enable(read.account, read.now))


async def withdraw_consent(store: Store, tenant: str, subject: str, client_id: str) -> Account | Refusal:
    """Forget what the person agreed to for a client: they are asked again."""
    return await _change(
        store,
        tenant,
        subject,
        lambda read: accounts.decide_withdraw_consent(read.account, client_id, read.now),
    )


async def erase_account(
    store: Store, private: PrivateData, master: MasterKeys, tenant: str, subject: str
) -> Account | Refusal:
    """Take away all that is kept of the person, first of all the key of it (GDPR Art. 17).

    The log goes on to tell what the pseudonym did, and still verifies; the subject is never used again.
    """
    logins = await _login_rows(store, private, master, tenant, subject)
    drops = tuple(Row(LOGINS.name, "drop", {"key": key}) for key in logins)
    rows = (*drops, *private.erasing_rows(tenant, SUBJECT, subject))

    async def attempt() -> Outcome[Account]:
        read = await _read(store, tenant, subject)
        return _outcome(tenant, subject, read, accounts.decide_erase(read.account, read.now), rows)

    account = await carry_out(store, tenant, attempt)
    if not isinstance(account, Refusal):
        await end_sessions(store, tenant, subject, "person_erased")
    return account


async def find_subject(store: Store, master: MasterKeys, tenant: str, login: str) -> str | None:
    """The subject that signs in with this login, also one that an earlier master key was current for."""
    for key_id in master.key_ids:
        found = await store.find("login", row_key(tenant, login_hmac(master, tenant, login, key_id)))
        if found.row is not None:
            return str(found.row["subject"])
    return None


async def find_account(store: Store, master: MasterKeys, tenant: str, name: str) -> str | None:
    """The subject that ``name`` is, or that signs in with the login ``name``."""
    found = await store.find("account", row_key(tenant, name))
    return name if found.row is not None else await find_subject(store, master, tenant, name)


async def show_account(
    store: Store, private: PrivateData, tenant: str, subject: str, *, personal: bool = False
) -> ShownAccount | Refusal:
    """The account; with its login and claims when ``personal``. Raises SealBroken."""
    account = (await _read(store, tenant, subject)).account
    if not account.subject:
        return accounts.UNKNOWN
    shown = ShownAccount(account.subject, account.status, account.password_set_at, account.consents)
    if not personal:
        return shown
    login = await private.open(tenant, SUBJECT, subject, LOGIN)
    claims = await private.open(tenant, SUBJECT, subject, CLAIMS)
    return msgspec.structs.replace(
        shown,
        login=None if login is None else login.decode(),
        claims=None if claims is None else json.loads(claims),
    )


async def _login_rows(
    store: Store, private: PrivateData, master: MasterKeys, tenant: str, subject: str
) -> tuple[str, ...]:
    """The keys of the person's login rows, found by the login itself.

    When that cannot be read any more, because its master key is lost, every row is looked at: erasing must not
    depend on reading.
    """
    try:
        login = await private.open(tenant, SUBJECT, subject, LOGIN)
    except SealBroken:
        async with aclosing(rows_of(store, LOGINS, tenant)) as rows:
            return tuple([row["key"] async for row in rows if row["subject"] == subject])
    if login is None:
        return ()
    return tuple(row_key(tenant, login_hmac(master, tenant, login.decode(), key)) for key in master.key_ids)


async def _read(store: Store, tenant: str, subject: str) -> _Read:
    read = await store.read_stream(account_stream(tenant, subject))
    return _Read(accounts.fold(codec.decode_stream(ACCOUNT, read)), read.version, read.now // MICROSECONDS)


async def _change(
    store: Store, tenant: str, subject: str, decide: Callable[[_Read], Decision[Account]]
) -> Account | Refusal:
    async def attempt() -> Outcome[Account]:
        read = await _read(store, tenant, subject)
        return _outcome(tenant, subject, read, decide(read))

    return await carry_out(store, tenant, attempt)


async def _change_private(
    store: Store,
    private: PrivateData,
    tenant: str,
    subject: str,
    values: Mapping[str, bytes],
    decide: Callable[[_Read], Decision[Account]],
) -> Account | Refusal:
    """A change with sealed rows. They are sealed after the account was read: an erasure in between moves the
    account's version, so what was erased is never written back."""

    async def attempt() -> Outcome[Account]:
        read = await _read(store, tenant, subject)
        decision = decide(read)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        rows = await private.more_rows(tenant, SUBJECT, subject, values)
        return _outcome(tenant, subject, read, decision, rows)

    return await carry_out(store, tenant, attempt)


def _outcome(
    tenant: str, subject: str, read: _Read, decision: Decision[Account], rows: Iterable[Row] = ()
) -> Outcome[Account]:
    """Rows are written with an event or not at all."""
    if not decision.events:
        return Outcome(decision.answer)
    change = Change(account_stream(tenant, subject), read.version, decision.events, read.account)
    return Outcome(decision.answer, (change,), tuple(rows))


def _stored(claims: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(claims), ensure_ascii=False).encode()


def _login_refusal(login: str) -> Refusal | None:
    if 0 < len(canonical_login(login)) <= LONGEST_LOGIN and login.isprintable():
        return None
    return invalid_request(
        "The login cannot be used.", f"Use 1 to {LONGEST_LOGIN} characters that can be seen."
    )


def _password_refusal(password: str) -> Refusal | None:
    if SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return None
    return invalid_request(
        "The password is too short or too long.",
        f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
        "NIST SP 800-63B-3 §5.1.1.2",
    )
