"""``authrim audit state``: the state of anything as of a time or a position.

The question is recorded before it is answered, like every question about a person (A237, A247).
"""

from typing import Any

import click

from authrim.audit.past.moments import Moment, Time
from authrim.audit.past.states import FEW, STATES
from authrim.audit.past.view import View
from authrim.audit.timeline import time_of
from authrim.auditor.asking_past import ask_state
from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import is_json, json_text
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.core.signing_keys import key_times_of
from domain.errors import Refusal
from domain.stream import ACCOUNT, DEFAULT_TENANT


@click.command("state")
@click.argument("kind", type=click.Choice(tuple(STATES)), metavar="KIND")
@click.argument("identifier", required=False, metavar="[ID]")
@click.option(
    "--at",
    "place",
    type=MomentType(),
    help="A time (UTC unless it names a zone) or a position. Default: now.",
)
@click.option("--reason", default="", help="Why you ask. Recorded; nothing personal. Needed with a login.")
@click.pass_context
def state(
    context: click.Context, kind: str, identifier: str | None, place: int | Time | None, reason: str
) -> None:
    """Show the state of one thing as of a time or a position, by the rules that hold today.

    KIND is grant, session, account, client, key, resource (a resource server), registration (an initial access
    token), claim (a claim definition), scope (what people read about a scope value), role (who has a role of the
    server) or setting (the settings that the server had started with). ID names one of them; without it all keys,
    claims or scopes are shown, and the settings. An account is named by its login or its subject; a login needs
    --reason.

    At a position, that event has happened and no later one. The question is recorded in the log.
    """
    if identifier is None and kind not in FEW:
        raise click.UsageError(f"Name one {kind} by its ID.")

    async def work(office: Office) -> tuple[Moment, list[View]] | Refusal:
        thing = kind, identifier or ""
        return await ask_state(asker_of(context, office), key_times_of(office.settings), thing, place, reason)

    moment, found = administer(context, work, proved=kind == ACCOUNT)
    for view in found:
        _show(context, view, moment)
    if not found and not is_json(context):
        click.echo(f"There was no {kind} at position {moment.position}.")


def _show(context: click.Context, view: View, moment: Moment) -> None:
    if is_json(context):
        click.echo(json_text(view.as_json(DEFAULT_TENANT, moment)))
        return
    lines: dict[str, Any] = {
        view.kind: view.id,
        "as_of": f"{time_of(moment.micros)}, position {moment.position}",
        "status": view.status,
        **view.in_words(),
    }
    print_fields(context, lines)
