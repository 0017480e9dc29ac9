"""``authrim account hold`` and ``release``: legal holds, which forbid to erase a person."""

from collections.abc import Mapping
from typing import Any

import click

from authrim.audit.past.moments import Time
from authrim.commands._administering import Office, moment, print_fields
from authrim.commands._moments import MomentType
from authrim.commands._one_account import on_account
from authrim.core.origin import operator
from authrim.core.questions import refuse_reason
from authrim.people.erasure import ErasureRequest, place_hold, release_hold
from domain.errors import Refusal
from domain.units import MICROSECONDS

_REASON = click.option(
    "--reason", required=True, help="Why, such as the number of the case. Recorded; nothing personal."
)


@click.command("hold")
@click.argument("account")
@_REASON
@click.option(
    "--until", type=MomentType(), help="When the hold ends by itself. Default: when it is released."
)
@click.pass_context
def hold(context: click.Context, account: str, reason: str, until: int | Time | None) -> None:
    """Forbid to erase a person: a legal hold.

    It is recorded with who placed it and why. A person may have several. A request to erase the person is void then;
    claims that are replaced are kept, sealed, until the last hold ends.
    """
    if isinstance(until, int):
        raise click.BadParameter("a hold ends at a time, not at a position", param_hint="--until")
    ends = None if until is None else until.micros // MICROSECONDS

    async def work(office: Office, subject: str) -> dict[str, Any] | Refusal:
        refusal = refuse_reason(reason, demanded=True)
        if refusal is not None:
            return refusal
        by = ErasureRequest(reason.strip(), operator())
        placed = await place_hold(office.store, office.tenant, subject, by, ends)
        if isinstance(placed, Refusal):
            return placed
        return {"subject": subject, "hold_id": placed[1], "holds": shown_holds(placed[0].holds)}

    print_fields(context, on_account(context, account, work))


@click.command("release")
@click.argument("account")
@_REASON
@click.option("--hold", "hold_id", help="The id of the hold. Default: the only one.")
@click.pass_context
def release(context: click.Context, account: str, reason: str, hold_id: str | None) -> None:
    """End a legal hold. It is recorded with who ended it and why."""

    async def work(office: Office, subject: str) -> dict[str, Any] | Refusal:
        refusal = refuse_reason(reason, demanded=True)
        if refusal is not None:
            return refusal
        by = ErasureRequest(reason.strip(), operator())
        account = await release_hold(office.store, office.tenant, subject, hold_id, by)
        if isinstance(account, Refusal):
            return account
        return {"subject": subject, "holds": shown_holds(account.holds)}

    print_fields(context, on_account(context, account, work))


def shown_holds(holds: Mapping[str, int | None]) -> dict[str, str]:
    """By id, until when each hold is."""
    return {
        name: "until it is released" if until is None else f"until {moment(until)}"
        for name, until in holds.items()
    }
