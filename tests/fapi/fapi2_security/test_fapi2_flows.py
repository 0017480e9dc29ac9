"""FAPI 2: what a well-behaved client does, and gets."""

from typing import Any

import pytest

from tests.support.dpop import jkt_of
from tests.support.fapi_client import FapiClient
from tests.support.fapi_metadata import metadata_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_discovery_end_point_verification(client: FapiClient) -> None:
    """``fapi2-security-profile-final-discovery-end-point-verification``: what the profile demands is announced, and
    the aliases are of endpoints that the top level has."""
    metadata = await metadata_of(client)
    assert metadata["issuer"] == client.issuer
    assert "code" in metadata["response_types_supported"]
    assert "authorization_code" in metadata["grant_types_supported"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["pushed_authorization_request_endpoint"] == client.issuer + "/par"
    assert "S256" in metadata["code_challenge_methods_supported"]
    methods = (
        {"private_key_jwt"} if client.variant.by_jwt else {"tls_client_auth", "self_signed_tls_client_auth"}
    )
    assert methods <= set(metadata["token_endpoint_auth_methods_supported"])
    signing = ["token_endpoint_auth_signing_alg_values_supported"]
    signing += ["id_token_signing_alg_values_supported"] * client.variant.openid
    signing += ["dpop_signing_alg_values_supported"] * client.variant.dpop
    signing += ["request_object_signing_alg_values_supported"] * client.variant.signed
    signing += ["authorization_signing_alg_values_supported"] * client.variant.jarm
    for name in signing:
        assert {"PS256", "ES256", "EdDSA"} & set(metadata[name]), name
    if not client.variant.dpop:
        assert metadata["tls_client_certificate_bound_access_tokens"] is True
    if client.variant.jarm:
        assert "jwt" in metadata["response_modes_supported"]


async def test_happy_flow(client: FapiClient, other: FapiClient) -> None:
    """``fapi2-security-profile-final-happy-flow``: both clients get tokens. The one's token is of no use to the other,
    nor in a query; the second one names its key in the request alone."""
    flow = client.flow(state="s" * 128)
    token = await flow.access_token()
    answer = await client.resource(client.with_token(token))
    assert client.is_taken(answer)
    assert answer.headers["Date"]
    for accept in ("application/json; charset=utf-8", "application/json, application/*+json, */*"):
        assert client.is_taken(await client.resource(client.with_token(token) | {"Accept": accept}))
    in_query = await client.resource({}, query=f"?access_token={token}")
    assert in_query.status in (400, 401)
    second = other.flow(**({"dpop_jkt": jkt_of(other.identity.dpop)} if other.variant.dpop else {}))
    assert (await second.push(proof=None)).status == 201
    token = await second.access_token()
    assert await other.takes(token)
    stolen = other.with_token(token, proof={"key": client.identity.dpop})
    assert not other.is_taken(await other.resource(stolen, client.certificate))


async def test_user_rejects_authentication(client: FapiClient, other: FapiClient) -> None:
    """``fapi2-security-profile-final-user-rejects-authentication``: ``access_denied`` with the state, and what the
    redirect URI had in its query."""
    for each in (client, other):
        flow = each.flow(each.stranger(), state="s" * 128)
        page = await flow.open()
        assert "/login/" in page.url
        refused = await flow.browser.submit(page, action="cancel")
        assert await flow.refusal_of(refused) == "access_denied"


async def test_ensure_authorization_request_without_state_success(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-authorization-request-without-state-success``."""
    flow = client.flow(state=None)
    assert "state" not in await flow.respond()
    assert await client.takes(await flow.access_token())


async def test_ensure_authorization_request_without_nonce_success(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-authorization-request-without-nonce-success``: none is made up."""
    assert "nonce" not in await client.flow(nonce=None).id_token()


async def test_ensure_authorization_request_with_64_char_nonce_success(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-authorization-request-with-64-char-nonce-success``."""
    assert (await client.flow(nonce="n" * 64).id_token())["nonce"] == "n" * 64


async def test_ensure_authorization_request_with_long_nonce(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-authorization-request-with-long-nonce``: as it was sent."""
    assert (await client.flow(nonce="n" * 384).id_token())["nonce"] == "n" * 384


async def test_ensure_authorization_request_with_long_state(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-authorization-request-with-long-state``: as it was sent."""
    assert (await client.flow(state="s" * 1000).respond())["state"] == "s" * 1000


async def test_ensure_other_scope_order_succeeds(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-other-scope-order-succeeds``: ``openid`` need not be first."""
    flow = client.flow(scope="email openid")
    assert await client.takes(await flow.access_token())
    assert set(flow.tokens.get("scope", "openid email").split()) == {"openid", "email"}


async def test_claims_parameter_identity_claims(client: FapiClient) -> None:
    """``fapi2-security-profile-final-test-claims-parameter-identity-claims``: what is known is answered where it was
    asked for, what is not known is passed over."""
    asked: dict[str, Any] = {
        "given_name": None,
        "family_name": {"essential": True},
        "https://x.example/none": None,
    }
    flow = client.flow(scope="openid", claims={"id_token": asked, "userinfo": asked})
    told = (await client.resource(client.with_token(await flow.access_token()))).body
    for claims in (await flow.id_token(), told):
        assert {"given_name", "family_name"} <= claims.keys()
        assert "email" not in claims


async def test_access_token_type_header_case_sensitivity(client: FapiClient) -> None:
    """``fapi2-security-profile-final-access-token-type-header-case-sensitivity`` (RFC 9110 §11.1)."""
    token = await client.flow().access_token()
    assert await client.takes(token, scheme="dPoP" if client.variant.dpop else "bEaReR")


async def test_ensure_different_nonce_inside_and_outside_request_object(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-different-nonce-inside-and-outside-request-object``: what was pushed
    counts."""
    flow = client.flow(nonce="inside")
    await flow.respond(await flow.open(nonce="outside"))
    assert (await flow.id_token())["nonce"] == "inside"


async def test_ensure_different_state_inside_and_outside_request_object(client: FapiClient) -> None:
    """``fapi2-security-profile-final-ensure-different-state-inside-and-outside-request-object``."""
    flow = client.flow(state="inside")
    assert (await flow.respond(await flow.open(state="outside")))["state"] == "inside"


async def test_state_only_outside_request_object_not_used(client: FapiClient) -> None:
    """``fapi2-security-profile-final-state-only-outside-request-object-not-used``."""
    flow = client.flow(state=None)
    assert "state" not in await flow.respond(await flow.open(state="outside"))


async def test_par_without_duplicate_parameters(client: FapiClient) -> None:
    """``fapi2-security-profile-final-par-without-duplicate-parameters``: the browser brings two parameters."""
    flow = client.flow()
    assert (await flow.push()).status == 201
    query = {"client_id": client.known.client_id, "request_uri": flow.request_uri}
    assert "code" in await flow.respond(await flow.browse(query))
