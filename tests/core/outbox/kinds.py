"""A kind of delivery for tests: posts the name of each message to an address that the receiver's name leads to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from authrim.core.outbox import Delivered, Failed, Kind, Message, Outbox, Result
from authrim.outside.egress import Egress, EgressOverloaded, EgressRefused
from authrim.store.outbox_contract import NewDelivery, OutboxStore
from domain.stream import DEFAULT_TENANT
from tests.support.patience import PATIENCE

KIND = "test"


@dataclass
class Posts:
    """Posts messages to ``address(receiver)``, and remembers what it began and what was given up."""

    egress: Egress
    address: Callable[[str], str]
    name: str = KIND
    pauses: Sequence[int] = (0, 0)
    patience: int = 3600
    at_once: int = 4
    began: list[Message] = field(default_factory=list)
    dead: list[tuple[Message, str]] = field(default_factory=list)

    async def deliver(self, message: Message) -> Result:
        """One attempt."""
        self.began.append(message)
        url = self.address(message.receiver)
        try:
            status = await self.egress.post(url, message.name.encode(), "text/plain", client=message.receiver)
        except EgressOverloaded:
            raise AssertionError("the receiver has more at once than its share") from None
        except EgressRefused:
            return Failed("unreachable", away=True)
        return Delivered() if status == 200 else Failed(f"status_{status}", away=status >= 500)

    async def given_up(self, message: Message, reason: str) -> None:
        """Nobody asks."""
        self.dead.append((message, reason))


def messages(receiver: str, count: int) -> list[NewDelivery]:
    """Messages for a receiver, of the events 1, 2, …"""
    return [
        NewDelivery(DEFAULT_TENANT, KIND, receiver, str(number), number) for number in range(1, count + 1)
    ]


@asynccontextmanager
async def delivering(store: OutboxStore, *kinds: Kind, timeout: float = 5) -> AsyncIterator[Outbox]:  # noqa: ASYNC109
    """A process that delivers until the block ends. It ends without warning, like one that is killed."""
    outbox = Outbox(store, kinds, timeout)
    task = asyncio.create_task(outbox.deliver_until_cancelled())
    try:
        yield outbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settled(store: OutboxStore, receiver: str) -> tuple[int, int]:
    """How many messages of a receiver wait, and how many are dead."""
    for row in await store.receivers("", 1000):
        if row.receiver == receiver:
            return row.waiting, row.dead
    return 0, 0


async def until_settled(store: OutboxStore, receiver: str, wanted: tuple[int, int] = (0, 0)) -> None:
    """Wait until so many messages of a receiver wait and are dead."""
    async with asyncio.timeout(PATIENCE):
        while await settled(store, receiver) != wanted:  # noqa: ASYNC110 - another task makes it true
            await asyncio.sleep(0.05)
