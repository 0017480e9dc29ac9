"""The client and the account of a test sign-in. Their secrets exist in the memory of this process alone.

So what an interrupted run leaves is of no use to anybody; a later run takes it away.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from authrim.clients.records import RegistrationContext, create_client, delete_client, list_clients
from authrim.clients.secrets import ClientSecrets
from authrim.core.parts import Core
from authrim.crypto.ids import first_id_of, new_id
from authrim.crypto.passwords import PasswordCost, Passwords
from authrim.people.account_list import list_accounts
from authrim.people.accounts import create_account
from authrim.people.erasure import ErasureRequest, erase_account
from authrim.people.new_account import AccountRequest, AccountStore
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.person.account import ERASED
from domain.registration.lifecycle import UNKNOWN
from domain.registration.signing import default_algorithms
from domain.stream import DEFAULT_TENANT

#: How the ids of all such clients and subjects begin.
PREFIX: Final = "authrim-doctor-"
#: RFC 6761 §6.4: nobody is there, so a code that went astray would reach no one.
REDIRECT_URI: Final = "https://doctor.invalid/callback"
_REASON: Final = "test sign-in of authrim doctor"
_MOST: Final = 100
#: A name that the doctor has given. Other names with this beginning were chosen by somebody, who wants to keep them.
_NAME: Final = re.compile(re.escape(PREFIX) + "[0-9a-f]{32}")
#: Seconds in which each run ends. What is younger may be of one that another machine makes now.
_LONGEST: Final = 900


class CannotMake(Exception):
    """The client or the account could not be made. The text says why."""


@dataclass(frozen=True, slots=True)
class ThrowAway:
    """A client and an account that can sign in to it, until they are taken away."""

    client_id: str
    client_secret: str = field(repr=False)
    subject: str = ""
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def new_name() -> str:
    """What the client and the account of a run are called. It says when the run began."""
    return PREFIX + new_id()


async def make(core: Core, name: str) -> ThrowAway:
    """Make both, with this name. What is there when one fails is for ``take_away``. Raises CannotMake, StoreError and
    PasswordsBusy."""
    fields: dict[str, Any] = {
        "client_name": "authrim doctor",
        "redirect_uris": (REDIRECT_URI,),
        "grant_types": ("authorization_code",),
        "scope": ("openid",),
        "skip_consent": True,
        **default_algorithms(core.settings.signing_algorithms, ClientMetadata().profile),
    }
    metadata = ClientMetadata(**fields)
    client = await create_client(
        core.store,
        DEFAULT_TENANT,
        metadata,
        client_id=name,
        means=RegistrationContext(
            development=core.settings.development,
            keeper=ClientSecrets(core.store, core.master),
            algorithms=core.settings.signing_algorithms,
        ),
    )
    if isinstance(client, Refusal):
        raise CannotMake(client.description)
    assert client.secret is not None
    login, password = f"{new_id()}@doctor.invalid", secrets.token_urlsafe(24)
    settings = core.settings
    cost = PasswordCost(settings.argon2_memory, settings.argon2_time_cost, settings.argon2_parallelism)
    passwords = Passwords(cost=cost)
    try:
        account = await create_account(
            AccountStore(core.store, core.private, core.master, passwords, DEFAULT_TENANT),
            AccountRequest(login, password, {}),
            name,
        )
    finally:
        passwords.close()
    if isinstance(account, Refusal):
        raise CannotMake(account.description)
    return ThrowAway(client.client.client_id, client.secret, account.subject, login, password)


async def take_away(core: Core, name: str) -> list[str]:
    """Delete the client and erase the account of this name, and those that interrupted runs have left. What could not
    be taken away, as far as it is known. Raises StoreError."""
    left: list[str] = []
    old = PREFIX + first_id_of(core.now() - _LONGEST)

    def is_over(one: str) -> bool:
        return one == name or (one < old and _NAME.fullmatch(one) is not None)

    clients = await list_clients(core.store, DEFAULT_TENANT, PREFIX, _MOST)
    for client_id in {name, *(client.client_id for client in clients if is_over(client.client_id))}:
        deleted = await delete_client(core.store, DEFAULT_TENANT, client_id)
        left += [f"client {client_id}"] if isinstance(deleted, Refusal) and deleted != UNKNOWN else []
    after = PREFIX
    while after.startswith(PREFIX) and (
        accounts := await list_accounts(core.store, DEFAULT_TENANT, after, _MOST)
    ):
        for account in accounts:
            if (
                is_over(account.subject)
                and account.status != ERASED
                and not await _is_erased(core, account.subject)
            ):
                left.append(f"account {account.subject}")
        after = accounts[-1].subject
    return left


async def _is_erased(core: Core, subject: str) -> bool:
    request = ErasureRequest(reason=_REASON)
    erased = await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, subject, request)
    return not isinstance(erased, Refusal) and erased.status == ERASED
