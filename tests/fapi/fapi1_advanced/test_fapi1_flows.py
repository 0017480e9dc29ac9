"""FAPI 1 Advanced: what a well-behaved client does, and gets."""

import uuid

import pytest

from tests.support.fapi_client import FapiClient
from tests.support.fapi_metadata import metadata_of
from tests.support.responses import half_hash
from tests.support.running import pkce
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_discovery_end_point_verification(client: FapiClient) -> None:
    """``fapi1-advanced-final-discovery-end-point-verification``: what the profile demands is announced."""
    metadata = await metadata_of(client)
    assert metadata["issuer"] == client.issuer
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert metadata["request_parameter_supported"] is True
    assert ("code" if client.variant.jarm else "code id_token") in metadata["response_types_supported"]
    assert {"PS256", "ES256"} & set(metadata["request_object_signing_alg_values_supported"])
    assert {"PS256", "ES256"} & set(metadata["id_token_signing_alg_values_supported"])
    methods = (
        {"private_key_jwt"} if client.variant.by_jwt else {"tls_client_auth", "self_signed_tls_client_auth"}
    )
    assert methods <= set(metadata["token_endpoint_auth_methods_supported"])
    if client.variant.pushed:
        assert metadata["pushed_authorization_request_endpoint"] == client.issuer + "/par"
    if client.variant.jarm:
        assert "jwt" in metadata["response_modes_supported"]
        assert {"PS256", "ES256"} & set(metadata["authorization_signing_alg_values_supported"])


async def test_fapi1_advanced_final(client: FapiClient, other: FapiClient) -> None:
    """``fapi1-advanced-final``, the happy flow: the ID token signs for code and state where it comes in front; the
    access token is of no use with another certificate or in a query, and the resource repeats the interaction id."""
    for each, thief in ((client, other), (other, client)):
        flow = each.flow(state="s" * 128, nonce="n" * 43)
        front = await flow.respond()
        if each.variant.hybrid:
            claims = await verified_claims(each.server.mtls, front["id_token"])
            assert claims["s_hash"] == half_hash("ES256", front["state"])
            assert claims["c_hash"] == half_hash("ES256", front["code"])
            assert "email" not in claims
        assert "access_token" not in front
        assert (await flow.id_token())["nonce"] == "n" * 43
        token = await flow.access_token()
        interaction = str(uuid.uuid4())
        headers = each.with_token(token)
        answer = await each.resource(headers | {"x-fapi-interaction-id": interaction})
        assert each.is_taken(answer)
        assert answer.headers["x-fapi-interaction-id"] == interaction
        assert not each.is_taken(await each.resource(headers, thief.certificate))
        assert not each.is_taken(await each.resource({}, query=f"?access_token={token}"))


async def test_user_rejects_authentication(client: FapiClient, other: FapiClient) -> None:
    """``fapi1-advanced-final-user-rejects-authentication``."""
    for each in (client, other):
        flow = each.flow(each.stranger(), state="s" * 128)
        refused = await flow.browser.submit(await flow.open(), action="cancel")
        assert await flow.refusal_of(refused) == "access_denied"


async def test_ensure_request_object_with_multiple_aud_succeeds(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-multiple-aud-succeeds``: the issuer among others."""
    flow = client.flow(aud=["https://other.example/", client.issuer])
    assert await client.takes(await flow.access_token())


async def test_ensure_authorization_request_without_state_success(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-authorization-request-without-state-success``: none, and no hash of one."""
    flow = client.flow(state=None)
    front = await flow.respond()
    assert "state" not in front
    if client.variant.hybrid:
        assert "s_hash" not in await verified_claims(client.server.mtls, front["id_token"])
    assert await client.takes(await flow.access_token())


async def test_ensure_valid_pkce_succeeds(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-valid-pkce-succeeds``: it is not demanded here, but it holds."""
    verifier, challenge = pkce()
    for sent, status in (("v" * 43, 400), (verifier, 200)):
        flow = client.flow(code_challenge=challenge, code_challenge_method="S256")
        assert (await flow.redeem(form={"code_verifier": sent})).status == status


async def test_ensure_other_scope_order_succeeds(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-other-scope-order-succeeds``."""
    assert await client.takes(await client.flow(scope="email openid").access_token())


async def test_access_token_type_header_case_sensitivity(client: FapiClient) -> None:
    """``fapi1-advanced-final-access-token-type-header-case-sensitivity``."""
    assert await client.takes(await client.flow().access_token(), scheme="bEaReR")


async def test_ensure_different_nonce_inside_and_outside_request_object(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-different-nonce-inside-and-outside-request-object``: what is signed counts."""
    flow = client.flow(nonce="inside")
    await flow.respond(await flow.open(nonce="outside"))
    assert (await flow.id_token())["nonce"] == "inside"


async def test_ensure_request_object_with_long_nonce(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-long-nonce``: as it was sent."""
    assert (await client.flow(nonce="n" * 384).id_token())["nonce"] == "n" * 384


async def test_ensure_request_object_with_64_char_nonce_success(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-64-char-nonce-success``."""
    assert (await client.flow(nonce="n" * 64).id_token())["nonce"] == "n" * 64


async def test_ensure_request_object_with_long_state(client: FapiClient) -> None:
    """``fapi1-advanced-final-ensure-request-object-with-long-state``: as it was sent."""
    assert (await client.flow(state="s" * 1000).respond())["state"] == "s" * 1000


async def test_state_only_outside_request_object_not_used(client: FapiClient) -> None:
    """``fapi1-advanced-final-state-only-outside-request-object-not-used``."""
    flow = client.flow(state=None)
    assert "state" not in await flow.respond(await flow.open(state="outside"))


async def test_par_without_duplicate_parameters(client: FapiClient) -> None:
    """``fapi1-advanced-final-par-without-duplicate-parameters``: the browser brings two parameters."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    query = {"client_id": client.known.client_id, "request_uri": flow.request_uri}
    assert "code" in await flow.respond(await flow.browse(query))
