"""Refusals that belong to no grant: each is a one-event stream, or counted into a summary during a flood."""

from domain.event import Event, registry


class RequestRefused(Event, frozen=True, tag="refusal.request_refused.v1"):
    """A request was refused before it belonged to any grant. ``client_id`` only when such a client exists."""

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


class RefusalsCounted(Event, frozen=True, tag="refusal.counted.v1"):
    """An endpoint refused this often in this minute, beyond what was recorded one by one."""

    endpoint: str
    error: str
    count: int
    minute: int


REFUSAL_EVENTS = registry(RequestRefused, RefusalsCounted)
