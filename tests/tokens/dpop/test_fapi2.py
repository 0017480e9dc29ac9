"""FAPI 2 with DPoP and ``private_key_jwt``: push, code, tokens, each bound to the key that was proved first."""

import time
from typing import Any

import pytest

from domain.grant.events import AuthorizationRequested, CodeRedeemed, CodeVoided
from tests.support.assertion import ASSERTION_TYPE, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser, authorization_query
from tests.support.dpop import Key, dpop, jkt_of, proof_key, with_token
from tests.support.log import count_events, grant_events
from tests.support.pushed import fetch
from tests.support.running import KnownClient, RunningServer

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CLIENT_KEY = new_key()


async def fapi_client(server: RunningServer, name: str = "fapi", **changes: Any) -> KnownClient:
    return await server.client(
        name,
        kind="web",
        profile="fapi2-security",
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(CLIENT_KEY),
        **changes,
    )


async def post(
    server: RunningServer, client: KnownClient, path: str, form: dict[str, str], key: Key | None, **proof: Any
) -> tuple[int, dict[str, Any]]:
    """A request that the client signs for, with a proof of ``key``; None: without one."""
    assertion = signed(CLIENT_KEY, claims_for(server, client))
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | form
    headers = {} if key is None else {"DPoP": dpop(server, key, path, **proof)}
    return await server.post(path, form, headers)


class Flow:
    """A code flow up to the token request."""

    def __init__(self, server: RunningServer, client: KnownClient, browser: Browser) -> None:
        self.server, self.client, self.browser = server, client, browser
        self.verifier = ""
        self.code = ""

    async def push(
        self, key: Key | None, parameters: dict[str, Any] | None = None, **proof: Any
    ) -> tuple[int, dict[str, Any]]:
        self.verifier, form = authorization_query(self.client, **(parameters or {}))
        return await post(self.server, self.client, "/par", form, key, **proof)

    async def to_code(
        self, key: Key | None, parameters: dict[str, Any] | None = None, **proof: Any
    ) -> "Flow":
        status, answer = await self.push(key, parameters, **proof)
        assert status == 201, answer
        shown = await self.browser.through_pages(
            await fetch(self.browser, self.client, answer["request_uri"])
        )
        self.code = shown.parameters["code"]
        return self

    async def redeem(self, key: Key | None, **proof: Any) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": "authorization_code", "code": self.code, "code_verifier": self.verifier,
            "redirect_uri": self.client.redirect_uri,
        }  # fmt: skip
        return await post(self.server, self.client, "/token", form, key, **proof)


@pytest.fixture
async def flow(server: RunningServer, browser: Browser) -> Flow:
    return Flow(server, await fapi_client(server), browser)


async def at_userinfo(server: RunningServer, headers: dict[str, str]) -> int:
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        return answer.status


async def test_the_whole_flow(flow: Flow) -> None:
    """``fapi2-security-profile-final-happy-flow``,
    ``fapi2-security-profile-final-ensure-dpopproof-at-par-endpoint-binding-success``:
    and the log tells an auditor which key the client signed with and which key the tokens are bound to."""
    server, key = flow.server, proof_key()
    await flow.to_code(key, {"scope": "openid offline_access", "prompt": "consent"})
    status, tokens = await flow.redeem(key)
    assert (status, tokens["token_type"]) == (200, "DPoP")
    assert await at_userinfo(server, with_token(server, key, tokens["access_token"])) == 200
    events = await grant_events(server, flow.code)
    asked = next(event for event in events if isinstance(event, AuthorizationRequested))
    redeemed = next(event for event in events if isinstance(event, CodeRedeemed))
    assert (asked.client_auth_method, asked.client_key_id, asked.dpop_jkt) == (
        "private_key_jwt", "client-key", jkt_of(key),
    )  # fmt: skip
    assert (redeemed.client_key_id, redeemed.jkt) == ("client-key", jkt_of(key))


async def test_a_refresh_with_a_new_key(flow: Flow) -> None:
    """``fapi2-security-profile-final-refresh-token``: a new key, the same refresh token; nothing without proof, client
    authentication, or by another client."""
    server, key = flow.server, proof_key()
    await flow.to_code(key, {"scope": "openid offline_access", "prompt": "consent"})
    _, tokens = await flow.redeem(key)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, refreshed = await post(server, flow.client, "/token", form, proof_key())
    assert (status, refreshed["refresh_token"]) == (200, tokens["refresh_token"])
    status, answer = await post(server, flow.client, "/token", form, None)
    assert (status, answer["error"]) == (400, "invalid_request")
    status, answer = await server.post(
        "/token", form | {"client_id": flow.client.client_id}, {"DPoP": dpop(server, key)}
    )
    assert (status, answer["error"]) == (401, "invalid_client")
    other = await fapi_client(server, "other")
    status, answer = await post(server, other, "/token", form, key)
    assert (status, answer["error"]) == (400, "invalid_grant")


@only_sqlite
async def test_the_code_is_bound_to_the_key_of_the_push(flow: Flow) -> None:
    """``fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt``, A108."""
    key = proof_key()
    await flow.to_code(key)
    status, answer = await flow.redeem(proof_key())
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, answer = await flow.redeem(key)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert await count_events(flow.server, flow.code, CodeVoided) == 1


@only_sqlite
async def test_the_code_is_bound_to_dpop_jkt(flow: Flow) -> None:
    """``fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-jkt``,
    ``fapi2-security-profile-final-ensure-dpop-auth-code-binding-success``: pushed without a proof."""
    key = proof_key()
    await flow.to_code(None, {"dpop_jkt": jkt_of(key)})
    assert (await flow.redeem(key))[0] == 200
    await flow.to_code(None, {"dpop_jkt": jkt_of(key)})
    status, answer = await flow.redeem(proof_key())
    assert (status, answer["error"]) == (400, "invalid_grant")


@only_sqlite
async def test_two_keys_in_one_push_are_refused(flow: Flow) -> None:
    """``fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails`` (RFC 9449 §10.1)."""
    status, answer = await flow.push(proof_key(), {"dpop_jkt": jkt_of(proof_key())})
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    key = proof_key()
    assert (await flow.push(key, {"dpop_jkt": jkt_of(key)}))[0] == 201


@only_sqlite
@pytest.mark.parametrize("seconds", [-10, 10])
async def test_clocks_may_differ_at_each_endpoint(flow: Flow, seconds: int) -> None:
    """``fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds``,
    ``fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds``: at push, token and resource."""
    key, iat = proof_key(), int(time.time()) + seconds
    await flow.to_code(key, iat=iat)
    status, tokens = await flow.redeem(key, iat=iat)
    assert status == 200
    headers = with_token(flow.server, key, tokens["access_token"], iat=iat)
    assert await at_userinfo(flow.server, headers) == 200


@only_sqlite
async def test_a_holder_of_key_is_required(flow: Flow) -> None:
    """``fapi2-security-profile-final-ensure-holder-of-key-required``: no proof, no token; the code stays good."""
    key = proof_key()
    await flow.to_code(None)
    status, answer = await flow.redeem(None)
    assert (status, answer["error"]) == (400, "invalid_request")
    status, tokens = await flow.redeem(key)
    assert (status, tokens["token_type"]) == (200, "DPoP")


@only_sqlite
async def test_a_bad_proof_is_refused_at_par(flow: Flow) -> None:
    """A100, A102, A104 at ``/par``: a proof for another endpoint, an old one and a used one push nothing."""
    key = proof_key()
    for proof in ({"htu": flow.server.issuer + "/token"}, {"htm": "GET"}, {"iat": int(time.time()) - 3600}):
        status, answer = await flow.push(key, **proof)
        assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    assert (await flow.push(key, jti="once"))[0] == 201
    status, answer = await flow.push(key, jti="once")
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")


AUDIENCES = {
    "par-test-array-as-audience-fails": lambda issuer: [issuer],
    "par-test-par-endpoint-url-as-audience-fails": lambda issuer: f"{issuer}/par",
    "par-test-token-endpoint-url-as-audience-fails": lambda issuer: f"{issuer}/token",
}


@only_sqlite
@pytest.mark.parametrize("module", AUDIENCES)
async def test_an_assertion_is_for_the_issuer_alone(flow: Flow, module: str) -> None:
    """A083, ``fapi2-security-profile-final-par-test-array-as-audience-fails``,
    ``fapi2-security-profile-final-par-test-par-endpoint-url-as-audience-fails``,
    ``fapi2-security-profile-final-par-test-token-endpoint-url-as-audience-fails``."""
    server = flow.server
    claims = claims_for(server, flow.client, aud=AUDIENCES[module](server.issuer))
    _, form = authorization_query(flow.client)
    form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(CLIENT_KEY, claims)}
    status, answer = await server.post("/par", form)
    assert (status, answer["error"]) == (401, "invalid_client")


@only_sqlite
async def test_bad_assertions_at_the_token_endpoint(flow: Flow) -> None:
    """``fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint``,
    ``fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails``,
    ``…-exp-is-5-minutes-in-past-fails``, ``…-no-sub-fails``."""
    server, now = flow.server, int(time.time())
    await flow.to_code(proof_key())
    rs256 = new_key("RS256")
    for assertion in (
        signed(rs256, claims_for(server, flow.client)),
        signed(CLIENT_KEY, claims_for(server, flow.client, exp=now - 300)),
        signed(CLIENT_KEY, claims_for(server, flow.client, sub=None)),
        signed(CLIENT_KEY, claims_for(server, flow.client, aud="https://other.example")),
        "",
    ):
        form = {"grant_type": "authorization_code", "code": flow.code, "client_assertion": assertion}
        status, answer = await server.post("/token", form | {"client_assertion_type": ASSERTION_TYPE})
        assert (status, answer["error"]) == (401, "invalid_client")
