"""What ``authrim dev`` starts with: three clients, one account with every standard claim, and where it keeps them.

For one machine and one developer: plain HTTP on localhost, secrets in a file that only its owner can read.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec

from authrim.clients.records import RegistrationContext, create_client
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT

API: Final = "https://api.example.com"
LOGIN: Final = "alice"

#: The file of the workplace, which holds the master key of the database beside it.
WORKPLACE: Final = "development.json"
DATABASE: Final = "authrim.db"

_PERSON_SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access")
_SIGNED: Final = {"id_token_signed_response_alg": "ES256", "access_token_signing_alg": "ES256"}

CLIENTS: Final[dict[str, ClientMetadata]] = {
    "web": ClientMetadata(
        client_name="Example Web Application",
        redirect_uris=("http://localhost:3000/callback", "http://127.0.0.1:3000/callback"),
        grant_types=("authorization_code", "refresh_token"),
        scope=_PERSON_SCOPES,
        either_secret_method=True,
        **_SIGNED,  # type: ignore[arg-type]
    ),
    "spa": ClientMetadata(
        client_name="Example Single-Page Application",
        redirect_uris=("http://localhost:5173/callback", "http://127.0.0.1:5173/callback"),
        token_endpoint_auth_method="none",  # noqa: S106 - the name of a method
        grant_types=("authorization_code", "refresh_token"),
        scope=_PERSON_SCOPES,
        **_SIGNED,  # type: ignore[arg-type]
    ),
    "service": ClientMetadata(
        client_name="Example Service",
        grant_types=("client_credentials",),
        response_types=(),
        scope=("reports.read", "reports.write"),
        audiences=(API,),
        default_audience=API,
        protected_resources=(API,),
        may_introspect=True,
        either_secret_method=True,
        **_SIGNED,  # type: ignore[arg-type]
    ),
}

PERSON: Final[dict[str, Any]] = {
    "name": "Alice Maria Example",
    "family_name": "Example",
    "given_name": "Alice",
    "middle_name": "Maria",
    "nickname": "Ali",
    "preferred_username": "alice",
    "profile": "https://alice.example.com/",
    "picture": "https://alice.example.com/alice.png",
    "website": "https://alice.example.com/blog",
    "gender": "female",
    "birthdate": "1990-04-01",
    "zoneinfo": "Europe/Berlin",
    "locale": "en-GB",
    "updated_at": 1_735_689_600,
    "email": "alice@example.com",
    "email_verified": True,
    "address": {
        "formatted": "1 Example Street\n10115 Berlin\nGermany",
        "street_address": "1 Example Street",
        "locality": "Berlin",
        "region": "Berlin",
        "postal_code": "10115",
        "country": "Germany",
    },
    "phone_number": "+49 30 1234567",
    "phone_number_verified": True,
}


class UnusableFolder(Exception):
    """The data folder cannot be created, read or written, or its content is not a workplace, or is an unfinished
    one."""


class Workplace(msgspec.Struct):
    """What a development server needs at its next start: its master key, its clients' secrets, its account."""

    master_key: str
    clients: dict[str, dict[str, Any]] = {}
    account: dict[str, str] = {}

    def announcement(self, issuer: str) -> dict[str, Any]:
        """What ``authrim dev --json`` prints when it answers requests."""
        return {"issuer": issuer, "clients": self.clients, "account": self.account}


def open_workplace(folder: Path) -> Workplace:
    """Read the workplace, or create a new one. Raises UnusableFolder."""
    file = folder / WORKPLACE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists():
            return msgspec.json.decode(file.read_bytes(), type=Workplace)
        if (folder / DATABASE).exists():
            raise UnusableFolder(
                f"{folder} holds a database, and no {WORKPLACE} with its master key: put it back, or remove the folder"
            )
        workplace = Workplace(master_key=secrets.token_urlsafe(32))
        save_workplace(folder, workplace)
    except OSError as error:
        raise UnusableFolder(f"cannot keep anything in {folder}: {error.strerror}") from error
    except msgspec.MsgspecError:
        raise UnusableFolder(f"{file} is not what a development server has written") from None
    return workplace


def save_workplace(folder: Path, workplace: Workplace) -> None:
    """Write it whole or not at all, readable only by its owner."""
    _write_privately(folder / WORKPLACE, json.dumps(msgspec.to_builtins(workplace), indent=2))


def _write_privately(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    draft.replace(path)


def write_config(folder: Path, settings: Settings) -> None:
    """Write the settings to a file, so that ``authrim --config`` can administer the same server."""
    lines = {
        "issuer": settings.issuer,
        "development": True,
        "host": list(settings.host),
        "port": settings.port,
        "database": settings.database.get_secret_value(),
        "master_keys": list(settings.master_key_texts),
        "signing_algorithms": list(settings.signing_algorithms),
        "encryption_algorithms": list(settings.encryption_algorithms),
    }
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    _write_privately(folder / "authrim.toml", text)


async def furnish(settings: Settings, store: Store, folder: Path, workplace: Workplace) -> None:
    """Create the clients and the account that do not exist yet."""
    for name, metadata in CLIENTS.items():
        if name not in workplace.clients:
            workplace.clients[name] = await _client(store, metadata)
            save_workplace(folder, workplace)
    if not workplace.account:
        workplace.account = await _account(settings, store)
        save_workplace(folder, workplace)


async def _client(store: Store, metadata: ClientMetadata) -> dict[str, Any]:
    created = await create_client(
        store, DEFAULT_TENANT, metadata, means=RegistrationContext(development=True)
    )
    if isinstance(created, Refusal):
        raise UnusableFolder(
            f"its example cannot be made: {created.description} Remove the data folder and start again"
        )
    described: dict[str, Any] = {"client_id": created.client.client_id}
    if created.secret is not None:
        described["client_secret"] = created.secret
    return described | {"redirect_uris": list(metadata.redirect_uris)}


async def _account(settings: Settings, store: Store) -> dict[str, str]:
    master = MasterKeys.from_settings(settings.master_key_texts)
    passwords = Passwords()
    password = secrets.token_urlsafe(12)
    try:
        created = await create_account(
            AccountStore(store, PrivateData(store, master), master, passwords, DEFAULT_TENANT),
            AccountRequest(LOGIN, password, PERSON),
        )
    finally:
        passwords.close()
    if isinstance(created, Refusal):
        raise UnusableFolder(
            f"its example cannot be made: {created.description} Remove the data folder and start again"
        )
    return {"login": LOGIN, "password": password}
