"""Webhooks: addresses of others that are told of events."""

from typing import Final

import msgspec

from domain.log_entry import LogEntry
from domain.report.access.changes import AccessChanges
from domain.report.model import Figure, Table
from domain.report.over_time import time_text
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean
from domain.webhook.events import WebhookCreated, WebhookDeleted

_MOST: Final = 500


class _Receiver(msgspec.Struct, frozen=True):
    position: int
    since_at: int
    host: str
    event_types: tuple[str, ...]


class Receivers:
    """The webhooks while the log is read."""

    wants = tags(WebhookCreated, WebhookDeleted)

    def __init__(self, trails: Trails, changes: AccessChanges) -> None:
        self._trails, self._changes = trails, changes
        self._receivers: dict[str, _Receiver] = {}

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        event = entry.event
        assert isinstance(event, WebhookCreated | WebhookDeleted)
        if isinstance(event, WebhookCreated):
            self._receivers[event.webhook_id] = _Receiver(
                entry.position, entry.recorded_at, event.host, event.event_types
            )
            told = f"{clean(event.host)} is told of {clean(' '.join(event.event_types))}"
            figure_id = "access_review.webhooks_created"
        else:
            self._receivers.pop(event.webhook_id, None)
            told, figure_id = "is told of nothing any more", "access_review.webhooks_deleted"
        self._changes.note(entry, figure_id, (event.webhook_id, told), in_period=in_period)

    def figures(self) -> list[Figure]:
        """Who is told of events at the end of the period, and how often that changed."""
        of = self._trails.of
        return [
            of("access_review.webhooks").add_all(one.position for one in self._receivers.values()).figure(
                "Addresses that are told of events", "Webhooks at the end of the period: servers of others that this "
                "server tells of events as they happen.", unit="webhooks",
            ),
            of("access_review.webhooks_created").figure(
                "Webhooks made", "How often an address was declared during the period.", unit="webhooks"
            ),
            of("access_review.webhooks_deleted").figure(
                "Webhooks deleted", "How often an address was taken away during the period.", unit="webhooks"
            ),
        ]  # fmt: skip

    def table(self) -> Table:
        """Who is told of what."""
        rows = tuple(
            (clean(name), clean(one.host), clean(" ".join(one.event_types)), time_text(one.since_at))
            for name, one in sorted(self._receivers.items())
        )
        columns = ("Webhook", "Host", "Events", "Since (UTC)")
        return Table(
            "access_review.receivers", "Addresses that are told of events", columns, rows[:_MOST],
            max(len(rows) - _MOST, 0),
        )  # fmt: skip
