"""The questions that ``authrim setup`` asks on a terminal. An answer that cannot be used is asked for again."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import click
from pydantic import TypeAdapter, ValidationError

from authrim.commands._client_create import PRESETS
from authrim.commands._client_recipes import read_url
from authrim.commands._setup_answers import AdministratorAnswers, Answers, ClientAnswers
from authrim.commands._setup_tls import WAYS
from authrim.people.new_account import SHORTEST_PASSWORD, refuse_login, refuse_password
from authrim.recipes.catalog import products, recipe
from authrim.settings.kinds import Database, Issuer, PostgresAddress

_SQLITE: Final = "/var/lib/authrim/authrim.db"
_POSTGRES: Final = "postgresql://authrim@/authrim"


def ask_settings() -> Answers:
    """What the settings need."""
    click.echo("The settings. Enter takes what is in brackets; Ctrl-C ends without any change.\n", err=True)
    issuer = _ask("Public address of the server, such as https://login.example.com", _issuer)
    kinds = click.Choice(["postgresql", "sqlite"])
    on_postgres = (
        _choose("Database: postgresql for production, sqlite for one small machine", kinds) == "postgresql"
    )
    database = _ask(
        "Address of the database" if on_postgres else "File", _of_kind(Database), _suggested(on_postgres)
    )
    owner = ask_owner() if on_postgres else None
    tls = _choose(
        f"TLS: {', '.join(f'{name} ({way.says})' for name, way in WAYS.items())}", click.Choice(tuple(WAYS))
    )
    return Answers(issuer=issuer, database=database, database_owner=owner, tls=tls, **WAYS[tls].ask())


def ask_owner() -> str | None:
    """The address by which the tables are made or upgraded; None: that of the server."""
    click.echo(
        "The tables should belong to another role than the server's, which then cannot change the log. On this "
        "machine that can be postgresql://postgres@/authrim.", err=True,
    )  # fmt: skip
    return _ask("Address for the owner of the tables; empty: the same role", _owner, "") or None


def ask_administrator() -> tuple[AdministratorAnswers, str | None] | None:
    """The first account and its password (None: one is made), or None when there is to be none."""
    click.echo("\nThe first account. It gets the role auditor and may read the log at /audit.", err=True)
    login = _ask("Login; empty: no account now", _login, "")
    if not login:
        return None
    password = click.prompt(
        f"Password, {SHORTEST_PASSWORD} characters or more; empty: one is made",
        "", hide_input=True, show_default=False, err=True, value_proc=_password,
        confirmation_prompt="The same again",
    )  # fmt: skip
    return AdministratorAnswers(login), password or None


def ask_client() -> ClientAnswers | None:
    """The first client, or None when there is to be none."""
    click.echo(
        f"\nThe first application. Products: {', '.join(products())}. Others: {', '.join(PRESETS)}.", err=True
    )
    name = _ask("Product or kind; empty: none now", _product_or_kind, "")
    if not name:
        return None
    client_id = _ask("Its client id", _some, name)
    if name in products():
        url = _ask("Its address", _url) if recipe(name).needs_url else None
        return ClientAnswers(client_id, product=name, url=url)
    uris = () if name == "service" else (_ask("Its redirect URI", _some),)
    return ClientAnswers(client_id, type=name, redirect_uris=uris)


def _ask(text: str, read: Callable[[str], str], default: str | None = None) -> str:
    answer: str = click.prompt(text, default, err=True, value_proc=read, show_default=bool(default))
    return answer


def _choose(text: str, kinds: click.Choice[str]) -> str:
    answer: str = click.prompt(text, kinds.choices[0], err=True, type=kinds, show_choices=False)
    return answer


def _suggested(on_postgres: bool) -> str:
    return _POSTGRES if on_postgres else _SQLITE


def _of_kind(kind: Any) -> Callable[[str], str]:
    """Reads an answer with the rule of a setting's kind, and leaves it as it was written."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def read(text: str) -> str:
        try:
            adapter.validate_python(text)
        except ValidationError as error:
            (problem, *_) = error.errors(include_input=False)
            raise click.UsageError(problem["msg"].removeprefix("Value error, ")) from None
        return text

    return read


def _issuer(text: str) -> str:
    if urlsplit(text).scheme != "https":
        raise click.UsageError("must begin with https:// (OpenID Connect Discovery §3)")
    return _of_kind(Issuer)(text)


def _owner(text: str) -> str:
    return _of_kind(PostgresAddress)(text) if text else ""


def _login(text: str) -> str:
    refusal = refuse_login(text) if text else None
    if refusal:
        raise click.UsageError(f"{refusal.description} {refusal.hint}")
    return text


def _password(text: str) -> str:
    refusal = refuse_password(text) if text else None
    if refusal:
        raise click.UsageError(f"{refusal.description} {refusal.hint}")
    return text


def _product_or_kind(text: str) -> str:
    if text and text not in (*products(), *PRESETS):
        raise click.UsageError("is none of these")
    return text


def _url(text: str) -> str:
    return read_url(click.get_current_context(), click.Option(["--url"]), text) or ""


def _some(text: str) -> str:
    if not text.strip():
        raise click.UsageError("is needed")
    return text.strip()
