"""RFC 8707: the resources that a token may be for. One that the client is not registered for is ``invalid_target``."""

import re
from typing import Final

from domain.client.client import Client
from domain.errors import Refusal, invalid_target
from domain.resource.resource import NO_RESOURCE, NO_RESOURCES, Resources

MAX_LENGTH: Final = 2048

#: A scheme, ":" and at least one character of RFC 3986. ``#`` is not among them, so a fragment never matches.
_ABSOLUTE_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
)


def is_resource(value: str) -> bool:
    """Whether the value is an absolute URI without a fragment (RFC 8707 §2)."""
    return len(value) <= MAX_LENGTH and _ABSOLUTE_URI.fullmatch(value) is not None


def userinfo(issuer: str) -> str:
    """The resource identifier of the userinfo endpoint, as in its metadata (RFC 9728 §2)."""
    return f"{issuer}/userinfo"


def event_stream(issuer: str) -> str:
    """The resource identifier of the stream of events."""
    return f"{issuer}/events"


def shared_signals(issuer: str) -> str:
    """The resource identifier of the transmitter of security event tokens."""
    return f"{issuer}/ssf"


def is_ours(resource: str, issuer: str) -> bool:
    """Whether a token for this resource is for an endpoint of this server."""
    return resource in (issuer, userinfo(issuer), event_stream(issuer), shared_signals(issuer))


def audience_for(
    client: Client,
    requested: tuple[str, ...],
    scope: tuple[str, ...],
    issuer: str,
    default: str | None = None,
    resources: Resources = NO_RESOURCES,
) -> tuple[str, ...] | Refusal:
    """The audience of an access token, or a refusal (decisions.md 24).

    These are the requested resources, each of which the client must be allowed. Without any, it is the ``default`` of
    the grant, or that of the client if there is no grant yet, or else the issuer. With ``openid`` the issuer is
    included, because userinfo requires it. ``resources`` are the registered resource servers; no tokens are issued for
    a retired one.
    """
    for resource in requested:
        if not is_resource(resource):
            return invalid_target(
                "The resource is not an absolute URI without fragment.", hint="Send the resource's URI."
            )
        if not (is_ours(resource, issuer) or _may_ask_for(client, resource, resources)):
            return invalid_target(
                "The client is not allowed tokens for this resource.", hint="Allow it in audiences."
            )
    audience = requested or (default or client.metadata.default_audience or issuer,)
    if any(resource in resources and not resources[resource].is_active for resource in audience):
        return invalid_target("The resource server is retired.", hint="Ask for another resource.")
    if "openid" in scope:
        audience = (*audience, issuer)
    return tuple(dict.fromkeys(audience))


def _may_ask_for(client: Client, resource: str, resources: Resources) -> bool:
    """The client lists the resource, or the resource server takes tokens of every client."""
    return resource in client.metadata.audiences or resources.get(resource, NO_RESOURCE).settings.any_client
