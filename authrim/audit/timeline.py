"""The history of a grant, and why a request was refused, both read from the log."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from authrim.audit import recorded
from authrim.audit._refusal import told
from authrim.audit.follow import Follower
from authrim.audit.sentences import reason_in_words, sentence
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from authrim.store.log_reading import LogReading
from domain import stream as streams
from domain.errors import Refusal
from domain.event import Event, as_dict
from domain.grant import grant as grants
from domain.grant.grant import Grant
from domain.log_entry import Metadata
from domain.units import MICROSECONDS
from projections.audit import AUDIT


class Line(msgspec.Struct, frozen=True):
    """One event as an auditor reads it. ``recorded_at`` is µs UTC; ``fields`` are the event's own, as recorded.

    ``readable`` is False for an event that this version cannot decode; it has no fields then. ``stream`` is the name of
    the event's stream.
    """

    position: int
    version: int
    recorded_at: int
    type: str
    what: str
    metadata: Metadata
    fields: dict[str, Any]
    readable: bool = True
    stream: str = ""

    @property
    def by(self) -> str:
        """The actor: an administrator, the server itself, or the client and person of the request."""
        if self.metadata.actor not in ("client", "subject"):
            return self.metadata.actor
        names = [f"client {self.metadata.client_id}"] if self.metadata.client_id else []
        names += [f"person {self.metadata.subject}"] if self.metadata.subject else []
        return ", ".join(names) or "a request"

    def as_json(self) -> dict[str, Any]:
        """For ``--json``: everything, and the time also as text."""
        fields = msgspec.to_builtins(self)
        assert isinstance(fields, dict)
        return {**fields, "time": time_of(self.recorded_at), "by": self.by}


class Timeline(msgspec.Struct, frozen=True):
    """The history of a grant. ``status`` is its state in words. Without lines there is no such grant."""

    tenant: str
    grant_id: str
    status: str
    lines: tuple[Line, ...]

    @property
    def readable(self) -> bool:
        """Whether every event could be read."""
        return all(line.readable for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "tenant": self.tenant,
            "grant": self.grant_id,
            "status": self.status,
            "readable": self.readable,
            "events": [line.as_json() for line in self.lines],
        }


class Explanation(msgspec.Struct, frozen=True):
    """Why a request was refused. ``where`` is an endpoint or ``grant <id>``; ``lines`` are what was recorded."""

    error_id: str
    recorded_at: int
    tenant: str
    where: str
    refusal: Refusal
    lines: tuple[Line, ...]

    @property
    def in_words(self) -> str:
        """The reason in plain words."""
        refusal = self.refusal
        return (
            reason_in_words(refusal.reason, dict(refusal.details)) if refusal.reason else refusal.description
        )

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        first = self.lines[0].metadata
        return {
            "error_id": self.error_id,
            "time": time_of(self.recorded_at),
            "tenant": self.tenant,
            "where": self.where,
            "error": self.refusal.error,
            "description": self.refusal.description,
            "reason": self.refusal.reason,
            "details": dict(self.refusal.details),
            "in_words": self.in_words,
            "what_to_do": self.refusal.hint,
            "section": self.refusal.section,
            "status": self.refusal.status,
            "client_id": first.client_id,
            "trace": first.trace,
            "events": [line.as_json() for line in self.lines],
        }


def time_of(recorded_at: int) -> str:
    """µs since 1970 as ISO 8601 in UTC."""
    seconds, rest = divmod(recorded_at, MICROSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


async def grant_timeline(store: LogReading, tenant: str, grant_id: str) -> Timeline:
    """Everything that happened to a grant, in order. Raises Unavailable."""
    return timeline_of(
        tenant, grant_id, await store.read_whole_stream(streams.grant_stream(tenant, grant_id))
    )


def timeline_of(tenant: str, grant_id: str, events: Sequence[StoredEvent]) -> Timeline:
    """The same from the events of its stream, which may take long to read."""
    read = [line_of(stored) for stored in events]
    lines = tuple(line for line, _ in read)
    known = [event for _, event in read if event is not None]
    status = _status(grants.fold(known)) if len(known) == len(read) else "cannot be read in full"
    return Timeline(tenant, grant_id, status, lines)


async def why(store: LogReading, error_id: str, *, catches_up: bool = True) -> Explanation | None:
    """The refusal of that error id, or None when none was recorded. ``catches_up``: what is not in the index yet is put
    there first, however much it is. Raises Unavailable."""
    if catches_up:
        await Follower(store, AUDIT).catch_up()
    rows = await store.audit.of_error(error_id)
    if not rows:
        return None
    positions = {row["position"] for row in rows}
    stream = streams.parse(rows[0]["stream"])
    events = await store.read_whole_stream(str(stream))
    read = [line_of(stored) for stored in events if stored.position in positions]
    refusals = [refusal for _, event in read if event is not None and (refusal := told(event)) is not None]
    lines = tuple(line for line, _ in read)
    refusal = refusals[0] if refusals else _UNTOLD
    return Explanation(error_id, lines[0].recorded_at, stream.tenant, _where(stream, lines), refusal, lines)


#: What was recorded has no refusal of its own: the events say what there is to say.
_UNTOLD: Final = Refusal("", "The request was refused after what is recorded below.")


#: What is told of an event whose contents left the log.
IN_ARCHIVE: Final = "The contents of this event left the log. They are in the archive of its month."


def line_of(stored: StoredEvent) -> tuple[Line, Event | None]:
    """A line, and the event when it can be read."""
    place = (stored.position, stored.version, stored.recorded_at, stored.type)
    try:
        one = recorded.read(stored)
    except (UnreadableEvent, msgspec.DecodeError, ValueError):
        one = None
    if one is None:
        unreadable = IN_ARCHIVE if is_dropped(stored) else "This event cannot be read by this version."
        return Line(*place, unreadable, Metadata(), {}, readable=False, stream=stored.stream), None
    what = sentence(one.type, msgspec.structs.asdict(one.event))
    fields = {name: value for name, value in as_dict(one.event).items() if name != "type"}
    return Line(*place, what, one.metadata, fields, stream=stored.stream), one.event


def _status(grant: Grant) -> str:
    """The state of the grant, in words."""
    if not grant.exists:
        return "never begun"
    if grant.revoked_at is not None:
        return f"revoked: {reason_in_words(grant.revocation_reason)}"
    if grant.refused is not None:
        return f"ended with the error {grant.refused}"
    if grant.waits_for_person:
        return "waits for the person"
    if grant.code is not None and grant.code.voided is not None:
        return f"void: {reason_in_words(grant.code.voided)}"
    if grant.code is not None and grant.code.redeemed_at is None:
        return "waits for its code to be exchanged"
    return "not revoked; its tokens are good until they expire"


def _where(stream: streams.StreamId, lines: Sequence[Line]) -> str:
    if stream.kind == streams.REFUSAL:
        return str(lines[0].fields.get("endpoint", ""))
    return f"{stream.kind} {stream.id}"
