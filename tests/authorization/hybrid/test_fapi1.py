"""FAPI 1 Advanced at the authorization endpoint: the ID token as detached signature, or JARM, and no token in front."""

from typing import Any

import pytest

from tests.support.assertion import ASSERTION_TYPE, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser
from tests.support.certificates import self_signed
from tests.support.jarm import opened
from tests.support.mtls import MtlsServer
from tests.support.request_object import object_claims, send, signed_object
from tests.support.responses import ReceivedResponse, half_hash
from tests.support.running import KnownClient
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY, CERTIFICATE = new_key(), self_signed("client")


async def fapi1_client(server: MtlsServer, *response_types: str, **metadata: Any) -> KnownClient:
    """A client that is held to the profile."""
    grant_types = ("authorization_code", "implicit") if "code id_token" in response_types else None
    return await server.client(
        "fapi1",
        kind="web",
        profile="fapi1-advanced",
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(KEY),
        response_types=response_types,
        grant_types=grant_types or ("authorization_code",),
        **metadata,
    )


async def ask(
    server: MtlsServer, browser: Browser, client: KnownClient, response_type: str, **parameters: Any
) -> tuple[ReceivedResponse, str]:
    """A signed request by value, through the pages: what the client receives, and the verifier."""
    asked = {"response_type": response_type, "nonce": "a-nonce", "scope": "openid email"} | parameters
    verifier, claims = object_claims(server, client, **asked)
    beside = {"response_type": response_type, "scope": "openid email", "redirect_uri": client.redirect_uri}
    shown = await send(browser, client, signed_object(claims, KEY), **beside)
    return ReceivedResponse.of(await browser.through_pages(shown), client), verifier


async def test_the_detached_signature(mtls: MtlsServer) -> None:
    """``fapi1-advanced-final`` (happy flow): code and ID token in the fragment, ``s_hash`` and ``c_hash`` in it, no
    access token and nothing about the person; the code gives tokens that are bound to the certificate."""
    client, browser = await fapi1_client(mtls, "code id_token"), Browser(mtls)
    received, verifier = await ask(mtls, browser, client, "code id_token")
    assert received.encoding == "fragment"
    assert {"code", "id_token", "state"} <= received.parameters.keys()
    assert "access_token" not in received.parameters
    front = await verified_claims(mtls, received.parameters["id_token"])
    assert front["s_hash"] == half_hash("ES256", received.parameters["state"])
    assert front["c_hash"] == half_hash("ES256", received.parameters["code"])
    assert "email" not in front
    form = {
        "grant_type": "authorization_code", "code": received.parameters["code"], "code_verifier": verifier,
        "redirect_uri": client.redirect_uri, "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(KEY, claims_for(mtls, client)),
    }  # fmt: skip
    status, tokens, _ = await mtls.show(CERTIFICATE, "/token", form)
    assert status == 200, tokens
    back = await verified_claims(mtls, tokens["id_token"])
    assert (back["sub"], back["nonce"]) == (front["sub"], front["nonce"])


@pytest.mark.parametrize(
    ("response_type", "mode", "encoding"),
    [("code id_token", "query", "fragment"), ("code", None, "query"), ("code", "form_post", "form_post")],
)
async def test_nothing_less_is_sent(
    mtls: MtlsServer, response_type: str, mode: str | None, encoding: str
) -> None:
    """``fapi1-advanced-final-ensure-response-mode-query``, ``-ensure-response-type-code-fails``: no tokens in a query,
    no code in a plain response; the error is where the answer would have been."""
    client, browser = await fapi1_client(mtls, "code id_token", "code"), Browser(mtls)
    received, _ = await ask(mtls, browser, client, response_type, response_mode=mode)
    assert (received.encoding, received.parameters["error"]) == (encoding, "invalid_request")


async def test_code_with_jarm(mtls: MtlsServer) -> None:
    """``fapi1-advanced-final`` with ``fapi_response_mode=jarm``: ``code`` is answered by a signed JWT alone."""
    client, browser = await fapi1_client(mtls, "code"), Browser(mtls)
    received, _ = await ask(mtls, browser, client, "code", response_mode="jwt")
    assert received.encoding == "query"
    assert {"code", "state"} <= (await opened(mtls, client, received, "ES256")).keys()
    received, _ = await ask(mtls, browser, client, "code id_token")
    assert received.parameters["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("claim", "error"),
    [("exp", "invalid_request_object"), ("nbf", "invalid_request_object"), ("nonce", "invalid_request")],
)
async def test_refusals_with_jarm(mtls: MtlsServer, claim: str, error: str) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-exp-fails``, ``-without-nbf-fails``, and
    ``-without-nonce-fails`` with ``fapi_response_mode=jarm``: who takes signed answers alone gets a refusal as one too,
    even of an object whose ``response_mode`` cannot be believed."""
    client, browser = await fapi1_client(mtls, "code"), Browser(mtls)
    received, _ = await ask(mtls, browser, client, "code", response_mode="jwt", **{claim: None})
    assert (await opened(mtls, client, received, "ES256"))["error"] == error


async def test_a_mode_that_is_not_registered(mtls: MtlsServer) -> None:
    """``fapi1-advanced-final-ensure-response-mode-query`` with ``fapi_response_mode=jarm``: a plain response to whoever
    registered signed ones alone is refused in the suite's terms; ``-ensure-response-type-code-fails`` names none."""
    client, browser = await fapi1_client(mtls, "code", response_modes=("jwt",)), Browser(mtls)
    for mode in ("query", None):
        received, _ = await ask(mtls, browser, client, "code", response_mode=mode)
        assert (received.encoding, received.parameters["error"]) == ("query", "invalid_request")


async def test_code_without_jarm_is_not_registered(mtls: MtlsServer) -> None:
    """``fapi1-advanced-final-ensure-response-type-code-fails``: whoever registered the hybrid type alone is told that
    its profile has no plain ``code``, in the suite's terms."""
    client, browser = await fapi1_client(mtls, "code id_token"), Browser(mtls)
    received, _ = await ask(mtls, browser, client, "code")
    assert received.parameters["error"] == "unsupported_response_type"


async def test_an_object_without_scope(mtls: MtlsServer) -> None:
    """``fapi1-advanced-final-ensure-request-object-without-scope-fails``: the scope beside the object is none."""
    client, browser = await fapi1_client(mtls, "code id_token"), Browser(mtls)
    received, _ = await ask(mtls, browser, client, "code id_token", scope=None)
    assert received.parameters["error"] == "invalid_request_object"
