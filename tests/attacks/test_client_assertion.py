"""Assertions of clients (RFC 7523): signed by whom, for whom, until when, and only once (attacks.md 1.4, 1.8)."""

import asyncio
import base64
import json
import secrets
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from joserfc.jwk import ECKey

from authrim.administration.clients import update_client
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import (
    ASSERTION_TYPE,
    assertion_client,
    assertion_form,
    claims_for,
    new_key,
    public_jwks,
    signed,
)
from tests.support.browser import Browser
from tests.support.nodes import another_node
from tests.support.running import KnownClient, RunningServer

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = new_key()
OTHER_KEY = new_key(kid="other-key")


async def present(server: RunningServer, assertion: str, **more: str) -> tuple[int, str]:
    """Status and error of a token request with this assertion."""
    status, answer = await server.post("/token", assertion_form(assertion, **more))
    return status, answer.get("error", "")


async def assert_refused(server: RunningServer, assertion: str, **more: str) -> None:
    assert await present(server, assertion, **more) == (401, "invalid_client")


async def introspecting(server: RunningServer, assertion: str) -> int:
    """The status of an introspection request with this assertion."""
    form = {"token": "x", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return (await server.post("/introspect", form))[0]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def crafted(header: bytes, payload: bytes) -> str:
    """A token of these very bytes, with a genuine ES256 signature of the registered key over them."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    assert isinstance(KEY, ECKey)
    private: Any = KEY.private_key
    r, s = utils.decode_dss_signature(private.sign(signing_input.encode(), ec.ECDSA(SHA256())))
    return f"{signing_input}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def with_header(server: RunningServer, client: KnownClient, **members: Any) -> str:
    """A genuine signature over the claims of a valid assertion, under a header with more members."""
    header = {"alg": "ES256", "kid": "client-key", **members}
    return crafted(json.dumps(header).encode(), json.dumps(claims_for(server, client)).encode())


@only_sqlite
@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
async def test_a_valid_assertion_is_accepted(server: RunningServer, alg: str) -> None:
    """RFC 7523 §3: each algorithm, at each endpoint; the refusals below are not refusals of everything."""
    key = new_key(alg)
    client = await assertion_client(server, key, token_endpoint_auth_signing_alg=alg)
    assert (await present(server, signed(key, claims_for(server, client))))[0] == 200
    assert (await present(server, signed(key, claims_for(server, client), typ=None)))[0] == 200
    assert await introspecting(server, signed(key, claims_for(server, client))) == 200


@only_sqlite
async def test_an_assertion_speaks_for_its_own_client_only(server: RunningServer) -> None:
    """A082: ``iss``, ``sub``, the client_id of the form and the key are of one client, or nobody is."""
    client = await assertion_client(server, KEY)
    other = await assertion_client(server, OTHER_KEY, "other")
    for changes in (
        {"iss": other.client_id},
        {"sub": other.client_id},
        {"iss": None},
        {"sub": None},
        {"sub": 1},
    ):
        await assert_refused(server, signed(KEY, claims_for(server, client, **changes)))
    await assert_refused(server, signed(KEY, claims_for(server, other)))
    await assert_refused(server, signed(KEY, claims_for(server, client)), client_id=other.client_id)
    same = signed(KEY, claims_for(server, client))
    assert (await present(server, same, client_id=client.client_id))[0] == 200


def audiences(issuer: str) -> dict[str, Any]:
    """Audiences by name."""
    token, called = f"{issuer}/token", f"{issuer}/introspect"
    return {
        "issuer": issuer,
        "token endpoint": token,
        "called endpoint": called,
        "issuer in array": [issuer],
        "both in array": [issuer, token],
        "another of ours": f"{issuer}/userinfo",
        "foreign": "https://as.example",
        "issuer with slash": f"{issuer}/",
        "issuer in capitals": issuer.upper(),
        "issuer as prefix": f"{issuer}.evil.example",
        "foreign beside issuer": [issuer, "https://as.example"],
        "nothing": None,
        "empty array": [],
        "number": 1,
        "number in array": [issuer, 1],
        "object": {"iss": issuer},
    }


ACCEPTED_AUDIENCES = {
    "oidc": {"issuer", "token endpoint", "called endpoint", "issuer in array", "both in array"},
    "oauth21": {"issuer", "token endpoint", "called endpoint", "issuer in array", "both in array"},
    "fapi1-advanced": {
        "issuer", "token endpoint", "called endpoint", "issuer in array", "both in array", "foreign beside issuer",
    },
    "fapi2-security": {"issuer"},
    "fapi2-message-signing": {"issuer"},
}  # fmt: skip


@only_sqlite
@pytest.mark.parametrize("profile", ACCEPTED_AUDIENCES)
async def test_the_audience_follows_the_profile(server: RunningServer, profile: str) -> None:
    """A083: for whom an assertion may be: FAPI 2 takes the issuer as one string and nothing else."""
    fapi: dict[str, Any] = {"id_token_signed_response_alg": "ES256", "access_token_signing_alg": "ES256"}
    client = await assertion_client(server, KEY, profile=profile, **fapi)
    accepted = set()
    for name, audience in audiences(server.issuer).items():
        status = await introspecting(server, signed(KEY, claims_for(server, client, aud=audience)))
        assert status in {200, 401}
        if status == 200:
            accepted.add(name)
    assert accepted == ACCEPTED_AUDIENCES[profile]


async def test_a_jti_is_for_one_request(server: RunningServer) -> None:
    """A084: the second use of an assertion is refused at every endpoint, after a refusal too."""
    client = await assertion_client(server, KEY)
    used = signed(KEY, claims_for(server, client))
    assert (await present(server, used))[0] == 200
    await assert_refused(server, used)
    assert await introspecting(server, used) == 401
    claims = claims_for(server, client)
    refused = signed(KEY, claims)
    assert await present(server, refused, grant_type="no-such-grant") == (400, "unsupported_grant_type")
    await assert_refused(server, refused)
    await assert_refused(server, signed(KEY, claims | {"exp": claims["exp"] + 5}))


async def test_a_jti_is_of_one_client(server: RunningServer) -> None:
    """A084: two clients may use one ``jti``; neither can use up what the other will send."""
    client = await assertion_client(server, KEY)
    other = await assertion_client(server, OTHER_KEY, "other")
    assert (await present(server, signed(KEY, claims_for(server, client, jti="one"))))[0] == 200
    assert (await present(server, signed(OTHER_KEY, claims_for(server, other, jti="one"))))[0] == 200


async def test_of_many_at_once_one_wins(server: RunningServer) -> None:
    """A084: one assertion in twelve requests at once authenticates one of them."""
    client = await assertion_client(server, KEY)
    assertion = signed(KEY, claims_for(server, client))
    answers = await asyncio.gather(*(present(server, assertion) for _ in range(12)))
    assert sorted(answers) == [(200, "")] + [(401, "invalid_client")] * 11


async def test_a_jti_is_used_up_on_every_node(server: RunningServer) -> None:
    """A084: another node, which is also what a restart is, refuses what the first has seen."""
    client = await assertion_client(server, KEY)
    used = signed(KEY, claims_for(server, client))
    assert (await present(server, used))[0] == 200
    async with another_node(server) as node:
        await assert_refused(node, used)
        assert (await present(node, signed(KEY, claims_for(server, client))))[0] == 200


BROKEN_CLAIMS: dict[str, dict[str, Any]] = {
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "jti is a number": {"jti": 1},
    "jti is a list": {"jti": ["a"]},
    "jti is too long": {"jti": "x" * 256},
    "no exp": {"exp": None},
    "exp over": {"exp": -11},
    "exp too far": {"exp": 3700},
    "exp for ever": {"exp": 10**300},
    "exp is text": {"exp": "tomorrow"},
    "exp is true": {"exp": True},
    "nbf to come": {"nbf": 62},
    "nbf is text": {"nbf": "now"},
    "iat to come": {"iat": 62},
}


@only_sqlite
@pytest.mark.parametrize("changes", BROKEN_CLAIMS.values(), ids=BROKEN_CLAIMS)
async def test_broken_claims_are_refused(server: RunningServer, changes: dict[str, Any]) -> None:
    """A084: without a usable ``jti`` and ``exp``, or outside its times, an assertion is nothing."""
    client = await assertion_client(server, KEY)
    now = int(time.time())
    moved = {
        name: now + value if type(value) is int and name != "jti" and value < 10**6 else value
        for name, value in changes.items()
    }
    await assert_refused(server, signed(KEY, claims_for(server, client, **moved)))


@only_sqlite
async def test_clocks_may_differ_a_little(server: RunningServer) -> None:
    """``nbf`` 8 seconds from now is accepted, as is an ``exp`` of 8 seconds ago (the suite's clock skew)."""
    client = await assertion_client(server, KEY)
    now = int(time.time())
    for changes in ({"nbf": now + 8}, {"iat": now + 8}, {"exp": now - 8}):
        assert (await present(server, signed(KEY, claims_for(server, client, **changes))))[0] == 200


def keyed_with(secret: bytes, server: RunningServer, client: KnownClient, alg: str = "HS256") -> str:
    """An assertion under HMAC with what an attacker can know."""
    header = json.dumps({"alg": alg, "kid": "client-key"}).encode()
    signing_input = f"{b64(header)}.{b64(json.dumps(claims_for(server, client)).encode())}"
    mac = HMAC(secret, SHA256())
    mac.update(signing_input.encode())
    return f"{signing_input}.{b64(mac.finalize())}"


@only_sqlite
@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_a_public_key_is_no_secret(server: RunningServer, alg: str) -> None:
    """A086, A159: HS256 keyed with any spelling of the client's public key does not verify."""
    key = new_key(alg)
    client = await assertion_client(server, key)
    jwk = public_jwks(key)["keys"][0]
    known = [key.as_pem(private=False), key.as_der(private=False), json.dumps(jwk).encode(), b"", b"\0"]
    known += [json.dumps(jwk, separators=(",", ":")).encode(), key.as_pem(private=False).strip()]
    for secret in known:
        await assert_refused(server, keyed_with(secret, server, client))


@only_sqlite
async def test_only_the_registered_algorithm_is_taken(server: RunningServer) -> None:
    """A086, A160: a good signature by a registered key is refused under an algorithm that is not registered."""
    rsa = new_key("RS256", kid="rsa")
    client = await server.client(
        "signs",
        kind="service",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks=public_jwks(KEY, rsa),
    )
    await assert_refused(server, signed(rsa, claims_for(server, client)))
    assert (await present(server, signed(KEY, claims_for(server, client))))[0] == 200


@only_sqlite
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
async def test_an_unsigned_assertion_is_refused(server: RunningServer, alg: str) -> None:
    """A158: ``none`` in any spelling, with an empty or a made-up signature."""
    client = await assertion_client(server, KEY)
    header = b64(json.dumps({"alg": alg, "kid": "client-key"}).encode())
    payload = b64(json.dumps(claims_for(server, client)).encode())
    for signature in ("", b64(bytes(64))):
        await assert_refused(server, f"{header}.{payload}.{signature}")


@only_sqlite
@pytest.mark.parametrize(
    "typ",
    ["dpop+jwt", "at+jwt", "logout+jwt", "oauth-authz-req+jwt", "secevent+jwt", "token-introspection+jwt"],
)
async def test_another_kind_of_jwt_is_no_assertion(server: RunningServer, typ: str) -> None:
    """A087: a JWT that says it is something else is not taken for an assertion."""
    client = await assertion_client(server, KEY)
    await assert_refused(server, signed(KEY, claims_for(server, client), typ=typ))


@only_sqlite
async def test_our_own_tokens_are_no_assertions(server: RunningServer, browser: Browser) -> None:
    """A087: an ID token or an access token of this server authenticates nobody."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    for token in (tokens["id_token"], tokens["access_token"]):
        await assert_refused(server, token)
        await assert_refused(server, token, client_id=web.client_id)


@only_sqlite
async def test_the_assertion_type_must_be_right(server: RunningServer) -> None:
    """A088: missing or unknown it is invalid_client, given twice invalid_request."""
    client = await assertion_client(server, KEY)
    form = assertion_form(signed(KEY, claims_for(server, client)))
    for changes in (
        {"client_assertion_type": ""},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE.upper()},
        {"client_assertion": ""},
        {"client_assertion": "not-a-jwt"},
    ):
        status, answer = await server.post("/token", form | changes)
        assert (status, answer["error"]) == (401, "invalid_client")
    for name in ("client_assertion_type", "client_assertion"):
        status, answer = await server.post("/token", [*form.items(), (name, form[name])])
        assert (status, answer["error"]) == (400, "invalid_request")


async def test_a_removed_key_is_refused_at_once(server: RunningServer) -> None:
    """A089: the registration's new key set is the only one from the next request on."""
    client = await assertion_client(server, KEY)
    assert (await present(server, signed(KEY, claims_for(server, client))))[0] == 200
    changes = {"jwks": public_jwks(OTHER_KEY)}
    updated = await update_client(server.runtime.store, DEFAULT_TENANT, client.client_id, changes)
    assert not isinstance(updated, Refusal)
    await server.runtime.configuration.catch_up()
    await assert_refused(server, signed(KEY, claims_for(server, client)))
    assert (await present(server, signed(OTHER_KEY, claims_for(server, client))))[0] == 200


@only_sqlite
async def test_a_key_in_the_header_is_ignored(server: RunningServer) -> None:
    """A161, A162: neither an embedded key nor a place to fetch one from is believed."""
    client = await assertion_client(server, KEY)
    jwk = public_jwks(OTHER_KEY)["keys"][0]
    for members in ({"jwk": jwk}, {"jwk": jwk, "kid": "client-key"}, {"jku": "https://evil.example/jwks"}):
        await assert_refused(server, signed(OTHER_KEY, claims_for(server, client), **members))


@only_sqlite
@pytest.mark.parametrize(
    "members",
    [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"zip": "DEF"}],
    ids=str,
)
async def test_a_header_that_changes_the_reading_is_refused(
    server: RunningServer, members: dict[str, Any]
) -> None:
    """A164, A165: ``crit``, ``b64`` and ``zip`` are not understood, so what bears them is refused."""
    client = await assertion_client(server, KEY)
    assert (await present(server, with_header(server, client)))[0] == 200
    await assert_refused(server, with_header(server, client, **members))


@only_sqlite
async def test_two_readers_cannot_disagree(server: RunningServer) -> None:
    """A166 to A168: duplicate members, JSON serialisation, padding and odd characters are refused."""
    client = await assertion_client(server, KEY)
    header = b'{"alg":"ES256","kid":"client-key"}'
    payload = json.dumps(claims_for(server, client)).encode()
    good = crafted(header, payload)
    parts = good.split(".")
    twice = payload[:-1] + b', "sub": "' + client.client_id.encode() + b'"}'
    surrogate = json.dumps(claims_for(server, client, jti="\ud800")).encode()
    in_json = json.dumps({"protected": parts[0], "payload": parts[1], "signature": parts[2]})
    for token in (
        crafted(header, twice),
        crafted(header, surrogate),
        crafted(header, payload + b"\0"),
        crafted(header, b"\xef\xbb\xbf" + payload),
        crafted(header, b"[" * 5000),
        crafted(b'{"alg":"ES256","alg":"ES256","kid":"client-key"}', payload),
        f"{parts[0]}=.{parts[1]}.{parts[2]}",
        f"{good}=",
        f"{good}.",
        f" {good}",
        f"{good}\n",
        in_json,
    ):
        await assert_refused(server, token)
    assert (await present(server, good))[0] == 200


async def test_a_hostile_subject_is_unknown(server: RunningServer) -> None:
    """A082: an assertion that names no client we know is refused before anything else, on both stores."""
    client = await assertion_client(server, KEY)
    for subject in (secrets.token_hex(10_000), "'; DROP TABLE events; --", "\U0001f600"):
        await assert_refused(server, signed(KEY, claims_for(server, client, iss=subject, sub=subject)))
