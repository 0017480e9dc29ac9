"""FAPI 2 Message Signing: signed requests that are pushed, sender-constrained tokens, and a signed response or none."""

from typing import Any

import pytest

from tests.support.assertion import ASSERTION_TYPE, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser
from tests.support.dpop import dpop, proof_key
from tests.support.jarm import opened
from tests.support.pushed import fetch
from tests.support.request_object import object_claims, signed_object
from tests.support.responses import ReceivedResponse
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CLIENT_KEY, DPOP_KEY = new_key(), proof_key()


async def signing_client(server: RunningServer) -> KnownClient:
    """A client that is held to the profile."""
    return await server.client(
        "message-signing",
        kind="web",
        profile="fapi2-message-signing",
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(CLIENT_KEY),
    )


async def post(
    server: RunningServer, client: KnownClient, path: str, form: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """A request that the client signs for, with a DPoP proof."""
    assertion = signed(CLIENT_KEY, claims_for(server, client))
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | form
    return await server.post(path, form, {"DPoP": dpop(server, DPOP_KEY, path)})


async def push(
    server: RunningServer, client: KnownClient, **parameters: Any
) -> tuple[int, dict[str, Any], str]:
    """Push a signed request: status, answer, and the verifier."""
    verifier, claims = object_claims(server, client, **parameters)
    status, answer = await post(server, client, "/par", {"request": signed_object(claims, CLIENT_KEY)})
    return status, answer, verifier


@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"])
async def test_the_happy_flow(server: RunningServer, browser: Browser, mode: str) -> None:
    """``fapi2-security-profile-final-happy-flow`` with JARM: ``iss``, ``aud``, ``exp``, ``kid``, the state inside and
    nothing beside the JWT; signed as the profile allows, so not with RS256."""
    client = await signing_client(server)
    status, pushed, verifier = await push(server, client, response_mode=mode, state="s" * 128)
    assert status == 201, pushed
    shown = await browser.through_pages(await fetch(browser, client, pushed["request_uri"]))
    inside = await opened(server, client, ReceivedResponse.of(shown, client), "ES256")
    assert inside["state"] == "s" * 128
    redeem = {
        "grant_type": "authorization_code", "code": inside["code"], "code_verifier": verifier,
        "redirect_uri": client.redirect_uri,
    }  # fmt: skip
    status, tokens = await post(server, client, "/token", redeem)
    assert (status, tokens["token_type"]) == (200, "DPoP")


async def test_the_person_says_no(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-user-rejects-authentication``: the error is signed too."""
    client = await signing_client(server)
    _, pushed, _ = await push(server, client, response_mode="jwt")
    page = await fetch(browser, client, pushed["request_uri"])
    shown = await browser.submit(page, action="cancel")
    inside = await opened(server, client, ReceivedResponse.of(shown, client), "ES256")
    assert (inside["error"], inside["state"]) == ("access_denied", "a-state")


@pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post"])
async def test_nothing_less_is_taken(server: RunningServer, mode: str | None) -> None:
    """FAPI 2 Message Signing §5.4: an unsigned answer is refused when it is asked for, at the push already."""
    client = await signing_client(server)
    status, answer, _ = await push(server, client, response_mode=mode)
    assert (status, answer["error"]) == (400, "invalid_request")
