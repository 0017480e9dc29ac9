"""``authrim audit radius`` and ``incident``: what was touched, ending it, and reading the incident back."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from authrim.audit.past.moments import Time, position_of
from authrim.audit.radius import COUNTED, ENDABLE, Radius, radius_of
from authrim.audit.search import Wanted
from authrim.audit.sentences import shown
from authrim.auditor.asking import index_values
from authrim.commands._administering import Office, administer, moment, print_fields, print_list
from authrim.commands._common import emit, is_json
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.core import signing_keys
from authrim.core.questions import refuse_reason
from authrim.people.incidents import Cause, begin_incident, end_all, ends_of, incidents, show_incident
from domain.errors import Refusal, invalid_request
from domain.incident import Incident

_REASON_WANTED: Final = invalid_request(
    "An incident needs its cause.",
    hint="Say it with --reason. It stays in the log; write nothing personal into it.",
)
_CONDITION_WANTED: Final = invalid_request(
    "Nothing was named.",
    hint="Say what to look for: --key, --client, --account, --address or --server-version.",
)
_BOUNDS_WANTED: Final = invalid_request(
    "A server version alone is found by reading that part of the log.", hint="Give --from and --to."
)
#: Conditions that say nothing of a browser: of what they touch, sessions go on.
_WITHOUT_SESSIONS: Final = frozenset({"key_id", "client_id"})


class _Answer(NamedTuple):
    """What was found, and for what question."""

    radius: Radius
    cause: Cause
    ends: tuple[str, ...]


@click.command("radius")
@click.option("--key", help="What this signing key signed.")
@click.option("--client", help="What concerns this client.")
@click.option("--account", "person", metavar="LOGIN|SUBJECT", help="What names this person.")
@click.option("--address", help="What came from this IP address; of IPv6, from its /64 network.")
@click.option(
    "--server-version", help="What this version of the server wrote. Alone, it needs --from and --to."
)
@click.option("--from", "first", type=MomentType(), help="Not before this time or position. Times are UTC.")
@click.option("--to", "last", type=MomentType(), help="Before this time, or up to this position.")
@click.option("--revoke", "revokes", is_flag=True, help="End what was found and is in force. Needs --reason.")
@click.option("--yes", is_flag=True, help="Do not ask before ending.")
@click.option(
    "--reason", default="", help="Why. Recorded; nothing personal. Needed with a login and with --revoke."
)
@click.pass_context
def radius(
    context: click.Context, /, first: int | Time | None, last: int | Time | None, server_version: str | None,
    reason: str, *, revokes: bool, yes: bool, **options: str | None,
) -> None:  # fmt: skip
    """Show everything that a key, client, person, address or server version touched, with the count by kind. All
    conditions must hold.

    With --revoke, the grants that are in force end, the key of --key is revoked, and the sessions end, unless only a
    key or client was asked about. It asks first, and records an incident: authrim audit incident reads it back. When
    it is interrupted, the same command goes on. Accounts and clients are counted and not changed.

    The question is recorded in the log.
    """
    asked = {"account": options["person"]} | options

    async def look(office: Office) -> _Answer | Refusal:
        refusal = refuse_reason(reason, demanded=False)
        if refusal is None and revokes and not reason.strip():
            refusal = _REASON_WANTED
        if (
            refusal is None
            and not any(options.values())
            and (server_version is None or None in (first, last))
        ):
            refusal = _CONDITION_WANTED if server_version is None else _BOUNDS_WANTED
        if refusal is not None:
            return refusal
        asker = asker_of(context, office)
        values = await index_values(asker, asked, reason, "radius")
        if isinstance(values, Refusal):
            return values
        conditions = {name: alternatives[0] for name, alternatives in values.items() if name != "subject"}
        conditions |= {} if server_version is None else {"server": server_version}
        subject = values["subject"][0] if "subject" in values else None
        refusal = await asker.record("radius", reason, conditions, subject)
        if refusal is not None:
            return refusal
        if revokes:
            office.log.stay_at_primary()  # what is found is ended
        office.log.needs(first, last)
        lower = await position_of(office.log, first, after=True)
        until = await position_of(office.log, last, after=False)
        found = await radius_of(office.log, Wanted(office.tenant, values, lower or 0, until), server_version)
        without = {"sessions"} if set(conditions) <= _WITHOUT_SESSIONS and subject is None else set()
        ends = tuple(
            kind for kind in ENDABLE if kind not in without and (kind != "keys" or "key_id" in values)
        )
        return _Answer(found, Cause(reason.strip(), conditions, subject), ends)

    found = administer(context, look)
    if not revokes:
        emit(context, _data(found), _text(found))
        return
    if not is_json(context):
        emit(context, {}, _text(found))
    if not yes:
        click.confirm(_question(found), abort=True, err=True)
    _revoke(context, found)


@click.command("incident")
@click.argument("incident_id", required=False)
@click.pass_context
def incident(context: click.Context, incident_id: str | None) -> None:
    """Read back an incident: its cause, what was found, what was ended, and what could not be. Without an id, list
    all."""

    async def work(office: Office) -> list[tuple[str, Incident]] | Refusal:
        if incident_id is None:
            return [one async for one in incidents(office.store, office.tenant)]
        found = await show_incident(office.store, office.tenant, incident_id)
        return found if isinstance(found, Refusal) else [(incident_id, found)]

    known = administer(context, work, proved=False)
    if incident_id is not None:
        print_fields(context, _incident(*known[0]))
        return
    rows = [_incident(*one) for one in known]
    print_list(context, "incidents", ("incident", "status", "opened_at", "reason"), rows)


def _revoke(context: click.Context, found: _Answer) -> None:
    """End what was found, and say what was ended and what was not; status 1 when something is left."""

    async def work(office: Office) -> tuple[str, Incident] | Refusal:
        configuration = await office.configuration()

        async def end_key(kid: str, reason: str) -> bool | Refusal:
            answer = await signing_keys.revoke_key(
                office.store, office.private, configuration, office.tenant, kid, reason
            )
            return answer if isinstance(answer, Refusal) else True

        store, tenant = office.store, office.tenant
        incident_id = await begin_incident(store, tenant, found.cause, found.radius)
        if isinstance(incident_id, Refusal):
            return incident_id
        ends = {kind: end for kind, end in ends_of(store, tenant, end_key).items() if kind in found.ends}
        ended = await end_all(store, tenant, incident_id, found.radius, ends)
        return ended if isinstance(ended, Refusal) else (incident_id, ended)

    incident_id, ended = administer(context, work)
    data = _incident(incident_id, ended)
    unread = list(found.radius.unreadable)
    print_fields(context, data | {"not_ended": _untouched(found), "unreadable_positions": unread})
    if ended.left or unread:
        context.exit(1)


def _untouched(found: _Answer) -> list[str]:
    """What was found and is not ended by this command."""
    kinds = [kind for kind in ENDABLE if kind not in found.ends and found.radius.in_force(kind)]
    counts = [f"{kind}: {found.radius.in_force(kind)} in force" for kind in kinds]
    counts += [
        f"{kind}: {found.radius.touched(kind)}"
        for kind in ("accounts", "clients")
        if found.radius.touched(kind)
    ]
    return counts


def _incident(incident_id: str, known: Incident) -> dict[str, Any]:
    opened = known.opened
    assert opened is not None
    return {
        "incident": incident_id,
        "status": "open" if known.closed_at is None else "closed",
        "opened_at": moment(opened.opened_at),
        "closed_at": None if known.closed_at is None else moment(known.closed_at),
        "reason": opened.reason,
        "operator": opened.operator,
        "conditions": opened.conditions,
        "subject": opened.subject,
        "positions": f"{opened.first_position} to {known.last_position}",
        "found": opened.found,
        "counts": known.counts,
        "ended": {kind: list(ids) for kind, ids in known.ended.items() if ids},
        "left": known.left,
    }


def _data(found: _Answer) -> dict[str, Any]:
    radius = found.radius
    counts = {kind: {"touched": radius.touched(kind), "in_force": radius.in_force(kind)} for kind in COUNTED}
    ids: Mapping[str, list[str]] = {
        **{kind: [thing.id for thing in things] for kind, things in radius.things.items()},
        **{kind: list(named) for kind, named in radius.named.items()},
    }
    return {
        "first_position": radius.first,
        "last_position": radius.last,
        "conditions": found.cause.conditions,
        "subject": found.cause.subject,
        "counts": counts,
        "ids": ids,
        "revoke_ends": list(found.ends),
        "unreadable_positions": list(radius.unreadable),
    }


def _text(found: _Answer) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Kind")
    table.add_column("Touched", justify="right")
    table.add_column("In force", justify="right")
    for kind in COUNTED:
        standing = found.radius.in_force(kind)
        table.add_row(
            kind.replace("_", " "), str(found.radius.touched(kind)), "" if standing is None else str(standing)
        )
    title = Text(f"Positions {found.radius.first} to {found.radius.last}", style="bold")
    unread = found.radius.unreadable
    warning = f"What these events touched cannot be read: {shown([*unread])}" if unread else ""
    return Group(title, table, Text(warning, style="red"))


def _question(found: _Answer) -> str:
    counts = [f"{found.radius.in_force(kind)} {kind}" for kind in found.ends]
    return f"End {', '.join(counts)}? This cannot be undone."
