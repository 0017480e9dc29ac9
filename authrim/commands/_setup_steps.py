"""The steps of ``authrim setup``. Each looks first and does only what is missing: a second run changes nothing."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeVar

import click
from pydantic import SecretStr

from authrim.clients import records as clients
from authrim.commands._administering import Office, administer
from authrim.commands._client_create import NewClient, register_client
from authrim.commands._client_recipes import ChosenRecipe, read_url
from authrim.commands._common import failures_told
from authrim.commands._setup_answers import AdministratorAnswers, ClientAnswers, Unusable, read_password
from authrim.commands._setup_files import (
    KEY_MODE,
    SETTINGS_MODE,
    make_file,
    make_folder,
    make_master_key,
    settings_text,
)
from authrim.commands._setup_user import User, acting_as, user_for
from authrim.core.master_proof import are_proved, master_keys_of, sealing_key_ids
from authrim.crypto.passwords import Passwords
from authrim.people import accounts
from authrim.people.new_account import AccountRequest, AccountStore, refuse_password
from authrim.people.server_roles import anybody_has, grant_role, roles_of
from authrim.recipes.catalog import products
from authrim.settings import Settings
from authrim.store.contract import UnknownSchema
from authrim.store.migrate import check, is_postgres, migrate
from authrim.store.opening import open_store
from authrim.store.postgres.address import read_address
from authrim.store.postgres.application_role import grant_application_role
from authrim.store.postgres.first_database import make_database
from authrim.store.read_back import ReadBack
from domain.errors import Refusal
from domain.person.role import AUDITOR

T = TypeVar("T")
State = Literal["done", "unchanged", "left out"]
#: Bytes of a password that is made: 24 characters.
_PASSWORD_BYTES: Final = 18


class Step(NamedTuple):
    """What became of one step. ``shown`` is told once and kept nowhere: a password, a secret."""

    name: str
    state: State
    detail: str
    shown: Mapping[str, Any] = MappingProxyType({})


class Installation(NamedTuple):
    """What is set up: the file of its settings, the settings, those to write if the file is missing, and the user that
    the server runs as, where this process may act as it."""

    config: Path
    settings: Settings
    new_fields: dict[str, Any] | None
    user: User | None

    @property
    def database(self) -> str:
        """The address or file by which the server opens the database."""
        return self.settings.database.get_secret_value()


def prepare_database(installed: Installation, owner: str | None) -> Step:
    """Make the database, the server's role and the tables, as far as they are missing."""
    address = owner or installed.database
    made: list[str] = []
    if not is_postgres(address):
        make_folder(Path(address).parent, installed.user, of_user=True)
    with failures_told(installed.settings), acting_as(user_for(address, installed.user)):
        if owner is not None:
            made += asyncio.run(make_database(owner, installed.database))
            applied = asyncio.run(migrate(_opened_by(installed.settings, owner)))
            asyncio.run(grant_application_role(owner, _role(installed)))
        else:
            applied = asyncio.run(_migrated(installed.settings))
    made += [f"{len(applied)} migrations"] if applied else []
    return Step("database", "done" if made else "unchanged", ", ".join(made) or "up to date")


def is_up_to_date(installed: Installation) -> bool:
    """Whether the tables are those of this version, as the server sees them."""
    with failures_told(installed.settings), acting_as(user_for(installed.database, installed.user)):
        try:
            asyncio.run(check(installed.settings))
        except UnknownSchema:
            return False
    return True


def keep_master_key(installed: Installation) -> Step:
    """Make the master key, unless there is one, which must be that of the database. A database that is sealed under a
    key is given no other (A306)."""
    path = installed.settings.master_key_file
    if installed.new_fields is None or has_master_key(installed.settings):
        _ask_database(installed, lambda store: are_proved(store, master_keys_of(installed.settings)))
        return Step("master key", "unchanged", installed.settings.master_keys_place)
    assert path is not None
    sealed_under = _ask_database(installed, sealing_key_ids)
    if sealed_under:
        raise Unusable(
            f"{path}: is not there, and the database is sealed under the master key {', '.join(sorted(sealed_under))}: "
            "put that key into this file. Nothing was written"
        )
    make_folder(path.parent, installed.user)
    make_file(path, make_master_key(), KEY_MODE, installed.user)
    return Step("master key", "done", str(path))


def has_master_key(settings: Settings) -> bool:
    """Whether there is something where the master key is to be."""
    return settings.master_key_file is not None and os.path.lexists(settings.master_key_file)


def write_settings(installed: Installation) -> Step:
    """Write the settings, unless there is such a file."""
    if installed.new_fields is None:
        return Step("settings", "unchanged", str(installed.config))
    make_folder(installed.config.parent, installed.user)
    make_file(installed.config, settings_text(installed.new_fields), SETTINGS_MODE, installed.user)
    return Step("settings", "done", str(installed.config))


def has_administrator(context: click.Context, installed: Installation) -> bool:
    """Whether anybody who may sign in has the role."""
    return _administer(context, installed, lambda office: anybody_has(office.store, office.tenant, AUDITOR))


def has_client(context: click.Context, installed: Installation) -> bool:
    """Whether there is any client."""

    async def look(office: Office) -> bool:
        return bool(await clients.list_clients(office.store, office.tenant, limit=1))

    return _administer(context, installed, look)


def make_administrator(
    context: click.Context, installed: Installation, wanted: AdministratorAnswers, password: str | None
) -> Step:
    """The account, unless its login is in use, and its role, unless it has it."""

    async def work(office: Office) -> Step | Refusal:
        subject = await accounts.find_account(office.store, office.master, office.tenant, wanted.login)
        made, shown = subject is None, {}
        if subject is None:
            chosen = password or secrets.token_urlsafe(_PASSWORD_BYTES)
            account = await _new_account(office, wanted, chosen)
            if isinstance(account, Refusal):
                return account
            subject = account
            shown = {} if password else {"password": chosen}
        elif await _has_role(office, subject):
            return Step("administrator", "unchanged", wanted.login)
        granted = await grant_role(office.store, office.tenant, subject, AUDITOR)
        if isinstance(granted, Refusal):
            return granted
        return Step(
            "administrator", "done", f"{wanted.login} {'may' if made else 'now may'} read /audit", shown
        )

    return _administer(context, installed, work)


def chosen_password(wanted: AdministratorAnswers | None) -> str | None:
    """The password of the file that the answers name; None: one is to be made. Raises Unusable."""
    if wanted is None or wanted.password_file is None:
        return None
    password = read_password(wanted.password_file)
    refusal = refuse_password(password)
    if refusal is not None:
        raise Unusable(f"{wanted.password_file}: {refusal.description} {refusal.hint}")
    return password


def make_client(context: click.Context, installed: Installation, wanted: ClientAnswers) -> Step:
    """The client, unless its id is in use."""
    recipe = ChosenRecipe(wanted.product, (wanted.url or "").rstrip("/") or None) if wanted.product else None
    options: dict[str, Any] = {"redirect_uris": wanted.redirect_uris} if wanted.redirect_uris else {}
    options |= {"client_name": wanted.name} if wanted.name else {}

    async def work(office: Office) -> Step | Refusal:
        known = await clients.show_client(office.store, office.tenant, wanted.client_id)
        if not isinstance(known, Refusal):
            return Step("client", "unchanged", wanted.client_id)
        made = await register_client(office, NewClient(wanted.type, recipe, wanted.client_id, options))
        if isinstance(made, Refusal):
            return made
        created, note = made
        secret = {} if created.secret is None else {"client_secret": created.secret}
        texts = {} if recipe is None else {"recipe": recipe.answer(office.settings.issuer, created, note)}
        return Step("client", "done", created.client.client_id, {**secret, **texts})

    return _administer(context, installed, work)


def changed(steps: Iterable[Step]) -> bool:
    """Whether any step did something."""
    return any(step.state == "done" for step in steps)


def check_client(wanted: ClientAnswers) -> None:
    """Refuse a product that there is no recipe for, and an address that is missing or none."""
    if wanted.product is not None and wanted.product not in products():
        raise Unusable(f"client.for: no recipe for {wanted.product!r}. There are {', '.join(products())}")
    try:
        url = read_url(click.get_current_context(), click.Option(["--url"]), wanted.url)
        if wanted.product is not None:
            ChosenRecipe(wanted.product, url)
    except click.UsageError as error:
        raise Unusable(f"client.url: {error.message}") from None
    if wanted.url and wanted.product is None:
        raise Unusable("client.url: belongs to client.for")


async def _new_account(office: Office, wanted: AdministratorAnswers, password: str) -> str | Refusal:
    passwords = Passwords()
    try:
        claims = {"email": wanted.email} if wanted.email else {}
        made = await accounts.create_account(
            AccountStore(office.store, office.private, office.master, passwords, office.tenant),
            AccountRequest(wanted.login, password, claims),
        )
    finally:
        passwords.close()
    return made if isinstance(made, Refusal) else made.subject


async def _has_role(office: Office, subject: str) -> bool:
    return AUDITOR in await roles_of(office.store, office.tenant, subject)


async def _migrated(settings: Settings) -> list[str]:
    """The role of the server may look at the tables, and often may not change them."""
    try:
        await check(settings)
    except UnknownSchema:
        return await migrate(settings)
    return []


def _opened_by(settings: Settings, owner: str) -> Settings:
    return settings.model_copy(update={"database": SecretStr(owner)})


def _ask_database(installed: Installation, question: Callable[[ReadBack], Awaitable[T]]) -> T:
    async def asked() -> T:
        store = open_store(installed.settings)
        await store.open()
        try:
            return await question(store)
        finally:
            await store.close()

    with failures_told(installed.settings), acting_as(user_for(installed.database, installed.user)):
        return asyncio.run(asked())


def _administer(
    context: click.Context, installed: Installation, work: Callable[[Office], Awaitable[T | Refusal]]
) -> T:
    with acting_as(user_for(installed.database, installed.user)):
        return administer(context, work)


def _role(installed: Installation) -> str:
    with acting_as(user_for(installed.database, installed.user)):
        return read_address(installed.database).role
