"""RFC 9101: signed requests by value, pushed, encrypted, and by a reference that the client has registered."""

from typing import Any

import pytest

from authrim.crypto.ids import digest
from authrim.store.contract import Store
from domain.grant.events import AuthorizationRequested
from tests.support.assertion import new_key, public_jwks
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.discovery import openid_metadata
from tests.support.log import grant_events
from tests.support.pushed import fetch
from tests.support.request_object import (
    KEY,
    encrypted_object,
    object_claims,
    send,
    signed_object,
    signing_client,
)
from tests.support.running import RunningServer, running_server
from tests.support.tokens import verified_claims

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def test_a_signed_request_by_value(server: RunningServer, browser: Browser) -> None:
    """The parameters are those of the object, and the stream says which key signed what."""
    client = await signing_client(server)
    verifier, claims = object_claims(server, client, nonce="inside", state="s" * 128, max_age=1000)
    token = signed_object(claims)
    shown = await browser.through_pages(await send(browser, client, token))
    assert shown.parameters["state"] == "s" * 128
    status, tokens = await redeem(server, client, shown.parameters["code"], verifier)
    assert status == 200, tokens
    claims = await verified_claims(server, tokens["id_token"])
    assert claims["nonce"] == "inside"
    assert "auth_time" in claims
    asked = (await grant_events(server, shown.parameters["code"]))[0]
    assert isinstance(asked, AuthorizationRequested)
    assert (asked.request_object_hash, asked.request_object_kid) == (digest(token), KEY.kid)
    assert (asked.max_age, token in repr(asked)) == (1000, False)


async def test_a_signed_request_that_is_pushed(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-happy-flow``, the request: RFC 9126 §3, nothing but the object and the client."""
    client = await signing_client(server)
    verifier, claims = object_claims(server, client, state="inside")
    form = {"request": signed_object(claims), "state": "outside"}
    status, answer = await authenticated_post(server, client, "/par", form)
    assert status == 201, answer
    shown = await browser.through_pages(await fetch(browser, client, answer["request_uri"]))
    assert shown.parameters["state"] == "inside"
    assert (await redeem(server, client, shown.parameters["code"], verifier))[0] == 200
    asked = (await grant_events(server, shown.parameters["code"]))[0]
    assert isinstance(asked, AuthorizationRequested)
    assert asked.request_object_kid == KEY.kid
    assert asked.request_uri_hash is not None


@only_sqlite
@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
async def test_every_algorithm(server: RunningServer, browser: Browser, alg: str) -> None:
    """``oidcc-request-uri-signed-rs256`` by value, and the algorithms of FAPI."""
    key = new_key(alg)
    client = await signing_client(server, key=key, request_object_signing_alg=alg)
    _, claims = object_claims(server, client)
    shown = await send(browser, client, signed_object(claims, key))
    assert "/login/" in shown.url


@only_sqlite
@pytest.mark.parametrize("typ", [None, "oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "JWT"])
async def test_types(browser: Browser, typ: str | None) -> None:
    """decisions.md 19: ``typ`` may be left out; under ``oidc`` the general one is taken too."""
    client = await signing_client(browser.server)
    _, claims = object_claims(browser.server, client)
    assert "/login/" in (await send(browser, client, signed_object(claims, typ=typ))).url


@only_sqlite
@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("enc", ["A128GCM", "A256CBC-HS512"])
async def test_encrypted_around_the_signature(browser: Browser, alg: str, enc: str) -> None:
    """RFC 9101 §6.1: encrypted to our published key; what is hashed is the signed object inside."""
    client = await signing_client(browser.server)
    verifier, claims = object_claims(browser.server, client)
    token = signed_object(claims)
    shown = await send(browser, client, await encrypted_object(browser.server, token, alg, enc))
    shown = await browser.through_pages(shown)
    assert (await redeem(browser.server, client, shown.parameters["code"], verifier))[0] == 200
    asked = (await grant_events(browser.server, shown.parameters["code"]))[0]
    assert isinstance(asked, AuthorizationRequested)
    assert asked.request_object_hash == digest(token)


@only_sqlite
async def test_claims_and_resource_inside(server: RunningServer, browser: Browser) -> None:
    """``claims`` is an object inside an object (OIDC Core §6.1), ``resource`` one URI or several."""
    client = await signing_client(server, audiences=("https://a.example/", "https://b.example/"))
    asked = {
        "claims": {"id_token": {"email": None}},
        "resource": ["https://a.example/", "https://b.example/"],
    }
    verifier, claims = object_claims(server, client, scope="openid email", **asked)
    shown = await browser.through_pages(await send(browser, client, signed_object(claims)))
    _, tokens = await redeem(server, client, shown.parameters["code"], verifier)
    assert (await verified_claims(server, tokens["id_token"]))["email"] == "alice@example.com"
    assert set((await verified_claims(server, tokens["access_token"]))["aud"]) >= {
        "https://a.example/", "https://b.example/",
    }  # fmt: skip


@only_sqlite
async def test_a_long_object_fits_into_the_line(server: RunningServer, browser: Browser) -> None:
    """decisions.md 22: the limit of the request line leaves room for objects by value."""
    client = await signing_client(server)
    _, claims = object_claims(server, client, padding="x" * 9000)
    assert "/login/" in (await send(browser, client, signed_object(claims))).url


@only_sqlite
async def test_a_post_takes_objects_too(server: RunningServer, browser: Browser) -> None:
    """``oidcc-ensure-post-request-succeeds`` with an object in the form."""
    client = await signing_client(server)
    _, claims = object_claims(server, client)
    form = {"client_id": client.client_id, "request": signed_object(claims)}
    assert "/login/" in (await browser.request("POST", server.url("/authorize"), form)).url


@only_sqlite
async def test_an_id_token_hint_inside(server: RunningServer, browser: Browser) -> None:
    """A hint counts where it stands: inside it is checked, beside the object it is not looked at."""
    client = await signing_client(server)
    hint = (await browser.code_flow(client))["id_token"]
    _, claims = object_claims(server, client, id_token_hint=hint, prompt="none")
    assert "code" in (await send(browser, client, signed_object(claims), id_token_hint="x.y.z")).parameters
    _, claims = object_claims(server, client, id_token_hint="x.y.z", prompt="none")
    assert (await send(browser, client, signed_object(claims))).parameters["error"] == "invalid_request"


@only_sqlite
async def test_a_client_that_must_sign(server: RunningServer, browser: Browser) -> None:
    """``fapi1-advanced-final-ensure-authorization-request-without-request-object-fails``,
    ``fapi2-security-profile-final-ensure-unsigned-request-at-par-endpoint-fails`` (A064): ``invalid_request`` by
    redirect and with 400; the signed one is taken."""
    client = await signing_client(server, require_signed_request_object=True)
    shown, _ = await browser.authorize(client)
    assert (shown.parameters["error"], shown.parameters["state"]) == ("invalid_request", "a-state")
    _, claims = object_claims(server, client)
    unsigned = {name: value for name, value in claims.items() if name not in ("aud", "exp", "nbf", "iss")}
    status, answer = await authenticated_post(server, client, "/par", unsigned)
    assert (status, answer["error"]) == (400, "invalid_request")
    status, _ = await authenticated_post(server, client, "/par", {"request": signed_object(claims)})
    assert status == 201


@only_sqlite
async def test_a_server_may_take_nothing_else(store: Store) -> None:
    """``require_signed_request_object`` of the server (RFC 9101 §10.5)."""
    async with running_server(store, require_signed_request_object=True) as server:
        client, browser = await signing_client(server), Browser(server)
        assert (await browser.authorize(client))[0].parameters["error"] == "invalid_request"
        _, claims = object_claims(server, client)
        assert "/login/" in (await send(browser, client, signed_object(claims))).url
        assert (await openid_metadata(server))["require_signed_request_object"] is True


@only_sqlite
async def test_metadata(server: RunningServer) -> None:
    """RFC 9101 §10.5, OpenID Connect Discovery §3: what is taken is said, ``none`` and RSA1_5 never are."""
    metadata = await openid_metadata(server)
    assert metadata["request_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False
    assert metadata["require_signed_request_object"] is False
    assert metadata["request_object_signing_alg_values_supported"] == [
        "ES256", "Ed25519", "EdDSA", "PS256", "RS256",
    ]  # fmt: skip
    assert set(metadata["request_object_encryption_alg_values_supported"]) == {
        "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW",
    }  # fmt: skip
    assert "A256GCM" in metadata["request_object_encryption_enc_values_supported"]


@only_sqlite
async def test_what_is_off_is_told(store: Store) -> None:
    """``features_off = ["request_objects"]``: ``request_not_supported``, never ignored, and no metadata
    (``oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported``)."""
    async with running_server(store, features_off=("request_objects",)) as server:
        client, browser = await signing_client(server), Browser(server)
        shown, _ = await browser.authorize(client, request="x.y.z")
        assert shown.parameters["error"] == "request_not_supported"
        metadata = await openid_metadata(server)
        assert metadata["request_parameter_supported"] is False
        assert not any(name.startswith("request_object") for name in metadata)


@only_sqlite
@pytest.mark.parametrize(
    "changes",
    [
        {"request_object_signing_alg": "none"},
        {"request_object_signing_alg": "HS256"},
        {"request_object_encryption_alg": "RSA1_5"},
        {"request_object_encryption_enc": "A128GCM"},
        {"request_uris": ("http://rp.example/r",)},
        {"request_uris": ("https://user@rp.example/r",)},
        {"jwks": {"keys": []}, "require_signed_request_object": True},
    ],
)
async def test_what_cannot_be_registered(server: RunningServer, changes: dict[str, Any]) -> None:
    """OIDC DCR §2: unsigned objects, algorithms that are not opened, addresses that are not fetched, no keys."""
    with pytest.raises(AssertionError):
        await server.client("bad", kind="web", **({"jwks": public_jwks(KEY)} | changes))
