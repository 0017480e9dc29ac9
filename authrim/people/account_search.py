"""Finds accounts by a part of a login, a name or an e-mail address.

People's data is encrypted under a key of each person, and a login is found by its whole alone. There is no index of
names, because it would tell what the encryption hides, and would outlive an erasure. So a search opens the data of one
account after the other, in memory, and compares. It reads a bounded number of accounts and says where it stopped.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import SealBroken, canonical_login
from authrim.people.account_list import list_accounts
from authrim.people.claims import CLAIMS, LOGIN
from authrim.people.new_account import find_subject
from authrim.store.contract import Store
from domain.errors import Refusal, invalid_request
from domain.person.account import Account
from domain.vocabulary.text import LONGEST_LOGIN
from projections.tables import row_key

#: The claims that a search looks at (OIDC Core §5.1).
SEARCHED: Final = (
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "email",
)
#: Accounts that are opened together.
_PAGE: Final = 200

TEXT_UNUSABLE: Final = invalid_request(
    "Nothing can be searched for with this text.",
    hint=f"Use 2 to {LONGEST_LOGIN} characters that can be seen.",
)


class FoundAccount(msgspec.Struct, frozen=True):
    """An account that was found. ``matched`` names what the text is part of."""

    subject: str
    status: str
    matched: tuple[str, ...]
    login: str | None = None
    name: str | None = None
    email: str | None = None

    def __repr__(self) -> str:
        return f"FoundAccount({self.subject})"


class FoundAccounts(msgspec.Struct, frozen=True):
    """A page. ``read``: how many accounts were opened; ``unreadable``: of how many the data could not be. ``after``:
    where to go on; empty when all were read."""

    accounts: tuple[FoundAccount, ...]
    read: int
    unreadable: int
    after: str


def refuse_text(text: str) -> Refusal | None:
    """Why nothing is searched for with this text."""
    usable = text.isprintable() and len(text) <= LONGEST_LOGIN and len(canonical_login(text)) > 1
    return None if usable else TEXT_UNUSABLE


async def search_accounts(
    store: Store, private: PrivateData, tenant: str, text: str, after: str, limit: int, most_read: int
) -> FoundAccounts:
    """The accounts after the subject ``after`` that the text is part of: at most ``limit``, of ``most_read`` opened."""
    wanted = canonical_login(text)
    found: list[FoundAccount] = []
    read = unreadable = 0
    while read < most_read:
        page = await list_accounts(store, tenant, after, min(_PAGE, most_read - read))
        for known in await _opened(private, tenant, page):
            if len(found) == limit:
                return FoundAccounts(tuple(found), read, unreadable, after)
            read, after = read + 1, known.account.subject
            unreadable += known.broken
            matched = tuple(name for name, value in known.texts.items() if wanted in _folded(value))
            if matched:
                found.append(_found(known, matched))
        if len(page) < min(_PAGE, most_read):
            return FoundAccounts(tuple(found), read, unreadable, "")
    return FoundAccounts(tuple(found), read, unreadable, after)


async def find_whole_login(
    store: Store, private: PrivateData, master: MasterKeys, tenant: str, text: str
) -> FoundAccount | None:
    """The account whose login is the text, found without opening any other."""
    subject = await find_subject(store, master, tenant, text)
    if subject is None:
        return None
    row = (await store.find("account", row_key(tenant, subject))).row
    if row is None:
        return None
    (known,) = await _opened(private, tenant, (msgspec.json.decode(row["document"], type=Account),))
    return _found(known, ("login",))


class _Known(msgspec.Struct, frozen=True):
    """An account with what a search looks at. ``broken``: its data could not be opened."""

    account: Account
    texts: dict[str, str]
    broken: bool = False


async def _opened(private: PrivateData, tenant: str, accounts: Sequence[Account]) -> list[_Known]:
    return await asyncio.gather(*(_open(private, tenant, account) for account in accounts))


async def _open(private: PrivateData, tenant: str, account: Account) -> _Known:
    try:
        login, stored = await asyncio.gather(
            private.open(tenant, SUBJECT, account.subject, LOGIN),
            private.open(tenant, SUBJECT, account.subject, CLAIMS),
        )
    except SealBroken:
        return _Known(account, {}, broken=True)
    claims: dict[str, Any] = {} if stored is None else json.loads(stored)
    texts = {} if login is None else {"login": login.decode()}
    texts |= {name: value for name in SEARCHED if isinstance(value := claims.get(name), str)}
    return _Known(account, texts)


def _found(known: _Known, matched: tuple[str, ...]) -> FoundAccount:
    texts = known.texts
    account = known.account
    return FoundAccount(
        account.subject, account.status, matched, texts.get("login"), texts.get("name"), texts.get("email")
    )


def _folded(value: str) -> str:
    """As the text is folded; of a longer value, its beginning."""
    return canonical_login(value[:LONGEST_LOGIN])
