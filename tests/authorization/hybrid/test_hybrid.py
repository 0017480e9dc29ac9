"""The hybrid flow (OIDC Core §3.3): one grant, part of its tokens by the browser, the rest for the code."""

import pytest
import time_machine

from domain.grant.events import CodeReplayed, GrantRevoked
from tests.support.browser import Browser, redeem
from tests.support.dpop import jkt_of, proof_key, with_token
from tests.support.log import count_events, grant_events
from tests.support.responses import HYBRID, answered, client_of, half_hash, redeemed, userinfo
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
each_type = pytest.mark.parametrize("response_type", HYBRID, ids=[name.replace(" ", "+") for name in HYBRID])


@each_type
async def test_both_halves_hold_together(server: RunningServer, browser: Browser, response_type: str) -> None:
    """``oidcc-server`` of the hybrid plan, on both stores: hashes of what came along, ``iss`` and ``sub`` alike in both
    ID tokens, and the access tokens of both endpoints usable (§3.3.2.11, §3.3.3.6)."""
    client = await client_of(server, response_type)
    received = await answered(browser, client, response_type, scope="openid email")
    front = received.parameters
    tokens = await redeemed(server, client, received)
    back = await verified_claims(server, tokens["id_token"])
    assert back["nonce"] == "a-nonce"
    assert back["at_hash"] == half_hash("ES256", tokens["access_token"])
    if "id_token" in front:
        claims = await verified_claims(server, front["id_token"])
        assert claims["c_hash"] == half_hash("ES256", front["code"])
        assert claims["s_hash"] == half_hash("ES256", "a-state")
        assert ("at_hash" in claims) is ("access_token" in front)
        for name in ("iss", "sub", "aud", "nonce", "auth_time", "sid"):
            assert claims[name] == back[name], name
    if "access_token" in front:
        assert front["access_token"] != tokens["access_token"]
        assert (await userinfo(server, front["access_token"]))["email"] == "alice@example.com"
        if "id_token" in front:
            assert claims["at_hash"] == half_hash("ES256", front["access_token"])
    assert (await userinfo(server, tokens["access_token"]))["email"] == "alice@example.com"


async def test_a_replayed_code_revokes_the_front_channel_token(
    server: RunningServer, browser: Browser
) -> None:
    """A045, ``oidcc-codereuse``: the token that came beside the code is of the code's grant, and ends with it."""
    client = await client_of(server, "code id_token token")
    received = await answered(browser, client, "code id_token token")
    tokens = await redeemed(server, client, received)
    status, answer = await redeem(server, client, received.parameters["code"], received.verifier)
    assert (status, answer["error"]) == (400, "invalid_grant")
    for token in (received.parameters["access_token"], tokens["access_token"]):
        _, introspected = await server.post("/introspect", {"token": token}, client.basic)
        assert introspected == {"active": False}
    assert await count_events(server, received.parameters["code"], CodeReplayed) == 1
    assert await count_events(server, received.parameters["code"], GrantRevoked) == 1


@one_store
async def test_a_code_reused_after_30_seconds(server: RunningServer, browser: Browser) -> None:
    """``oidcc-codereuse-30seconds``: also then, and with it the front channel's token."""
    client = await client_of(server, "code token")
    received = await answered(browser, client, "code token")
    await redeemed(server, client, received)
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 31):
        status, _ = await redeem(server, client, received.parameters["code"], received.verifier)
        headers = {"Authorization": f"Bearer {received.parameters['access_token']}"}
        async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
            assert (status, answer.status) == (400, 401)


@one_store
async def test_an_unused_code_leaves_the_token_valid(server: RunningServer, browser: Browser) -> None:
    """decisions.md 3: another client's attempt voids the code; the token beside it was not the code's to give."""
    client, other = await client_of(server, "code token"), await server.client("other", kind="web")
    received = await answered(browser, client, "code token")
    status, _ = await redeem(server, other, received.parameters["code"], received.verifier)
    assert status == 400
    assert (await userinfo(server, received.parameters["access_token"]))["sub"] == server.subject


@one_store
async def test_claims_about_the_person_wait_for_the_back_channel(
    server: RunningServer, browser: Browser
) -> None:
    """OIDC Core §3.3.3.6, FAPI 1 Advanced §5.2.2.1: what was asked for by name is in the second ID token alone."""
    client = await client_of(server, "code id_token")
    received = await answered(browser, client, "code id_token", claims='{"id_token":{"email":null}}')
    assert "email" not in await verified_claims(server, received.parameters["id_token"])
    tokens = await redeemed(server, client, received)
    assert (await verified_claims(server, tokens["id_token"]))["email"] == "alice@example.com"


@one_store
async def test_the_words_of_a_response_type_have_no_order(server: RunningServer, browser: Browser) -> None:
    """A016: ``id_token code`` is ``code id_token``, for the request and for the registration; one spelling is kept."""
    client = await client_of(server, "code id_token", response_types=("id_token code",))
    for spelled in ("code id_token", "id_token code"):
        received = await answered(browser, client, spelled)
        assert set(received.parameters) == {"code", "id_token", "state", "session_state", "iss"}
        [request, *_] = await grant_events(server, received.parameters["code"])
        assert getattr(request, "response_type", "") == "code id_token"


@one_store
async def test_pkce_in_the_hybrid_flow(server: RunningServer, browser: Browser) -> None:
    """RFC 9700 §2.1.1: a public client needs a challenge for a code, whatever comes along with it; it is proved at the
    token endpoint as always."""
    client = await client_of(server, "code id_token", token_endpoint_auth_method="none")
    shown, _ = await browser.authorize(
        client,
        response_type="code id_token",
        nonce="n",
        code_challenge=None,
        code_challenge_method=None,
    )
    assert shown.parameters["error"] == "invalid_request"
    received = await answered(browser, client, "code id_token")
    assert (await redeem(server, client, received.parameters["code"], "wrong" * 10))[0] == 400


@one_store
async def test_a_front_channel_token_for_a_key_is_no_bearer_token(
    server: RunningServer, browser: Browser
) -> None:
    """RFC 9449 §7.1, §10: with ``dpop_jkt`` the token beside the code is of type DPoP, and refused without a proof."""
    key = proof_key()
    client = await client_of(server, "code token")
    received = await answered(browser, client, "code token", dpop_jkt=jkt_of(key))
    assert received.parameters["token_type"] == "DPoP"
    token = received.parameters["access_token"]
    for headers, status in (
        ({"Authorization": f"Bearer {token}"}, 401),
        (with_token(server, key, token), 200),
    ):
        async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
            assert answer.status == status
