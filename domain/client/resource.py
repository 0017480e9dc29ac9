"""RFC 8707: which resources a token may be for; one outside the registration is ``invalid_target``."""

import re
from typing import Final

from domain.client.client import Client
from domain.errors import Refusal, invalid_target
from domain.resource.resource import NO_RESOURCE, NO_RESOURCES, Resources

MAX_LENGTH: Final = 2048

#: scheme ":" and at least one character of RFC 3986; ``#`` is not among them, so a fragment never fits.
_ABSOLUTE_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
)


def is_resource(value: str) -> bool:
    """Whether it is an absolute URI without a fragment (RFC 8707 §2)."""
    return len(value) <= MAX_LENGTH and _ABSOLUTE_URI.fullmatch(value) is not None


def userinfo(issuer: str) -> str:
    """The resource identifier of our own userinfo endpoint, as its metadata tells it (RFC 9728 §2)."""
    return f"{issuer}/userinfo"


def is_ours(resource: str, issuer: str) -> bool:
    """Whether a token for this resource is for an endpoint of this server."""
    return resource in (issuer, userinfo(issuer))


def audience_for(
    client: Client,
    requested: tuple[str, ...],
    scope: tuple[str, ...],
    issuer: str,
    default: str | None = None,
    resources: Resources = NO_RESOURCES,
) -> tuple[str, ...] | Refusal:
    """Whom an access token is for; what it is not for refuses it (decisions.md 24).

    The requested resources, each of which the client must be allowed; without any the ``default`` of the grant, or of
    the client where there is no grant yet, else the issuer. With ``openid`` the issuer is in it too, because userinfo
    needs it. ``resources`` are the registered resource servers: for a retired one there are no tokens.
    """
    for resource in requested:
        if not is_resource(resource):
            return invalid_target(
                "The resource is not an absolute URI without fragment.", hint="Send the resource's URI."
            )
        if not (is_ours(resource, issuer) or _may_ask_for(client, resource, resources)):
            return invalid_target(
                "The client may not have tokens for this resource.", hint="Allow it in audiences."
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
