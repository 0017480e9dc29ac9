"""FAPI 2 Message Signing: the request objects that a push must refuse, and those that it must not."""

import time

import pytest

from tests.support.fapi_client import FapiClient
from tests.support.fapi_flow import Flow
from tests.support.fapi_identity import RS256_KEY, RSA_KEY
from tests.support.request_object import unsigned_object

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR = 3600


async def _refused(flow: Flow) -> None:
    """By what the suite takes for an answer; the browser then has nothing to bring."""
    assert (await flow.push()).refuses("invalid_request_object", "invalid_request")


async def _accepted(flow: Flow) -> None:
    assert await flow.client.takes(await flow.access_token())


def _at(seconds: int) -> int:
    return int(time.time()) + seconds


async def test_ensure_request_object_with_multiple_aud_succeeds(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-multiple-aud-succeeds``: the issuer among others."""
    await _accepted(client.flow(aud=["https://other.example/", client.issuer]))


async def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted``."""
    await _accepted(client.flow(nbf=_at(8)))


async def test_ensure_request_object_without_exp_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-without-exp-fails``."""
    await _refused(client.flow(exp=None))


async def test_ensure_request_object_without_nbf_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-without-nbf-fails``."""
    await _refused(client.flow(nbf=None))


async def test_ensure_expired_request_object_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-expired-request-object-fails``: five minutes ago."""
    await _refused(client.flow(nbf=_at(-600), exp=_at(-300)))


async def test_ensure_request_object_with_bad_aud_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-bad-aud-fails``."""
    await _refused(client.flow(aud="https://other.example/"))


async def test_ensure_request_object_with_exp_over_60_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-exp-over-60-fails``: it lives an hour at most."""
    await _refused(client.flow(exp=_at(HOUR + 600)))


async def test_ensure_request_object_with_nbf_over_60_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-nbf-over-60-fails``: it began an hour ago at most."""
    await _refused(client.flow(nbf=_at(-HOUR - 600)))


async def test_ensure_signed_request_object_with_rs256_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-signed-request-object-with-RS256-fails``: by a key
    that is good for PS256."""
    assert (await client.flow().signed_by(RSA_KEY).push()).status == 201
    await _refused(client.flow().signed_by(RS256_KEY))


async def test_ensure_request_object_signature_algorithm_is_not_none(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-signature-algorithm-is-not-none``."""
    flow = client.flow()
    await _refused(flow.with_object(unsigned_object(flow.asked)))


async def test_ensure_request_object_with_invalid_signature_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-with-invalid-signature-fails``."""
    flow = client.flow()
    await _refused(flow.with_object(flow.form["request"][:-8] + "AAAAAAAA"))


async def test_ensure_matching_key_in_authorization_request(client: FapiClient, other: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-matching-key-in-authorization-request``: another client's key."""
    await _refused(client.flow().signed_by(other.identity.signing))


async def test_ensure_unsigned_request_at_par_endpoint_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-unsigned-request-at-par-endpoint-fails``."""
    await _refused(client.flow().unsigned())


async def test_par_authorization_request_containing_request_uri(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-authorization-request-containing-request_uri``: in the object itself."""
    answer = await client.flow(request_uri="urn:ietf:params:oauth:request_uri:none").push()
    assert answer.refuses("invalid_request_object")
