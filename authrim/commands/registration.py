"""``authrim registration``: tokens for clients that register themselves."""

import time
from typing import Any

import click

from authrim.clients import registration_tokens
from authrim.clients.registration_tokens import NewRegistrationToken
from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._options import limit_option, scope_values
from domain.client.client import Client
from domain.client.profile import PROFILES
from domain.errors import Refusal
from domain.registration.initial_access_token import LONGEST_LIFE, MOST_USES, RegistrationToken
from domain.registration.policy import GRANT_TYPES
from domain.units import DAY


@click.group()
def registration() -> None:
    """Manage the tokens of clients that register themselves (RFC 7591)."""


@registration.group("token")
def token() -> None:
    """Manage initial access tokens, which allow clients to register."""


@token.command("create")
@click.option(
    "--uses",
    type=click.IntRange(1, MOST_USES),
    default=1,
    show_default=True,
    help="How many clients may register with it.",
)
@click.option(
    "--expires-in", type=click.IntRange(1, LONGEST_LIFE), default=DAY, show_default=True, help="In seconds."
)
@click.option(
    "--scope", multiple=True, help="The scope of its clients, in place of registration_scope; repeatable."
)
@click.option(
    "--grant-type", "grant_types", multiple=True, type=click.Choice(GRANT_TYPES),
    help="A grant type of its clients, in place of registration_grant_types; repeatable.",
)  # fmt: skip
@click.option("--profile", type=click.Choice(tuple(PROFILES)), help="The profile that its clients must meet.")
@click.pass_context
def create(
    context: click.Context, uses: int, expires_in: int, scope: tuple[str, ...], grant_types: tuple[str, ...],
    profile: str | None,
) -> None:  # fmt: skip
    """Create an initial access token. It is shown only once."""
    values = scope_values(scope)

    async def work(office: Office) -> NewRegistrationToken | Refusal:
        return await registration_tokens.create_initial_token(
            office.store, office.tenant, uses=uses, lifetime=expires_in, scope=values, grant_types=grant_types,
            profile=profile or "",
        )  # fmt: skip

    given = administer(context, work)
    described = {"initial_access_token": given.value, **_describe(given.token)}
    print_fields(context, described, note="Keep the token now: it is not shown again.")


@token.command("list")
@click.option("--after", default="", help="Start after this id.")
@limit_option
@click.pass_context
def list_(context: click.Context, after: str, limit: int) -> None:
    """List initial access tokens, oldest first, without their values."""

    async def work(office: Office) -> tuple[RegistrationToken, ...] | Refusal:
        return await registration_tokens.list_initial_tokens(office.store, office.tenant, after, limit)

    found = administer(context, work)
    print_list(
        context, "tokens", ("id", "status", "used", "uses", "expires_at"), [_describe(one) for one in found]
    )


@token.command("revoke")
@click.argument("token_id")
@click.pass_context
def revoke(context: click.Context, token_id: str) -> None:
    """Revoke an initial access token. Clients that registered with it stay."""

    async def work(office: Office) -> RegistrationToken | Refusal:
        return await registration_tokens.revoke_initial_token(office.store, office.tenant, token_id)

    print_fields(context, _describe(administer(context, work)))


@registration.command("client-token")
@click.argument("client_id")
@click.option(
    "--revoke",
    "revokes",
    is_flag=True,
    help="Revoke the token: the client can no longer change its registration.",
)
@click.pass_context
def client_token(context: click.Context, client_id: str, *, revokes: bool) -> None:
    """Give a client a new registration access token (RFC 7592). The old one stops working. It is shown only once."""

    async def work(office: Office) -> tuple[Client, str | None] | Refusal:
        if revokes:
            return await registration_tokens.revoke_registration_access_token(
                office.store, office.tenant, client_id
            )
        return await registration_tokens.new_registration_access_token(office.store, office.tenant, client_id)

    one, value = administer(context, work)
    fields: dict[str, Any] = {"client_id": one.client_id, "status": one.status}
    if value is None:
        print_fields(context, fields)
    else:
        note = "Keep the token now: it is not shown again."
        print_fields(context, {**fields, "registration_access_token": value}, note=note)


def _describe(one: RegistrationToken) -> dict[str, Any]:
    issued = one.issued
    assert issued is not None
    return {
        "id": issued.token_id,
        "status": one.why_not(int(time.time())) or "active",
        "used": one.used,
        "uses": issued.uses,
        "issued_at": moment(issued.issued_at),
        "expires_at": moment(issued.expires_at),
        "scope": " ".join(issued.scope),
        "grant_types": issued.grant_types,
        "profile": issued.profile,
    }
