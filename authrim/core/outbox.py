"""Delivers messages to others, fairly: a receiver that is slow or dead delays nobody but itself (A119, A295).

Each receiver (a client that hears of logouts, a webhook) has a queue of its own. A process takes receivers, those first
that have waited longest, and has each for itself until its lease is over: so ``at_once`` is a limit for all processes
together, and what a killed process had in hand is taken by another one (F22). A receiver that does not answer is left
alone for growing pauses, and is then tried with one message. What cannot be delivered in time stays as a dead message,
until an operator retries or discards it (``authrim outbox``).

Delivery is at least once. The name of a message is the same each time, so that its receiver can drop doubles.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Final, NamedTuple, Protocol
from uuid import uuid4

import structlog

from authrim.metrics.catalogue import OUTBOX_ATTEMPTS
from authrim.store.contract import StoreError
from authrim.store.outbox_contract import OutboxStore, Retried, Settlement, TakenReceiver, WaitingDelivery
from domain.units import DAY, MICROSECONDS

log = structlog.get_logger(__name__)

#: Receivers that one process has in hand, that it takes with one look, and messages that it takes of each.
IN_HAND: Final = 512
AT_ONCE: Final = 64
EACH: Final = 32
#: Seconds between two looks for what is due.
PAUSE: Final = 0.5
#: Seconds before a message is tried that found no place among the outgoing requests.
PUT_BACK: Final = 5
#: Messages that are given up in one transaction because their receiver does not answer.
GIVEN_UP: Final = 200
#: How long dead messages are kept, how often they are looked through, in seconds, and how many are deleted at once.
DEAD_KEPT: Final = 90 * DAY
SWEEP_PAUSE: Final = 600
SWEPT: Final = 1000
#: What is written down of a message that nobody foresaw, and of one whose receiver did not answer for too long.
UNFORESEEN: Final = "failed"
AWAY: Final = "receiver_away"
#: What is written down of a message whose event is in an archive alone (``authrim log drop``): it cannot be made again.
LEFT_THE_LOG: Final = "left_the_log"


class Message(NamedTuple):
    """A message that is to be delivered. ``name`` is the same in each attempt; ``attempt`` counts from 1. ``since``:
    since when it waits, in seconds."""

    tenant: str
    receiver: str
    name: str
    position: int
    detail: str
    since: int
    attempt: int


class Delivered(NamedTuple):
    """The receiver has the message, or there is nothing to deliver any more."""


class NotTried(NamedTuple):
    """There was no place among the outgoing requests: the message is due again soon, and this was no attempt."""


class Failed(NamedTuple):
    """The attempt failed; ``reason`` is a word of ours. ``away``: it is the receiver, which other messages will not
    reach either. ``final``: it is not worth another attempt."""

    reason: str
    away: bool = False
    final: bool = False


Result = Delivered | NotTried | Failed


class Kind(Protocol):
    """A kind of delivery."""

    @property
    def name(self) -> str:
        """Its name in the outbox."""

    @property
    def pauses(self) -> Sequence[int]:
        """Seconds before each further attempt. When they are used up, the message is dead. A receiver that does not
        answer is left alone for the same times, the last one again and again."""

    @property
    def patience(self) -> int:
        """Seconds after which a message is dead, whose receiver does not answer."""

    @property
    def at_once(self) -> int:
        """How many messages one receiver gets at the same time."""

    async def deliver(self, message: Message) -> Result:
        """Deliver one message. May raise StoreError: that is no attempt, and it is delivered again soon."""

    async def given_up(self, message: Message, reason: str) -> None:
        """Write down that a message is dead, where somebody asks for it. ``message.attempt``: how many there were."""


class Outbox:
    """The deliveries of one process."""

    def __init__(self, store: OutboxStore, kinds: Sequence[Kind], timeout_seconds: float) -> None:
        """``timeout_seconds``: the longest time of one attempt."""
        self._store = store
        self._kinds = {kind.name: kind for kind in kinds}
        # Half of a lease is for the attempts that begin, half for the last of them to end.
        self._lease = 4 * timeout_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once: this process has added messages."""
        self._woken.set()

    async def deliver_until_cancelled(self) -> None:
        """Look for what is due, again and again. A store that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_until_cancelled())
            in_hand: set[asyncio.Task[None]] = set()
            while True:
                self._woken.clear()
                holder = uuid4().hex
                taken = await self._take(holder, min(AT_ONCE, IN_HAND - len(in_hand)))
                for receiver in taken:
                    task = group.create_task(self._serve(receiver, holder))
                    in_hand.add(task)
                    task.add_done_callback(in_hand.discard)
                if len(taken) < AT_ONCE:
                    await self._wait()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await self._woken.wait()

    async def _take(self, holder: str, room: int) -> Sequence[TakenReceiver]:
        if not room:
            return ()
        try:
            lease = int(self._lease * MICROSECONDS)
            return await self._store.take(holder, tuple(self._kinds), room, EACH, lease)
        except StoreError:
            log.warning("outbox.store_unavailable")
            return ()

    async def _serve(self, receiver: TakenReceiver, holder: str) -> None:
        """Deliver what is due for one receiver. When that fails otherwise than it may, it is due after its lease."""
        try:
            kind = self._kinds[receiver.kind]
            settlement = await self._settlement(kind, receiver)
            if await self._store.settle(receiver.key, holder, settlement) and not settlement.pause:
                self.wake()
            if settlement.failures:
                await self._give_up_late(kind, receiver)
        except StoreError as error:
            log.warning("outbox.not_settled", receiver=receiver.key, kind=type(error).__name__)
        except Exception as error:  # no other receiver has to do with it
            log.error("outbox.receiver_failed", receiver=receiver.key, kind=type(error).__name__)

    async def _settlement(self, kind: Kind, receiver: TakenReceiver) -> Settlement:
        """Deliver messages, several at once, until the receiver does not answer or half of the lease is over."""
        queue, until = deque(receiver.deliveries), monotonic() + self._lease / 2
        tried: list[Tried] = []

        async def lane(most: int) -> None:
            for _ in range(most):
                if not queue or monotonic() > until or any(map(_stops, tried)):
                    return
                delivery = queue.popleft()
                result = await _attempt(kind, _message(receiver, delivery))
                OUTBOX_ATTEMPTS.add(kind.name, _RESULTS[type(result)])
                tried.append(Tried(delivery, result))

        if receiver.failures:  # one message is enough to find out whether it answers again
            await lane(1)
        await asyncio.gather(*(lane(len(queue)) for _ in range(kind.at_once)))
        return await _settled(kind, receiver, tried)

    async def _give_up_late(self, kind: Kind, receiver: TakenReceiver) -> None:
        """Give up all that has waited too long for a receiver that does not answer, however much it is. It is left
        alone meanwhile; were it taken again, a message that was given up might still arrive."""
        while late := await self._late(kind, receiver):
            dead = [await _dead(kind, receiver, one, one.attempts, AWAY) for one in late]
            await self._store.give_up(receiver.key, dead)

    async def _late(self, kind: Kind, receiver: TakenReceiver) -> Sequence[WaitingDelivery]:
        due = await self._store.due(receiver.key, GIVEN_UP)
        return [delivery for delivery in due if _is_late(kind, receiver, delivery)]

    async def _sweep_until_cancelled(self) -> None:
        while True:
            swept = 0
            try:
                swept = await self._store.sweep(DEAD_KEPT * MICROSECONDS, SWEPT)
            except StoreError:
                log.warning("outbox.store_unavailable")
            await asyncio.sleep(SWEEP_PAUSE if swept < SWEPT else PAUSE)


_RESULTS: Final[dict[type, str]] = {Delivered: "delivered", NotTried: "not_tried", Failed: "failed"}


class Tried(NamedTuple):
    """A message, and what became of the attempt."""

    delivery: WaitingDelivery
    result: Result


def _stops(tried: Tried) -> bool:
    """Whether an attempt shows that others would not reach the receiver now."""
    return isinstance(tried.result, NotTried) or (isinstance(tried.result, Failed) and tried.result.away)


def _message(receiver: TakenReceiver, delivery: WaitingDelivery, attempt: int | None = None) -> Message:
    return Message(
        receiver.tenant,
        receiver.receiver,
        delivery.name,
        delivery.position,
        delivery.detail,
        delivery.since // MICROSECONDS,
        delivery.attempts + 1 if attempt is None else attempt,
    )


async def _attempt(kind: Kind, message: Message) -> Result:
    """One attempt. What nobody foresaw of one message is a failure of it alone (A119)."""
    try:
        return await kind.deliver(message)
    except StoreError:
        return NotTried()
    except Exception as error:
        kind_of_error = type(error).__name__
        log.error("outbox.unforeseen", delivery=kind.name, receiver=message.receiver, kind=kind_of_error)
        return Failed(UNFORESEEN)


async def _settled(kind: Kind, receiver: TakenReceiver, tried: Sequence[Tried]) -> Settlement:
    """What became of each message, and of the receiver."""
    done = [one.delivery.key for one in tried if isinstance(one.result, Delivered)]
    put_back = PUT_BACK * MICROSECONDS
    retried = [
        Retried(one.delivery.key, one.delivery.attempts, put_back, "")
        for one in tried
        if isinstance(one.result, NotTried)
    ]
    for delivery, result in tried:
        if isinstance(result, Failed):
            retried.append(await _failed(kind, receiver, delivery, result))
    if any(isinstance(one.result, Failed) and one.result.away for one in tried):
        failures = receiver.failures + 1
        return Settlement(done, retried, failures, _pause(kind, failures))
    if any(isinstance(one.result, NotTried) for one in tried):
        return Settlement(done, retried, receiver.failures, put_back)
    return Settlement(done, retried, 0 if tried else receiver.failures, 0)


async def _failed(kind: Kind, receiver: TakenReceiver, delivery: WaitingDelivery, failed: Failed) -> Retried:
    """A message that was tried without success: when it is tried again, if it is."""
    attempts = delivery.attempts + 1
    log.warning(
        "outbox.attempt_failed",
        delivery=kind.name,
        receiver=receiver.receiver,
        name=delivery.name,
        reason=failed.reason,
        attempt=attempts,
    )
    if failed.final or attempts > len(kind.pauses) or _is_late(kind, receiver, delivery):
        return await _dead(kind, receiver, delivery, attempts, failed.reason)
    return Retried(delivery.key, attempts, _pause(kind, attempts), failed.reason)


async def _dead(
    kind: Kind, receiver: TakenReceiver, delivery: WaitingDelivery, attempts: int, reason: str
) -> Retried:
    await kind.given_up(_message(receiver, delivery, attempts), reason)
    OUTBOX_ATTEMPTS.add(kind.name, "given_up")
    return Retried(delivery.key, attempts, 0, reason, dead=True)


def _is_late(kind: Kind, receiver: TakenReceiver, delivery: WaitingDelivery) -> bool:
    return receiver.now - delivery.since > kind.patience * MICROSECONDS


def _pause(kind: Kind, failures: int) -> int:
    """The pause after so many failures in a row, in µs."""
    pauses = kind.pauses
    return pauses[min(failures, len(pauses)) - 1] * MICROSECONDS if pauses else 0
