"""Which webhooks are told of an event: those that existed before it, and whose types it has."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec

from authrim.store import codec
from authrim.store.contract import StoredEvent
from authrim.store.outbox_contract import NewDelivery
from authrim.store.read_back import ReadBack
from authrim.webhooks.records import EVENT_TYPES, KIND
from domain.stream import WEBHOOK, webhook_stream
from domain.webhook import webhooks as rules
from domain.webhook.events import WEBHOOK_EVENTS, WebhookCreated
from domain.webhook.webhooks import Webhook

#: The name of the saved position.
FOLLOWER: Final = "webhooks"


class _Since(NamedTuple):
    webhook: Webhook
    position: int


class Receivers(msgspec.Struct, frozen=True):
    """The webhooks of a tenant, each with the position that it was created at. ``position`` is that of the newest
    change among them."""

    tenant: str
    webhooks: tuple[_Since, ...]
    position: int
    event_types: frozenset[str]

    @property
    def start(self) -> int:
        """The position of the oldest webhook."""
        return min((one.position for one in self.webhooks), default=0)

    def messages(self, event: StoredEvent) -> Sequence[NewDelivery]:
        """A message for each webhook that is told of the event."""
        if not event.stream.startswith(f"{self.tenant}:"):
            return ()
        position = event.position
        return [
            NewDelivery(self.tenant, KIND, one.webhook.webhook_id, str(position), position)
            for one in self.webhooks
            if one.position < position and one.webhook.wants(event.type)
        ]

    def is_outdated_by(self, event: StoredEvent) -> bool:
        """Whether the event is a newer change."""
        return event.position > self.position and event.stream == webhook_stream(self.tenant)


class WebhookSource:
    """The webhooks of a tenant, read from their stream."""

    name = FOLLOWER
    changes: Collection[str] = frozenset(WEBHOOK_EVENTS)

    def __init__(self, store: ReadBack, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def read(self) -> Receivers:
        """The webhooks now."""
        state, created, position = rules.NONE, dict[str, int](), 0
        for stored in await self._store.read_whole_stream(webhook_stream(self._tenant)):
            event = codec.decode(WEBHOOK, stored.type, stored.payload)
            state, position = rules.apply(state, event), stored.position
            if isinstance(event, WebhookCreated):
                created[event.webhook_id] = position
        webhooks = tuple(_Since(one, created[name]) for name, one in state.items())
        types = rules.wanted_types([one.webhook for one in webhooks], EVENT_TYPES)
        return Receivers(self._tenant, webhooks, position, types)
