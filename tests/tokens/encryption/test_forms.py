"""ID tokens and userinfo as each client registered them, read with joserfc as the client (OIDC Core §5.3.2, §10)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from authrim.clients.part import CLIENTS
from authrim.store.contract import Store
from domain.grant.events import CodeRedeemed
from domain.registration.encryption import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from tests.support.assertion import public_jwks
from tests.support.browser import Browser, redeem
from tests.support.https_site import Authority, Site
from tests.support.log import count_events, whole_log
from tests.support.running import KnownClient, RunningServer, running_server

SIGNING = ("ES256", "RS256", "PS256", "EdDSA", "Ed25519")
LAX = jwe.JWERegistry(algorithms=[*KEY_MANAGEMENT, *CONTENT_ENCRYPTION])
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
JWKS = public_jwks(EC, RSA)

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    """A server that keeps a signing key for every algorithm."""
    async with running_server(
        store, signing_algorithms=SIGNING, egress_allow=("localhost",), egress_ca_file=authority.ca_file
    ) as running:
        yield running


def key_for(alg: str) -> Any:
    return RSA if alg.startswith("RSA") else EC


def opened(token: str, alg: str, enc: str) -> tuple[str, dict[str, Any]]:
    """What is inside of a token that was encrypted to the client, and its header."""
    read = jwe.decrypt_compact(token, key_for(alg), registry=LAX)
    assert read.plaintext is not None
    header = dict(read.protected)
    assert (header["alg"], header["enc"], header["kid"]) == (alg, enc, key_for(alg).kid)
    return read.plaintext.decode(), header


async def verified(server: RunningServer, token: str, alg: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Claims and header of a JWT, by the published keys."""
    async with server.http.get(server.url("/jwks")) as answer:
        document = await answer.json()
    keys = KeySet.import_key_set({"keys": [key for key in document["keys"] if key["use"] == "sig"]})
    decoded = jwt.decode(token, keys, algorithms=[alg])
    return dict(decoded.claims), dict(decoded.header)


async def userinfo(server: RunningServer, access_token: str) -> tuple[int, str, str]:
    headers = {"Authorization": f"Bearer {access_token}"}
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        return answer.status, answer.content_type, await answer.text()


async def web(server: RunningServer, name: str, **changes: Any) -> KnownClient:
    return await server.client(name, kind="web", **changes)


async def test_plain_userinfo_is_json(server: RunningServer, browser: Browser) -> None:
    """Without registration the answer stays a JSON object."""
    tokens = await browser.code_flow(await web(server, "plain"), scope="openid email")
    status, content_type, body = await userinfo(server, tokens["access_token"])
    assert (status, content_type) == (200, "application/json")
    assert json.loads(body).keys() == {"sub", "email", "email_verified"}


@pytest.mark.parametrize("alg", SIGNING)
async def test_signed_userinfo(alg: str, server: RunningServer, browser: Browser) -> None:
    """``oidcc-userinfo-rs256``: application/jwt, signed as registered, with iss and aud; never taken for an ID
    token."""
    client = await web(server, "signed", userinfo_signed_response_alg=alg)
    tokens = await browser.code_flow(client, scope="openid email")
    status, content_type, body = await userinfo(server, tokens["access_token"])
    assert (status, content_type) == (200, "application/jwt")
    claims, header = await verified(server, body, alg)
    assert claims == {
        "sub": server.subject,
        "email": "alice@example.com",
        "email_verified": True,
        "iss": server.issuer,
        "aud": client.client_id,
    }
    assert "typ" not in header
    shown, _ = await browser.authorize(client, prompt="none", id_token_hint=body)
    assert shown.parameters["error"] == "invalid_request"


@pytest.mark.parametrize("enc", CONTENT_ENCRYPTION)
@pytest.mark.parametrize("alg", KEY_MANAGEMENT)
async def test_encrypted_id_token(alg: str, enc: str, server: RunningServer, browser: Browser) -> None:
    """OIDC Core §2, §16.14: a signed ID token inside a JWE, for every algorithm that is offered."""
    client = await web(
        server, "client", jwks=JWKS, id_token_encrypted_response_alg=alg, id_token_encrypted_response_enc=enc
    )
    tokens = await browser.code_flow(client)
    inner, header = opened(tokens["id_token"], alg, enc)
    assert header["cty"] == "JWT"
    claims, _ = await verified(server, inner, "ES256")
    assert (claims["sub"], claims["aud"], claims["iss"]) == (server.subject, client.client_id, server.issuer)
    # The client decrypts it before it shows it back as a hint (OIDC Core §3.1.2.1).
    shown, _ = await browser.authorize(client, prompt="none", id_token_hint=inner)
    assert "code" in shown.parameters
    shown, _ = await browser.authorize(client, prompt="none", id_token_hint=tokens["id_token"])
    assert shown.parameters["error"] == "invalid_request"


async def test_the_default_of_enc(server: RunningServer, browser: Browser) -> None:
    """OIDC DCR §2: without an enc it is A128CBC-HS256, for both."""
    client = await web(
        server, "client", jwks=JWKS,
        id_token_encrypted_response_alg="ECDH-ES", userinfo_encrypted_response_alg="RSA-OAEP-256",
    )  # fmt: skip
    tokens = await browser.code_flow(client)
    opened(tokens["id_token"], "ECDH-ES", "A128CBC-HS256")
    _, content_type, body = await userinfo(server, tokens["access_token"])
    assert content_type == "application/jwt"
    plain, header = opened(body, "RSA-OAEP-256", "A128CBC-HS256")
    assert json.loads(plain)["sub"] == server.subject
    assert "cty" not in header


async def test_nested_userinfo(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §5.3.2, §16.14: signed, then encrypted."""
    client = await web(
        server, "client", jwks=JWKS, userinfo_signed_response_alg="PS256",
        userinfo_encrypted_response_alg="ECDH-ES+A256KW", userinfo_encrypted_response_enc="A256GCM",
    )  # fmt: skip
    tokens = await browser.code_flow(client)
    _, content_type, body = await userinfo(server, tokens["access_token"])
    assert content_type == "application/jwt"
    inner, header = opened(body, "ECDH-ES+A256KW", "A256GCM")
    assert header["cty"] == "JWT"
    claims, _ = await verified(server, inner, "PS256")
    assert (claims["sub"], claims["aud"]) == (server.subject, client.client_id)


async def test_refreshed_and_front_channel_id_tokens_are_encrypted(
    server: RunningServer, browser: Browser
) -> None:
    """One rule for every ID token: also those of a refresh, and those that a browser carries."""
    client = await web(
        server, "client", jwks=JWKS, id_token_encrypted_response_alg="ECDH-ES",
        grant_types=("authorization_code", "implicit", "refresh_token"),
        response_types=("code", "id_token", "code id_token"),
    )  # fmt: skip
    tokens = await browser.code_flow(client, scope="openid offline_access", prompt="consent")
    status, refreshed = await server.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, client.basic
    )
    assert status == 200
    found = [tokens["id_token"], refreshed["id_token"]]
    for response_type in ("id_token", "code id_token"):
        shown, _ = await browser.authorize(client, response_type=response_type, nonce="n", prompt="none")
        found.append(shown.parameters["id_token"])
    for token in found:
        inner, _ = opened(token, "ECDH-ES", "A128CBC-HS256")
        assert (await verified(server, inner, "ES256"))[0]["sub"] == server.subject


async def test_the_newest_key_behind_the_address(server: RunningServer, browser: Browser, site: Site) -> None:
    """Keys to encrypt to come from ``jwks_uri`` too."""
    site.serve("/jwks", JWKS)
    client = await web(
        server, "client", jwks_uri=site.url("/jwks"), id_token_encrypted_response_alg="RSA-OAEP-256"
    )
    tokens = await browser.code_flow(client)
    opened(tokens["id_token"], "RSA-OAEP-256", "A128CBC-HS256")


async def test_without_a_key_nothing_is_sent_and_nothing_used_up(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """F30: a client that wants its tokens secret gets none in clear; its code is good for another try."""
    client = await web(
        server, "client", jwks_uri=site.url("/jwks"), id_token_encrypted_response_alg="ECDH-ES",
        userinfo_encrypted_response_alg="ECDH-ES",
        grant_types=("authorization_code", "implicit"), response_types=("code", "id_token"),
    )  # fmt: skip
    shown, verifier = await browser.authorize(client)
    code = (await browser.through_pages(shown)).parameters["code"]
    status, answer = await redeem(server, client, code, verifier)
    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    assert await count_events(server, code, CodeRedeemed) == 0
    shown, _ = await browser.authorize(client, response_type="id_token", nonce="n")
    assert shown.parameters["error"] == "temporarily_unavailable"
    site.serve("/jwks", JWKS)
    _forget_failures(server)
    status, tokens = await redeem(server, client, code, verifier)
    assert status == 200
    opened(tokens["id_token"], "ECDH-ES", "A128CBC-HS256")
    status, content_type, _ = await userinfo(server, tokens["access_token"])
    assert (status, content_type) == (200, "application/jwt")


def _forget_failures(server: RunningServer) -> None:
    """As after a minute: the address may be asked again."""
    server.parts[CLIENTS].keys._held.clear()


async def test_no_claim_is_in_the_log(server: RunningServer, browser: Browser) -> None:
    """What is sent encrypted is not written down in clear."""
    client = await web(server, "client", jwks=JWKS, userinfo_encrypted_response_alg="ECDH-ES")
    tokens = await browser.code_flow(client, scope="openid email")
    await userinfo(server, tokens["access_token"])
    assert "alice@example.com" not in await whole_log(server)


async def test_discovery_offers_no_weak_algorithm(server: RunningServer) -> None:
    """A158, A172: what is advertised is what is done; neither ``none`` nor RSA1_5 is among it."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    for what in ("id_token", "userinfo"):
        assert document[f"{what}_encryption_alg_values_supported"] == list(KEY_MANAGEMENT)
        assert document[f"{what}_encryption_enc_values_supported"] == list(CONTENT_ENCRYPTION)
        assert set(document[f"{what}_signing_alg_values_supported"]) == set(SIGNING)
    offered = {
        value for name, values in document.items() if "_alg_" in name or "_enc_" in name for value in values
    }
    assert not {"none", "RSA1_5", "dir"} & offered
