"""What ``authrim dev`` starts with: three clients, one account with every standard claim, and where it keeps them.

For one machine and one developer: plain HTTP on localhost, secrets in a file that only its owner can read.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import SecretStr

from authrim.commands._dev_clients import (
    CLIENTS,
    WantedClients,
    example_client,
    own_client,
    with_redirect_uris,
)
from authrim.core.master_proof import master_keys_of
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT

LOGIN: Final = "alice"

#: The file of the workplace, which holds the master key of the database beside it.
WORKPLACE: Final = "development.json"
DATABASE: Final = "authrim.db"
#: What is printed when the server answers: issuer, clients with their secrets, account.
CLIENTS_FILE: Final = "clients.json"
NO_MORE: Final = WantedClients()

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
        "egress_allow": list(settings.egress_allow),
    }
    lines = {**_others(settings), **lines}
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    _write_privately(folder / "authrim.toml", text)


def write_announcement(folder: Path, workplace: Workplace, issuer: str) -> None:
    """Write what ``authrim dev`` prints to a file that only its owner can read."""
    _write_privately(folder / CLIENTS_FILE, json.dumps(workplace.announcement(issuer), indent=2) + "\n")


def _others(settings: Settings) -> dict[str, Any]:
    """What else was set, without secrets, and without what belongs to the listener alone."""
    names = {
        name for name in settings.model_fields_set
        if not isinstance(getattr(settings, name), SecretStr | None)
        and not name.startswith(("tls_", "mtls_", "listen_", "master_key"))
    }  # fmt: skip
    return {
        name: value for name, value in settings.model_dump(mode="json", include=names).items()
        if isinstance(value, str | int | float | list)
    }  # fmt: skip


async def furnish(
    settings: Settings, store: Store, folder: Path, workplace: Workplace, wanted: WantedClients = NO_MORE
) -> None:
    """Create the clients and the account that do not exist yet, and what the command line asks for."""
    algorithms, described = settings.signing_algorithms, workplace.clients
    for name in CLIENTS:
        if name not in described:
            described[name] = _taken(await example_client(store, name, algorithms))
            save_workplace(folder, workplace)
    if not workplace.account:
        workplace.account = await _account(settings, store)
        save_workplace(folder, workplace)
    for client_id, uris in wanted.clients.items():
        if client_id not in described:
            described[client_id] = _taken(await own_client(store, client_id, uris, algorithms), client_id)
            save_workplace(folder, workplace)
    for name, uris in (*wanted.clients.items(), *wanted.redirect_uris.items()):
        if name not in described:
            raise UnusableFolder(f"there is no client {name} here: use one of {', '.join(described)}")
        described[name] = _taken(await with_redirect_uris(store, described[name], uris), name)
        save_workplace(folder, workplace)


def _taken(described: dict[str, Any] | Refusal, wanted: str = "") -> dict[str, Any]:
    if not isinstance(described, Refusal):
        return described
    if wanted:
        raise UnusableFolder(f"the client {wanted} cannot be like this: {described.error_description}")
    raise UnusableFolder(
        f"its example cannot be made: {described.description} Remove the data folder and start again"
    )


async def _account(settings: Settings, store: Store) -> dict[str, str]:
    master = master_keys_of(settings)
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
