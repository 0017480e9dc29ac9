"""An event: a fact in the past tense, frozen, and never changed once released.

Each event class carries a tag of its own (``grant.code_issued.v1``) that outlives renames and moves of the
class. The tag is stored beside the payload; a stored name never imports a module. A new version of an event
is a new class with a new tag, and the old one stays in its registry for ever, so that every log still folds.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

S = TypeVar("S")


class Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """Base of all events. Holds no personal data, no secret and no token, only digests of them."""


def tag_of(event_class: type[Event]) -> str:
    """The stored name of an event class, such as ``grant.code_issued.v1``."""
    tag = event_class.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def registry(*event_classes: type[Event]) -> dict[str, type[Event]]:
    """A closed registry of one stream kind: tag to class. A tag used twice is a programming error."""
    tags: dict[str, type[Event]] = {}
    for event_class in event_classes:
        tag = tag_of(event_class)
        if tag in tags:
            raise ValueError(f"two event classes share the tag {tag}")
        tags[tag] = event_class
    return tags


def as_dict(event: Event) -> dict[str, Any]:
    """The event's fields as plain JSON values, for an auditor's eyes."""
    fields = msgspec.to_builtins(event)
    assert isinstance(fields, dict)
    return fields


class Fold(Protocol[S]):
    """The state after some events, which follow ``state``."""

    def __call__(self, events: Iterable[Event], state: S = ...) -> S: ...


def folding(apply: Callable[[S, Event], S], nothing: S) -> Fold[S]:
    """The fold of a kind of stream: ``apply`` is the state after one more event, ``nothing`` that before the first."""

    def fold(events: Iterable[Event], state: S = nothing) -> S:
        for event in events:
            state = apply(state, event)
        return state

    return fold
