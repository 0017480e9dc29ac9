"""DPoP (RFC 9449): a client proves a key, its tokens are bound to it, and it goes on proving it."""

import time
from typing import Any

import pytest

from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.dpop import Key, ath_of, dpop, jkt_of, proof_claims, proof_key, signed_proof, with_token
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

OFFLINE = {"scope": "openid email offline_access", "prompt": "consent"}


async def code_for(browser: Browser, client: KnownClient, **parameters: Any) -> tuple[str, str]:
    """A code of the client, and its verifier."""
    shown, verifier = await browser.authorize(client, **parameters)
    return (await browser.through_pages(shown)).parameters["code"], verifier


async def bound_tokens(browser: Browser, client: KnownClient, key: Key, **parameters: Any) -> dict[str, Any]:
    """The tokens of a code flow whose token request proves ``key``."""
    code, verifier = await code_for(browser, client, **parameters)
    status, tokens = await redeem_with(browser.server, client, code, verifier, key)
    assert status == 200, tokens
    return tokens


async def redeem_with(
    server: RunningServer, client: KnownClient, code: str, verifier: str, key: Key
) -> tuple[int, dict[str, Any]]:
    return await redeem(server, client, code, verifier, headers={"DPoP": dpop(server, key)})


async def refresh(
    server: RunningServer, client: KnownClient, token: str, key: Key | None
) -> tuple[int, dict[str, Any]]:
    """A refresh that proves ``key``; None: no proof."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    headers = {} if key is None else {"DPoP": dpop(server, key)}
    return await authenticated_post(server, client, "/token", form, headers)


async def userinfo(server: RunningServer, headers: dict[str, str]) -> tuple[int, str]:
    """Status and challenge of a userinfo request."""
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        return answer.status, answer.headers.get("WWW-Authenticate", "")


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_tokens_are_bound_from_the_code_to_the_refresh(
    server: RunningServer, browser: Browser, token_format: str
) -> None:
    """RFC 9449 §5 to §7: ``token_type`` DPoP, ``cnf`` in the token and in introspection, userinfo, refresh."""
    web, key = await server.client("web", access_token_format=token_format), proof_key()
    tokens = await bound_tokens(browser, web, key, **OFFLINE)
    assert tokens["token_type"] == "DPoP"
    assert await userinfo(server, with_token(server, key, tokens["access_token"])) == (200, "")
    _, seen = await server.post("/introspect", {"token": tokens["access_token"]}, web.basic)
    assert (seen["token_type"], seen["cnf"]) == ("DPoP", {"jkt": jkt_of(key)})
    if token_format == "jwt":
        assert (await verified_claims(server, tokens["access_token"]))["cnf"] == {"jkt": jkt_of(key)}
    status, refreshed = await refresh(server, web, tokens["refresh_token"], key)
    assert (status, refreshed["token_type"]) == (200, "DPoP")
    assert await userinfo(server, with_token(server, key, refreshed["access_token"])) == (200, "")


async def test_a_refresh_token_of_a_public_client_is_bound(server: RunningServer, browser: Browser) -> None:
    """A110: another key is ``invalid_grant``, no proof ``invalid_dpop_proof``; the right key goes on."""
    spa, key = await server.client("spa"), proof_key()
    first = (await bound_tokens(browser, spa, key, **OFFLINE))["refresh_token"]
    status, answer = await refresh(server, spa, first, proof_key())
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, answer = await refresh(server, spa, first, None)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    status, second = await refresh(server, spa, first, key)
    assert status == 200
    status, answer = await refresh(server, spa, second["refresh_token"], proof_key())
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, third = await refresh(server, spa, second["refresh_token"], key)
    assert (status, third["token_type"]) == (200, "DPoP")


@only_sqlite
async def test_a_confidential_client_may_change_its_key(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-refresh-token``: the refresh token hangs on the client, not on the key."""
    web, old, new = await server.client("web"), proof_key(), proof_key()
    tokens = await bound_tokens(browser, web, old, **OFFLINE)
    status, refreshed = await refresh(server, web, tokens["refresh_token"], new)
    assert status == 200
    token = refreshed["access_token"]
    assert (await userinfo(server, with_token(server, new, token)))[0] == 200
    assert (await userinfo(server, with_token(server, old, token)))[0] == 401


@only_sqlite
async def test_a_bound_confidential_client_keeps_its_refresh_token(
    server: RunningServer, browser: Browser
) -> None:
    """Decisions 5: with ``dpop_bound_access_tokens`` nothing rotates, and a refresh without a proof is refused."""
    web, key = await server.client("web", dpop_bound_access_tokens=True), proof_key()
    token = (await bound_tokens(browser, web, key, **OFFLINE))["refresh_token"]
    status, answer = await refresh(server, web, token, None)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    for _ in range(2):
        status, answer = await refresh(server, web, token, proof_key())
        assert (status, answer["refresh_token"]) == (200, token)


@only_sqlite
async def test_a_client_that_must_prove_gets_no_bearer_token(server: RunningServer, browser: Browser) -> None:
    """RFC 9449 §5.2: with ``dpop_bound_access_tokens`` a request without proof is ``invalid_dpop_proof``, and the
    code can still be redeemed with one."""
    web, key = await server.client("web", dpop_bound_access_tokens=True), proof_key()
    service = await server.client("service", dpop_bound_access_tokens=True)
    code, verifier = await code_for(browser, web)
    status, answer = await redeem(server, web, code, verifier)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    assert (await redeem_with(server, web, code, verifier, key))[0] == 200
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")


@only_sqlite
async def test_a_code_is_bound_to_the_key_it_was_asked_for_with(
    server: RunningServer, browser: Browser
) -> None:
    """A108, ``fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-jkt``,
    ``fapi2-security-profile-final-ensure-dpop-auth-code-binding-success``: a missing proof
    leaves the code alone, another key burns it."""
    web, key = await server.client("web"), proof_key()
    code, verifier = await code_for(browser, web, dpop_jkt=jkt_of(key))
    status, answer = await redeem(server, web, code, verifier)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    status, tokens = await redeem_with(server, web, code, verifier, key)
    assert (status, tokens["token_type"]) == (200, "DPoP")
    code, verifier = await code_for(browser, web, dpop_jkt=jkt_of(key))
    for tried in (proof_key(), key):
        status, answer = await redeem_with(server, web, code, verifier, tried)
        assert (status, answer["error"]) == (400, "invalid_grant")


@only_sqlite
@pytest.mark.parametrize("jkt", ["short", "x" * 44, "=" * 43, "ä" * 43])
async def test_a_malformed_dpop_jkt_is_refused(server: RunningServer, browser: Browser, jkt: str) -> None:
    """RFC 9449 §10: ``dpop_jkt`` is a SHA-256 thumbprint, or the request means something else than it says."""
    web = await server.client("web")
    shown, _ = await browser.authorize(web, dpop_jkt=jkt)
    assert shown.parameters["error"] == "invalid_request"


@only_sqlite
@pytest.mark.parametrize("scheme", ["dPoP", "DPOP", "dpop"])
async def test_the_scheme_has_no_case(server: RunningServer, browser: Browser, scheme: str) -> None:
    """``fapi2-security-profile-final-access-token-type-header-case-sensitivity`` (RFC 9110 §11.1)."""
    web, key = await server.client("web"), proof_key()
    token = (await bound_tokens(browser, web, key))["access_token"]
    headers = with_token(server, key, token) | {"Authorization": f"{scheme} {token}"}
    assert (await userinfo(server, headers))[0] == 200


@only_sqlite
@pytest.mark.parametrize("seconds", [-10, 10])
async def test_clocks_may_differ_by_ten_seconds(
    server: RunningServer, browser: Browser, seconds: int
) -> None:
    """``fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds`` and
    ``fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds``."""
    iat = int(time.time()) + seconds
    web, key = await server.client("web"), proof_key()
    code, verifier = await code_for(browser, web)
    headers = {"DPoP": dpop(server, key, iat=iat)}
    status, tokens = await redeem(server, web, code, verifier, headers=headers)
    assert status == 200
    assert (await userinfo(server, with_token(server, key, tokens["access_token"], iat=iat)))[0] == 200


@only_sqlite
async def test_nbf_and_exp_are_no_reason_to_refuse(server: RunningServer) -> None:
    """``fapi2-security-profile-final-check-dpop-proof-nbf-exp``, A111: accepted, and they prolong nothing."""
    service, key = await server.client("service"), proof_key()
    form = {"grant_type": "client_credentials"}
    now = int(time.time())
    proof = dpop(server, key, nbf=now, exp=now + 60)
    assert (await server.post("/token", form, service.basic | {"DPoP": proof}))[0] == 200
    old = dpop(server, key, iat=now - 3600, exp=now + 3600)
    status, answer = await server.post("/token", form, service.basic | {"DPoP": old})
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")


@only_sqlite
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "Ed25519"])
async def test_each_algorithm_of_the_metadata(server: RunningServer, alg: str) -> None:
    """RFC 9449 §5.1: every ``dpop_signing_alg_values_supported`` can be used for a token and with it."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        assert alg in (await answer.json())["dpop_signing_alg_values_supported"]
    service, key = await server.client("service"), proof_key(alg)
    proof = signed_proof(key, proof_claims("POST", server.issuer + "/token"), alg)
    status, answer_ = await server.post(
        "/token", {"grant_type": "client_credentials"}, service.basic | {"DPoP": proof}
    )
    assert (status, answer_["token_type"]) == (200, "DPoP")
    assert (await verified_claims(server, answer_["access_token"]))["cnf"] == {"jkt": jkt_of(key)}
    claims = proof_claims("GET", server.issuer + "/userinfo", ath=ath_of(answer_["access_token"]))
    headers = {"Authorization": f"DPoP {answer_['access_token']}", "DPoP": signed_proof(key, claims, alg)}
    assert (await userinfo(server, headers))[
        0
    ] == 403  # known and proved; it is nobody's, so it has no openid


@only_sqlite
async def test_a_challenge_names_both_schemes(server: RunningServer) -> None:
    """RFC 9449 §7.1: without credentials a resource says how it may be asked, with the algorithms of proofs."""
    async with server.http.get(server.url("/userinfo")) as answer:
        challenges = answer.headers.getall("WWW-Authenticate")
    assert answer.status == 401
    assert challenges[0].startswith('Bearer realm="authrim"')
    assert "error" not in challenges[0] + challenges[1]
    assert challenges[1].startswith('DPoP realm="authrim", algs="ES256 ')
