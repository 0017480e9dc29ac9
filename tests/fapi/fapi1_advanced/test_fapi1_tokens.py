"""FAPI 1 Advanced: who gets tokens, and which assertions authenticate a client."""

import time
from typing import Any

import pytest
import time_machine

from tests.support.fapi_client import FapiClient
from tests.support.fapi_identity import RS256_KEY, RSA_KEY
from tests.support.fapi_tls import assert_strict

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: RFC 6749 §5.2 has 400 for all, and 401 for a client that is not who it says.
BAD_CLIENT = (400, 401)
OTHER = "https://other.example/"


async def test_ensure_client_id_in_token_endpoint(client: FapiClient, other: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-id-in-token-endpoint``: the second client's name, with what proves the
    first."""
    name = other.known.client_id
    refused = await client.flow().redeem(form={"client_id": name}, assertion={"iss": name, "sub": name})
    assert refused.refuses("invalid_client", "invalid_grant", status=BAD_CLIENT)


async def test_ensure_mtls_holder_of_key_required(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-mtls-holder-of-key-required``: without its certificate no client gets a token; and
    the TLS of every address is as FAPI wants it."""
    for url in {client.base, client.issuer}:
        await assert_strict(url)
    flow = client.flow()
    refused = await flow.redeem(show=False)
    assert refused.refuses("invalid_client", "invalid_grant", "invalid_request", status=BAD_CLIENT)
    assert (await flow.redeem()).status == 200


async def test_ensure_authorization_code_is_bound_to_client(client: FapiClient, other: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-authorization-code-is-bound-to-client``."""
    assert (await client.flow().redeem(by=other)).refuses("invalid_grant")


async def test_attempt_reuse_authorisation_code_after_one_second(
    client: FapiClient, clock: time_machine.Traveller
) -> None:
    """``fapi1-advanced-final-attempt-reuse-authorisation-code-after-one-second``: and the token of the first use is
    revoked."""
    flow = client.flow()
    token = await flow.access_token()
    clock.shift(1)
    assert (await flow.redeem()).refuses("invalid_grant")
    assert not await client.takes(token)


async def test_ensure_pkce_code_verifier_required(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-pkce-code-verifier-required``."""
    assert (await client.flow().redeem(form={"code_verifier": None})).refuses("invalid_grant")


async def test_incorrect_pkce_code_verifier_rejected(client: FapiClient) -> None:
    """``fapi1-advanced-final-incorrect-pkce-code-verifier-rejected``."""
    assert (await client.flow().redeem(form={"code_verifier": "v" * 43})).refuses("invalid_grant")


async def test_refresh_token(client: FapiClient, other: FapiClient) -> None:
    """``fapi1-advanced-final-refresh-token``: for the client that has it and its certificate, and for nobody else."""
    flow = client.flow(**client.offline)
    await flow.access_token()
    answer = await client.refresh(flow.tokens["refresh_token"])
    assert await client.takes(answer["access_token"])
    refresh_token = answer["refresh_token"]
    for lacks in ({"show": False}, {"assertion": None, "show": client.variant.by_jwt}):
        nobody = await client.refresh(refresh_token, **lacks)
        assert nobody.refuses("invalid_request", "invalid_grant", "invalid_client", status=BAD_CLIENT)
    assert (await other.refresh(refresh_token)).refuses("invalid_grant")
    assert (await client.refresh(refresh_token)).status == 200


async def _refused_at_token(client: FapiClient, assertion: dict[str, Any] | None) -> None:
    """The code stays good for the client when somebody else has tried."""
    flow = client.flow()
    assert (await flow.redeem(assertion=assertion)).refuses("invalid_client", status=(401,))
    assert (await flow.redeem()).status == 200


async def test_ensure_signed_client_assertion_with_rs256_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-signed-client-assertion-with-RS256-fails``: by a key that is good for PS256."""
    assert (await client.flow().redeem(assertion={"signed_by": RSA_KEY})).status == 200
    await _refused_at_token(client, {"signed_by": RS256_KEY})


async def test_ensure_client_assertion_in_token_endpoint(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-in-token-endpoint``: without one there is nothing."""
    await _refused_at_token(client, None)


async def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails``."""
    await _refused_at_token(client, {"exp": int(time.time()) - 300})


async def test_ensure_client_assertion_with_wrong_aud_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-with-wrong-aud-fails``."""
    await _refused_at_token(client, {"aud": OTHER})


async def test_ensure_client_assertion_with_no_sub_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-with-no-sub-fails``."""
    await _refused_at_token(client, {"sub": None})


async def test_ensure_client_assertion_with_wrong_iss_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-with-wrong-iss-fails``."""
    await _refused_at_token(client, {"iss": OTHER})


async def test_ensure_client_assertion_with_wrong_sub_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-with-wrong-sub-fails``."""
    await _refused_at_token(client, {"sub": OTHER})


async def test_ensure_client_assertion_with_iss_aud_succeeds(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-client-assertion-with-iss-aud-succeeds``: for the issuer."""
    assert (await client.flow().redeem(assertion={"aud": client.issuer})).status == 200


async def test_array_as_audience_for_client_jwt_assertion(client: FapiClient) -> None:
    """``fapi1-advanced-final-test-array-as-audience-for-client-JWT-assertion``: the issuer among others."""
    audience = {"aud": [client.issuer, OTHER]}
    flow = client.flow()
    if client.variant.pushed:
        assert (await flow.push(assertion=audience)).status == 201
    assert (await flow.redeem(assertion=audience)).status == 200


async def test_par_test_pushed_authorization_url_as_audience_for_client_jwt_assertion(
    client: FapiClient,
) -> None:
    """``fapi1-advanced-final-par-test-pushed-authorization-url-as-audience-for-client-JWT-assertion``."""
    assert (await client.flow().push(assertion={"aud": client.base + "/par"})).status == 201


async def test_par_token_endpoint_url_as_audience_for_client_jwt_assertion(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-token-endpoint-url-as-audience-for-client-JWT-assertion``."""
    assert (await client.flow().push(assertion={"aud": client.base + "/token"})).status == 201


async def _refused_at_par(client: FapiClient, **assertion: Any) -> None:
    assert (await client.flow().push(assertion=assertion)).refuses("invalid_client", status=(401,))


async def test_par_ensure_client_assertion_with_wrong_aud_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-ensure-client-assertion-with-wrong-aud-fails``."""
    await _refused_at_par(client, aud=OTHER)


async def test_par_ensure_client_assertion_with_wrong_iss_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-ensure-client-assertion-with-wrong-iss-fails``."""
    await _refused_at_par(client, iss=OTHER)


async def test_par_ensure_client_assertion_with_wrong_sub_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-ensure-client-assertion-with-wrong-sub-fails``."""
    await _refused_at_par(client, sub=OTHER)
