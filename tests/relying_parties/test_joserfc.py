"""joserfc verifies what we sign, with the keys that we publish, for each signing algorithm."""

import base64
import hashlib
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry, Token

from authrim.store.contract import Store
from tests.support.browser import Browser
from tests.support.running import RunningServer, running_server

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA", "Ed25519")
#: What half of ``at_hash`` is of (OIDC Core §3.1.3.6); Ed25519 hashes with SHA-512 inside.
HASHES = {"ES256": "sha256", "RS256": "sha256", "PS256": "sha256", "EdDSA": "sha512", "Ed25519": "sha512"}


async def published_keys(server: RunningServer) -> KeySet:
    """The server's JWK Set, by the address in its metadata."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        jwks_uri = (await answer.json())["jwks_uri"]
    async with server.http.get(jwks_uri) as answer:
        return KeySet.import_key_set(await answer.json())


def at_hash(algorithm: str, access_token: str) -> str:
    """OIDC Core §3.1.3.6, as written there."""
    digest = hashlib.new(HASHES[algorithm], access_token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def verified(token: str, keys: KeySet, algorithm: str, **claims: Any) -> Token:
    """The token, by joserfc: signature by the key that ``kid`` names, ``exp`` and ``claims``."""
    read = jwt.decode(token, keys, algorithms=[algorithm])
    wanted: dict[str, Any] = {name: {"essential": True, "value": value} for name, value in claims.items()}
    JWTClaimsRegistry(**wanted, exp={"essential": True}).validate(read.claims)
    return read


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_joserfc_verifies_both_tokens(store: Store, algorithm: str) -> None:
    """OIDC Core §3.1.3.7 and RFC 9068 §4: ID token with ``at_hash``, and access token, each by its own key."""
    async with running_server(store, signing_algorithms=ALGORITHMS) as server:
        client = await server.client(
            "web", id_token_signed_response_alg=algorithm, access_token_signing_alg=algorithm
        )
        tokens = await Browser(server).code_flow(client, nonce="n-0S6")
        keys = await published_keys(server)

    id_token = verified(
        tokens["id_token"], keys, algorithm,
        iss=server.issuer, sub=server.subject, aud=client.client_id, nonce="n-0S6",
        at_hash=at_hash(algorithm, tokens["access_token"]),
    )  # fmt: skip
    access_token = verified(
        tokens["access_token"], keys, algorithm,
        iss=server.issuer, sub=server.subject, aud=server.issuer, client_id=client.client_id,
    )  # fmt: skip
    assert access_token.header["typ"] == "at+jwt"
    signer = keys.get_by_kid(id_token.header["kid"])
    assert (signer.get("use"), signer.get("alg")) == ("sig", algorithm)
    assert not signer.is_private

    head, payload, signature = tokens["id_token"].split(".")
    broken = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    with pytest.raises(BadSignatureError):
        jwt.decode(broken, keys, algorithms=[algorithm])
