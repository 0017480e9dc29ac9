"""``authrim grant``: list the grants of a person, and end single grants."""

import click

from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._one_account import on_account
from authrim.commands._options import limit_option, log_reason_option
from authrim.people import grants
from authrim.people.grant_list import KnownGrant, list_grants
from domain.errors import Refusal


@click.group()
def grant() -> None:
    """List grants and end them: the code, the refresh token and every access token.

    GRANT_ID is the second part of a code, of a refresh token or of an opaque access token, and the claim grant_id of a
    JWT. The audit commands print it too.
    """


@grant.command("list")
@click.argument("account")
@click.option("--all", "over_too", is_flag=True, help="Include grants that have ended or expired.")
@click.option("--after", default="", help="Start after this grant.")
@limit_option
@click.pass_context
def list_(context: click.Context, account: str, after: str, limit: int, *, over_too: bool) -> None:
    """List the grants of an account in the order of their ids.

    Each is active until its last token expires, or waits for the person or the client.
    """

    async def work(office: Office, subject: str) -> tuple[KnownGrant, ...] | Refusal:
        return await list_grants(office.store, office.tenant, subject, after, limit, over_too=over_too)

    found = on_account(context, account, work)
    rows = [
        {
            "grant_id": one.grant_id,
            "client_id": one.client_id,
            "status": one.status,
            "reason": one.reason or None,
            "scope": " ".join(one.scope),
            "began_at": moment(one.began_at),
            "expires_at": None if one.expires_at is None else moment(one.expires_at),
        }
        for one in found
    ]
    print_list(context, "grants", ("grant_id", "client_id", "status", "expires_at"), rows)


@grant.command("end")
@click.argument("grant_id")
@log_reason_option
@click.pass_context
def end(context: click.Context, grant_id: str, reason: str) -> None:
    """End one grant, at once and permanently."""

    async def work(office: Office) -> bool | Refusal:
        return await grants.end_grant(office.store, office.tenant, grant_id, reason)

    ended = administer(context, work)
    print_fields(context, {"grant_id": grant_id, "status": "ended", "ended_now": ended})
