"""RFC 9126: a request that the client pushed before it sends the person. What it is presented with at the
authorization endpoint is a ``request_uri``; whether that is still good is decided here."""

from typing import Final

import msgspec

from domain.errors import Refusal
from domain.grant.grant import Grant
from domain.vocabulary.confirmation import UNBOUND, Confirmation

#: What stands before our own value (RFC 9126 §2.2).
PREFIX: Final = "urn:ietf:params:oauth:request_uri:"


class PushedRequest(msgspec.Struct, frozen=True):
    """How a pushed request came: the digest of its ``request_uri``, for how many seconds that is good, how the client
    proved itself, and the keys that it proved to hold."""

    request_uri_hash: str
    lifetime: int
    client_auth_method: str
    client_key_id: str | None = None
    proof: Confirmation = UNBOUND


def invalid_request_uri(reason: str, section: str = "RFC 9126 §4") -> Refusal:
    """The same for all reasons: who guesses learns nothing. ``reason`` is for the log."""
    return Refusal(
        "invalid_request_uri",
        "The request_uri is not valid, or not any more.",
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
    """Why the browser may not go on with a pushed request, or None (RFC 9126 §4, decisions.md 20).

    It may be fetched any number of times until it is used up by one answer to the client; none of these refusals uses
    it up. ``browser_hash`` is that of the browser that asks, None when it was not here before.
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
