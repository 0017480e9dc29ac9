"""``authrim session``: who is signed in, which clients know of it, and ending single sessions."""

from typing import Any

import click

from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._one_account import on_account
from authrim.commands._options import limit_option, log_reason_option
from authrim.people.logout.notice_states import notice_states
from authrim.people.sessions import known
from authrim.people.sessions.known import KnownSession
from domain.errors import Refusal


@click.group()
def session() -> None:
    """List, show and end sessions.

    session list prints the SESSION_ID. Clients without pairwise subjects get it as the sid of their ID tokens.
    """


@session.command("list")
@click.argument("account")
@click.option("--after", default="", help="Start after this session.")
@limit_option
@click.pass_context
def list_(context: click.Context, account: str, after: str, limit: int) -> None:
    """List the sessions of an account in the order of their ids. Includes those that are over."""

    async def work(office: Office, subject: str) -> tuple[KnownSession, ...] | Refusal:
        return await known.list_sessions(office.store, office.tenant, subject, after, limit)

    found = on_account(context, account, work)
    columns = ("session_id", "status", "signed_in_at")
    print_list(context, "sessions", columns, [_line(one) for one in found])


@session.command("show")
@click.argument("session_id")
@click.pass_context
def show(context: click.Context, session_id: str) -> None:
    """Show a session, the clients that know of it, and the state of their back-channel notices."""

    async def work(office: Office) -> tuple[KnownSession, dict[str, str]] | Refusal:
        shown = await known.show_session(office.store, office.tenant, session_id)
        if isinstance(shown, Refusal):
            return shown
        return shown, await notice_states(office.store, office.tenant, shown)

    shown, clients = administer(context, work)
    details = {"end_reason": shown.end_reason, "acr": shown.session.acr, "amr": list(shown.session.amr)}
    print_fields(context, {**_line(shown), **details, "clients": clients})


@session.command("end")
@click.argument("session_id")
@log_reason_option
@click.pass_context
def end(context: click.Context, session_id: str, reason: str) -> None:
    """End one session. Running servers notify the clients that registered for it."""

    async def work(office: Office) -> bool | Refusal:
        return await known.end_known_session(office.store, office.tenant, session_id, reason)

    ended = administer(context, work)
    print_fields(context, {"session_id": session_id, "status": "ended", "ended_now": ended})


def _line(shown: KnownSession) -> dict[str, Any]:
    """What a list says of a session; never the digest of its cookie."""
    return {
        "session_id": shown.session_id,
        "subject": shown.session.subject,
        "status": shown.status,
        "signed_in_at": moment(shown.session.auth_time),
        "expires_at": moment(shown.session.expires_at),
    }
