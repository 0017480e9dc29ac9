"""Others who are told of events: webhooks that administrators declared, and streams that clients asked for (Shared
Signals Framework 1.0)."""

from typing import Final

import msgspec

from domain.log_entry import LogEntry
from domain.report.access.changes import AccessChanges
from domain.report.model import Figure, Table
from domain.report.over_time import time_text
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean
from domain.signal.events import (
    SignalStreamChanged,
    SignalStreamCreated,
    SignalStreamDeleted,
    SignalStreamStatusSet,
    SignalSubjectAdded,
    SignalSubjectRemoved,
)
from domain.webhook.events import WebhookCreated, WebhookDeleted

_MOST: Final = 500
_WEBHOOK: Final = "webhook"
_SIGNALS: Final = "stream of signals"
_ALL: Final = "all that there are"


class _Receiver(msgspec.Struct, frozen=True):
    position: int
    since_at: int
    kind: str
    who: str
    events: str
    state: str = "enabled"


class Receivers:
    """Who is told of events, while the log is read."""

    wants = tags(
        WebhookCreated, WebhookDeleted, SignalStreamCreated, SignalStreamChanged, SignalStreamStatusSet,
        SignalStreamDeleted, SignalSubjectAdded, SignalSubjectRemoved,
    )  # fmt: skip

    def __init__(self, trails: Trails, changes: AccessChanges) -> None:
        self._trails, self._changes = trails, changes
        self._receivers: dict[str, _Receiver] = {}

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        if isinstance(entry.event, SignalSubjectAdded | SignalSubjectRemoved):
            word = "added" if isinstance(entry.event, SignalSubjectAdded) else "removed"
            if in_period:
                self._trails.of(f"access_review.signal_people_{word}").add(entry.position)
            return
        name = getattr(entry.event, "webhook_id", entry.stream.id)
        before = self._receivers.get(name)
        after = _after(before, entry)
        if after is None:
            self._receivers.pop(name, None)
            word, told = "removed", "is told of nothing any more"
        else:
            self._receivers[name] = after
            word = "added" if before is None else "changed"
            told = f"{after.who} is told of {after.events} ({after.kind}, {after.state})"
        self._changes.note(entry, f"access_review.receivers_{word}", (name, told), in_period=in_period)

    def figures(self) -> list[Figure]:
        """Who is told of events at the end of the period, and how often that changed."""
        of, receivers = self._trails.of, self._receivers.values()
        return [
            *(
                of(f"access_review.{name}").add_all(one.position for one in receivers if one.kind == kind).figure(
                    label, meaning, unit="receivers"
                )
                for name, kind, label, meaning in (
                    (
                        "webhooks", _WEBHOOK, "Addresses that are told of events",
                        "Webhooks at the end of the period: servers of others to which an administrator has events "
                        "sent as they happen.",
                    ),
                    (
                        "signals", _SIGNALS, "Clients that are told of events",
                        "Streams of signals at the end of the period: clients that are told what happens to people "
                        "they know, such as the end of a session (Shared Signals).",
                    ),
                )
            ),
            *(
                of(f"access_review.receivers_{word}").figure(
                    f"Receivers {word}", f"How often a webhook or a stream of signals was {word} during the period.",
                    unit="receivers",
                )
                for word in ("added", "changed", "removed")
            ),
            of("access_review.signal_people_removed").figure(
                "People taken out of a stream of signals",
                "How often a client asked during the period to be told no more of a person.", unit="requests",
            ),
            of("access_review.signal_people_added").figure(
                "People put back into a stream of signals",
                "How often a client asked during the period to be told of a person again.", unit="requests",
            ),
        ]  # fmt: skip

    def table(self) -> Table:
        """Who is told of what."""
        rows = tuple(
            (clean(name), one.kind, one.who, one.events, one.state, time_text(one.since_at))
            for name, one in sorted(self._receivers.items())
        )
        columns = ("Receiver", "Kind", "Client or host", "Events", "State", "Since (UTC)")
        return Table(
            "access_review.receivers", "Others who are told of events", columns, rows[:_MOST],
            max(len(rows) - _MOST, 0),
        )  # fmt: skip


def _after(before: _Receiver | None, entry: LogEntry) -> _Receiver | None:
    """A receiver after one more event, None when it is gone."""
    at = entry.position, entry.recorded_at
    match entry.event:
        case WebhookCreated(host=host, event_types=events):
            return _Receiver(*at, _WEBHOOK, clean(host), clean(" ".join(events)))
        case SignalStreamCreated(client_id=client_id, events_requested=events):
            return _Receiver(*at, _SIGNALS, clean(client_id), clean(" ".join(events)) or _ALL)
        case SignalStreamChanged(events_requested=events) if before is not None:
            told = clean(" ".join(events)) or _ALL
            return msgspec.structs.replace(before, events=told, position=entry.position)
        case SignalStreamStatusSet(status=status) if before is not None:
            return msgspec.structs.replace(before, state=clean(status), position=entry.position)
        case _:
            return None
