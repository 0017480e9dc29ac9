"""``authrim client``: register, update, disable and delete clients, and rotate their secrets."""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from authrim.clients import records as clients
from authrim.clients.logos import LARGEST_FILE, LogoChange, new_logo
from authrim.clients.records import ClientWithSecret
from authrim.commands import option_groups
from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._client_create import PRESETS, NewClient, register_client
from authrim.commands._client_fields import EITHER_SECRET, auth_method_fields, fields_of
from authrim.commands._client_options import client_options, logo_option
from authrim.commands._client_recipes import ChosenRecipe, print_recipe, read_product, read_url
from authrim.commands._common import is_json, settings_of
from authrim.commands._options import limit_option, log_reason_option
from authrim.commands.option_groups import GroupedCommand
from domain.client import redirect_uri
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from domain.errors import Refusal
from domain.registration.signing import default_algorithms
from domain.units import DAY
from domain.vocabulary.claims import PERSONAL_SCOPES

#: Fields that --unset takes: all but those that go together with another one, the logo's digest with the picture
#: (--no-logo) and both ways to send a secret with the method.
_UNSETTABLE: Final = tuple(
    name for name in ClientMetadata.__struct_fields__ if name not in ("logo_digest", "either_secret_method")
)


@click.group()
def client() -> None:
    """Register, update, disable and delete clients, and rotate their secrets."""


@client.command("create", cls=GroupedCommand, groups=option_groups.CLIENT)
@click.option(
    "--type", "kind", type=click.Choice(tuple(PRESETS)), default="web", show_default=True,
    help="What the client begins with: a server-side application, one in the browser, one on a device, "
    "or a service without people.",
)  # fmt: skip
@click.option("--service", "kind", flag_value="service", help="The same as --type service.")
@click.option(
    "--for", "product", metavar="PRODUCT", callback=read_product,
    help="Begin with what this product needs, in place of --type, and print what to paste into it. "
    "--for list names the products.",
)  # fmt: skip
@click.option("--url", callback=read_url, help="With --for: the address of the application or API.")
@click.option("--client-id", help="The client id. Default: a random one.")
@client_options
@logo_option
@click.pass_context
def create(
    context: click.Context, /, kind: str, product: str | None, url: str | None, client_id: str | None,
    logo: Path | None, **options: Any,
) -> None:  # fmt: skip
    """Register a client. Its secret is shown only once."""
    options = fields_of(options)
    chosen = ChosenRecipe(product, url) if product else None
    if url and chosen is None:
        raise click.UsageError("--url belongs to --for.")

    async def work(office: Office) -> tuple[ClientWithSecret, str] | Refusal:
        change = await _logo_change(office, logo)
        if isinstance(change, Refusal):
            return change
        return await register_client(office, NewClient(kind, chosen, client_id, options), change)

    created, note = administer(context, work)
    if chosen is None:
        _print(context, created)
        return
    answer = chosen.answer(settings_of(context).issuer, created, note)
    _print(context, created, recipe=answer)
    if not is_json(context):
        print_recipe(answer, chosen.recipe)


@client.command("list")
@click.option("--after", default="", help="Start after this client id.")
@limit_option
@click.pass_context
def list_(context: click.Context, after: str, limit: int) -> None:
    """List the clients in the order of their ids."""

    async def work(office: Office) -> tuple[Client, ...] | Refusal:
        return await clients.list_clients(office.store, office.tenant, after, limit)

    found = administer(context, work)
    columns = ("client_id", "client_name", "status", "grant_types")
    rows = [describe(one) for one in found]
    warnings = (f"{row['client_id']}: {warning}" for row in rows for warning in row["warnings"])
    print_list(context, "clients", columns, rows, "\n".join(warnings))


@client.command("show")
@click.argument("client_id")
@click.pass_context
def show(context: click.Context, client_id: str) -> None:
    """Show the registration of a client, without its secret."""

    async def work(office: Office) -> Client | Refusal:
        return await clients.show_client(office.store, office.tenant, client_id)

    print_fields(context, describe(administer(context, work)))


@client.command("update", cls=GroupedCommand, groups=option_groups.CLIENT)
@click.argument("client_id")
@client_options
@logo_option
@click.option("--no-logo", is_flag=True, help="Remove the logo.")
@click.option(
    "--unset", multiple=True, type=click.Choice(_UNSETTABLE), metavar="FIELD",
    help="Reset a field, such as logo_uri, to its default; repeatable.",
)  # fmt: skip
@click.pass_context
def update(
    context: click.Context, /, client_id: str, unset: tuple[str, ...], logo: Path | None, no_logo: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Change fields of a client. A list replaces the whole list."""
    if logo is not None and no_logo:
        raise click.UsageError("Give --logo or --no-logo, not both.")
    options = fields_of(options)

    async def work(office: Office) -> ClientWithSecret | Refusal:
        kept = await clients.show_client(office.store, office.tenant, client_id)
        if isinstance(kept, Refusal):
            return kept
        unset_profile = ClientMetadata().profile if "profile" in unset else kept.metadata.profile
        profile = options.get("profile", unset_profile)
        changes = {**_defaults_of(unset, profile, office.settings.signing_algorithms), **options}
        change = await _logo_change(office, logo, no_logo)
        if isinstance(change, Refusal):
            return change
        return await clients.update_client(
            office.store,
            office.tenant,
            client_id,
            changes,
            means=await office.registration_context(change),
        )

    _print(context, administer(context, work))


def _defaults_of(names: tuple[str, ...], profile: str, algorithms: tuple[str, ...]) -> dict[str, Any]:
    """The values that a new client of the profile has in these fields."""
    defaults = ClientMetadata()
    new = {**defaults_of(PROFILES[profile]), **default_algorithms(algorithms, profile)}
    values = {name: new.get(name, getattr(defaults, name)) for name in names}
    if values.get("token_endpoint_auth_method") == defaults.token_endpoint_auth_method:
        values |= auth_method_fields(EITHER_SECRET)
    return values


async def _logo_change(
    office: Office, file: Path | None, none_any_more: bool = False
) -> LogoChange | Refusal | None:
    """The change of the logo, or None if no option names it. Reads no more than the size limit."""
    if none_any_more:
        return LogoChange(office.private, None)
    if file is None:
        return None
    with file.open("rb") as opened:
        return await new_logo(office.private, opened.read(LARGEST_FILE + 1))


@client.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--overlap", type=click.IntRange(0, 90 * DAY), default=clients.DEFAULT_OVERLAP, show_default=True,
    help="How long the previous secret still works, in seconds.",
)  # fmt: skip
@click.pass_context
def rotate_secret(context: click.Context, client_id: str, overlap: int) -> None:
    """Give a client a new secret. It is shown only once."""

    async def work(office: Office) -> ClientWithSecret | Refusal:
        return await clients.rotate_secret(office.store, office.tenant, client_id, overlap, office.keeper)

    _print(context, administer(context, work))


@client.command("disable")
@click.argument("client_id")
@log_reason_option
@click.pass_context
def disable(context: click.Context, client_id: str, reason: str) -> None:
    """Disable a client. Its tokens become inactive at once."""

    async def work(office: Office) -> Client | Refusal:
        return await clients.disable_client(office.store, office.tenant, client_id, reason)

    _print_status(context, administer(context, work))


@client.command("enable")
@click.argument("client_id")
@click.pass_context
def enable(context: click.Context, client_id: str) -> None:
    """Enable a disabled client."""

    async def work(office: Office) -> Client | Refusal:
        return await clients.enable_client(office.store, office.tenant, client_id)

    _print_status(context, administer(context, work))


@client.command("delete")
@click.argument("client_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete(context: click.Context, client_id: str, *, yes: bool) -> None:
    """Delete a client permanently. Its id is never used again."""
    if not yes:
        click.confirm(f"End the registration of {client_id} for good?", abort=True, err=True)

    async def work(office: Office) -> Client | Refusal:
        return await clients.delete_client(office.store, office.tenant, client_id)

    _print_status(context, administer(context, work))


def describe(one: Client) -> dict[str, Any]:
    """The client as JSON, in RFC 7591's names (``scope`` is one text there). Of secrets only their ends."""
    fields = {name: getattr(one.metadata, name) for name in ClientMetadata.__struct_fields__}
    return {
        "client_id": one.client_id,
        "status": one.status,
        "registered_at": moment(one.registered_at),
        "secrets": [
            {"expires_at": moment(secret.expires_at) if secret.expires_at else None} for secret in one.secrets
        ],
        **fields,
        "claim_mapping": msgspec.to_builtins(one.metadata.claim_mapping),
        "warnings": warnings_of(one.metadata),
        "scope": " ".join(one.metadata.scope),
    }


def warnings_of(metadata: ClientMetadata) -> list[str]:
    """What an administrator should know of a client whenever it is shown."""
    addresses = [
        uri for uri in (*metadata.redirect_uris, *metadata.post_logout_redirect_uris)
        if redirect_uri.is_plain_http(uri)
    ]  # fmt: skip
    warnings = [f"not encrypted: anybody on the way can read what is sent to {uri}" for uri in addresses]
    # One that introspects may be an API, which asks for no token of its own.
    needs_scope = "client_credentials" in metadata.grant_types and not metadata.may_introspect
    if needs_scope and PERSONAL_SCOPES.issuperset(metadata.scope):
        warnings.append(
            "it has no scope of its own, so it gets no token by client_credentials: give it --scope"
        )
    return warnings


def _print(context: click.Context, answer: ClientWithSecret, recipe: dict[str, Any] | None = None) -> None:
    """``recipe`` is for the JSON only: people get its texts as they are, behind the fields."""
    described = describe(answer.client)
    if recipe is not None and is_json(context):
        described["recipe"] = recipe
    if answer.secret is None:
        print_fields(context, described)
        return
    secret = {"client_id": answer.client.client_id, "client_secret": answer.secret}
    print_fields(context, {**secret, **described}, note="Keep the secret now: it is not shown again.")


def _print_status(context: click.Context, one: Client) -> None:
    print_fields(context, {"client_id": one.client_id, "status": one.status})
