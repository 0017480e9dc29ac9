"""Access tokens: RFC 9068 JWTs that others can verify, and opaque ones that only we can read."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from authrim.store.contract import Store
from tests.support.browser import Browser
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def verified(server: RunningServer, token: str, alg: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, verified by another library with the published keys."""
    async with server.http.get(server.url("/jwks")) as answer:
        keys = KeySet.import_key_set(await answer.json())
    read = jwt.decode(token, keys, algorithms=[alg])
    return dict(read.header), dict(read.claims)


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_a_persons_token_has_the_members_of_rfc_9068(
    server: RunningServer, browser: Browser, alg: str
) -> None:
    """RFC 9068 §2: header and claims, the person as subject, and when and how they signed in."""
    web = await server.client("web", access_token_signing_alg=alg, audiences=("https://api.example/",))
    answer = await browser.code_flow(web, scope="openid profile", resource="https://api.example/")
    header, claims = await verified(server, answer["access_token"], alg)
    now = time.time()
    assert (header["typ"], header["alg"]) == ("at+jwt", alg)
    assert claims["iss"] == server.issuer
    assert claims["sub"] == server.subject
    assert claims["client_id"] == web.client_id
    assert set(claims["aud"]) == {"https://api.example/", server.issuer}
    assert claims["scope"] == "openid profile"
    assert claims["exp"] - claims["iat"] == answer["expires_in"] == 600
    assert now - 30 <= claims["auth_time"] <= claims["iat"] <= now + 1
    assert claims["acr"]
    assert len(claims["jti"]) >= 22
    assert not {"name", "email", "login"} & claims.keys()


async def test_a_services_token_is_about_the_service(server: RunningServer) -> None:
    """RFC 9068 §2.2: without a person ``sub`` is the client and nothing is said of a sign-in."""
    service = await server.client("service")
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    _, claims = await verified(server, answer["access_token"], "ES256")
    assert claims["sub"] == claims["client_id"] == service.client_id
    assert claims["aud"] == "https://api.example/"
    assert not {"auth_time", "acr", "amr"} & claims.keys()


async def test_every_token_has_an_id_of_its_own(server: RunningServer) -> None:
    """RFC 9068 §2.2 ``jti``: fifty tokens, fifty ids."""
    service = await server.client("service")
    seen = set()
    for _ in range(50):
        _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
        _, claims = await verified(server, answer["access_token"], "ES256")
        seen.add(claims["jti"])
    assert len(seen) == 50


async def test_an_opaque_token_says_nothing(server: RunningServer, browser: Browser) -> None:
    """Decisions 4: 256 random bits behind a kind and a grant; introspection alone says what it is worth."""
    web = await server.client("web", access_token_format="opaque")
    token = (await browser.code_flow(web, scope="openid profile"))["access_token"]
    kind, grant_id, secret = token.split(".")
    assert (kind, len(grant_id), len(secret)) == ("at", 32, 43)
    _, seen = await server.post("/introspect", {"token": token}, web.basic)
    assert (seen["active"], seen["sub"], seen["scope"]) == (True, server.subject, "openid profile")
    assert seen["aud"] == seen["iss"] == server.issuer
    assert token not in str(seen)


async def test_lifetimes_are_the_clients_else_the_servers(store: Store) -> None:
    """The settings hold for every client whose registration says nothing else."""
    async with running_server(store, access_token_lifetime=120) as server:
        ordinary = await server.client("service")
        own = await server.client("own", kind="service", access_token_lifetime=45)
        for client, expected in ((ordinary, 120), (own, 45)):
            _, answer = await server.post("/token", {"grant_type": "client_credentials"}, client.basic)
            _, claims = await verified(server, answer["access_token"], "ES256")
            assert answer["expires_in"] == claims["exp"] - claims["iat"] == expected


async def test_answers_with_tokens_are_never_cached(server: RunningServer) -> None:
    """RFC 6749 §5.1: ``no-store`` on the answer, and on the refusal."""
    service = await server.client("service")
    for form in ({"grant_type": "client_credentials"}, {"grant_type": "nonsense"}):
        async with server.http.post(server.url("/token"), data=form, headers=service.basic) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.content_type == "application/json"
