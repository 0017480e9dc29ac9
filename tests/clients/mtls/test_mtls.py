"""Mutual TLS (RFC 8705): clients that authenticate with a certificate and tokens that are bound to one, by our own TLS
and behind a real nginx and a real HAProxy."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from authrim.protocol.mtls import jwk_of, thumbprint
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from tests.support.browser import Browser
from tests.support.certificates import IssuedCertificate, self_signed
from tests.support.mtls import ROOT, WAYS, MtlsServer, mtls_server
from tests.support.running import KnownClient
from tests.support.tokens import verified_claims

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

PKI: dict[str, Any] = {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": "CN=client",
}
BOUND: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}


def self_signed_metadata(certificate: IssuedCertificate) -> dict[str, Any]:
    return {
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": {"keys": [jwk_of(certificate.pem.encode())]},
    }


async def introspected(server: MtlsServer, token: str) -> dict[str, Any]:
    api = await server.client("api")
    _, answer = await server.post("/introspect", {"token": token}, api.basic)
    return answer


@pytest.mark.parametrize("way", WAYS)
@only_sqlite
async def test_every_way_in(store: Store, tmp_path: Path, way: str) -> None:
    """Both methods, by our own TLS, nginx and HAProxy, over TCP and over a Unix socket: tokens are bound to the
    certificate that was shown in the handshake."""
    own, of_root = self_signed(), ROOT.issue("client")
    async with mtls_server(store, tmp_path, way) as server:
        for name, certificate, fields in (
            ("pki", of_root, PKI),
            ("self", own, self_signed_metadata(own)),
        ):
            client = await server.client(name, kind="service", **fields, **BOUND)
            status, tokens = await server.token(client, certificate)
            assert status == 200, tokens
            assert tokens["token_type"] == "Bearer"
            claims = await verified_claims(server, tokens["access_token"])
            assert claims["cnf"] == {"x5t#S256": thumbprint(certificate.der)}
            assert (await introspected(server, tokens["access_token"]))["cnf"] == claims["cnf"]
            for wrong in (None, self_signed()):
                status, answer = await server.token(client, wrong)
                assert (status, answer["error"]) == (401, "invalid_client")


async def test_metadata(mtls: MtlsServer) -> None:
    """RFC 8705 §3.3, §5: what is offered, where; each alias is of an endpoint that is there, none is a browser's."""
    async with mtls.http.get(mtls.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert document["tls_client_certificate_bound_access_tokens"] is True
    for endpoint in ("token", "revocation", "introspection"):
        methods = document[f"{endpoint}_endpoint_auth_methods_supported"]
        assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(methods)
    aliases = document["mtls_endpoint_aliases"]
    assert {"token_endpoint", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint"} <= set(
        aliases
    )
    assert "authorization_endpoint" not in aliases
    for name, url in aliases.items():
        assert name.endswith("_endpoint")
        assert url.removeprefix(mtls.mtls_url) == document[name].removeprefix(mtls.issuer)


@only_sqlite
async def test_nothing_of_it_without_a_way_in(server: Any) -> None:
    """A server that never sees a certificate offers none of it, and refuses a client that would need it."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert "tls_client_certificate_bound_access_tokens" not in document
    assert "mtls_endpoint_aliases" not in document
    assert "tls_client_auth" not in document["token_endpoint_auth_methods_supported"]
    pki = await server.client("pki", kind="service", **PKI)
    status, answer = await server.post(
        "/token", {"grant_type": "client_credentials", "client_id": pki.client_id}
    )
    assert (status, answer["error"]) == (401, "invalid_client")
    bound = await server.client("bound", kind="service", **BOUND)
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, bound.basic)
    assert (status, answer["error"]) == (400, "unauthorized_client")


async def code_for(server: MtlsServer, browser: Browser, client: KnownClient, **more: Any) -> dict[str, str]:
    """The form that redeems a fresh code, without the client's authentication."""
    shown, verifier = await browser.authorize(client, **more)
    code = (await browser.through_pages(shown)).parameters["code"]
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
    }


OFFLINE = {"scope": "openid email offline_access", "prompt": "consent"}


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
async def test_from_the_code_to_userinfo_and_refresh(mtls: MtlsServer, token_format: str) -> None:
    """RFC 8705 §3, suite refresh-token: the certificate binds the access token; userinfo wants the same one, and a
    confidential client refreshes with a renewed one, which the new token is bound to."""
    first, renewed = ROOT.issue("client"), ROOT.issue("client")
    web = await mtls.client("web", **PKI, **BOUND, access_token_format=token_format)
    status, tokens = await mtls.token(web, first, **await code_for(mtls, Browser(mtls), web, **OFFLINE))
    assert status == 200, tokens
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    status, claims, _ = await mtls.show(first, "/userinfo", headers=bearer, method="GET")
    assert (status, claims["sub"]) == (200, mtls.subject)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, refreshed = await mtls.token(web, renewed, **form)
    assert status == 200, refreshed
    bearer = {"Authorization": f"Bearer {refreshed['access_token']}"}
    assert (await mtls.show(renewed, "/userinfo", headers=bearer, method="GET"))[0] == 200
    assert (await mtls.show(first, "/userinfo", headers=bearer, method="GET"))[0] == 401


async def test_a_certificate_binds_what_another_method_authenticates(mtls: MtlsServer) -> None:
    """RFC 8705 §3: a client with a secret may have its tokens bound to a certificate that nobody vouches for."""
    certificate = self_signed()
    service = await mtls.client("service", **BOUND)
    status, answer, _ = await mtls.show(
        certificate, "/token", {"grant_type": "client_credentials"}, service.basic
    )
    assert status == 200, answer
    claims = await verified_claims(mtls, answer["access_token"])
    assert claims["cnf"] == {"x5t#S256": thumbprint(certificate.der)}
    status, answer, _ = await mtls.show(None, "/token", {"grant_type": "client_credentials"}, service.basic)
    assert (status, answer["error"]) == (400, "invalid_request")


@only_sqlite
async def test_a_certificate_that_nobody_asked_for_binds_nothing(mtls: MtlsServer) -> None:
    """RFC 8705 §3.4: only the client's registration or profile binds its tokens to a certificate."""
    service = await mtls.client("service")
    _, answer, _ = await mtls.show(
        self_signed(), "/token", {"grant_type": "client_credentials"}, service.basic
    )
    assert "cnf" not in await verified_claims(mtls, answer["access_token"])


@only_sqlite
async def test_introspection_and_revocation_take_a_certificate(mtls: MtlsServer) -> None:
    """RFC 8705 §2 for every endpoint that authenticates clients: one function, so the same answers."""
    certificate = ROOT.issue("client")
    client = await mtls.client("both", kind="service", **PKI)
    _, tokens = await mtls.token(client, certificate)
    form = {"token": tokens["access_token"], "client_id": client.client_id}
    for shown, expected in ((certificate, 200), (None, 401), (self_signed("client"), 401)):
        assert (await mtls.show(shown, "/introspect", form))[0] == expected
    assert (await mtls.show(certificate, "/introspect", form))[1]["active"] is True
    assert (await mtls.show(None, "/revoke", form))[0] == 401
    assert (await mtls.show(certificate, "/revoke", form))[0] == 200
    assert (await mtls.show(certificate, "/introspect", form))[1] == {"active": False}


async def test_the_log_says_which_certificate(mtls: MtlsServer) -> None:
    """An auditor sees the method, the certificate's thumbprint and the token's binding, and no certificate."""
    certificate = ROOT.issue("client")
    web = await mtls.client("web", **PKI, **BOUND)
    await mtls.token(web, certificate, **await code_for(mtls, Browser(mtls), web))
    events = [msgspec.json.decode(event.payload) for event in await mtls.core.store.read_log(0, 500)]
    print_of = thumbprint(certificate.der)
    redeemed = [one for one in events if one.get("client_key_id") == print_of]
    assert [one["client_auth_method"] for one in redeemed] == ["tls_client_auth"]
    assert any(one.get("x5t_s256") == print_of and "token_id" in one for one in events)
    assert certificate.pem.splitlines()[3] not in str(events)


def test_a_jwk_of_a_certificate() -> None:
    """What the command line registers is a public key with its certificate, and nothing private."""
    certificate = self_signed()
    jwk = jwk_of(certificate.pem.encode())
    assert "d" not in jwk
    assert jwk["x5t#S256"] == jwk["kid"] == thumbprint(certificate.der)
    assert ClientMetadata(jwks={"keys": [jwk]}).jwks is not None
