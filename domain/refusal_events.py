"""Refusals that belong to no grant. Each is a stream of one event; during a flood they are only counted."""

from domain.event import Event, registry


class RequestRefused(Event, frozen=True, tag="refusal.request_refused.v1"):
    """A request was refused before it belonged to a grant. ``client_id`` is set only if the client exists. ``details``
    are the values that the words for ``reason`` need, such as the methods that the client is registered for."""

    error_id: str
    endpoint: str
    error: str
    description: str
    status: int
    refused_at: int
    hint: str = ""
    section: str = ""
    reason: str = ""
    client_id: str | None = None
    details: dict[str, str] = {}  # noqa: RUF012 - msgspec gives each event one of its own


class RefusalsCounted(Event, frozen=True, tag="refusal.counted.v1"):
    """How many times an endpoint refused in one minute, not counting the refusals that have an event of their own."""

    endpoint: str
    error: str
    count: int
    minute: int


REFUSAL_EVENTS = registry(RequestRefused, RefusalsCounted)
