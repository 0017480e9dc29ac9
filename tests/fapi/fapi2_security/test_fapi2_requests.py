"""FAPI 2: requests that are refused, when they are pushed or when a browser brings them."""

import pytest
import time_machine

from tests.support.fapi_client import FapiClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: What a refused request may be called; an object's fault is the object's.
INVALID = ("invalid_request", "invalid_request_object")


async def test_ensure_request_object_without_redirect_uri_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-request-object-without-redirect-uri-fails``: one beside the reference does
    not help."""
    flow = client.flow(redirect_uri=None)
    assert await flow.refusal(redirect_uri=client.known.redirect_uri) in INVALID


async def test_ensure_redirect_uri_in_authorization_request(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-redirect-uri-in-authorization-request``: a single registered one is not
    taken for granted."""
    assert (await client.flow(redirect_uri=None).push()).refuses(*INVALID)


async def test_plain_fapi_tolerate_unregistered_redirect_uri(client: FapiClient) -> None:
    """``fapi2-security-profile-final-plain-fapi-tolerate-unregistered-redirect-uri``: we do not."""
    assert (await client.flow(redirect_uri="https://evil.example/cb").push()).refuses(*INVALID)


async def test_ensure_unsigned_authorization_request_without_using_par_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails``."""
    flow = client.flow().unsigned()
    assert await flow.refusal_of(await flow.browse(flow.form)) == "invalid_request"


async def test_ensure_response_type_code_idtoken_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-response-type-code-idtoken-fails``."""
    refused = await client.flow(response_type="code id_token", nonce="n").push()
    assert refused.refuses("unsupported_response_type", "unauthorized_client", "invalid_request")


async def test_ensure_response_type_token_fails(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-response-type-token-fails``."""
    refused = await client.flow(response_type="token").push()
    assert refused.refuses("unsupported_response_type", "unauthorized_client", "invalid_request")


async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds``: the page may be
    loaded again."""
    flow = client.flow(client.stranger())
    assert "/login/" in (await flow.open()).url
    assert "code" in await flow.respond(await flow.open())


async def test_par_attempt_reuse_request_uri(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-attempt-reuse-request_uri``: it gives one code."""
    flow = client.flow()
    assert "code" in await flow.respond()
    assert await flow.refusal() == "invalid_request_uri"


async def test_par_attempt_to_use_expired_request_uri(
    client: FapiClient, clock: time_machine.Traveller
) -> None:
    """``fapi2-security-profile-final-par-attempt-to-use-expired-request_uri``."""
    flow = client.flow()
    pushed = await flow.push()
    clock.shift(pushed["expires_in"] + 1)
    assert await flow.refusal() == "invalid_request_uri"


async def test_par_attempt_to_use_request_uri_for_different_client(
    client: FapiClient, other: FapiClient
) -> None:
    """``fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client``."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    shown = await flow.browse({"client_id": other.known.client_id, "request_uri": flow.request_uri})
    assert shown.location is None
    assert await flow.refusal_of(shown) in ("invalid_request_uri", "invalid_request")


async def test_par_authorization_request_containing_request_uri_form_param(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-authorization-request-containing-request_uri-form-param`` (RFC 9126 §2.1)."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    flow.form |= {"request_uri": flow.request_uri}
    assert (await flow.push()).refuses(*INVALID, "request_uri_not_supported")


async def test_par_attempt_invalid_http_method(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-attempt-invalid-http-method``."""
    answer = await client.send("PUT", "/par", form=client.flow().form, certificate=client.certificate)
    assert answer.status == 405


async def test_par_ensure_pkce_required(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-ensure-pkce-required``."""
    assert (await client.flow(code_challenge=None, code_challenge_method=None).push()).refuses(
        "invalid_request"
    )


async def test_par_plain_pkce_rejected(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-plain-pkce-rejected``."""
    assert (await client.flow(code_challenge_method="plain").push()).refuses("invalid_request")
