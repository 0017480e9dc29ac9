"""Pushes tokens to the receivers that want that (RFC 8935), in the background.

The log is the queue. Each receiver has a task of its own, in one process of all: one that is slow or away delays
nobody, and finds everything when it is back. Between the answer of a receiver and its record a process may be killed;
then the same token, with the same ``jti``, is sent again.
"""

import asyncio
from time import monotonic
from typing import Final, NamedTuple

import structlog

from authrim.core.growth import Growth
from authrim.core.origin import Origin
from authrim.core.outbox import PUT_BACK
from authrim.core.parts import Core
from authrim.crypto.jws import CannotSign
from authrim.outside.egress import EgressOverloaded, EgressRefused
from authrim.protocol.security_event_token import MEDIA_TYPE
from authrim.signals._tokens import Token
from authrim.signals.receivers import AUTHORIZATION, OWNER_KIND, Receiver, all_receivers
from authrim.signals.sign import sign
from authrim.signals.waiting import Signals
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import StoreError
from domain.signal.stream import ENABLED, PUSH
from domain.stream import DEFAULT_TENANT

log = structlog.get_logger(__name__)

#: Tokens that are pushed before they are recorded together, and of those, at the same time.
BATCH: Final = 64
AT_ONCE: Final = 8
#: Seconds between two looks at which streams there are, and how they are set.
LOOK: Final = 5.0
#: Seconds that one process has a receiver for itself. No push begins after half of them.
LEASE: Final = 30
#: Seconds after an attempt that failed: twice as long each time.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
#: Seconds after a round: what happens meanwhile is pushed together.
LINGER: Final = 0.1

#: The receiver says that it will never take this token (RFC 8935 §2.4).
_NEVER: Final = 400
_ACCEPTED: Final = (200, 202)


class Round(NamedTuple):
    """What became of one round: how many tokens are settled, whether more wait, whether the receiver failed, and
    whether there was no place among the outgoing requests, which says nothing about the receiver."""

    settled: int = 0
    more: bool = False
    failed: bool = False
    crowded: bool = False


async def push_until_cancelled(core: Core) -> None:
    """Keep one task for each receiver that wants to be pushed to."""
    signals, growth = Signals(), Growth(core.store)
    tasks: dict[str, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            try:
                wanted = {
                    receiver.owner: receiver
                    async for receiver in all_receivers(core, DEFAULT_TENANT)
                    if receiver.stream.delivery.method == PUSH and receiver.stream.status == ENABLED
                }
            except (StoreError, UnreadableEvent) as error:
                log.warning("signals.not_read", kind=type(error).__name__)
                await asyncio.sleep(LOOK)
                continue
            for owner, task in list(tasks.items()):
                now = wanted.get(owner)
                if task.done() or now is None or task.get_name() != _name(now):
                    task.cancel()
                    del tasks[owner]
            for owner, receiver in wanted.items():
                if owner not in tasks:
                    work = _push_to(core, signals, growth, receiver)
                    tasks[owner] = group.create_task(work, name=_name(receiver))
            await _grown(growth, LOOK, at_least=1.0)


def _name(receiver: Receiver) -> str:
    """Another version of the stream, or of what its client is called, is another task."""
    return f"push {receiver.owner} {receiver.version} {receiver.client.subjects_changed_at}"


async def _push_to(core: Core, signals: Signals, growth: Growth, receiver: Receiver) -> None:
    """Push to one receiver, as long as its stream stays as it is. Nothing that goes wrong with it ends other tasks."""
    failures = 0
    while True:
        try:
            await _lease(core, signals, receiver)
            came = await _round(core, signals, receiver)
        except (StoreError, UnreadableEvent, CannotSign) as error:
            came = Round(failed=True)
            log.warning(
                "signals.round_failed", client_id=receiver.client.client_id, kind=type(error).__name__
            )
        except Exception as error:  # it is this receiver's alone
            came = Round(failed=True)
            log.error("signals.unforeseen", client_id=receiver.client.client_id, kind=type(error).__name__)
        failures = failures_after(failures, came)
        if came.failed or came.crowded:
            await asyncio.sleep(pause_after(failures) if came.failed else PUT_BACK)
        elif not came.more:
            await _grown(growth, LOOK, at_least=LINGER)


def failures_after(failures: int, came: Round) -> int:
    """How many rounds in a row the receiver took nothing in."""
    if not came.failed:
        return failures if came.crowded and not came.settled else 0
    return 1 if came.settled else failures + 1


def pause_after(failures: int) -> float:
    """Seconds to leave a receiver alone after so many failures in a row."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE)


async def _lease(core: Core, signals: Signals, receiver: Receiver) -> None:
    """Wait until this process has the receiver for itself. A lease is for a slice of time, and the next slice is taken
    before it is over: so a receiver stays with its process, and a killed one is followed within a minute."""
    while True:
        number, into = divmod(core.now(), LEASE)
        if signals.leases.get(receiver.owner, -1) >= number:
            if into > LEASE // 2 and signals.leases[receiver.owner] == number:
                await take_lease(core, signals, receiver, number + 1)
            return
        if await take_lease(core, signals, receiver, number):
            return
        await asyncio.sleep(1.0)


async def take_lease(core: Core, signals: Signals, receiver: Receiver, number: int) -> bool:
    """Take a slice of time, if no other process has it. A task that is cancelled meanwhile, because the stream has
    changed, leaves the lease to the task that follows it: else nobody pushed until the slice is over."""

    async def take() -> bool:
        key = f"signals_push:{receiver.tenant}:{receiver.owner}:{number}"
        reserved = await core.store.reserve(key, (number + 2) * LEASE)
        if reserved:
            signals.leases[receiver.owner] = number
        return reserved

    taking = asyncio.create_task(take())
    signals.taking.add(taking)
    taking.add_done_callback(signals.taking.discard)
    return await asyncio.shield(taking)


async def _round(core: Core, signals: Signals, receiver: Receiver) -> Round:
    """Push what waits, at most one batch, for half of a lease at most."""
    waiting = await signals.waiting(core, receiver, BATCH)
    if not waiting.tokens:
        return Round()
    header = await core.private.open(receiver.tenant, OWNER_KIND, receiver.owner, AUTHORIZATION)
    turns, refused, got = asyncio.Semaphore(AT_ONCE), dict[str, str](), list[str]()
    failed, crowded, until = False, False, monotonic() + LEASE / 2

    async def push(token: Token) -> None:
        nonlocal failed, crowded
        async with turns:
            if failed or crowded or monotonic() > until:  # whoever did not take one is not asked for the rest
                return
            try:
                status = await _post(core, receiver, token, header)
            except EgressOverloaded:
                crowded = True
                return
        if status in _ACCEPTED:
            got.append(token.event.token_id)
        elif status == _NEVER:
            refused[token.event.token_id] = f"status_{status}"
        else:
            failed = True
            log.warning("signals.push_failed", client_id=receiver.client.client_id, status=status)

    await asyncio.gather(*(push(token) for token in waiting.tokens))
    if got or refused:
        await signals.record(core, Origin(receiver.tenant, actor="system"), receiver, got, refused)
    settled = len(got) + len(refused)
    more = settled == BATCH or settled < len(waiting.tokens)
    return Round(settled, more, failed, crowded)


async def _post(core: Core, receiver: Receiver, token: Token, header: bytes | None) -> int:
    """The status of the receiver's answer; 0 when there was none. Raises EgressOverloaded."""
    headers = {"Accept": "application/json"}
    if header is not None:
        headers["Authorization"] = header.decode()
    url = receiver.stream.delivery.endpoint_url
    body = (await sign(core, receiver, token)).encode()
    try:
        return await core.egress.post(url, body, MEDIA_TYPE, headers, client=receiver.client.client_id)
    except EgressOverloaded:
        raise
    except EgressRefused:
        return 0


async def _grown(growth: Growth, seconds: float, *, at_least: float) -> None:
    """Wait for the log to grow, no longer than so many seconds."""
    wake = asyncio.Event()
    with growth.wakes(wake):
        await asyncio.sleep(at_least)
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return
