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

#: The name of the saved position.
FOLLOWER: Final = "webhooks"


class _Told(NamedTuple):
    """A webhook, the position that it was created at, and the types of events that it is told of."""

    webhook_id: str
    position: int
    types: frozenset[str]


class Receivers(msgspec.Struct, frozen=True):
    """The webhooks of a tenant. ``position`` is that of the newest change among them."""

    tenant: str
    webhooks: tuple[_Told, ...]
    position: int

    @property
    def event_types(self) -> frozenset[str]:
        """What one of the webhooks is told of."""
        return frozenset[str]().union(*(one.types for one in self.webhooks))

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
            NewDelivery(self.tenant, KIND, one.webhook_id, str(position), position)
            for one in self.webhooks
            if one.position < position and event.type in one.types
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
        webhooks = tuple(
            _Told(name, created[name], rules.types_of(one.event_types, EVENT_TYPES))
            for name, one in state.items()
        )
        return Receivers(self._tenant, webhooks, position)
