"""Cross-origin reading of what a script in a browser may call (Fetch §3.2, A198).

What scripts may call answers with these headers: token, pushed requests, revocation, userinfo, registration, discovery
and the key set; pages, the authorization endpoint and logout never do. Credentials are never allowed: a browser's
cookies are no argument there. An error that says nothing of a known client is for every origin, or a script would
see a failure of the network in place of it.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from domain.client.client import Client
from domain.client.redirect_uri import web_origin

ANY_ORIGIN: Final = frozenset({"*"})
"""For documents that are the same for everyone: discovery and JWKS."""

FOR_SCRIPTS: Final = web.AppKey("for_scripts", frozenset[str])
"""The paths that scripts may call."""

_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    # The star is for headers of the application's own, such as MCP-Protocol-Version; it does not stand for
    # Authorization (Fetch §3.2.5).
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP, *",
    "Access-Control-Max-Age": "600",
}
_EXPOSED: Final = "Authrim-Error-Id, DPoP-Nonce, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate"


def cors_headers(
    origin: str | None, allowed_origins: Collection[str], *, preflight: bool = False
) -> dict[str, str]:
    """The headers for a request from ``origin``; ``preflight`` for the answer to an OPTIONS request.

    ``Vary`` alone when the origin is not allowed. ``null`` is the origin of every sandboxed frame and of
    every file, so it is never allowed.
    """
    headers = {"Vary": "Origin"}
    if origin is None or origin == "null":
        return headers
    if allowed_origins is ANY_ORIGIN:
        headers["Access-Control-Allow-Origin"] = "*"
    elif origin in allowed_origins:
        headers["Access-Control-Allow-Origin"] = origin
    else:
        return headers
    headers |= _PREFLIGHT if preflight else {"Access-Control-Expose-Headers": _EXPOSED}
    return headers


def allow_every_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Let the scripts of every page read the answer."""
    response.headers.update(cors_headers(request.headers.get(hdrs.ORIGIN), ANY_ORIGIN))


def show_error_to_scripts(request: web.Request, response: web.StreamResponse) -> None:
    """Let every origin read an error about which no endpoint has decided: of a client that is not known, of a token
    that is nobody's, of the middleware itself."""
    if (
        response.status >= HTTPStatus.BAD_REQUEST
        and hdrs.ORIGIN in request.headers
        and request.path in request.app.get(FOR_SCRIPTS, ())
        and hdrs.VARY not in response.headers
    ):
        allow_every_origin(request, response)


def allow_client_origins(request: web.Request, response: web.Response, client: Client) -> None:
    """Let scripts of the client's own redirect origins read the answer."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    allowed = {spelled for uri in client.metadata.redirect_uris if (spelled := web_origin(uri)) is not None}
    response.headers.update(cors_headers(origin, allowed))
