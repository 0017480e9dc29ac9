"""Discovery (RFC 8414, OpenID Connect Discovery): what is advertised is there, and keys are public (A176)."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from authrim.server.app import make_app
from authrim.server.wiring import make_parts
from authrim.store.contract import Store
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site
from tests.support.ports import free_port
from tests.support.running import RunningServer, development_settings

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
PUBLIC_MEMBERS = {"kty", "kid", "alg", "use", "key_ops", "crv", "x", "y", "n", "e"}


async def get(server: RunningServer, path: str) -> dict[str, Any]:
    async with server.http.get(server.url(path)) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        document: dict[str, Any] = await answer.json()
        return document


async def test_the_document_is_what_rfc_8414_asks_for(server: RunningServer) -> None:
    """RFC 8414 §2, OIDC Discovery §3: the required members, and every endpoint below the issuer."""
    document = await get(server, OPENID)
    assert document == await get(server, OAUTH)
    assert document["issuer"] == server.issuer
    required = {
        "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "response_types_supported",
        "subject_types_supported", "id_token_signing_alg_values_supported", "introspection_endpoint",
        "revocation_endpoint", "scopes_supported", "code_challenge_methods_supported", "grant_types_supported",
        "authorization_response_iss_parameter_supported", "token_endpoint_auth_methods_supported",
    }  # fmt: skip
    assert required <= document.keys()
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(f"{server.issuer}/"), name
        assert value not in ([], "", None), name
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert not any(
        "none" in value for name, value in document.items() if name.endswith("alg_values_supported")
    )


async def test_every_endpoint_answers(server: RunningServer) -> None:
    """What is advertised is served: an empty request is refused for what it lacks, never as an unknown path."""
    document = await get(server, OPENID)
    for name in (name for name in document if name.endswith(("_endpoint", "_uri"))):
        method = "GET" if name in {"authorization_endpoint", "userinfo_endpoint", "jwks_uri"} else "POST"
        async with server.http.request(
            method, document[name], data={} if method == "POST" else None
        ) as answer:
            assert answer.status in {200, 400, 401}, name
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        async with server.http.get(document[name]) as answer:
            assert (answer.status, "POST" in answer.headers["Allow"]) == (405, True)


async def test_every_grant_type_is_known(server: RunningServer) -> None:
    """The token endpoint knows each advertised grant type; the implicit one never comes there."""
    service = await server.client("service")
    grant_types = (await get(server, OPENID))["grant_types_supported"]
    assert "implicit" in grant_types
    for grant_type in set(grant_types) - {"implicit"}:
        _, answer = await server.post("/token", {"grant_type": grant_type}, service.basic)
        assert answer.get("error") != "unsupported_grant_type"


async def test_keys_are_public_and_distinct(server: RunningServer) -> None:
    """A176: public members alone, a ``kid`` each, and a key for every algorithm that is advertised."""
    keys = (await get(server, "/jwks"))["keys"]
    for key in keys:
        assert key.keys() <= PUBLIC_MEMBERS
        assert key["use"] in {"sig", "enc"}
    assert len({key["kid"] for key in keys}) == len(keys) >= 2
    document = await get(server, OPENID)
    assert set(document["id_token_signing_alg_values_supported"]) == {
        key["alg"] for key in keys if key["use"] == "sig"
    }


async def test_documents_may_be_cached_and_read_from_anywhere(server: RunningServer) -> None:
    """The time for which caches may keep them is the one that key rotation waits for; any origin may read."""
    for path in (OPENID, OAUTH, "/jwks"):
        async with server.http.get(server.url(path), headers={"Origin": "https://rp.example"}) as answer:
            assert (
                answer.headers["Cache-Control"]
                == f"public, max-age={server.core.settings.jwks_cache_seconds}"
            )
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Set-Cookie" not in answer.headers


async def test_the_issuer_is_never_the_host_header(server: RunningServer) -> None:
    """A187: a request for another host gets the configured issuer all the same."""
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    async with server.http.get(server.url(OPENID), headers=headers) as answer:
        assert "evil" not in await answer.text()


async def test_an_issuer_with_a_path(store: Store, server: RunningServer) -> None:
    """RFC 8414 §3.1, §5: either document is there before the path and behind it, as clients ask for them."""
    port = free_port()
    settings = development_settings(port, issuer=f"http://localhost:{port}/tenants/one")
    limits = Limits()
    running = await start_site(
        make_app(await make_parts(settings, store), limits), "localhost", port, limits=limits
    )
    try:
        both = [(f"{name}/tenants/one", f"/tenants/one{name}") for name in (OAUTH, OPENID)]
        for path in (path for paths in both for path in paths):
            async with server.http.get(f"http://localhost:{port}{path}") as answer:
                document = await answer.json()
            assert document["issuer"] == settings.issuer
            assert urlsplit(document["token_endpoint"]).path == "/tenants/one/token"
            async with server.http.get(document["jwks_uri"]) as answer:
                assert answer.status == 200
    finally:
        await running.stop(1)
