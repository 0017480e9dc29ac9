"""FAPI 2 with ``private_key_jwt``: which assertions authenticate the client."""

import time
from typing import Any

import pytest

from tests.support.fapi_client import FapiClient
from tests.support.fapi_identity import RS256_KEY, RSA_KEY

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _refused_at_token(client: FapiClient, assertion: dict[str, Any] | None) -> None:
    """The code stays good for the client when somebody else has tried."""
    flow = client.flow()
    answer = await flow.redeem(assertion=assertion)
    assert answer.refuses("invalid_client", status=(401,))
    assert (await flow.redeem()).status == 200


async def _refused_at_par(client: FapiClient, **assertion: Any) -> None:
    assert (await client.flow().push(assertion=assertion)).refuses("invalid_client", status=(401,))


async def test_ensure_signed_client_assertion_with_rs256_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails``: by a registered key, which is
    good for PS256."""
    assert (await client.flow().push(assertion={"signed_by": RSA_KEY})).status == 201
    await _refused_at_token(client, {"signed_by": RS256_KEY})


async def test_ensure_client_assertion_in_token_endpoint(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint``: without one there is nothing."""
    await _refused_at_token(client, None)


async def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails``."""
    await _refused_at_token(client, {"exp": int(time.time()) - 300})


async def test_ensure_client_assertion_with_wrong_aud_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-client-assertion-with-wrong-aud-fails``."""
    await _refused_at_token(client, {"aud": "https://other.example/"})


async def test_ensure_client_assertion_with_no_sub_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-client-assertion-with-no-sub-fails``."""
    await _refused_at_token(client, {"sub": None})


async def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    client: FapiClient,
) -> None:
    """``fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted``: clocks
    differ."""
    soon = int(time.time()) + 8
    assert (await client.flow().push(assertion={"nbf": soon, "iat": soon})).status == 201


async def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(
    client: FapiClient,
) -> None:
    """``fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails``."""
    then = int(time.time()) + 62
    await _refused_at_par(client, nbf=then, iat=then, exp=then + 60)


async def test_par_test_array_as_audience_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-test-array-as-audience-fails``: the issuer, as one string."""
    await _refused_at_par(client, aud=[client.issuer])


async def test_par_test_par_endpoint_url_as_audience_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-test-par-endpoint-url-as-audience-fails``."""
    await _refused_at_par(client, aud=client.base + "/par")


async def test_par_test_token_endpoint_url_as_audience_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-test-token-endpoint-url-as-audience-fails``."""
    await _refused_at_par(client, aud=client.base + "/token")
