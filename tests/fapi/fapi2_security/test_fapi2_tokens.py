"""FAPI 2: who gets tokens for a code or a refresh token, and when."""

import pytest
import time_machine

from tests.support.dpop import proof_key
from tests.support.fapi_client import FapiClient
from tests.support.fapi_tls import assert_strict

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: RFC 6749 §5.2 has 400 for all, and 401 for a client that is not who it says.
BAD_CLIENT = (400, 401)


async def test_ensure_client_id_in_token_endpoint(client: FapiClient, other: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-client-id-in-token-endpoint``: the second client's name, with what proves
    the first."""
    name = other.known.client_id
    assertion = {"iss": name, "sub": name}
    refused = await client.flow().redeem(form={"client_id": name}, assertion=assertion)
    assert refused.refuses("invalid_client", "invalid_grant", status=BAD_CLIENT)


async def test_ensure_holder_of_key_required(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-holder-of-key-required``: no proof or no certificate, no token; and the TLS
    of every address is as FAPI wants it."""
    for url in {client.base, client.issuer}:
        await assert_strict(url)
    flow = client.flow()
    if client.variant.dpop:
        refused = await flow.redeem(proof=None)
        assert refused.refuses("invalid_request", "invalid_grant", "invalid_dpop_proof")
    else:
        refused = await flow.redeem(show=False)
        assert refused.refuses("invalid_client", "invalid_grant", "invalid_request", status=BAD_CLIENT)
    assert (await flow.redeem()).status == 200


async def test_ensure_authorization_code_is_bound_to_client(client: FapiClient, other: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-authorization-code-is-bound-to-client``."""
    assert (await client.flow().redeem(by=other)).refuses("invalid_grant")


async def test_attempt_reuse_authorization_code_after_one_second(
    client: FapiClient, clock: time_machine.Traveller
) -> None:
    """``fapi2-security-profile-final-attempt-reuse-authorization-code-after-one-second``: and the token of the first
    use is revoked (RFC 6749 §4.1.2)."""
    flow = client.flow()
    token = await flow.access_token()
    clock.shift(1)
    assert (await flow.redeem()).refuses("invalid_grant")
    assert not await client.takes(token)


async def test_ensure_token_endpoint_fails_with_expired_auth_code(
    client: FapiClient, clock: time_machine.Traveller
) -> None:
    """``fapi2-security-profile-final-ensure-token-endpoint-fails-with-expired-auth-code``: 62 seconds are too many."""
    flow = client.flow()
    await flow.respond()
    clock.shift(62)
    assert (await flow.redeem()).refuses("invalid_grant")


async def test_ensure_pkce_code_verifier_required(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-pkce-code-verifier-required``."""
    assert (await client.flow().redeem(form={"code_verifier": None})).refuses("invalid_grant")


async def test_incorrect_pkce_code_verifier_rejected(client: FapiClient) -> None:
    """``fapi2-security-profile-final-incorrect-pkce-code-verifier-rejected``."""
    assert (await client.flow().redeem(form={"code_verifier": "v" * 43})).refuses("invalid_grant")


async def test_refresh_token(client: FapiClient, other: FapiClient) -> None:
    """``fapi2-security-profile-final-refresh-token``: the token stays the same and good, also with a new DPoP key; the
    client has to be there, with its key, and be the right one."""
    flow = client.flow(**client.offline)
    await flow.access_token()
    refresh_token = flow.tokens["refresh_token"]
    key = proof_key()
    for _ in range(2):
        answer = await client.refresh(refresh_token, proof={"key": key})
        assert answer["refresh_token"] == refresh_token
        assert await client.takes(answer["access_token"], proof={"key": key})
    nobody = await client.refresh(refresh_token, assertion=None, show=client.variant.by_jwt)
    assert nobody.refuses("invalid_client", "invalid_request", status=BAD_CLIENT)
    lacks = {"proof": None} if client.variant.dpop else {"show": False}
    keyless = await client.refresh(refresh_token, **lacks)
    assert keyless.refuses(
        "invalid_request", "invalid_grant", "invalid_client", "invalid_dpop_proof", status=BAD_CLIENT
    )
    assert (await other.refresh(refresh_token)).refuses("invalid_grant")
    assert (await client.refresh(refresh_token)).status == 200
