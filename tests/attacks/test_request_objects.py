"""A054 to A065: what a request object may not be, at the authorization endpoint and at the PAR endpoint."""

import asyncio
import json
import time
from typing import Any

import pytest
from joserfc import jws

from authrim.store.contract import Store
from tests.support.assertion import ASSERTION_TYPE, new_key, public_jwks, signed
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.log import reason_of, whole_log
from tests.support.nodes import another_node
from tests.support.pushed import on_error_page
from tests.support.request_object import (
    KEY,
    TYPE,
    encrypted_object,
    object_claims,
    send,
    signed_object,
    signing_client,
    unsigned_object,
)
from tests.support.running import KnownClient, RunningServer, running_server
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

CALLBACK = "https://rp.example/cb"


async def refused(browser: Browser, client: KnownClient, token: str) -> str:
    """The reason that an auditor finds. The object is refused on a page, by redirect when the parameters beside it are
    good, and with 400 at the PAR endpoint: each time ``invalid_request_object``."""
    server = browser.server
    shown = await send(browser, client, token)
    assert on_error_page(shown, "invalid_request_object"), (shown.status, shown.location)
    beside = {"redirect_uri": CALLBACK, "state": "beside", "response_type": "code"}
    redirected = await send(browser, client, token, **beside)
    assert redirected.location is not None
    assert redirected.location.startswith(CALLBACK + "?")
    assert redirected.parameters["error"] == "invalid_request_object"
    assert (redirected.parameters["state"], redirected.parameters["iss"]) == ("beside", server.issuer)
    status, answer = await authenticated_post(server, client, "/par", {"request": token})
    assert (status, answer["error"]) == (400, "invalid_request_object")
    return (await reason_of(server, shown.headers["Authrim-Error-Id"])).removeprefix("request_object_")


async def test_nobody_signed_it(server: RunningServer, browser: Browser) -> None:
    """A054, ``fapi2-security-profile-final-ensure-request-object-signature-algorithm-is-not-none``,
    ``oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported``: no spelling of ``none``."""
    client = await signing_client(server)
    _, claims = object_claims(server, client)
    for alg in ("none", "None", "nOnE", "NONE", ""):
        assert await refused(browser, client, unsigned_object(claims, alg)) == "alg_not_allowed"
    stripped = signed_object(claims).rpartition(".")[0] + "."
    assert await refused(browser, client, stripped) == "signature_wrong"


async def test_bare_json_inside(server: RunningServer, browser: Browser) -> None:
    """A056: what is encrypted to our public key may come from anybody, so bare JSON inside is nobody's, and neither are
    an unsigned object, another encrypted one, or what was not encrypted to us."""

    client = await signing_client(server)
    _, claims = object_claims(server, client)
    good = signed_object(claims)
    for inside in (json.dumps(claims), unsigned_object(claims), await encrypted_object(server, good), "x"):
        token = await encrypted_object(server, inside)
        assert await refused(browser, client, token) in ("encryption", "alg_not_allowed")
    token = await encrypted_object(server, good)
    assert await refused(browser, client, token[:-4] + "AAAA") == "encryption"
    assert on_error_page(await send(browser, client, token.replace(".", "..", 1)), "invalid_request_object")


async def test_whose_signature_it_is(server: RunningServer, browser: Browser) -> None:
    """A057, ``fapi2-security-profile-final-ensure-request-object-with-invalid-signature-fails``,
    ``-ensure-matching-key-in-authorization-request``: a wrong signature, another client's key, a key in the header."""
    client, other_key = await signing_client(server), new_key(kid="other")
    await signing_client(server, "other", key=other_key)
    _, claims = object_claims(server, client)
    good = signed_object(claims)
    _, changed = object_claims(server, client, scope="openid email")
    swapped = good.rpartition(".")[0] + "." + signed_object(changed).rpartition(".")[2]
    assert await refused(browser, client, swapped) == "signature_wrong"
    assert await refused(browser, client, signed_object(claims, other_key)) == "key_unknown"
    assert await refused(browser, client, signed_object(claims, other_key, kid=KEY.kid)) == "signature_wrong"
    own = other_key.as_dict(private=False)
    assert (
        await refused(browser, client, signed_object(claims, other_key, kid=None, jwk=own))
        == "signature_wrong"
    )


async def test_nothing_is_taken_from_what_nobody_signed(server: RunningServer, browser: Browser) -> None:
    """A057: the redirect URI, mode and state of a bad object are not used, even when the client registered that URI."""
    client = await signing_client(server)
    _, claims = object_claims(server, client, redirect_uri=CALLBACK, state="inside")
    for token in (unsigned_object(claims), signed_object(claims, new_key())):
        shown = await send(browser, client, token)
        assert on_error_page(shown, "invalid_request_object")
        shown = await send(browser, client, token, redirect_uri="https://evil.example/cb")
        assert on_error_page(shown, "invalid_request_object")
        shown = await send(browser, client, token, redirect_uri=CALLBACK)
        assert "state" not in shown.parameters
    assert "authorization_requested" not in await whole_log(server)


async def test_the_claims_of_the_jwt(server: RunningServer, browser: Browser) -> None:
    """A058, A059, A060, A062, A063: over HTTP the same as in tests/domain/test_request_object.py."""
    client, now = await signing_client(server), int(time.time())
    rows: list[tuple[dict[str, Any], str]] = [
        ({"aud": "https://other.example"}, "aud"),
        ({"aud": server.url("/par")}, "aud"),
        ({"aud": [server.issuer, 7]}, "aud"),
        ({"exp": now - 60}, "exp"),
        ({"nbf": now + 60}, "nbf"),
        ({"iss": "other"}, "iss"),
        ({"client_id": "other"}, "client_id"),
        ({"request": "x.y.z"}, "request_inside"),
        ({"request_uri": "https://rp.example/r"}, "request_inside"),
        ({"sub": client.client_id}, "sub"),
    ]
    for changes, reason in rows:
        _, claims = object_claims(server, client, **changes)
        assert await refused(browser, client, signed_object(claims)) == reason


async def test_json_that_two_readers_read_in_two_ways(server: RunningServer, browser: Browser) -> None:
    """A029 inside an object: duplicate members, what is no object, what is no JSON."""

    client = await signing_client(server)
    header = {"alg": "ES256", "kid": KEY.kid, "typ": TYPE}
    for payload in (
        b'{"client_id":"a","client_id":"b"}',
        b"[]",
        b"{",
        b'"x"',
        b'{"state":"\\u0000"}',
        b"\xff",
    ):
        token = jws.serialize_compact(header, payload, KEY)
        assert await refused(browser, client, token) in ("not_json", "payload_not_object")


async def test_another_kind_of_jwt(server: RunningServer, browser: Browser) -> None:
    """A063: an object of another ``typ`` is refused, and an object is no client assertion."""
    client = await signing_client(server)
    _, claims = object_claims(server, client)
    for typ in ("client-authentication+jwt", "dpop+jwt", "at+jwt", "logout+jwt", "", "oauth-authz-req"):
        assert await refused(browser, client, signed_object(claims, typ=typ)) == "typ_not_wanted"
    service = await server.client(
        "service with a key",
        kind="service",
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(KEY),
    )
    now = int(time.time())
    assertion = {
        "iss": service.client_id, "sub": service.client_id, "aud": server.issuer, "exp": now + 60, "jti": "one",
    }  # fmt: skip
    form = {
        "grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(KEY, assertion, typ=TYPE),
    }  # fmt: skip
    status, answer = await server.post("/token", form)
    assert (status, answer["error"]) == (401, "invalid_client")


async def test_the_registered_algorithm_alone(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-ensure-signed-request-object-with-RS256-fails`` in the general case: another
    algorithm than the registered one, and an HMAC with the public key, are refused."""
    key, other = new_key("PS256", "ps"), new_key("ES256", "es")
    client = await server.client(
        "two keys", kind="web", jwks=public_jwks(key, other), request_object_signing_alg="PS256"
    )
    _, claims = object_claims(server, client)
    assert "/login/" in (await send(browser, client, signed_object(claims, key))).url
    assert await refused(browser, client, signed_object(claims, other)) == "alg_not_allowed"


async def test_what_stands_beside_is_ignored(server: RunningServer, browser: Browser) -> None:
    """A060, ``fapi2-security-profile-final-ensure-different-state-inside-and-outside-request-object``, ``-nonce-``,
    ``-state-only-outside-request-object-not-used``, ``oidcc-ensure-request-object-with-redirect-uri``: what is missing
    inside is missing."""
    client = await signing_client(server)
    beside = {
        "state": "outside", "nonce": "outside", "redirect_uri": "https://evil.example/", "scope": "openid email",
        "response_mode": "fragment", "response_type": "token", "prompt": "none", "code_challenge": "x",
        "registration": "{}",
    }  # fmt: skip
    verifier, claims = object_claims(server, client, state=None, nonce=None)
    shown = await browser.through_pages(await send(browser, client, signed_object(claims), **beside))
    assert set(shown.parameters) == {"code", "iss", "session_state"}
    assert shown.location is not None
    assert shown.location.startswith(CALLBACK + "?")

    _, tokens = await redeem(server, client, shown.parameters["code"], verifier)
    assert tokens["scope"] == "openid"
    assert "nonce" not in await verified_claims(server, tokens["id_token"])
    for missing in ("response_type", "scope", "redirect_uri"):
        _, claims = object_claims(server, client, **{missing: None})
        outside = {missing: {"response_type": "code", "scope": "openid", "redirect_uri": CALLBACK}[missing]}
        shown = await send(browser, client, signed_object(claims), **outside)
        assert "/login/" not in shown.url
        assert shown.location is None or "error" in shown.parameters


async def test_the_client_is_the_same_inside_and_outside(server: RunningServer, browser: Browser) -> None:
    """A060: an object is not moved to another client, though both have the same key."""
    client, other = await signing_client(server), await signing_client(server, "twin")
    _, claims = object_claims(server, client)
    assert await refused(browser, other, signed_object(claims)) == "client_id"


async def test_by_value_and_by_reference(server: RunningServer, browser: Browser) -> None:
    """RFC 9101 §5: ``request`` and ``request_uri`` together, or one of them twice, are ``invalid_request``."""
    client = await signing_client(server)
    _, claims = object_claims(server, client)
    token = signed_object(claims)
    shown = await send(browser, client, token, request_uri="https://rp.example/r", redirect_uri=CALLBACK)
    assert shown.parameters["error"] == "invalid_request"
    shown = await browser.request(
        "GET", server.url(f"/authorize?client_id={client.client_id}&request={token}&request={token}")
    )
    assert on_error_page(shown, "invalid_request")


async def test_an_object_for_one_request(store: Store) -> None:
    """A065, ``missing-jti-fails``: where objects are taken once, the second time is refused, on every node and in
    every race; without a ``jti`` at all times."""
    async with (
        running_server(store, request_objects_once=True) as server,
        another_node(server, request_objects_once=True) as other,
    ):
        client, browser = await signing_client(server), Browser(server)
        _, claims = object_claims(server, client)
        assert await refused(browser, client, signed_object(claims)) == "jti"
        _, claims = object_claims(server, client, jti="used-once")
        token = signed_object(claims)
        pushes = [
            authenticated_post(node, client, "/par", {"request": token}) for node in (server, other) * 4
        ]
        answers = await asyncio.gather(*pushes)
        assert sorted(status for status, _ in answers) == [201, *[400] * 7]
        assert await refused(browser, client, token) == "jti_used"


async def test_a_reload_is_no_replay(server: RunningServer, browser: Browser) -> None:
    """A065: without that setting an object is bound by its ``exp``, and a page may be loaded again."""
    client = await signing_client(server)
    _, claims = object_claims(server, client, jti="the-same")
    token = signed_object(claims)
    for _ in range(2):
        assert "/login/" in (await send(browser, client, token)).url


async def test_typ_may_be_demanded(store: Store) -> None:
    """RFC 9101 §10.8.1: by a setting, ``typ`` must be there."""
    async with running_server(store, request_object_typ_required=True) as server:
        client, browser = await signing_client(server), Browser(server)
        _, claims = object_claims(server, client)
        assert await refused(browser, client, signed_object(claims, typ=None)) == "typ_not_wanted"
        assert "/login/" in (await send(browser, client, signed_object(claims))).url


async def test_a_client_without_keys(server: RunningServer, browser: Browser) -> None:
    """A057: a client that registered no key can sign nothing."""
    web = await server.client("web")
    _, claims = object_claims(server, web)
    assert await refused(browser, web, signed_object(claims)) == "key_unknown"
