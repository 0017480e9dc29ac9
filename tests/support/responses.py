"""Authorization responses of every type and mode, as a client receives and reads them."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from domain.vocabulary.response_type import grant_types_of
from tests.support.browser import Browser, BrowserPage, redeem
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

IMPLICIT = ("id_token", "id_token token")
HYBRID = ("code id_token", "code token", "code id_token token")
#: The response types that the certification profiles run through.
CERTIFIED = ("code", *IMPLICIT, *HYBRID)

_DIGESTS = {
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "EdDSA": hashlib.sha512,
    "Ed25519": hashlib.sha512,
}


class ReceivedResponse(msgspec.Struct, frozen=True):
    """What reached the client's redirect URI: by which encoding, and the parameters."""

    encoding: str
    parameters: dict[str, str]
    verifier: str = ""

    @classmethod
    def of(cls, shown: BrowserPage, client: KnownClient, verifier: str = "") -> "ReceivedResponse":
        """Read what the browser brings; fails when it is anywhere but at the client's redirect URI."""
        if shown.location is None:
            action, fields = shown.form
            assert action == client.redirect_uri, (shown.status, shown.body[:500])
            return cls("form_post", fields, verifier)
        assert shown.location.startswith(client.redirect_uri), shown.location
        parts = urlsplit(shown.location)
        assert not (parts.query and parts.fragment) or "?" in client.redirect_uri
        encoding = "fragment" if parts.fragment else "query"
        return cls(encoding, dict(parse_qsl(parts.fragment or parts.query, keep_blank_values=True)), verifier)


async def client_of(server: RunningServer, response_type: str, **changes: Any) -> KnownClient:
    """A client registered for one response type and the grant types that it needs, and to refresh when it may."""
    grant_types = grant_types_of(response_type)
    if "authorization_code" in grant_types:
        grant_types = (*grant_types, "refresh_token")
    usual = {"kind": "web", "response_types": (response_type,), "grant_types": grant_types}
    return await server.client(response_type, **(usual | changes))


async def answered(
    browser: Browser, client: KnownClient, response_type: str, **parameters: Any
) -> ReceivedResponse:
    """A request with a nonce, through the pages that are shown, to the client's redirect URI."""
    asked = {"response_type": response_type, "nonce": "a-nonce"} | parameters
    shown, verifier = await browser.authorize(client, **asked)
    return ReceivedResponse.of(await browser.through_pages(shown), client, verifier)


async def refusal(
    browser: Browser, client: KnownClient, response_type: str, **parameters: Any
) -> ReceivedResponse:
    """A request that is refused at once."""
    shown, _ = await browser.authorize(
        client, **({"response_type": response_type, "nonce": "a-nonce"} | parameters)
    )
    received = ReceivedResponse.of(shown, client)
    assert "error" in received.parameters
    assert not {"code", "id_token", "access_token"} & received.parameters.keys()
    return received


async def redeemed(server: RunningServer, client: KnownClient, received: ReceivedResponse) -> dict[str, Any]:
    """The token response for the code that was received."""
    status, tokens = await redeem(server, client, received.parameters["code"], received.verifier)
    assert status == 200, tokens
    return tokens


async def id_token_of(
    server: RunningServer, client: KnownClient, received: ReceivedResponse
) -> dict[str, Any]:
    """The first ID token of a flow: the front channel's, else the token endpoint's."""
    token = received.parameters.get("id_token")
    if token is None:
        token = (await redeemed(server, client, received))["id_token"]
    return await verified_claims(server, token)


async def access_token_of(
    server: RunningServer, client: KnownClient, received: ReceivedResponse
) -> str | None:
    """The first access token of a flow, None when the response type has none at all."""
    if "access_token" in received.parameters:
        return received.parameters["access_token"]
    if "code" in received.parameters:
        return str((await redeemed(server, client, received))["access_token"])
    return None


async def userinfo(server: RunningServer, access_token: str) -> dict[str, Any]:
    """What userinfo says."""
    headers = {"Authorization": f"Bearer {access_token}"}
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


def half_hash(alg: str, value: str) -> str:
    """``at_hash``, ``c_hash`` and ``s_hash`` as a client computes them (OIDC Core §3.3.2.11)."""
    digest = _DIGESTS[alg](value.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
