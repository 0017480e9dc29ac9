"""Tells clients that a session has ended: OpenID Connect Back-Channel Logout 1.0, from the outbox.

However a session ends (logout, a new password, an administrator, on any node), its event has a row in the projection
``outbox``. A process makes one message of it for each client that knows of the session. The outbox delivers these, each
client's apart from the others' (``authrim/core/outbox.py``), and what became of it is recorded in the session's stream.
Whoever is killed in between is followed by another, which sends the same ``jti`` again (F22). Nobody's logout waits for
any of this, and nobody is tried without end (A119).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

import structlog

from authrim.clients.keys import ClientKeys
from authrim.core.execute import Change, Outcome
from authrim.core.origin import Origin
from authrim.core.outbox import LEFT_THE_LOG, Delivered, Failed, Message, NotTried, Result
from authrim.core.parts import Core
from authrim.crypto.jws import CannotSign
from authrim.outside.egress import EgressOverloaded, EgressRefused
from authrim.people.logout._session_clients import clients_of_session, knows_session
from authrim.people.pseudonyms import public_session, public_subject
from authrim.people.sessions.browser import read_session
from authrim.protocol.logout_token import logout_token_id, sign_logout_token
from authrim.store.contract import StoreError
from authrim.store.outbox_contract import NewDelivery
from authrim.store.read_back import Delivery
from domain import stream as streams
from domain.client.client import Client
from domain.errors import Refusal
from domain.person import session as sessions
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed
from domain.units import DAY, MICROSECONDS
from projections.outbox import BACKCHANNEL_LOGOUT

log = structlog.get_logger(__name__)

#: Seconds before each further attempt; when they are used up a client is given up (A119).
PAUSES: Final = (5, 30, 120)
#: Seconds after which the notice of a client that does not answer is given up, attempted or not.
PATIENCE: Final = 600
#: Notices that one client gets at the same time.
AT_ONCE: Final = 4
#: Ended sessions that a process takes with one look, and for how long, in seconds.
TAKEN: Final = 64
LEASE: Final = 30
#: Seconds between two looks for sessions that have ended.
PAUSE: Final = 0.5
#: Seconds after which the end of a session is no news: every session has long expired. It bounds what an outage, or a
#: rebuild of the outbox from nothing, can lead to.
OLD: Final = 31 * DAY
_FORM: Final = "application/x-www-form-urlencoded"

Event = BackChannelLogoutDelivered | BackChannelLogoutFailed


async def fan_out_until_cancelled(core: Core) -> None:
    """Make messages of the sessions that have ended, again and again. A store that is away is waited for."""
    while True:
        taken: Sequence[Delivery] = ()
        try:
            taken = await core.store.take_deliveries(TAKEN, LEASE)
            for ended in taken:
                await core.store.outbox.add(await _messages(core, ended), (ended.position,))
        except StoreError:
            log.warning("logout_notices.store_unavailable")
        if len(taken) < TAKEN:
            await asyncio.sleep(PAUSE)


async def _messages(core: Core, ended: Delivery) -> Sequence[NewDelivery]:
    """A message for each client that knows of the session, and has not been told of its end."""
    if ended.recorded_at // MICROSECONDS < core.now() - OLD:
        return ()
    tenant, _, session_id = streams.parse(ended.stream)
    return [
        notice_of(tenant, client_id, session_id, ended.position)
        for client_id in await clients_of_session(core.store, tenant, session_id)
        if _is_told(await core.configuration.client(tenant, client_id), session_id)
    ]


def notice_of(tenant: str, client_id: str, session_id: str, position: int) -> NewDelivery:
    """The message to a client about the end of a session, which is at a position of the log."""
    return NewDelivery(tenant, BACKCHANNEL_LOGOUT, client_id, str(position), position, session_id)


def _is_told(client: Client | None, session_id: str) -> bool:
    """Whether a client hears of the end of this session at all."""
    return (
        client is not None
        and client.exists
        and bool(client.metadata.backchannel_logout_uri)
        and knows_session(client, session_id)
    )


class _EndedSession(NamedTuple):
    """What a client is told of a session."""

    tenant: str
    session_id: str
    subject: str


class LogoutNotices:
    """Notices of ended sessions, as a kind of delivery: the receiver is a client, the detail a session."""

    name = BACKCHANNEL_LOGOUT

    def __init__(self, core: Core, keys: ClientKeys) -> None:
        self._core = core
        self._keys = keys

    @property
    def pauses(self) -> Sequence[int]:
        """Seconds before each further attempt."""
        return PAUSES

    @property
    def patience(self) -> int:
        """Seconds after which a notice is given up."""
        return PATIENCE

    @property
    def at_once(self) -> int:
        """How many notices a client gets at the same time."""
        return AT_ONCE

    async def deliver(self, message: Message) -> Result:
        """Post a logout token to the client (§2.5), and record that it was told."""
        core, tenant, session_id = self._core, message.tenant, message.detail
        client = await core.configuration.client(tenant, message.receiver)
        if client is None or not _is_told(client, session_id):
            return Delivered()
        session, _version = await read_session(core, tenant, session_id)
        if not session.subject:
            # It was given up long ago, and is retried: nobody knows any more whose it was.
            return Failed(LEFT_THE_LOG, final=True)
        token_id = logout_token_id(tenant, session_id, client.client_id)
        result = await self._post(client, _EndedSession(tenant, session_id, session.subject), token_id)
        if isinstance(result, Delivered):
            told = BackChannelLogoutDelivered(client.client_id, token_id, core.now(), message.attempt)
            await _record(core, tenant, session_id, told)
        return result

    async def given_up(self, message: Message, reason: str) -> None:
        """Record in the session's stream that the client was not told. That it was not is known there already when the
        stream left the log."""
        if reason == LEFT_THE_LOG:
            return
        tenant, session_id, client_id = message.tenant, message.detail, message.receiver
        token_id = logout_token_id(tenant, session_id, client_id)
        failed = BackChannelLogoutFailed(client_id, token_id, reason, self._core.now(), message.attempt)
        await _record(self._core, tenant, session_id, failed)

    async def _post(self, client: Client, ended: _EndedSession, token_id: str) -> Result:
        core, uri = self._core, client.metadata.backchannel_logout_uri
        assert uri is not None
        if core.egress.is_crowded(uri, client.client_id):
            return NotTried()
        try:
            token = await _logout_token(core, self._keys, client, ended, token_id)
            body = urlencode({"logout_token": token}).encode()
            status = await core.egress.post(uri, body, _FORM, client=client.client_id)
        except EgressOverloaded:
            return NotTried()
        except (CannotSign, _NoEncryptionKey):
            return Failed("no_key")
        except EgressRefused:
            return Failed("unreachable", away=True)
        return Delivered() if status in {200, 204} else Failed(f"status_{status}", away=status >= 500)


class _NoEncryptionKey(LookupError):
    """The client wants to be written to in secret, and has no key for it now."""


async def _logout_token(
    core: Core, keys: ClientKeys, client: Client, ended: _EndedSession, token_id: str
) -> str:
    """The token, signed and if need be encrypted as the client's ID tokens are (§2.4).

    Raises CannotSign or _NoEncryptionKey.
    """
    metadata, now, tenant = client.metadata, core.now(), ended.tenant
    signer = core.key_ring.signer(tenant, metadata.id_token_signed_response_alg, now)
    known_as = public_subject(core, tenant, client, ended.subject)
    sid = public_session(core, tenant, client, ended.session_id)
    assert sid is not None, "a client with an address for logout tokens hears of sessions"
    token = await sign_logout_token(signer, core.issuer, client.client_id, known_as, sid, token_id, now)
    alg, enc = metadata.id_token_encrypted_response_alg, metadata.id_token_encrypted_response_enc
    sent = await keys.encrypted(tenant, client, token, alg, enc)
    if isinstance(sent, Refusal):
        raise _NoEncryptionKey
    return sent


async def _record(core: Core, tenant: str, session_id: str, event: Event) -> None:
    """Write down in the session's stream what an auditor asks: was the client told? Once per client, except that one
    may be told after it was given up."""
    stream = streams.session_stream(tenant, session_id)

    async def attempt() -> Outcome[None]:
        session, version = await read_session(core, tenant, session_id)
        events = sessions.decide_notified(session, event)
        return Outcome(None, (Change(stream, version, events, session),) if events else ())

    await core.executor.until_it_fits(Origin(tenant, actor="system"), attempt, stream)
