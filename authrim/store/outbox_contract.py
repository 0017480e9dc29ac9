"""What a store does for the outbox: messages that wait for their receivers, fairly among the receivers.

A *receiver* (a client, a webhook, a stream) belongs to a *kind* of delivery. One process at a time has a receiver in
its hands, for as long as its lease; so the limit of messages in flight holds for all processes together, and whoever
dies holds nothing for long (F22). Times are µs UTC by the database's clock.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from authrim.store.contract import StoredEvent


class NewDelivery(NamedTuple):
    """A message for one receiver. ``position`` is that of the event that it tells of. ``name`` is unique among the
    receiver's messages and has no colon; adding it twice adds it once. ``detail`` is for whoever sends it, never
    anything personal or secret: what is sent is made when it is sent."""

    tenant: str
    kind: str
    receiver: str
    name: str
    position: int
    detail: str = ""

    @property
    def receiver_key(self) -> str:
        """The key of the receiver."""
        return receiver_key(self.tenant, self.kind, self.receiver)

    @property
    def key(self) -> str:
        """The key of the message."""
        return f"{self.receiver_key}:{self.name}"


class WaitingDelivery(NamedTuple):
    """A message as it was taken. ``attempts``: how often it was tried before; ``since``: since when it waits."""

    key: str
    name: str
    position: int
    detail: str
    since: int
    attempts: int


class TakenReceiver(NamedTuple):
    """A receiver that this process has in its hands, with the first messages that are due, oldest first. ``now`` is the
    database's clock."""

    key: str
    tenant: str
    kind: str
    receiver: str
    failures: int
    now: int
    deliveries: Sequence[WaitingDelivery]


class Retried(NamedTuple):
    """A message that has to be tried again, ``delay`` µs later; or, with ``dead``, never by itself."""

    key: str
    attempts: int
    delay: int
    reason: str
    dead: bool = False


class Settlement(NamedTuple):
    """What became of a taken receiver: the keys of ``done`` messages, those that are not, how often in a row it did not
    answer, and for how many µs it is left alone."""

    done: Sequence[str]
    retried: Sequence[Retried]
    failures: int
    pause: int


class DeliveryRow(NamedTuple):
    """A message as an operator sees it. ``dead_at`` None: it waits, until ``due_at`` or until its receiver is due."""

    key: str
    tenant: str
    kind: str
    receiver: str
    name: str
    position: int
    since: int
    due_at: int
    attempts: int
    reason: str
    dead_at: int | None


class Chosen(NamedTuple):
    """Which messages an operator means. Empty: any."""

    key: str = ""
    kind: str = ""
    receiver: str = ""
    dead: bool | None = True


class ReceiverRow(NamedTuple):
    """A receiver as an operator sees it: how many messages wait and are dead, the oldest one that waits (None: none),
    and when it is tried next (None: nothing waits)."""

    tenant: str
    kind: str
    receiver: str
    failures: int
    due_at: int | None
    waiting: int
    dead: int
    oldest: int | None


class FanOutPage(NamedTuple):
    """How far a fan-out is after a page, and how many messages it made. ``busy``: another process is at it."""

    position: int
    handled: int
    made: int = 0
    busy: bool = False


FanOut = Callable[[Sequence[StoredEvent]], Sequence[NewDelivery]]


def receiver_key(tenant: str, kind: str, receiver: str) -> str:
    """The key of a receiver."""
    return f"{tenant}:{kind}:{receiver}"


class OutboxStore(Protocol):
    """The outbox's part of a store. Everything raises Unavailable."""

    async def add(self, deliveries: Sequence[NewDelivery], settled: Sequence[int] = ()) -> None:
        """Add messages and end rows of the projection ``outbox``, in one transaction."""

    async def run_page(
        self, name: str, event_types: Collection[str], limit: int, fan_out: FanOut, *, start: int = 0
    ) -> FanOutPage:
        """One page in one transaction: the position saved under ``name`` (at least ``start``), the next ``limit``
        positions of the log, the messages that ``fan_out`` makes of the events of these types, the new position. One
        process at a time; when another one is at it: ``busy``."""

    async def position(self, name: str) -> int:
        """The position saved under ``name``, 0 before the first."""

    async def advance(self, name: str, before: int, after: int) -> bool:
        """Save another position, unless it is not ``before`` any more."""

    async def take(
        self, holder: str, kinds: Collection[str], receivers: int, each: int, lease: int
    ) -> Sequence[TakenReceiver]:
        """Receivers that are due, those first that have waited longest, with at most ``each`` messages. ``lease`` in
        µs: afterwards another process may take them."""

    async def settle(self, key: str, holder: str, settlement: Settlement) -> bool:
        """Write down what became of a taken receiver, and give it back. Whether more is due when its pause is over.
        Who lost the lease changes messages only."""

    async def find(self, key: str) -> DeliveryRow | None:
        """One message by its key."""

    async def first_waiting(self, until: int) -> DeliveryRow | None:
        """Of the messages that wait, the one that tells of the earliest event up to a position."""

    async def listed(self, chosen: Chosen, after: str, limit: int) -> Sequence[DeliveryRow]:
        """Messages by key after ``after``, in order."""

    async def receivers(self, after: str, limit: int) -> Sequence[ReceiverRow]:
        """Receivers that something waits for or was given up for, by key."""

    async def due(self, receiver: str, limit: int) -> Sequence[WaitingDelivery]:
        """The messages of a receiver (its key) that are due, oldest first."""

    async def give_up(self, key: str, dead: Sequence[Retried]) -> None:
        """Write down that messages of a receiver are dead, whoever has it in hand."""

    async def retry(self, keys: Sequence[str]) -> Sequence[str]:
        """Let dead messages wait again as if they were new, and their receivers be tried at once; those that did."""

    async def discard(self, keys: Sequence[str]) -> Sequence[str]:
        """Take messages away; those that were there."""

    async def forget(self, receiver: str) -> int:
        """Take away a receiver (its key) with all its messages; how many."""

    async def sweep(self, kept: int, limit: int) -> int:
        """Take away messages that were given up more than ``kept`` µs ago, and receivers without any; how many
        messages."""
