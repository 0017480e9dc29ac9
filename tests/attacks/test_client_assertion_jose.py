"""Assertions as JWTs: no signature, a foreign key, another type, two ways to read one token.

The rules are in docs/rules/attacks/jose.md.
"""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from joserfc.jwk import ECKey

from tests.support.assertion import (
    assert_refused,
    assertion_client,
    claims_for,
    new_key,
    present,
    public_jwks,
    signed,
)
from tests.support.browser import Browser
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

KEY = new_key()
OTHER_KEY = new_key(kid="other-key")


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


def keyed_with(secret: bytes, server: RunningServer, client: KnownClient, alg: str = "HS256") -> str:
    """An assertion under HMAC with what an attacker can know."""
    header = json.dumps({"alg": alg, "kid": "client-key"}).encode()
    signing_input = f"{b64(header)}.{b64(json.dumps(claims_for(server, client)).encode())}"
    mac = HMAC(secret, SHA256())
    mac.update(signing_input.encode())
    return f"{signing_input}.{b64(mac.finalize())}"


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


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
async def test_an_unsigned_assertion_is_refused(server: RunningServer, alg: str) -> None:
    """A158: ``none`` in any spelling, with an empty or a made-up signature."""
    client = await assertion_client(server, KEY)
    header = b64(json.dumps({"alg": alg, "kid": "client-key"}).encode())
    payload = b64(json.dumps(claims_for(server, client)).encode())
    for signature in ("", b64(bytes(64))):
        await assert_refused(server, f"{header}.{payload}.{signature}")


@pytest.mark.parametrize(
    "typ",
    ["dpop+jwt", "at+jwt", "logout+jwt", "oauth-authz-req+jwt", "secevent+jwt", "token-introspection+jwt"],
)
async def test_another_kind_of_jwt_is_no_assertion(server: RunningServer, typ: str) -> None:
    """A087: a JWT that says it is something else is not taken for an assertion."""
    client = await assertion_client(server, KEY)
    await assert_refused(server, signed(KEY, claims_for(server, client), typ=typ))


async def test_our_own_tokens_are_no_assertions(server: RunningServer, browser: Browser) -> None:
    """A087: an ID token or an access token of this server authenticates nobody."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    for token in (tokens["id_token"], tokens["access_token"]):
        await assert_refused(server, token)
        await assert_refused(server, token, client_id=web.client_id)


async def test_a_key_in_the_header_is_ignored(server: RunningServer) -> None:
    """A161, A162: neither an embedded key nor a place to fetch one from is believed."""
    client = await assertion_client(server, KEY)
    jwk = public_jwks(OTHER_KEY)["keys"][0]
    for members in ({"jwk": jwk}, {"jwk": jwk, "kid": "client-key"}, {"jku": "https://evil.example/jwks"}):
        await assert_refused(server, signed(OTHER_KEY, claims_for(server, client), **members))


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
