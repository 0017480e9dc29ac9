"""``authrim audit search``, ``account`` and ``session``: questions to the whole log.

A question about a person is recorded before it is answered. One that names them by a login needs a reason.
"""

import ipaddress
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.text import Text

from authrim.audit import search as searching
from authrim.audit.past.moments import Time, position_of
from authrim.audit.search import Lines, Wanted
from authrim.auditor.asking import HISTORIES, Asker, ask_history, search_values
from authrim.commands import option_groups
from authrim.commands._administering import Office, administer
from authrim.commands._audit_lines import lines_table
from authrim.commands._common import is_json, json_text
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.commands.option_groups import GroupedCommand
from authrim.reports.positions import BrokenPositions, read_positions
from domain.errors import Refusal
from domain.stream import ACCOUNT, SESSION

_AFTER: Final = click.option("--after", type=click.IntRange(0), default=0, help="Start after this position.")
_LIMIT: Final = click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="The maximum number of events.",
)
_REASON: Final = click.option(
    "--reason", default="", help="Why you ask. Recorded; nothing personal. Needed with a login."
)


@click.command("search", cls=GroupedCommand, groups=option_groups.SEARCH)
@click.option("--client", help="Events that concern this client.")
@click.option("--account", "person", metavar="LOGIN|SUBJECT", help="Events that name this person.")
@click.option("--session", help="Events that name this session.")
@click.option("--grant", help="Events of this grant.")
@click.option("--key", help="Events of this signing key, and tokens that it signed.")
@click.option("--type", help="Events of this type, such as grant.revoked.v1; docs/events.md has all.")
@click.option("--actor", type=click.Choice(("client", "subject", "admin", "system")), help="Who acted.")
@click.option("--address", help="Requests from this IP address; of IPv6, from its /64 network.")
@click.option(
    "--jti", help="What names the access token of this id: its jti, or the SHA-256 of an opaque token."
)
@click.option("--error-id", help="What was recorded of this error.")
@click.option("--trace", help="Requests of this trace id.")
@click.option("--from", "first", type=MomentType(), help="Not before this time or position. Times are UTC.")
@click.option("--to", "last", type=MomentType(), help="Before this time, or up to this position.")
@click.option(
    "--positions", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The events of a figure of a report: a file of its folder. No other condition goes with it.",
)  # fmt: skip
@_AFTER
@_LIMIT
@click.option(
    "--follow",
    "follows",
    is_flag=True,
    help="Print all that is found, and go on with whatever comes, up to --to.",
)
@_REASON
@click.pass_context
def search(
    context: click.Context, /, first: int | Time | None, last: int | Time | None, after: int, limit: int,
    reason: str, *, positions: Path | None, follows: bool, **options: str | None,
) -> None:  # fmt: skip
    """Find events by what they concern. All conditions must hold.

    Prints the events in the order of the log; each row has its position. With --json, one JSON object per line.

    Questions about a person, a session or an address are recorded in the log, and so is every --json.
    """
    if follows and context.get_parameter_source("limit") is not ParameterSource.DEFAULT:
        raise click.UsageError("--follow prints all that is found: leave --limit out.")
    asked = {"account": options["person"]} | options
    if positions is not None and (follows or first or last or any(options.values())):
        raise click.UsageError("--positions says which events: no other condition goes with it.")
    if asked["address"] is not None:
        _check_address(asked["address"])
    show = _printer(context)

    async def work(office: Office) -> Lines | Refusal | None:
        values = await search_values(asker_of(context, office), asked, reason)
        if isinstance(values, Refusal):
            return values
        if positions is not None:
            return await searching.at_positions(
                office.store, office.tenant, read_positions(positions), after, limit
            )
        if follows:
            office.log.stay_at_primary()
        office.log.needs(first, last, after)
        lower = await position_of(office.log, first, after=True)
        until = await position_of(office.log, last, after=False)
        wanted = Wanted(office.tenant, values, max(after, lower or 0), until)
        if not follows:
            return await searching.search(office.log, wanted, limit)
        async for page in searching.follow(office.store, wanted):
            show(page)
        return None

    with suppress(KeyboardInterrupt):
        try:
            found = administer(context, work, proved=_needs_keys(options))
        except BrokenPositions as broken:
            raise click.UsageError(f"{positions}: {broken}.") from None
        if found is not None:
            _show(context, found)


@click.command("account")
@click.argument("account")
@_AFTER
@_LIMIT
@_REASON
@click.pass_context
def account(context: click.Context, account: str, after: int, limit: int, reason: str) -> None:
    """Show what happened to a person: sign-ins, grants, tokens, sessions, changes by administrators.

    ACCOUNT is a login or a subject; a login needs --reason. The question is recorded in the log.
    """

    async def work(office: Office) -> Lines | Refusal:
        return await _history(asker_of(context, office), (ACCOUNT, account), reason, after, limit)

    _show(context, administer(context, work))


@click.command("session")
@click.argument("session_id")
@_AFTER
@_LIMIT
@_REASON
@click.pass_context
def session(context: click.Context, session_id: str, after: int, limit: int, reason: str) -> None:
    """Show what happened in a session: the sign-in, what clients were granted, its end, and who was notified.

    The question is recorded in the log.
    """

    async def work(office: Office) -> Lines | Refusal:
        return await _history(asker_of(context, office), (SESSION, session_id), reason, after, limit)

    _show(context, administer(context, work, proved=False))


async def _history(
    asker: Asker, thing: tuple[str, str], reason: str, after: int, limit: int
) -> Lines | Refusal:
    named = await ask_history(asker, *thing, reason)
    if isinstance(named, Refusal):
        return named
    asker.log.needs(after)

    async def look() -> Lines:
        return await searching.history(asker.log, asker.tenant, HISTORIES[thing[0]], named, after, limit)

    return await asker.log.found(look, lambda lines: bool(lines.lines or after))


def _check_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise click.BadParameter("this is no IP address", param_hint="--address") from None


def _needs_keys(options: Mapping[str, str | None]) -> bool:
    """Whether the search looks for something that is stored as a hash with a key."""
    return options["person"] is not None or options["address"] is not None


def _printer(context: click.Context) -> Callable[[Lines], None]:
    """Prints pages: JSON lines, or one table with a single header."""
    console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False, markup=False)
    begun = False

    def show(page: Lines) -> None:
        nonlocal begun
        if is_json(context):
            for line in page.lines:
                click.echo(json_text(line.as_json()))
        elif page.lines:
            console.print(lines_table(page.lines, show_header=not begun, places=True))
            begun = True

    return show


def _show(context: click.Context, found: Lines) -> None:
    _printer(context)(found)
    _say_more(context, found)


def _say_more(context: click.Context, found: Lines) -> None:
    """Say how to go on, on standard error, where it disturbs no pipe; or in place of a table that there is nothing."""
    if not found.done:
        click.echo(f"There may be more: --after {found.position}", err=True)
    elif not found.lines and not is_json(context):
        Console(highlight=False).print(Text(f"Nothing was found up to position {found.position}."))
