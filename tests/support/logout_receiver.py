"""A client's back-channel logout endpoint, over HTTPS with an authority of its own, read by another library."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from domain.event import Event
from domain.stream import DEFAULT_TENANT, SESSION, session_stream
from tests.support.https_site import Authority, Site
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer

PATH = "/backchannel_logout"

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def reaching(authority: Authority) -> dict[str, Any]:
    """Settings of a server that may reach the receiver, and trusts its certificate."""
    return {"egress_allow": ("localhost",), "egress_ca_file": authority.ca_file, "egress_timeout_seconds": 2}


async def told_client(server: RunningServer, site: Site, name: str = "web", **changes: Any) -> KnownClient:
    """A client that wants to hear of logouts at the site."""
    return await server.client(
        name,
        **({"backchannel_logout_uri": site.url(PATH), "backchannel_logout_session_required": True} | changes),
    )


def tokens_at(site: Site, path: str = PATH) -> list[str]:
    """The logout tokens that were posted there, in order. Nothing else may be in the form."""
    tokens = []
    for method, seen, headers, body in site.seen:
        if seen == path:
            assert (method, headers["Content-Type"]) == ("POST", "application/x-www-form-urlencoded")
            form = parse_qs(body.decode(), strict_parsing=True)
            assert form.keys() == {"logout_token"}
            tokens += form["logout_token"]
    return tokens


async def verified(server: RunningServer, token: str) -> dict[str, Any]:
    """The claims of a logout token that a client would accept (Back-Channel Logout 1.0 §2.6)."""
    async with server.http.get(server.url("/jwks")) as answer:
        keys = KeySet.import_key_set(await answer.json())
    assert extract_compact(token.encode()).protected["typ"] == "logout+jwt"
    claims = dict(jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims)
    assert claims["iss"] == server.issuer
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    return claims


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for what happens beside the requests; fails when it does not happen in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process or task makes it true
            await asyncio.sleep(0.05)


async def session_events(server: RunningServer, session_id: str) -> list[Event]:
    """The events of a session, as an auditor reads them."""
    from authrim.store import codec

    read = await server.core.store.read_stream(session_stream(DEFAULT_TENANT, session_id))
    return list(codec.decode_stream(SESSION, read))
