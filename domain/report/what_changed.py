"""What each change did, while the log is read: the thing, and its fields with their old and new values, as
``authrim audit changes`` tells them.

Of a person's account only the event itself is told, so that no state of every account is kept.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.changed_fields import CHANGEABLE, ChangedField, differences, thing_of
from domain.claim.events import CLAIM_EVENTS
from domain.client.events import CLIENT_EVENTS, ClientDeleted
from domain.event import Event, tag_of
from domain.key.events import KEY_EVENTS
from domain.log_entry import LogEntry
from domain.person.account_events import ACCOUNT_EVENTS, ConsentRemembered, ErasureRequested, HoldPlaced
from domain.person.role_events import ROLE_EVENTS, RoleGranted, RoleTaken
from domain.registration.initial_access_token_events import REGISTRATION_EVENTS
from domain.report.wording import value_text
from domain.resource.events import RESOURCE_EVENTS
from domain.scope_text.events import SCOPE_TEXT_EVENTS
from domain.setting.events import SETTING_EVENTS, MasterKeyGivenUp, MasterKeyReplaced
from domain.stream import ACCOUNT, ROLE, WEBHOOK
from domain.webhook.events import WEBHOOK_EVENTS, WebhookCreated

#: What can be changed, by tag. What people agree to all the time is no change of an administrator.
CHANGES: Final[Mapping[str, type[Event]]] = {
    tag: event
    for events in (
        CLIENT_EVENTS, ACCOUNT_EVENTS, KEY_EVENTS, SETTING_EVENTS, RESOURCE_EVENTS, SCOPE_TEXT_EVENTS, CLAIM_EVENTS,
        ROLE_EVENTS, REGISTRATION_EVENTS, WEBHOOK_EVENTS,
    )
    for tag, event in events.items()
    if tag != tag_of(ConsentRemembered)
}  # fmt: skip
#: What a person reads nothing from: a key is known by its id.
_UNREADABLE: Final = ("public_jwk",)
#: Characters of all changed fields of one event in a table; ``authrim audit changes`` tells them whole.
_LONGEST: Final = 400
_LONGEST_VALUE: Final = 120


class Change(msgspec.Struct, frozen=True):
    """One change: of what, and which fields."""

    kind: str
    thing: str
    fields: tuple[ChangedField, ...] = ()

    @property
    def text(self) -> str:
        """The fields with their old and new values, for a table."""
        text = "; ".join(_field_text(one) for one in self.fields if one.field not in _UNREADABLE)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class WhatChanged:
    """The states of what can be changed, by stream."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], Any] = {}

    def take(self, entry: LogEntry) -> Change:
        """What one more event of ``CHANGES`` changed."""
        kind, name = entry.stream.kind, entry.stream.id
        thing = thing_of(kind, name, entry.event)
        if kind == WEBHOOK:  # one stream has all of them
            return Change(kind, getattr(entry.event, "webhook_id", name), _told_by(entry.event))
        if kind in (ACCOUNT, ROLE):
            return Change(kind, thing, _told_by(entry.event))
        changeable = CHANGEABLE[kind]
        known = (kind, name) in self._states
        before = self._states.get((kind, name), changeable.nothing)
        after = changeable.apply(before, entry.event)
        if isinstance(entry.event, ClientDeleted):
            self._states.pop((kind, name), None)
        else:
            self._states[kind, name] = after
        fields = differences(changeable.fields(before, thing), changeable.fields(after, thing))
        if not known:  # what is new has no old values
            fields = tuple(msgspec.structs.replace(one, old=None) for one in fields)
        return Change(kind, thing, fields or _told_by(entry.event))


def _told_by(event: Event) -> tuple[ChangedField, ...]:
    """What an event says of itself, where no state is compared."""
    match event:
        case RoleGranted():
            return (ChangedField("holder", None, event.subject),)
        case RoleTaken():
            return (ChangedField("holder", event.subject, None),)
        case MasterKeyGivenUp():
            return (ChangedField("master_key", event.key_id, None),)
        case MasterKeyReplaced():
            return (ChangedField("master_key", event.key_id, event.replaced_by),)
        case WebhookCreated(host=host, event_types=event_types):
            return (ChangedField("host", None, host), ChangedField("events", None, event_types))
        case HoldPlaced(until=until):
            return (ChangedField("hold_until", None, "until it is released" if until is None else until),)
        case ErasureRequested(due_at=due_at):
            return (ChangedField("due_at", None, due_at),)
        case _:
            names = getattr(event, "names", None) or ()
            client_id = getattr(event, "client_id", None)
            told = (("claims", list(names)), ("client", client_id))
            return tuple(ChangedField(name, None, value) for name, value in told if value)


def _field_text(field: ChangedField) -> str:
    if field.hidden:
        return f"{field.field}: {field.hidden}"
    new = value_text(field.field, field.new, _LONGEST_VALUE)
    if field.old is None:
        return f"{field.field}: {new}"
    return f"{field.field}: {value_text(field.field, field.old, _LONGEST_VALUE)} → {new}"
