"""``authrim resource``: the resource servers that access tokens are for, and how their tokens are made."""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from authrim.commands import option_groups
from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._options import (
    Decorator,
    limit_option,
    log_reason_option,
    read_jwks,
    scope_values,
    with_options,
)
from authrim.commands.option_groups import GroupedCommand
from authrim.crypto.key_pair import SIGNING_ALGORITHMS
from authrim.tokens import resource_servers as servers
from domain.errors import Refusal
from domain.registration.encryption import CONTENT_ENCRYPTION, DEFAULT_ENC, KEY_MANAGEMENT
from domain.resource.resource import (
    ACCESS_TOKEN_FORMATS,
    ACCESS_TOKEN_TYPS,
    AT_JWT,
    Resource,
    ResourceSettings,
)

_OPTIONS: Final[tuple[Decorator, ...]] = (
    click.option("--name", help="A name for people."),
    click.option(
        "--access-token-typ",
        type=click.Choice(ACCESS_TOKEN_TYPS),
        help=f"The typ of its JWTs. Default: {AT_JWT} (RFC 9068); JWT is for software that refuses it.",
    ),
    click.option(
        "--format",
        "access_token_format",
        type=click.Choice(ACCESS_TOKEN_FORMATS),
        help="The format of its tokens; opaque ones need introspection. Default: as the client has it.",
    ),
    click.option(
        "--lifetime",
        "access_token_lifetime",
        type=click.IntRange(min=1),
        metavar="SECONDS",
        help="How long its tokens live; a client's own lifetime still shortens it.",
    ),
    click.option(
        "--signing-alg",
        "access_token_signing_alg",
        type=click.Choice(SIGNING_ALGORITHMS),
        help="The algorithm that signs its tokens, one of signing_algorithms. Default: as the client has it.",
    ),
    click.option(
        "--scope",
        multiple=True,
        help="The scope values that it understands; tokens for it hold no others. Repeatable, or "
        "separated by spaces. Default: all.",
    ),
    click.option(
        "--claim",
        "claims",
        multiple=True,
        metavar="CLAIM",
        help="A claim about the person that its tokens and introspection hold, when the scope releases it; "
        "repeatable. Default: what each client maps for it.",
    ),
    click.option(
        "--encryption-alg",
        "access_token_encryption_alg",
        type=click.Choice(KEY_MANAGEMENT),
        help="The algorithm that encrypts its tokens to a key of --jwks or --jwks-uri.",
    ),
    click.option(
        "--encryption-enc",
        "access_token_encryption_enc",
        type=click.Choice(CONTENT_ENCRYPTION),
        help=f"What encrypts their content. Default: {DEFAULT_ENC}.",
    ),
    click.option(
        "--jwks",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with its public keys (a JWK Set).",
    ),
    click.option("--jwks-uri", help="The address of its public keys, instead of --jwks."),
    click.option(
        "--introspection-client",
        "introspection_clients",
        multiple=True,
        metavar="CLIENT_ID",
        help="A client by which it authenticates to introspect its tokens; repeatable.",
    ),
    click.option(
        "--any-client/--listed-clients",
        "any_client",
        default=None,
        help="Whether every client may ask for its tokens, or only those that are allowed to (default).",
    ),
)

_FIELDS: Final = ResourceSettings.__struct_fields__


def _settings_of(options: dict[str, Any]) -> dict[str, Any]:
    """The given settings, by their names in ``ResourceSettings``. Raises click.BadParameter."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "scope" in given:
        given["scope"] = scope_values(given["scope"])
    for name in ("introspection_clients", "claims"):
        if name in given:
            given[name] = tuple(dict.fromkeys(given[name]))
    if "jwks" in given:
        given["jwks"] = read_jwks(given["jwks"].read_bytes())
    return given


@click.group()
def resource() -> None:
    """Register, update and retire resource servers: the APIs that tokens are for."""


@resource.command("create", cls=GroupedCommand, groups=option_groups.RESOURCE)
@click.argument("uri")
@with_options(_OPTIONS)
@click.pass_context
def create(context: click.Context, /, uri: str, **options: Any) -> None:
    """Register the resource server URI. Clients ask for its tokens by resource=URI (RFC 8707)."""
    settings = ResourceSettings(**_settings_of(options))

    async def work(office: Office) -> Resource | Refusal:
        return await servers.create_resource(office.store, office.tenant, uri, settings, office.settings)

    made = administer(context, work)
    note = "\nEvery client may ask for its tokens."
    if not settings.any_client:
        note = f"\nAllow the clients that may ask for its tokens:\n  authrim resource allow {uri} CLIENT_ID"
    print_fields(context, _described(made), note)


@resource.command("list")
@click.option("--all", "retired_too", is_flag=True, help="Include retired ones.")
@click.option("--after", default="", help="Start after this URI.")
@limit_option
@click.pass_context
def list_(context: click.Context, after: str, limit: int, *, retired_too: bool) -> None:
    """List the resource servers in the order of their URIs."""

    async def work(office: Office) -> tuple[Resource, ...] | Refusal:
        return await servers.list_resources(
            office.store, office.tenant, after, limit, retired_too=retired_too
        )

    found = administer(context, work)
    columns = ("uri", "status", "access_token_format", "access_token_typ", "scope")
    print_list(context, "resources", columns, [_described(one) for one in found])


@resource.command("show")
@click.argument("uri")
@click.pass_context
def show(context: click.Context, uri: str) -> None:
    """Show a resource server and its settings."""

    async def work(office: Office) -> Resource | Refusal:
        return await servers.show_resource(office.store, office.tenant, uri)

    print_fields(context, _described(administer(context, work)))


@resource.command("update", cls=GroupedCommand, groups=option_groups.RESOURCE)
@click.argument("uri")
@with_options(_OPTIONS)
@click.option(
    "--unset", multiple=True, type=click.Choice(_FIELDS), metavar="SETTING",
    help="Reset a setting, such as access_token_lifetime, to its default; repeatable.",
)  # fmt: skip
@click.pass_context
def update(context: click.Context, /, uri: str, unset: tuple[str, ...], **options: Any) -> None:
    """Change settings. They hold for the tokens that are issued from now on. A list replaces the whole list."""
    defaults = ResourceSettings()
    changes = {**{name: getattr(defaults, name) for name in unset}, **_settings_of(options)}

    async def work(office: Office) -> Resource | Refusal:
        return await servers.update_resource(office.store, office.tenant, uri, changes, office.settings)

    print_fields(context, _described(administer(context, work)))


@resource.command("allow")
@click.argument("uri")
@click.argument("client_ids", nargs=-1, required=True, metavar="CLIENT_ID...")
@click.pass_context
def allow(context: click.Context, uri: str, client_ids: tuple[str, ...]) -> None:
    """Allow clients to ask for its tokens, by adding its URI to the audiences of each."""

    async def work(office: Office) -> list[dict[str, Any]] | Refusal:
        allowed, means = [], await office.registration_context()
        for client_id in client_ids:
            client = await servers.allow_client(office.store, office.tenant, uri, client_id, means)
            if isinstance(client, Refusal):
                return client
            allowed.append({"client_id": client.client_id, "audiences": client.metadata.audiences})
        return allowed

    print_list(context, "clients", ("client_id", "audiences"), administer(context, work))


@resource.command("retire")
@click.argument("uri")
@log_reason_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def retire(context: click.Context, uri: str, reason: str, *, yes: bool) -> None:
    """Issue no more tokens for a resource server. Tokens that were issued live until they expire."""
    if not yes:
        click.confirm("No client will get a token for it any more. Go on?", abort=True, err=True)

    async def work(office: Office) -> Resource | Refusal:
        return await servers.retire_resource(office.store, office.tenant, uri, reason)

    retired = administer(context, work)
    print_fields(context, {"uri": retired.uri, "status": retired.status})


def _described(one: Resource) -> dict[str, Any]:
    settings = {name: getattr(one.settings, name) for name in _FIELDS}
    created_at = moment(one.created_at)
    return {"uri": one.uri, "status": one.status, "created_at": created_at, **msgspec.to_builtins(settings)}
