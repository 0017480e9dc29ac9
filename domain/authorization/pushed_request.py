"""RFC 9126: a request that the client pushes before it sends the person to the authorization endpoint.

The client presents a ``request_uri`` there. This module decides whether it is still valid.
"""

from typing import Final

import msgspec

from domain.errors import Refusal
from domain.grant.grant import Grant
from domain.vocabulary.confirmation import UNBOUND, Confirmation

#: The prefix of a ``request_uri`` (RFC 9126 §2.2).
PREFIX: Final = "urn:ietf:params:oauth:request_uri:"


class PushedRequest(msgspec.Struct, frozen=True):
    """How a request was pushed: the digest of its ``request_uri``, the lifetime of that in seconds, how the client
    authenticated, and the keys that it proved possession of."""

    request_uri_hash: str
    lifetime: int
    client_auth_method: str
    client_key_id: str | None = None
    proof: Confirmation = UNBOUND


def invalid_request_uri(reason: str, section: str = "RFC 9126 §4") -> Refusal:
    """The same refusal for all reasons, so guessing reveals nothing. ``reason`` is for the log."""
    return Refusal(
        "invalid_request_uri",
        "The request_uri is not, or no longer, valid.",
        hint="Push the request again.",
        section=section,
        reason=reason,
    )


UNKNOWN: Final = invalid_request_uri("request_uri_unknown")
OTHER_CLIENT: Final = invalid_request_uri("request_uri_of_another_client")
USED: Final = invalid_request_uri("request_uri_used")
EXPIRED: Final = invalid_request_uri("request_uri_expired")
OTHER_BROWSER: Final = invalid_request_uri("request_uri_of_another_browser")


def why_unusable(
    grant: Grant, client_id: str, request_uri_hash: str, browser_hash: str | None, now: int
) -> Refusal | None:
    """Why the browser cannot continue with a pushed request, or None (RFC 9126 §4, decisions.md 20).

    A ``request_uri`` can be used any number of times until the client gets a response; none of these refusals
    invalidates it. ``browser_hash`` is that of the requesting browser, None if it is new here.
    """
    asked = grant.request
    if asked is None or asked.request_uri_hash is None or asked.request_uri_expires_at is None:
        return UNKNOWN
    if request_uri_hash != asked.request_uri_hash:
        return UNKNOWN
    if client_id != asked.client_id:
        return OTHER_CLIENT
    if not grant.waits_for_person:
        return USED
    if now >= asked.request_uri_expires_at:
        return EXPIRED
    if grant.browser_hash is not None and browser_hash != grant.browser_hash:
        return OTHER_BROWSER
    return None
