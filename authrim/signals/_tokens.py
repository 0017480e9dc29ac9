"""One event of the log as the security event token that one receiver gets of it, if it gets one.

Only what the receiver may know is in it: the person by the name that its client has for them, claims that the person
agreed to. Nothing of an administrator's reason is told.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.audit.recorded import read
from authrim.core.parts import Core
from authrim.people.accounts import read_account
from authrim.people.claims import told_claims
from authrim.people.pseudonyms import public_subject, session_name
from authrim.people.sessions.browser import read_session
from authrim.protocol.security_event_token import SecurityEvent, iss_sub, opaque, session_of
from authrim.signals._known import Known, What
from authrim.signals._subjects import hidden_names
from authrim.signals.event_types import (
    ASSURANCE_LEVEL_CHANGE,
    SESSION_REVOKED,
    TOKEN_CLAIMS_CHANGE,
    TYPES,
    VERIFICATION,
)
from authrim.signals.receivers import OWNER_KIND, Receiver, keyed_name, state_row
from authrim.store import codec
from authrim.store.contract import StoredEvent
from domain.client.claim_mapping import USERINFO
from domain.client.told_claims import Agreed, released
from domain.event import Event
from domain.log_entry import LogEntry
from domain.person.account import CONSENT_WITHDRAWN
from domain.person.account_events import PasswordSet
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.signal.events import SignalVerificationRequested
from domain.stream import SESSION, SIGNAL
from domain.units import MICROSECONDS

#: CAEP 1.0 §2: who began it, by who acted.
_INITIATORS: Final[Mapping[str, str]] = {
    "admin": "admin",
    "subject": "user",
    "client": "user",
    "system": "system",
}
_TOKEN_IDS: Final = "security-event-token"  # noqa: S105 - the purpose of a key


class Token(msgspec.Struct, frozen=True):
    """A token that waits for a receiver, and is signed when it is sent. ``verification_id``: of a verification."""

    position: int
    event: SecurityEvent
    verification_id: str = ""


class _Told(msgspec.Struct, frozen=True):
    """Whom an event is about: a person, and their session if it is about one."""

    subject: str
    session_id: str | None = None


class Tokens:
    """Makes tokens, and remembers whom each receiver knows."""

    def __init__(self) -> None:
        self._known = Known()

    async def token_of(self, core: Core, receiver: Receiver, stored: StoredEvent) -> Token | None:
        """The token of an event for a receiver, None when it gets none. Raises SealBroken and UnreadableEvent."""
        event_type = TYPES[stored.type]
        if event_type == VERIFICATION:
            return await _verification(core, receiver, stored)
        if not receiver.stream.wants(event_type):
            return None
        recorded = read(stored)
        assert recorded is not None
        told = await _told(core, recorded)
        what: tuple[What, str] = (
            ("subject", told.subject) if told.session_id is None else ("session_id", told.session_id)
        )
        if not told.subject or not await self._known.knows(core, receiver, *what, stored.position):
            return None
        if await _is_left_out(core, receiver, told.subject):
            return None
        members = await _members(core, receiver, recorded, event_type, told)
        if members is None:
            return None
        name = iss_sub(core.issuer, public_subject(core, receiver.tenant, receiver.client, told.subject))
        if told.session_id is not None:
            name = session_of(name, session_name(core, receiver.tenant, receiver.client, told.session_id))
        return Token(stored.position, _event(core, receiver, stored, event_type, name, members))


def _event(
    core: Core, receiver: Receiver, stored: StoredEvent, event_type: str, subject: Mapping[str, Any],
    members: Mapping[str, Any],
) -> SecurityEvent:  # fmt: skip
    """The same event makes the same token for a receiver, with a ``jti`` that tells nobody its position."""
    happened_at = stored.recorded_at // MICROSECONDS
    token_id = keyed_name(core, _TOKEN_IDS, receiver.stream.stream_id, str(stored.position), event_type)
    return SecurityEvent(token_id, event_type, subject, members, happened_at)


async def _verification(core: Core, receiver: Receiver, stored: StoredEvent) -> Token | None:
    """The answer to a verification, whose subject is the stream itself (SSF §8.1.4.1)."""
    event = codec.decode(SIGNAL, stored.type, stored.payload)
    if stored.stream.rpartition(":")[2] != receiver.owner or not isinstance(
        event, SignalVerificationRequested
    ):
        return None
    name = state_row(event.verification_id)
    state = await core.private.open(receiver.tenant, OWNER_KIND, receiver.owner, name)
    members = {} if state is None else {"state": state.decode()}
    subject = opaque(receiver.stream.stream_id)
    made = _event(core, receiver, stored, VERIFICATION, subject, members)
    return Token(stored.position, made, event.verification_id)


async def _told(core: Core, recorded: LogEntry) -> _Told:
    tenant, kind, identifier = recorded.stream
    if kind != SESSION:
        return _Told(identifier)
    session, _version = await read_session(core, tenant, identifier)
    return _Told(session.subject, identifier)


async def _is_left_out(core: Core, receiver: Receiver, subject: str) -> bool:
    """Whether the receiver wants to hear no more of the person, or the person has ended what they had with it."""
    client, removed = receiver.client, receiver.stream.removed
    account = (await read_account(core.store, receiver.tenant, subject)).account
    ending = account.endings.marks.get(client.client_id)
    withdrawn = ending is not None and ending.reason == CONSENT_WITHDRAWN
    if withdrawn and account.remembered_scope(client.client_id, client.generation) is None:
        return True
    return bool(removed) and not removed.isdisjoint(await hidden_names(core, receiver, subject))


async def _members(
    core: Core, receiver: Receiver, recorded: LogEntry, event_type: str, told: _Told
) -> dict[str, Any] | None:
    """The members of the event (CAEP 1.0 §3, RISC 1.0 §2); None when there is nothing to tell."""
    initiator = _INITIATORS.get(recorded.metadata.actor)
    common: dict[str, Any] = {"event_timestamp": recorded.recorded_at // MICROSECONDS}
    if initiator is not None:
        common["initiating_entity"] = initiator
    if event_type == SESSION_REVOKED:
        return common
    if event_type == ASSURANCE_LEVEL_CHANGE:
        levels = await _levels(core, recorded)
        return None if levels is None else common | levels
    if event_type == TOKEN_CLAIMS_CHANGE:
        claims = await _claims(core, receiver, told.subject)
        return common | {"claims": claims} if claims else None
    if isinstance(recorded.event, PasswordSet):
        return common | {"credential_type": "password", "change_type": "update"}
    return {}  # RISC's own have no member that we could fill


async def _levels(core: Core, recorded: LogEntry) -> dict[str, Any] | None:
    """The ``acr`` before and after, when it is another one (CAEP 1.0 §3.4)."""
    event, before = recorded.event, ""
    assert isinstance(event, SessionReauthenticated)
    for stored in await core.store.read_whole_stream(str(recorded.stream)):
        if stored.version >= recorded.version:
            break
        earlier: Event = codec.decode(SESSION, stored.type, stored.payload)
        if isinstance(earlier, SessionStarted | SessionReauthenticated):
            before = earlier.acr
    if not before or before == event.acr:
        return None
    return {"namespace": "RFC6711", "current_level": event.acr, "previous_level": before}


async def _claims(core: Core, receiver: Receiver, subject: str) -> dict[str, Any]:
    """What userinfo would tell the client now of what the person has agreed to with it."""
    account = (await read_account(core.store, receiver.tenant, subject)).account
    client = receiver.client
    scope = account.remembered_scope(client.client_id, client.generation)
    if scope is None:
        return {}
    agreed = Agreed(scope, (), account.remembered_claims(client.client_id, client.generation))
    catalogue = core.configuration.catalogue(receiver.tenant)
    told = released(catalogue, agreed, USERINFO, client.metadata.claim_mapping)
    return await told_claims(core, receiver.tenant, subject, told)
