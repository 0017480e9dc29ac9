"""FAPI 1 Advanced: requests that are refused, by value or when they are pushed."""

import time

import pytest
import time_machine

from tests.support.fapi_client import FapiClient
from tests.support.fapi_flow import Flow
from tests.support.fapi_identity import RS256_KEY, RSA_KEY
from tests.support.request_object import unsigned_object

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR = 3600
INVALID = ("invalid_request", "invalid_request_object")


def _at(seconds: int) -> int:
    return int(time.time()) + seconds


async def _refused(flow: Flow, **beside: str) -> None:
    """As the suite wants it: what is wrong with a signed request is the request's fault, or the object's."""
    assert await flow.refusal(**beside) in INVALID


async def test_ensure_response_mode_query(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-response-mode-query``: nothing good in a plain query."""
    await _refused(client.flow(response_mode="query"))


async def test_ensure_registered_redirect_uri(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-registered-redirect-uri``: nobody is sent there."""
    await _refused(client.flow(redirect_uri=client.known.redirect_uri + "/more"))


async def test_par_attempt_invalid_redirect_uri(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-attempt-invalid-redirect_uri``."""
    assert (await client.flow(redirect_uri="https://evil.example/cb").push()).refuses(*INVALID)


async def test_ensure_request_object_without_exp_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-exp-fails``."""
    await _refused(client.flow(exp=None))


async def test_ensure_request_object_without_nbf_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-nbf-fails``."""
    await _refused(client.flow(nbf=None))


async def test_ensure_request_object_without_scope_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-scope-fails``: the scope beside it is none."""
    await _refused(client.flow(scope=None), scope=client.scope)


async def test_ensure_request_object_without_nonce_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-nonce-fails``: the nonce beside it is none."""
    await _refused(client.flow(nonce=None), nonce="outside")


async def test_ensure_request_object_without_redirect_uri_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-redirect-uri-fails``: the one beside it is none."""
    await _refused(client.flow(redirect_uri=None), redirect_uri=client.known.redirect_uri)


async def test_ensure_redirect_uri_in_authorization_request(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-redirect-uri-in-authorization-request``: a single one is not taken for granted."""
    await _refused(client.flow(redirect_uri=None))


async def test_ensure_expired_request_object_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-expired-request-object-fails``."""
    await _refused(client.flow(nbf=_at(-600), exp=_at(-300)))


async def test_ensure_request_object_with_bad_aud_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-bad-aud-fails``."""
    await _refused(client.flow(aud="https://other.example/"))


async def test_par_pushed_authorization_url_as_audience_in_request_object(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-pushed-authorization-url-as-audience-in-request-object``: an object is for the
    issuer."""
    assert (await client.flow(aud=client.base + "/par").push()).refuses(*INVALID)


async def test_ensure_request_object_with_exp_over_60_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-exp-over-60-fails``: it lives an hour at most."""
    await _refused(client.flow(exp=_at(HOUR + 600)))


async def test_ensure_request_object_with_nbf_over_60_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-nbf-over-60-fails``: it began an hour ago at most."""
    await _refused(client.flow(nbf=_at(-HOUR - 600)))


async def test_ensure_signed_request_object_with_rs256_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-signed-request-object-with-RS256-fails``: by a key that is good for PS256."""
    assert "code" in await client.flow().signed_by(RSA_KEY).respond()
    await _refused(client.flow().signed_by(RS256_KEY))


async def test_ensure_request_object_signature_algorithm_is_not_none(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-signature-algorithm-is-not-none``."""
    flow = client.flow()
    await _refused(flow.with_object(unsigned_object(flow.asked)))


async def test_ensure_request_object_with_invalid_signature_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-invalid-signature-fails``."""
    flow = client.flow()
    await _refused(flow.with_object(flow.form["request"][:-8] + "AAAAAAAA"))


async def test_ensure_matching_key_in_authorization_request(client: FapiClient, other: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-matching-key-in-authorization-request``: another client's key."""
    await _refused(client.flow().signed_by(other.identity.signing))


async def test_ensure_authorization_request_without_request_object_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-authorization-request-without-request-object-fails``."""
    flow = client.flow().unsigned()
    assert await flow.refusal_of(await flow.browse(flow.form)) == "invalid_request"


async def test_ensure_response_type_code_fails(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-response-type-code-fails``: no code without a signature of ours."""
    refused = await client.flow(response_type="code", response_mode=None).refusal()
    assert refused in ("unsupported_response_type", "invalid_request")


async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds``."""
    flow = client.flow(client.stranger())
    assert "/login/" in (await flow.open()).url
    assert "code" in await flow.respond(await flow.open())


async def test_par_attempt_reuse_request_uri(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-attempt-reuse-request_uri``."""
    flow = client.flow()
    assert "code" in await flow.respond()
    assert await flow.refusal() == "invalid_request_uri"


async def test_par_attempt_to_use_expired_request_uri(
    client: FapiClient, clock: time_machine.Traveller
) -> None:
    """``fapi1-advanced-final-par-attempt-to-use-expired-request_uri``."""
    flow = client.flow()
    pushed = await flow.push()
    clock.shift(pushed["expires_in"] + 1)
    assert await flow.refusal() == "invalid_request_uri"


async def test_par_attempt_to_use_request_uri_for_different_client(
    client: FapiClient, other: FapiClient
) -> None:
    """``fapi1-advanced-final-par-attempt-to-use-request_uri-for-different-client``."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    shown = await flow.browse({"client_id": other.known.client_id, "request_uri": flow.request_uri})
    assert shown.location is None
    assert await flow.refusal_of(shown) in ("invalid_request_uri", "invalid_request")


async def test_par_authorization_request_containing_request_uri_form_param(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-authorization-request-containing-request_uri-form-param``."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    flow.form |= {"request_uri": flow.request_uri}
    assert (await flow.push()).refuses(*INVALID, "request_uri_not_supported")


async def test_par_authorization_request_containing_request_uri(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-authorization-request-containing-request_uri``: in the object itself."""
    answer = await client.flow(request_uri="urn:ietf:params:oauth:request_uri:none").push()
    assert answer.refuses("invalid_request_object")


async def test_par_attempt_invalid_http_method(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-attempt-invalid-http-method``."""
    answer = await client.send("PUT", "/par", form=client.flow().form, certificate=client.certificate)
    assert answer.status == 405


async def test_par_ensure_pkce_required(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-ensure-pkce-required``: of pushed requests (FAPI 1 Advanced §5.2.2 item 18)."""
    assert (await client.flow(code_challenge=None, code_challenge_method=None).push()).refuses(*INVALID)


async def test_par_plain_pkce_rejected(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-plain-pkce-rejected``."""
    assert (await client.flow(code_challenge_method="plain").push()).refuses(*INVALID)
