"""What an account begins with, whoever makes it: an administrator, or the person on the page for it.

One set of rules and one set of rows; only the append is the caller's, who may have more to put into it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.crypto.ids import new_id
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.crypto.sealing import canonical_login, login_hmacs
from authrim.people.claims import CLAIMS, LOGIN, PASSWORD
from authrim.store.contract import Store
from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.decision import Decision
from domain.errors import Refusal, invalid_request
from domain.person import account as accounts
from domain.person.account import Account
from domain.vocabulary.text import LONGEST_LOGIN, LONGEST_PASSWORD
from projections.rows import Row
from projections.tables import LOGINS, row_key

#: NIST SP 800-63B-3 §5.1.1.2 has 8 as the least to accept; the most bounds what is hashed.
SHORTEST_PASSWORD: Final = 8


class LoginTaken(Refusal, frozen=True, kw_only=True):
    """Another account has the login. Of two that want one at once, the database lets one have it."""


LOGIN_TAKEN: Final = LoginTaken(
    "invalid_request",
    "There already is an account with this login.",
    hint="Use another login.",
    section="RFC 6749 §5.2",
)
LOGIN_UNUSABLE: Final = invalid_request(
    "The login cannot be used.", hint=f"Use 1 to {LONGEST_LOGIN} printable characters."
)
PASSWORD_LENGTH: Final = invalid_request(
    "The password is too short or too long.",
    hint=f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
    section="NIST SP 800-63B-3 §5.1.1.2",
)


@dataclass(frozen=True, slots=True, repr=False)
class AccountStore:
    """Where the accounts of a tenant are kept, and what their passwords are hashed and their rows sealed with."""

    store: Store
    private: PrivateData
    master: MasterKeys
    passwords: Passwords
    tenant: str


class AccountRequest(msgspec.Struct, frozen=True):
    """A request for a new account. ``claims`` are the claims about the person (OIDC Core §5.1)."""

    login: str
    password: str
    claims: Mapping[str, Any]

    def __repr__(self) -> str:
        return "AccountRequest()"


class NewAccount(msgspec.Struct, frozen=True):
    """An account about to be made. ``claims`` are the names of the claims, ``rows`` all that is kept beside its events:
    the claim on the login, and what is sealed."""

    subject: str
    claims: tuple[str, ...]
    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return f"NewAccount({self.subject})"


def refuse_new_account(wanted: AccountRequest, catalogue: Catalogue = BUILT_IN) -> Refusal | None:
    """Why there can be no such account, as far as it is not for the log to say. ``catalogue``: the claims that it may
    have."""
    return (
        refuse_login(wanted.login)
        or refuse_password(wanted.password)
        or catalogue.check_person(wanted.claims)
    )


def refuse_login(login: str) -> Refusal | None:
    """Refuse a login that is empty, too long or has unprintable characters."""
    if len(login) > LONGEST_LOGIN or not login.isprintable():
        return LOGIN_UNUSABLE
    return None if 0 < len(canonical_login(login)) <= LONGEST_LOGIN else LOGIN_UNUSABLE


def refuse_password(password: str) -> Refusal | None:
    """NIST SP 800-63B-3 §5.1.1.2: length alone counts."""
    return None if SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD else PASSWORD_LENGTH


async def prepare_account(
    account_store: AccountStore, wanted: AccountRequest, subject: str | None = None, source: str | None = None
) -> NewAccount:
    """Hash the password and seal the rows. ``subject`` None: a random pseudonym. ``source``: the stranger who
    asks. Raises PasswordsBusy."""
    chosen = subject or new_id()
    values = {
        LOGIN: wanted.login.strip().encode(),
        PASSWORD: (await account_store.passwords.hash(wanted.password, source)).encode(),
        CLAIMS: stored_claims(wanted.claims),
    }
    tenant = account_store.tenant
    # While the master key changes, other processes may have another one in front: whoever wants the same login there
    # claims one of the same hashes.
    hashes = login_hmacs(account_store.master, tenant, wanted.login)
    rows = (
        *(
            Row(LOGINS.name, "claim", {"key": row_key(tenant, hashed), "tenant": tenant, "subject": chosen})
            for hashed in hashes
        ),
        *account_store.private.first_rows(tenant, SUBJECT, chosen, values),
    )
    return NewAccount(chosen, tuple(wanted.claims), rows)


def decide_new_account(account: Account, new: NewAccount, now: int) -> Decision[Account]:
    """Make it, with its password and claims. ``account``: what there is of this subject, nothing as a rule."""
    created = accounts.decide_create(account, new.subject, now)
    if isinstance(created.answer, Refusal):
        return created
    with_password = accounts.decide_set_password(created.answer, now)
    assert isinstance(with_password.answer, Account)
    with_claims = accounts.decide_change_claims(with_password.answer, new.claims, now)
    events = (*created.events, *with_password.events, *with_claims.events)
    return Decision(events, with_claims.answer)


async def find_subject(store: Store, master: MasterKeys, tenant: str, login: str) -> str | None:
    """The subject that signs in with this login, also one that an earlier master key was current for."""
    if len(login) > LONGEST_LOGIN:
        return None
    return await find_by_hashes(store, tenant, login_hmacs(master, tenant, login))


async def find_by_hashes(store: Store, tenant: str, hashes: tuple[str, ...]) -> str | None:
    """The subject of the login with these hashes (``login_hmacs``)."""
    # A rotation of the master key may move the login to the first hash after that was looked for.
    for hashed in (*hashes, *(hashes[:1] if len(hashes) > 1 else ())):
        found = await store.find("login", row_key(tenant, hashed))
        if found.row is not None:
            return str(found.row["subject"])
    return None


def stored_claims(claims: Mapping[str, Any]) -> bytes:
    """A person's claims as they are sealed."""
    return json.dumps(dict(claims), ensure_ascii=False).encode()
