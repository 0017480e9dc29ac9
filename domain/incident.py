"""An incident: what somebody found touched and ended, because of a stolen key, a client, a person's account, an address
or a server version. Its stream says what it was about, what it ended, and what it could not end.
"""

from typing import Any, Final

import msgspec

from domain.event import Event, folding, registry


class IncidentOpened(Event, frozen=True, tag="incident.opened.v1"):
    """Somebody looked for what was touched, and began to end it. ``conditions`` are the columns of the audit index and
    their values (an address as keyed hash), and ``server`` for a version of the server; ``subject`` is the person,
    where it is about one. ``first_position`` and ``last_position`` are the part of the log that was looked at.
    ``found`` is how many there were of each kind. ``operator`` is the numeric user id that the command ran with."""

    reason: str
    conditions: dict[str, str]
    first_position: int
    last_position: int
    found: dict[str, int]
    opened_at: int
    operator: str = ""
    subject: str | None = None


class IncidentContinued(Event, frozen=True, tag="incident.continued.v1"):
    """The command ran again, before the incident was closed; what could not be ended is tried again. The members are
    those of ``IncidentOpened``."""

    last_position: int
    found: dict[str, int]
    continued_at: int
    operator: str = ""


class IncidentEnded(Event, frozen=True, tag="incident.ended.v1"):
    """Some keys, sessions or grants (``kind``) were ended because of the incident; their own streams say so, too.
    ``left`` are those that could not be ended, with the reason."""

    kind: str
    ids: tuple[str, ...]
    ended_at: int
    left: dict[str, str] = msgspec.field(default_factory=dict)


class IncidentClosed(Event, frozen=True, tag="incident.closed.v1"):
    """Everything that was found and that the command ends is over. ``ended`` is how many of each kind this incident
    ended."""

    ended: dict[str, int]
    closed_at: int


INCIDENT_EVENTS = registry(IncidentOpened, IncidentContinued, IncidentEnded, IncidentClosed)


class Incident(msgspec.Struct, frozen=True):
    """The state of an incident. ``noted``: what says which things were ended; ``left``: why something goes on, by
    ``kind id``."""

    opened: IncidentOpened | None = None
    last_position: int = 0
    noted: tuple[IncidentEnded, ...] = ()
    left: dict[str, str] = {}
    closed_at: int | None = None

    @property
    def ended(self) -> dict[str, tuple[str, ...]]:
        """The ids of what was ended by kind, each once: two processes may have noted the same."""
        ids: dict[str, dict[str, None]] = {}
        for event in self.noted:
            ids.setdefault(event.kind, {}).update(dict.fromkeys(event.ids))
        return {kind: tuple(of_kind) for kind, of_kind in ids.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind were ended."""
        return {kind: len(ids) for kind, ids in self.ended.items()}

    def is_about(self, conditions: dict[str, str], subject: str | None, first_position: int) -> bool:
        """Whether it is open, and the same question."""
        opened = self.opened
        return (
            opened is not None
            and self.closed_at is None
            and (opened.conditions, opened.subject, opened.first_position)
            == (conditions, subject, first_position)
        )


#: What stands before the incident's id in the reason of whatever it ended.
_REASON: Final = "incident "


def reason_of(incident_id: str) -> str:
    """The reason in the stream of whatever an incident ended."""
    return f"{_REASON}{incident_id}"


def incident_of(reason: str) -> str | None:
    """The id of the incident that ended something for this reason."""
    return reason.removeprefix(_REASON) if reason.startswith(_REASON) else None


NO_INCIDENT: Final = Incident()


def apply(incident: Incident, event: Event) -> Incident:
    """The incident after one more event."""
    changed: dict[str, Any] = {}
    match event:
        case IncidentOpened():
            changed = {"opened": event, "last_position": event.last_position}
        case IncidentContinued():
            changed = {"last_position": event.last_position, "left": {}}
        case IncidentEnded():
            over = {f"{event.kind} {one}" for one in event.ids}
            left = {name: why for name, why in incident.left.items() if name not in over}
            left |= {f"{event.kind} {one}": why for one, why in event.left.items()}
            changed = {"noted": (*incident.noted, event), "left": left}
        case IncidentClosed():
            changed = {"closed_at": event.closed_at, "left": {}}
    return msgspec.structs.replace(incident, **changed)


fold: Final = folding(apply, NO_INCIDENT)
