"""Tells clients that a session has ended: OpenID Connect Back-Channel Logout 1.0, from the outbox.

However a session ends (logout, a new password, an administrator, on any node), its event has a row in the outbox. A
process takes the row for a while, posts to every client that knows of the session, and records in the session's
stream what became of it. One that is killed in between is followed by another, which sends the same ``jti`` again
(F22). Nobody's logout waits for any of this, and nobody is tried without end (A119).

Each session is told of by itself, so that one whose receiver hangs delays no other; how many may be posted to at once
is the egress guard's to say (``authrim/outside/shares.py``), for each client and host apart. What finds no place there
was not tried: it is due again in a moment, behind what has not been taken yet.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

import structlog

from authrim.clients.keys import ClientKeys
from authrim.core.execute import Change, Outcome
from authrim.core.origin import Origin
from authrim.core.parts import Core
from authrim.crypto.key_ring import NoSigningKey
from authrim.outside.egress import EgressOverloaded, EgressRefused
from authrim.people.logout._session_clients import clients_of_session, knows_session
from authrim.people.pseudonyms import public_session, public_subject
from authrim.people.sessions.browser import read_session
from authrim.protocol.logout_token import logout_token_id, sign_logout_token
from authrim.store.contract import StoreError
from authrim.store.read_back import Delivery
from domain import stream as streams
from domain.client.client import Client
from domain.errors import Refusal
from domain.person import session as sessions
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed
from domain.units import DAY, MICROSECONDS

log = structlog.get_logger(__name__)

#: Seconds before each further attempt; when they are used up a client is given up (A119).
PAUSES: Final = (5, 30, 120)
#: Sessions that one process has in hand at once, and that it takes with one look.
IN_HAND: Final = 512
AT_ONCE: Final = 64
#: Seconds before a client is tried that found no place.
PUT_BACK: Final = 5
#: Seconds between two looks for what is due.
PAUSE: Final = 0.5
#: Seconds after which the end of a session is no news: every session has long expired. It bounds what an outage, or a
#: rebuild of the outbox from nothing, can lead to.
OLD: Final = 31 * DAY
_FORM: Final = "application/x-www-form-urlencoded"


class _EndedSession(NamedTuple):
    """What a client is told of a session."""

    tenant: str
    session_id: str
    subject: str


Result = BackChannelLogoutDelivered | BackChannelLogoutFailed


async def tell_until_cancelled(core: Core, keys: ClientKeys) -> None:
    """Look for what is due, again and again; a store that is away is waited for."""
    async with asyncio.TaskGroup() as group:
        in_hand: set[asyncio.Task[None]] = set()
        while True:
            room = min(AT_ONCE, IN_HAND - len(in_hand))
            try:
                taken = await _take(core, room) if room else ()
            except StoreError:
                log.warning("logout_notices.store_unavailable")
                taken = ()
            for delivery in taken:
                task = group.create_task(_tell_clients(core, keys, delivery))
                in_hand.add(task)
                task.add_done_callback(in_hand.discard)
            if len(taken) < AT_ONCE:
                await asyncio.sleep(PAUSE)


async def _take(core: Core, limit: int) -> Sequence[Delivery]:
    """Take rows for longer than all their posts may last: a process that hangs has lost them to another."""
    return await core.store.take_deliveries(limit, 4 * int(core.settings.egress_timeout_seconds))


async def _tell_clients(core: Core, keys: ClientKeys, delivery: Delivery) -> None:
    """One attempt for one session. When it fails otherwise than it may, the row is due again after its lease."""
    _tenant, _, session_id = streams.parse(delivery.stream)
    try:
        await _attempt(core, keys, delivery)
    except StoreError as error:
        log.warning("logout_notices.not_recorded", session=session_id, kind=type(error).__name__)
    except Exception as error:  # no other session has to do with it
        log.error("logout_notices.session_failed", session=session_id, kind=type(error).__name__)


async def _attempt(core: Core, keys: ClientKeys, delivery: Delivery) -> None:
    """Tell every client that waits to be told, record what is final, and say when the row is due again."""
    tenant, _, session_id = streams.parse(delivery.stream)
    waiting = await _clients_to_tell(core, delivery)
    session, _version = await read_session(core, tenant, session_id)
    ended = _EndedSession(delivery.tenant, session_id, session.subject)
    results = await asyncio.gather(*(_tell(core, keys, delivery, client, ended) for client in waiting))
    last = delivery.attempts > len(PAUSES)
    final = tuple(
        result
        for result in results
        if isinstance(result, BackChannelLogoutDelivered)
        or (last and isinstance(result, BackChannelLogoutFailed))
    )
    if final:
        await _record(core, tenant, session_id, final)
    if len(final) == len(waiting):
        await core.store.settle_delivery(delivery.position)
    elif any(isinstance(result, BackChannelLogoutFailed) for result in results) and not last:
        await core.store.settle_delivery(delivery.position, PAUSES[delivery.attempts - 1])
    else:  # no attempt failed, so this was no attempt
        await core.store.settle_delivery(delivery.position, PUT_BACK, counted=False)


async def _clients_to_tell(core: Core, delivery: Delivery) -> tuple[Client, ...]:
    """The clients that know of the session, want to hear of its end and have not been told."""
    if delivery.recorded_at // MICROSECONDS < core.now() - OLD:
        return ()
    tenant, _, session_id = streams.parse(delivery.stream)
    known = [
        await core.configuration.client(tenant, client_id)
        for client_id in await clients_of_session(core.store, tenant, session_id)
    ]
    return tuple(
        client
        for client in known
        if client
        and client.exists
        and client.metadata.backchannel_logout_uri
        and knows_session(client, session_id)
    )


async def _tell(
    core: Core, keys: ClientKeys, delivery: Delivery, client: Client, ended: _EndedSession
) -> Result | None:
    """Post a logout token to one client (§2.5); what became of it, None when there was no place to try."""
    token_id = logout_token_id(ended.tenant, ended.session_id, client.client_id)
    uri, now = client.metadata.backchannel_logout_uri, core.now()
    assert uri is not None
    if core.egress.is_crowded(uri, client.client_id):
        return None
    try:
        token = await _logout_token(core, keys, client, ended, token_id)
        status = await core.egress.post(
            uri, urlencode({"logout_token": token}).encode(), _FORM, client=client.client_id
        )
    except EgressOverloaded:
        return None
    except (NoSigningKey, _NoEncryptionKey):
        reason = "no_key"
    except EgressRefused:
        reason = "unreachable"
    except StoreError:
        raise
    except (
        Exception
    ) as error:  # it is this client's alone: no other waits for it, and it is not tried without end
        reason = "failed"
        log.error("logout_notices.unforeseen", client_id=client.client_id, kind=type(error).__name__)
    else:
        if status in {200, 204}:
            return BackChannelLogoutDelivered(client.client_id, token_id, now, delivery.attempts)
        reason = f"status_{status}"
    log.warning("logout_notices.failed", client_id=client.client_id, reason=reason, attempt=delivery.attempts)
    return BackChannelLogoutFailed(client.client_id, token_id, reason, now, delivery.attempts)


class _NoEncryptionKey(LookupError):
    """The client wants to be written to in secret, and has no key for it now."""


async def _logout_token(
    core: Core, keys: ClientKeys, client: Client, ended: _EndedSession, token_id: str
) -> str:
    """The token, signed and if need be encrypted as the client's ID tokens are (§2.4).

    Raises NoSigningKey or _NoEncryptionKey.
    """
    metadata, now, tenant = client.metadata, core.now(), ended.tenant
    signer = core.key_ring.signer(tenant, metadata.id_token_signed_response_alg, now)
    known_as = public_subject(core, tenant, client, ended.subject)
    sid = public_session(core, tenant, client, ended.session_id)
    assert sid is not None, "a client with an address for logout tokens hears of sessions"
    token = sign_logout_token(signer, core.issuer, client.client_id, known_as, sid, token_id, now)
    alg, enc = metadata.id_token_encrypted_response_alg, metadata.id_token_encrypted_response_enc
    sent = await keys.encrypted(tenant, client, token, alg, enc)
    if isinstance(sent, Refusal):
        raise _NoEncryptionKey
    return sent


async def _record(core: Core, tenant: str, session_id: str, results: tuple[Result, ...]) -> None:
    """Write down in the session's stream what an auditor asks: was the client told?"""
    stream = streams.session_stream(tenant, session_id)

    async def attempt() -> Outcome[None]:
        session, version = await read_session(core, tenant, session_id)
        events = sessions.decide_notified(session, results)
        return Outcome(None, (Change(stream, version, events, session),) if events else ())

    await core.executor.until_it_fits(Origin(tenant, actor="system"), attempt, stream)
