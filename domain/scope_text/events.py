"""What can happen to the descriptions of scope values. All of a tenant are in one stream."""

from domain.event import Event, registry


class ScopeDescribed(Event, frozen=True, tag="scope.described.v1"):
    """A scope value got a description in one language, in place of the one before. It is plain text."""

    scope: str
    locale: str
    title: str
    described_at: int
    detail: str = ""


class ScopeDescriptionRemoved(Event, frozen=True, tag="scope.description_removed.v1"):
    """The description of a scope value was removed in one language."""

    scope: str
    locale: str
    removed_at: int


SCOPE_TEXT_EVENTS = registry(ScopeDescribed, ScopeDescriptionRemoved)
