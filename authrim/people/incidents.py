"""Ends what an incident touched, by the functions that end one key, one session and one grant, and records it.

Each thing is ended with the incident's id as reason, and then noted in the incident's stream. A process that dies in
between loses nothing: who runs it again finds what has that reason, and goes on (A272).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from itertools import islice
from typing import Final

import msgspec

from authrim.audit.past.states import UNREADABLE
from authrim.audit.radius import ENDABLE, Radius, Thing
from authrim.core.execute import Change, Outcome, carry_out, change_state
from authrim.core.origin import operator
from authrim.core.stream_state import read_state
from authrim.crypto.ids import new_id
from authrim.people.grants import end_grant
from authrim.people.sessions.end import end_one
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import Store
from domain.decision import Decision
from domain.errors import Refusal, invalid_request
from domain.incident import (
    Incident,
    IncidentClosed,
    IncidentContinued,
    IncidentEnded,
    IncidentOpened,
    fold,
    reason_of,
)
from domain.stream import incident_stream, parse
from domain.units import MICROSECONDS

#: Things that are ended before the incident says so.
_BATCH: Final = 50
_PAGE: Final = 200

UNKNOWN: Final = invalid_request("There is no such incident.", hint="authrim audit incident lists all.")

#: Ends one thing for a reason; whether it was not over before, or why it cannot be ended.
End = Callable[[str, str], Awaitable[bool | Refusal]]


class Cause(msgspec.Struct, frozen=True):
    """What an incident is about: what was asked, and why."""

    reason: str
    conditions: dict[str, str]
    subject: str | None = None


def ends_of(store: Store, tenant: str, end_key: End) -> Mapping[str, End]:
    """How each kind is ended: keys first, then sessions, from which new grants could come, then grants."""

    async def session(session_id: str, reason: str) -> bool | Refusal:
        return await end_one(store, tenant, session_id, reason)

    async def one_grant(grant_id: str, reason: str) -> bool | Refusal:
        return await end_grant(store, tenant, grant_id, reason)

    return {"keys": end_key, "sessions": session, "grants": one_grant}


async def begin_incident(store: Store, tenant: str, cause: Cause, radius: Radius) -> str | Refusal:
    """The id of a new incident, or of the open one with the same cause: it was interrupted, and goes on."""
    found = {kind: len(things) for kind, things in radius.things.items()}
    known = await _open_incident(store, tenant, cause, radius.first)

    def decide(incident: Incident, now: int) -> Decision[None]:
        if incident.opened is not None:
            return Decision((IncidentContinued(radius.last, found, now, operator()),), None)
        opened = IncidentOpened(
            cause.reason, cause.conditions, radius.first, radius.last, found, now, operator(), cause.subject
        )
        return Decision((opened,), None)

    incident_id = known or new_id()
    refusal: Refusal | None = await change_state(
        store, tenant, incident_stream(tenant, incident_id), fold, decide
    )
    return refusal if isinstance(refusal, Refusal) else incident_id


async def end_all(
    store: Store, tenant: str, incident_id: str, radius: Radius, ends: Mapping[str, End]
) -> Incident | Refusal:
    """End what is in force, and record it. The incident is closed when nothing is left. Raises StoreError."""
    stream, reason = incident_stream(tenant, incident_id), reason_of(incident_id)
    ended = (await read_state(store, stream, fold)).state.ended
    for kind in ENDABLE:
        if kind not in ends:
            continue
        noted = frozenset(ended.get(kind, ()))
        wanted = (
            one for one in radius.things[kind]
            if one.in_force or (one.ended_for == reason and one.id not in noted)
        )  # fmt: skip
        while batch := list(islice(wanted, _BATCH)):
            refusal = await _end_batch(store, tenant, stream, (kind, ends[kind], reason), batch)
            if refusal is not None:
                return refusal

    def close(incident: Incident, now: int) -> Decision[Incident]:
        if incident.left:
            return Decision((), incident)
        closed = IncidentClosed(incident.counts, now)
        return Decision((closed,), fold((closed,), incident))

    return await change_state(store, tenant, stream, fold, close)


async def _end_batch(
    store: Store, tenant: str, stream: str, how: tuple[str, End, str], batch: Iterable[Thing]
) -> Refusal | None:
    """End some things, and note it. Nothing is decided on what was noted before: a long incident is not folded for each
    of its batches."""
    kind, end, reason = how
    ended: list[str] = []
    left: dict[str, str] = {}
    for thing in batch:
        answer = True if thing.ended_for == reason else await _end(end, thing.id, reason)
        if isinstance(answer, Refusal):
            left[thing.id] = answer.description
        elif answer:
            ended.append(thing.id)
    if not ended and not left:
        return None

    async def note() -> Outcome[None]:
        read = await store.read_stream(stream)
        event = IncidentEnded(kind, tuple(ended), read.now // MICROSECONDS, left)
        return Outcome(None, (Change(stream, read.version, (event,)),))

    return await carry_out(store, tenant, note)


async def _end(end: End, identifier: str, reason: str) -> bool | Refusal:
    """What this version cannot read it cannot end: it is named, and all else ends."""
    try:
        return await end(identifier, reason)
    except UnreadableEvent:
        return UNREADABLE


async def show_incident(store: Store, tenant: str, incident_id: str) -> Incident | Refusal:
    """One incident."""
    incident = (await read_state(store, incident_stream(tenant, incident_id), fold))[0]
    return UNKNOWN if incident.opened is None else incident


async def incidents(store: Store, tenant: str) -> AsyncIterator[tuple[str, Incident]]:
    """All incidents with their ids, from the oldest on."""
    prefix, after = incident_stream(tenant, ""), ""
    while names := await store.stream_names(prefix, after, _PAGE):
        for after in names:
            yield parse(after).id, (await read_state(store, after, fold))[0]


async def _open_incident(store: Store, tenant: str, cause: Cause, first: int) -> str | None:
    async for incident_id, incident in incidents(store, tenant):
        if incident.is_about(cause.conditions, cause.subject, first):
            return incident_id
    return None
