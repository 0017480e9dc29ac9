"""``authrim grant``: end single grants."""

import click

from authrim.commands._administering import Office, administer, print_fields
from authrim.people import grants
from domain.errors import Refusal


@click.group()
def grant() -> None:
    """End a grant: its code, its refresh token and every access token.

    GRANT_ID is the second part of a code, of a refresh token or of an opaque access token, and the claim grant_id of a
    JWT. The audit commands print it too.
    """


@grant.command("end")
@click.argument("grant_id")
@click.option("--reason", default="administrator", show_default=True, help="For the log; nothing personal.")
@click.pass_context
def end(context: click.Context, grant_id: str, reason: str) -> None:
    """End one grant, at once and permanently."""

    async def work(office: Office) -> bool | Refusal:
        return await grants.end_grant(office.store, office.tenant, grant_id, reason)

    ended = administer(context, work)
    print_fields(context, {"grant_id": grant_id, "status": "ended", "ended_now": ended})
