"""Refusals that belong to no grant: each is a stream of one event, or is only counted during a flood."""

from domain.event import Event, registry


class RequestRefused(Event, frozen=True, tag="refusal.request_refused.v1"):
    """A request was refused before it belonged to a grant. ``client_id`` is set only if the client exists."""

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
    """How often an endpoint refused in one minute, in addition to the refusals that were recorded one by one."""

    endpoint: str
    error: str
    count: int
    minute: int


REFUSAL_EVENTS = registry(RequestRefused, RefusalsCounted)
