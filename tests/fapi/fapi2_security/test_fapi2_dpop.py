"""FAPI 2 with DPoP: what is bound to which key, and which proofs the server takes."""

import time
from typing import Any

import pytest

from tests.support.dpop import ath_of, jkt_of, proof_claims, proof_key, signed_proof
from tests.support.fapi_client import FapiClient
from tests.support.fapi_identity import RS256_KEY
from tests.support.request_object import unsigned_object

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _with_proofs_of(client: FapiClient, **claims: Any) -> bool:
    """A flow whose every proof has these claims: whether the resource takes its token."""
    flow = client.flow()
    assert (await flow.push(proof=claims)).status == 201
    await flow.respond()
    assert (await flow.redeem(proof=claims)).status == 200
    return await client.takes(await flow.access_token(), proof=claims)


async def test_check_dpop_proof_nbf_exp(client: FapiClient) -> None:
    """``fapi2-security-profile-final-check-dpop-proof-nbf-exp``: neither is forbidden in a proof."""
    now = int(time.time())
    assert await _with_proofs_of(client, nbf=now, exp=now + 60)


async def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds``: clocks may differ."""
    assert await _with_proofs_of(client, iat=int(time.time()) - 10)


async def test_ensure_dpopproof_with_iat_10seconds_after_succeeds(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds``."""
    assert await _with_proofs_of(client, iat=int(time.time()) + 10)


async def test_ensure_mismatched_dpop_jkt_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails``: the proof is of another key than the request
    names (RFC 9449 §10.1)."""
    answer = await client.flow(dpop_jkt=jkt_of(proof_key())).push()
    assert answer.refuses("invalid_request", "invalid_dpop_proof")


async def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt``: the code is for the
    key that the push proved."""
    answer = await client.flow().redeem(proof={"key": proof_key()})
    assert answer.refuses("invalid_grant", "invalid_dpop_proof")


async def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-jkt``: the code is for the key
    that the request named."""
    flow = client.flow(dpop_jkt=jkt_of(client.identity.dpop))
    await flow.push(proof=None)
    assert (await flow.redeem(proof={"key": proof_key()})).refuses("invalid_grant", "invalid_dpop_proof")


async def test_ensure_dpopproof_at_par_endpoint_binding_success(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-dpopproof-at-par-endpoint-binding-success``: the proof alone binds."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    assert await client.takes(await flow.access_token())


async def test_ensure_dpop_auth_code_binding_success(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-dpop-auth-code-binding-success``: ``dpop_jkt`` alone binds."""
    flow = client.flow(dpop_jkt=jkt_of(client.identity.dpop))
    assert (await flow.push(proof=None)).status == 201
    assert await client.takes(await flow.access_token())


#: Claims of a proof that the resource must refuse.
BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "without jti": {"jti": None},
    "without htm": {"htm": None},
    "without htu": {"htu": None},
    "without iat": {"iat": None},
    "without ath": {"ath": None},
    "for another method": {"htm": "PUT"},
    "for another address": {"htu": "https://rs.example/userinfo"},
    "for another token": {"ath": ath_of("another")},
}
#: Header parameters of such a proof.
BAD_HEADERS: dict[str, dict[str, Any]] = {
    "without typ": {"typ": None},
    "of another type": {"typ": "jwt"},
    "without jwk": {"jwk": None},
}


async def test_dpop_negative_tests(client: FapiClient) -> None:
    """``fapi2-security-profile-final-dpop-negative-tests``: at the resource, a proof is right in every part or it is
    none; and in the end the token is as good as before."""
    token, key = await client.flow().access_token(), client.identity.dpop
    good = {"ath": ath_of(token)}
    url = client.base + "/userinfo"

    async def taken(*proofs: str, scheme: str = "DPoP", query: str = "", name: str = "DPoP") -> bool:
        headers = [("Authorization", f"{scheme} {token}"), *((name, proof) for proof in proofs)]
        return client.is_taken(await client.resource(headers, query=query))

    def proof(signer: Any = key, alg: str = "ES256", **changes: Any) -> str:
        header = {name: changes.pop(name) for name in ("typ", "jwk", "kid") if name in changes}
        return signed_proof(signer, proof_claims("GET", url, **(good | changes)), alg, **header)

    for what, claims in BAD_CLAIMS.items():
        assert not await taken(proof(**claims)), what
    for hour in (-3600, 3600):
        assert not await taken(proof(iat=int(time.time()) + hour))
    for what, header in BAD_HEADERS.items():
        assert not await taken(proof(**header)), what
    unsigned = unsigned_object(proof_claims("GET", url, **good))
    bad_signature = proof()[:-8] + "AAAAAAAA"
    private = proof(jwk=key.as_dict(private=True))
    for bad in (unsigned, bad_signature, private, "not-a-jwt", proof(RS256_KEY, "RS256"), proof(proof_key())):
        assert not await taken(bad)
    assert not await taken(proof(), proof())
    assert not await taken()
    assert not await taken(scheme="Bearer")
    for address in (url + "?a=b#c", url.replace("https://localhost", "HTTPS://LOCALHOST")):
        assert await taken(proof(htu=address)), address
    assert await taken(proof(), query="?a=b")
    assert await taken(proof(), name="DPOP")
    assert await taken(proof(unknown="claim", kid="unknown"))
    once = proof(jti="once-" + token[-16:])
    assert await taken(once)
    assert not await taken(once)
    assert await client.takes(token)
