"""What is said of one thing at one moment."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from authrim.audit.past.moments import Moment
from authrim.audit.past.reading import Stream
from authrim.audit.sentences import reason_in_words
from authrim.audit.timeline import time_of
from authrim.store.contract import StoredEvent


class View(msgspec.Struct, frozen=True):
    """The state of one thing. ``status`` and ``reason`` are words; ``fields`` never holds a digest or a secret.

    ``last`` is the newest event of its stream at the moment, ``following`` the first one after it. What a grant depends
    on has streams of its own. ``subject``: the person whom it is about.
    """

    kind: str
    id: str
    status: str
    reason: str
    fields: dict[str, Any]
    last: StoredEvent
    following: StoredEvent | None = None
    subject: str | None = None

    def as_json(self, tenant: str, moment: Moment) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "kind": self.kind,
            "id": self.id,
            "tenant": tenant,
            "position": moment.position,
            "time": time_of(moment.micros),
            "status": self.status,
            "reason": self.reason,
            **({"subject": self.subject} if self.subject else {}),
            "fields": self.fields,
            "last_event": _place(self.last),
            "next_event": None if self.following is None else _place(self.following),
        }

    def in_words(self) -> dict[str, Any]:
        """For people: why, whom it is about, the fields, and the events around the moment."""
        following = self.following
        return {
            "reason": reason_in_words(self.reason),
            "person": self.subject,
            **self.fields,
            "last_event": _event(self.last),
            "next_event": "none" if following is None else _event(following),
        }


def view_of(
    kind: str, identifier: str, stream: Stream, standing: tuple[str, str], fields: dict[str, Any],
    subject: str | None = None,
) -> View:  # fmt: skip
    """The view of a stream that has begun. ``standing``: the status, and the reason of it."""
    following = stream.after[0] if stream.after else None
    return View(kind, identifier, *standing, fields, stream.stored[-1], following, subject)


def when(seconds: int | None) -> str | None:
    """A time of an event (seconds since 1970) as in RFC 3339."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _place(event: StoredEvent) -> dict[str, Any]:
    return {"position": event.position, "time": time_of(event.recorded_at), "type": event.type}


def _event(event: StoredEvent) -> str:
    return f"{event.type} at position {event.position}, {time_of(event.recorded_at)}"
