"""An event: a fact in the past tense, immutable, and never changed once released.

Each event class has its own tag (``grant.code_issued.v1``), which stays the same when the class is renamed or moved.
The tag is stored with the payload; reading a stored name never imports a module. A new version of an event is a new
class with a new tag. The old class stays in its registry forever, so every log can still be read.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

S = TypeVar("S")


class Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    """Base class of all events. An event contains no personal data, no secret and no token, only digests of them."""


def tag_of(event_class: type[Event]) -> str:
    """The stored name of an event class, such as ``grant.code_issued.v1``."""
    tag = event_class.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def registry(*event_classes: type[Event]) -> dict[str, type[Event]]:
    """The registry of one stream kind, from tag to class. Raises ValueError when two classes share a tag."""
    tags: dict[str, type[Event]] = {}
    for event_class in event_classes:
        tag = tag_of(event_class)
        if tag in tags:
            raise ValueError(f"two event classes share the tag {tag}")
        tags[tag] = event_class
    return tags


def as_dict(event: Event) -> dict[str, Any]:
    """The event's fields as plain JSON values, to be shown to an auditor."""
    fields = msgspec.to_builtins(event)
    assert isinstance(fields, dict)
    return fields


class Fold(Protocol[S]):
    """Computes the state after some more events that follow ``state``."""

    def __call__(self, events: Iterable[Event], state: S = ...) -> S: ...


def folding(apply: Callable[[S, Event], S], nothing: S) -> Fold[S]:
    """Return the fold of a kind of stream. ``apply`` computes the state after one more event; ``nothing`` is the state
    before the first event."""

    def fold(events: Iterable[Event], state: S = nothing) -> S:
        for event in events:
            state = apply(state, event)
        return state

    return fold
