"""What can happen to a resource server. Nothing that happens on every request is among it."""

from typing import Any

from domain.event import Event, registry


class ResourceCreated(Event, frozen=True, tag="resource.created.v1"):
    """A resource server was registered under its URI (RFC 8707 §2), or again after it had been retired. ``settings``
    are those of ``ResourceSettings``; a field with its default is omitted."""

    uri: str
    settings: dict[str, Any]
    created_at: int


class ResourceUpdated(Event, frozen=True, tag="resource.updated.v1"):
    """The settings were replaced. They hold for the tokens that are issued from now on."""

    settings: dict[str, Any]
    updated_at: int


class ResourceRetired(Event, frozen=True, tag="resource.retired.v1"):
    """No more tokens are issued for the resource server. Those that were issued expire as they would have."""

    reason: str
    retired_at: int


RESOURCE_EVENTS = registry(ResourceCreated, ResourceUpdated, ResourceRetired)
