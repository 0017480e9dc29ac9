"""What a client's profile demands is kept, or the client is not served (decisions.md 5, 18)."""

import base64
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from authrim.store.contract import Store
from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from tests.support.assertion import assertion_form, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser, authorization_query
from tests.support.certificates import IssuedCertificate
from tests.support.mtls import ROOT, SECRET
from tests.support.request_object import object_claims, send, signed_object
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = new_key()


async def client_of(server: RunningServer, profile: str) -> KnownClient:
    """A client with a key, of that profile, for every grant."""
    return await server.client(
        "profiled",
        kind="web",
        profile=profile,
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(KEY),
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
        scope=("openid", "reports.read"),
    )


@pytest.mark.parametrize("off", [("pushed_requests",)])
async def test_a_profile_that_cannot_be_kept_gets_nothing(store: Store, off: tuple[str, ...]) -> None:
    """A client whose profile demands what is switched off gets no token and no code, least of all a bearer token."""
    async with running_server(store, features_off=off) as server:
        client = await client_of(server, "fapi2-security")
        for grant_type in ("client_credentials", "authorization_code", "refresh_token"):
            form = assertion_form(signed(KEY, claims_for(server, client)), grant_type=grant_type, code="x")
            status, answer = await server.post("/token", form)
            assert (status, answer["error"]) == (400, "unauthorized_client")
            assert "profile" in answer["error_description"]
        shown, _ = await Browser(server).authorize(client)
        assert "error" in shown.parameters


@pytest.mark.parametrize("profile", ["oidc", "oauth21"])
async def test_a_profile_that_can_be_kept_is_served(server: RunningServer, profile: str) -> None:
    """The refusals above are not refusals of everybody."""
    client = await client_of(server, profile)
    form = assertion_form(signed(KEY, claims_for(server, client)))
    assert (await server.post("/token", form))[0] == 200


async def fapi_client(server: RunningServer, profile: str, **changes: Any) -> KnownClient:
    """A client of a FAPI profile, as ``authrim client create --profile`` makes it."""
    fields = defaults_of(PROFILES[profile]) | {"jwks": public_jwks(KEY), "scope": ("openid",)} | changes
    return await server.client("of " + profile, kind="web", profile=profile, **fields)


async def pushed_by(server: RunningServer, client: KnownClient, form: dict[str, str]) -> tuple[int, str]:
    """Status and error of a push that the client's key authenticates, with a DPoP key named for the code."""
    assertion = signed(KEY, claims_for(server, client))
    status, answer = await server.post("/par", assertion_form(assertion) | form | {"grant_type": ""})
    return status, answer.get("error", "")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 201),
        ({"scope": None}, 400),
        ({"code_challenge": None, "code_challenge_method": None}, 400),
        ({"code_challenge_method": "plain"}, 400),
        ({"response_type": "code id_token"}, 400),
        ({"response_type": "code token"}, 400),
        ({"response_type": "token"}, 400),
        ({"redirect_uri": None}, 400),
        ({"redirect_uri": "https://evil.example/"}, 400),
    ],
)
async def test_fapi2_security(server: RunningServer, changes: dict[str, Any], status: int) -> None:
    """``fapi2-security-profile-final-par-ensure-pkce-required``, ``-par-plain-pkce-rejected``,
    ``-ensure-response-type-code-idtoken-fails``, ``-ensure-response-type-token-fails``,
    ``-ensure-redirect-uri-in-authorization-request``: refused when it is pushed."""
    client = await fapi_client(server, "fapi2-security")
    _, form = authorization_query(client, **changes)
    assert (await pushed_by(server, client, form))[0] == status


async def test_fapi2_security_takes_nothing_unpushed(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails``, and a signed one
    likewise."""
    client = await fapi_client(server, "fapi2-security")
    shown, _ = await browser.authorize(client)
    assert shown.parameters["error"] == "invalid_request"
    _, claims = object_claims(server, client)
    assert (await send(browser, client, signed_object(claims, KEY))).parameters["error"] == "invalid_request"


CERTIFICATE = ROOT.issue("client")
SHOWN = {
    "Client-Cert": f":{base64.b64encode(CERTIFICATE.der).decode()}:",  # RFC 9440 §2.1
    "Client-Cert-Secret": SECRET,
}


@pytest.fixture
async def certified(store: Store, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server that sees certificates, which FAPI 1 needs, by the header of a proxy."""
    anchors = tmp_path / "anchors.pem"
    anchors.write_text(IssuedCertificate(ROOT.certificate, None).pem)
    async with running_server(
        store,
        tls_client_anchors=anchors,
        client_cert_proxies=("127.0.0.0/8", "::1/128"),
        client_cert_secret=SECRET,
    ) as running:
        yield running


async def test_fapi1_advanced_by_value(certified: RunningServer) -> None:
    """``fapi1-advanced-final``: ``code id_token`` with a signed request by value, a token bound to the certificate, and
    userinfo that repeats ``x-fapi-interaction-id`` when it is a UUID and makes one when it is not."""
    types = {"response_types": ("code id_token",), "grant_types": ("authorization_code", "implicit")}
    client, browser = await fapi_client(certified, "fapi1-advanced", **types), Browser(certified)
    verifier, claims = object_claims(certified, client, response_type="code id_token", nonce="n" * 43)
    shown = await browser.through_pages(await send(browser, client, signed_object(claims, KEY)))
    assert {"code", "id_token", "state"} <= shown.parameters.keys()
    form = assertion_form(
        signed(KEY, claims_for(certified, client)), grant_type="authorization_code", code=shown.parameters["code"],
        redirect_uri=client.redirect_uri, code_verifier=verifier,
    )  # fmt: skip
    status, tokens = await certified.post("/token", form, SHOWN)
    assert status == 200, tokens
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    given = str(uuid.uuid4())
    for sent, came in ((given, given), ("x" * 36, None), (given + "\t", None)):
        headers = SHOWN | bearer | {"x-fapi-interaction-id": sent.strip() if came else sent.strip() + "z"}
        async with certified.http.get(certified.url("/userinfo"), headers=headers) as answer:
            assert answer.status == 200
            told = answer.headers["x-fapi-interaction-id"]
        assert uuid.UUID(told)
        assert told == (came or told)
        assert told != headers["x-fapi-interaction-id"] or came
    async with certified.http.get(certified.url("/userinfo"), headers=bearer) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("profile", ["fapi1-advanced", "fapi2-message-signing"])
async def test_profiles_of_signed_requests(certified: RunningServer, profile: str) -> None:
    """``fapi2-security-profile-final-ensure-unsigned-request-at-par-endpoint-fails``,
    ``fapi1-advanced-final-ensure-authorization-request-without-request-object-fails``: whatever is registered."""
    server = certified
    client = await fapi_client(server, profile, require_signed_request_object=False)
    _, form = authorization_query(client, response_mode="jwt")
    assert await pushed_by(server, client, form) == (400, "invalid_request")
    _, claims = object_claims(server, client, response_mode="jwt", nonce="n")
    assert await pushed_by(server, client, {"request": signed_object(claims, KEY)}) == (201, "")
    for missing in ("exp", "nbf", "aud", "client_id"):
        _, claims = object_claims(server, client, response_mode="jwt", nonce="n", **{missing: None})
        refused = await pushed_by(server, client, {"request": signed_object(claims, KEY)})
        assert refused == (400, "invalid_request_object"), missing
    _, claims = object_claims(server, client, response_mode="jwt", nonce="n")
    refused = await pushed_by(server, client, {"request": signed_object(claims, KEY, typ="JWT")})
    assert refused == (400, "invalid_request_object")


@pytest.mark.parametrize("profile", ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"])
@pytest.mark.parametrize(
    "weaker",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "none"},
        {"request_object_signing_alg": "RS256"},
        {"id_token_signed_response_alg": "RS256"},
        {"access_token_signing_alg": "RS256"},
        {"token_endpoint_auth_signing_alg": "RS256"},
        {"response_types": ("id_token",), "grant_types": ("implicit",)},
        {"response_types": ("code id_token token",), "grant_types": ("authorization_code", "implicit")},
    ],
)
async def test_what_a_fapi_client_cannot_be(
    server: RunningServer, profile: str, weaker: dict[str, Any]
) -> None:
    """A weaker registration is refused, whatever it is that would be weaker (``-signed-…-with-RS256-fails``)."""
    with pytest.raises(AssertionError):
        await fapi_client(server, profile, **weaker)


async def test_rs256_is_refused(server: RunningServer) -> None:
    """``fapi2-security-profile-final-ensure-signed-request-object-with-RS256-fails``,
    ``fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails``."""
    rsa = new_key("RS256", "rsa")
    client = await fapi_client(server, "fapi2-message-signing", jwks=public_jwks(KEY, rsa))
    _, claims = object_claims(server, client, response_mode="jwt")
    refused = await pushed_by(server, client, {"request": signed_object(claims, rsa)})
    assert refused == (400, "invalid_request_object")
    _, form = authorization_query(client)
    assertion = signed(rsa, claims_for(server, client))
    status, answer = await server.post("/par", assertion_form(assertion) | form | {"grant_type": ""})
    assert (status, answer["error"]) == (401, "invalid_client")
