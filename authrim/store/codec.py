"""Events to stored text and back, by closed registries: a stored name never imports a module.

A payload that cannot be read is ``UnreadableEvent``: the stream it stands in fails closed, the others go on
(F19, A232).
"""

from typing import Any

import msgspec

from authrim.store.contract import NewEvent, StreamRead
from domain.claim.events import CLAIM_EVENTS
from domain.client.events import CLIENT_EVENTS
from domain.event import Event
from domain.evidence import EVIDENCE_EVENTS
from domain.grant.events import GRANT_EVENTS
from domain.incident import INCIDENT_EVENTS
from domain.key.events import KEY_EVENTS
from domain.log_events import LOG_EVENTS
from domain.monitor_events import MONITOR_EVENTS
from domain.outbox_events import OUTBOX_EVENTS
from domain.person.account_events import ACCOUNT_EVENTS
from domain.person.role_events import ROLE_EVENTS
from domain.person.session_events import SESSION_EVENTS
from domain.question_events import QUESTION_EVENTS
from domain.refusal_events import REFUSAL_EVENTS
from domain.registration.initial_access_token_events import REGISTRATION_EVENTS
from domain.resource.events import RESOURCE_EVENTS
from domain.review_events import REVIEW_EVENTS
from domain.scope_text.events import SCOPE_TEXT_EVENTS
from domain.setting.events import SETTING_EVENTS
from domain.signal.events import SIGNAL_EVENTS
from domain.stream import (
    ACCOUNT,
    AUDIT,
    CLAIM,
    CLIENT,
    GRANT,
    INCIDENT,
    KEY,
    LOG,
    OUTBOX,
    REFUSAL,
    REGISTRATION,
    RESOURCE,
    ROLE,
    SCOPE,
    SESSION,
    SETTING,
    SIGNAL,
    WEBHOOK,
)
from domain.webhook.events import WEBHOOK_EVENTS

REGISTRIES: dict[str, dict[str, type[Event]]] = {
    GRANT: GRANT_EVENTS,
    CLIENT: CLIENT_EVENTS,
    ACCOUNT: ACCOUNT_EVENTS,
    SESSION: SESSION_EVENTS,
    KEY: KEY_EVENTS,
    REFUSAL: REFUSAL_EVENTS,
    REGISTRATION: REGISTRATION_EVENTS,
    RESOURCE: RESOURCE_EVENTS,
    AUDIT: {**QUESTION_EVENTS, **MONITOR_EVENTS, **REVIEW_EVENTS, **EVIDENCE_EVENTS},
    CLAIM: CLAIM_EVENTS,
    SCOPE: SCOPE_TEXT_EVENTS,
    SETTING: SETTING_EVENTS,
    ROLE: ROLE_EVENTS,
    LOG: LOG_EVENTS,
    INCIDENT: INCIDENT_EVENTS,
    OUTBOX: OUTBOX_EVENTS,
    WEBHOOK: WEBHOOK_EVENTS,
    SIGNAL: SIGNAL_EVENTS,
}

_TAGS: dict[type[Event], str] = {
    event_class: tag for registry in REGISTRIES.values() for tag, event_class in registry.items()
}
_DECODERS: dict[str, dict[str, msgspec.json.Decoder[Any]]] = {
    kind: {tag: msgspec.json.Decoder(event_class) for tag, event_class in registry.items()}
    for kind, registry in REGISTRIES.items()
}
_encode = msgspec.json.Encoder().encode


class UnreadableEvent(Exception):
    """A stored event that this code cannot read. Its text names the type, never the payload."""


class DroppedEvent(UnreadableEvent):
    """The contents of the event left the log, and are in an archive (authrim/store/dropped.py)."""


def encode(event: Event) -> NewEvent:
    """The event in its stored form. Raises KeyError for an event without a registry: it could not be read again."""
    return NewEvent(_TAGS[type(event)], _encode(event))


def decode(kind: str, tag: str, payload: bytes) -> Event:
    """The stored event. Raises UnreadableEvent for an unknown tag or a payload of a different shape, DroppedEvent where
    there is no payload any more."""
    if not payload:
        raise DroppedEvent(f"{kind} stream, event type {tag}")
    try:
        event = _DECODERS[kind][tag].decode(payload)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableEvent(f"{kind} stream, event type {tag}") from None
    assert isinstance(event, Event)
    return event


def decode_stream(kind: str, read: StreamRead) -> list[Event]:
    """All events of a stream that was read, in order. Of a stream that ended and left for the archives there are none:
    a decision about it is the one about an unknown stream."""
    if not all(payload for _, payload in read.payloads):
        return []
    return [decode(kind, tag, payload) for tag, payload in read.payloads]
