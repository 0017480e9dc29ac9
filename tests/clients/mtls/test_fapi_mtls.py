"""FAPI with tokens bound to certificates: clients with a certificate of an authority, with one of their own,
and with a signed JWT. Everything goes to the mTLS aliases, as the suite does it."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from authrim.protocol.mtls import jwk_of, thumbprint
from domain.grant.events import AuthorizationRequested, CodeRedeemed
from tests.support.assertion import ASSERTION_TYPE, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser, authorization_query
from tests.support.certificates import IssuedCertificate, self_signed
from tests.support.log import grant_events
from tests.support.mtls import ROOT, MtlsServer
from tests.support.pushed import fetch
from tests.support.running import KnownClient
from tests.support.tokens import verified_claims

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

SIGNING_KEY = new_key()
CERTIFICATES = {"pki": ROOT.issue("client"), "self": self_signed("client"), "jwt": self_signed("any")}
METHODS: dict[str, dict[str, Any]] = {
    "pki": {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=client"},
    "self": {
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": {"keys": [jwk_of(CERTIFICATES["self"].pem.encode())]},
    },
    "jwt": {"token_endpoint_auth_method": "private_key_jwt", "jwks": public_jwks(SIGNING_KEY)},
}
OFFLINE = {"scope": "openid offline_access", "prompt": "consent"}


class Fapi:
    """A client of a FAPI 2 profile, and its requests."""

    def __init__(self, server: MtlsServer, method: str, client: KnownClient) -> None:
        self.server, self.client, self.method = server, client, method
        self.certificate = CERTIFICATES[method]

    async def post(
        self,
        path: str,
        form: dict[str, str],
        certificate: IssuedCertificate | None,
        *,
        authenticated: bool = True,
    ) -> tuple[int, dict[str, Any]]:
        """A request that shows ``certificate``, and is signed for when that is the client's method."""
        if self.method == "jwt" and authenticated:
            assertion = signed(SIGNING_KEY, claims_for(self.server, self.client))
            form = form | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        else:
            form = form | {"client_id": self.client.client_id}
        status, answer, _ = await self.server.show(certificate, path, form)
        return status, answer

    async def code(self, browser: Browser) -> dict[str, str]:
        """The form that redeems a fresh code."""
        verifier, query = authorization_query(self.client, **OFFLINE)
        status, pushed = await self.post("/par", query, self.certificate)
        assert status == 201, pushed
        shown = await browser.through_pages(await fetch(browser, self.client, pushed["request_uri"]))
        return {
            "grant_type": "authorization_code",
            "code": shown.parameters["code"],
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": verifier,
        }


async def fapi_client(server: MtlsServer, method: str, name: str = "fapi", **changes: Any) -> Fapi:
    fields = METHODS[method] | {"profile": "fapi2-security"} | changes
    return Fapi(server, method, await server.client(name, kind="web", **fields))


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_the_whole_flow(mtls: MtlsServer, method: str) -> None:
    """``fapi2-security-profile-final-happy-flow``: push, code, token, userinfo; another client's certificate opens
    nothing, and the stream says which certificate the token is bound to and what authenticated the client."""
    fapi, browser = await fapi_client(mtls, method), Browser(mtls)
    form = await fapi.code(browser)
    status, tokens = await fapi.post("/token", form, fapi.certificate)
    assert (status, tokens["token_type"]) == (200, "Bearer")
    print_of = thumbprint(fapi.certificate.der)
    assert (await verified_claims(mtls, tokens["access_token"]))["cnf"] == {"x5t#S256": print_of}
    for scheme in ("Bearer", "bEaReR"):  # …-access-token-type-header-case-sensitivity
        headers = {"Authorization": f"{scheme} {tokens['access_token']}"}
        assert (await mtls.show(fapi.certificate, "/userinfo", headers=headers, method="GET"))[0] == 200
        assert (await mtls.show(self_signed(), "/userinfo", headers=headers, method="GET"))[0] == 401
    query = f"/userinfo?access_token={tokens['access_token']}"
    assert (await mtls.show(fapi.certificate, query, method="GET"))[0] == 400
    events = await grant_events(mtls, form["code"])
    asked = next(event for event in events if isinstance(event, AuthorizationRequested))
    redeemed = next(event for event in events if isinstance(event, CodeRedeemed))
    proved_with = SIGNING_KEY.kid if method == "jwt" else print_of
    assert asked.client_key_id == redeemed.client_key_id == proved_with
    assert redeemed.x5t_s256 == print_of


@only_sqlite
async def test_a_token_request_without_the_certificate(mtls: MtlsServer, method: str) -> None:
    """``fapi2-security-profile-final-ensure-holder-of-key-required``: no certificate, no token; and the code is good
    for the one who has it."""
    fapi = await fapi_client(mtls, method)
    form = await fapi.code(Browser(mtls))
    status, answer = await fapi.post("/token", form, None)
    assert status in (400, 401)
    assert answer["error"] in ("invalid_client", "invalid_request", "invalid_grant")
    assert (await fapi.post("/token", form, fapi.certificate))[0] == 200


@only_sqlite
async def test_refresh(mtls: MtlsServer, method: str) -> None:
    """``fapi2-security-profile-final-refresh-token``: the token is not rotated; without a certificate, without client
    authentication, or by another client there is none."""
    fapi = await fapi_client(mtls, method)
    _, tokens = await fapi.post("/token", await fapi.code(Browser(mtls)), fapi.certificate)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for _ in range(2):
        status, refreshed = await fapi.post("/token", form, fapi.certificate)
        assert (status, refreshed["refresh_token"]) == (200, tokens["refresh_token"])
    assert (await fapi.post("/token", form, None))[0] in (400, 401)
    assert (await fapi.post("/token", form, self_signed(), authenticated=False))[0] == 401
    other = await fapi_client(mtls, method, "other")
    status, answer = await other.post("/token", form, other.certificate)
    assert (status, answer["error"]) == (400, "invalid_grant")


@only_sqlite
async def test_a_code_of_another_client(mtls: MtlsServer, method: str) -> None:
    """``fapi2-security-profile-final-ensure-authorization-code-is-bound-to-client``,
    ``fapi2-security-profile-final-ensure-client-id-in-token-endpoint``."""
    fapi, other = await fapi_client(mtls, method), await fapi_client(mtls, method, "other")
    form = await fapi.code(Browser(mtls))
    status, answer = await other.post("/token", form, other.certificate)
    assert (status, answer["error"]) == (400, "invalid_grant")


@only_sqlite
async def test_a_push_needs_the_certificate(mtls: MtlsServer) -> None:
    """RFC 9126 §2: the pushed request is authenticated in the client's own way, with nothing but its certificate."""
    for method in ("pki", "self"):
        fapi = await fapi_client(mtls, method, method)
        _, query = authorization_query(fapi.client)
        for wrong in (None, self_signed("client")):
            status, answer = await fapi.post("/par", query, wrong)
            assert (status, answer["error"]) == (401, "invalid_client")


@only_sqlite
async def test_discovery(mtls: MtlsServer) -> None:
    """``fapi2-security-profile-final-discovery-end-point-verification``, the part of mutual TLS: the same document on
    both listeners, every alias at the other address and of an endpoint that the top level has."""
    async with mtls.http.get(mtls.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    _, there, _ = await mtls.show(None, "/.well-known/openid-configuration", method="GET")
    assert json.dumps(there) == json.dumps(document)
    assert "pushed_authorization_request_endpoint" in document["mtls_endpoint_aliases"]
    for name, url in document["mtls_endpoint_aliases"].items():
        assert name in document
        assert urlsplit(url).netloc == urlsplit(mtls.mtls_url).netloc


@only_sqlite
@pytest.mark.parametrize("method_of_fapi1", ["pki", "self", "jwt"])
async def test_fapi1_always_binds_to_a_certificate(mtls: MtlsServer, method_of_fapi1: str) -> None:
    """``fapi1-advanced-final-ensure-mtls-holder-of-key-required``: whatever the client authenticates with, its tokens
    are bound to a certificate; the assertion may be for the alias of the token endpoint."""
    client = await mtls.client("fapi1", kind="service", profile="fapi1-advanced", **METHODS[method_of_fapi1])
    certificate = CERTIFICATES[method_of_fapi1]
    form = {"grant_type": "client_credentials", "client_id": client.client_id}

    async def ask(shown: IssuedCertificate | None) -> tuple[int, dict[str, Any]]:
        more = {}
        if method_of_fapi1 == "jwt":
            claims = claims_for(mtls, client, aud=f"{mtls.mtls_url}/token")
            more = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(SIGNING_KEY, claims)}
        status, answer, _ = await mtls.show(shown, "/token", form | more)
        return status, answer

    status, tokens = await ask(certificate)
    assert status == 200, tokens
    claims = await verified_claims(mtls, tokens["access_token"])
    assert claims["cnf"] == {"x5t#S256": thumbprint(certificate.der)}
    assert (await ask(None))[0] in (400, 401)
