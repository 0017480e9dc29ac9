"""Compact JWS against joserfc, jwcrypto and Authlib: they verify what we sign, and sign what we verify."""

import json

import pytest
from authlib.jose import JsonWebSignature  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws as joserfc_jws
from joserfc.jwk import KeySet as JoserfcKeySet
from joserfc.jwk import import_key
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jws as jwcrypto_jws

from authrim.crypto.jws import JwsRefused, SigningKey, verify
from authrim.crypto.verification_keys import KeySet, VerificationKey, read_jwks
from tests.support.signers import KEYS, PRIVATE_KEYS, SIGNERS

PAYLOAD = b'{"sub":"ann"}'


def accepts(token: str, alg: str, keys: KeySet = KEYS) -> bytes:
    wanted = frozenset[str | None]({None, "JWT", "at+jwt"})
    return verify(token, keys, algorithms=frozenset({alg}), typ=wanted).payload


@pytest.mark.parametrize("alg", SIGNERS)
def test_others_verify_what_we_sign(alg: str) -> None:
    """joserfc, jwcrypto and Authlib each accept our token with our published key."""
    signer = SIGNERS[alg]
    token = signer.sign(PAYLOAD, "at+jwt")
    joserfc_keys = JoserfcKeySet.import_key_set({"keys": [signer.public_jwk]})
    assert joserfc_jws.deserialize_compact(token, joserfc_keys, algorithms=[alg]).payload == PAYLOAD
    other = jwcrypto_jws.JWS()
    other.allowed_algs = [alg]
    other.deserialize(token, jwcrypto_jwk.JWK(**signer.public_jwk))
    assert other.payload == PAYLOAD
    authlib = JsonWebSignature([alg]).deserialize_compact(token, signer.public_jwk)
    assert authlib["payload"] == PAYLOAD
    assert authlib["header"] == {"alg": alg, "kid": f"kid-{alg}", "typ": "at+jwt"}


@pytest.mark.parametrize("alg", SIGNERS)
def test_we_verify_what_others_sign(alg: str) -> None:
    """A token of joserfc, jwcrypto or Authlib is accepted with the key of its signer."""
    pem = PRIVATE_KEYS[alg].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    header = {"alg": alg, "kid": f"kid-{alg}", "typ": "JWT"}
    kty = {"R": "RSA", "P": "RSA", "E": "EC"}[alg[0]] if alg != "EdDSA" else "OKP"
    joserfc_token = joserfc_jws.serialize_compact(header, PAYLOAD, import_key(pem, kty), algorithms=[alg])  # type: ignore[call-overload]
    other = jwcrypto_jws.JWS(PAYLOAD)
    other.allowed_algs = [alg]
    other.add_signature(jwcrypto_jwk.JWK.from_pem(pem), alg=alg, protected=json.dumps(header))
    authlib_token = JsonWebSignature([alg]).serialize_compact(header, PAYLOAD, pem).decode()
    for token in (joserfc_token, other.serialize(compact=True), authlib_token):
        assert accepts(token, alg) == PAYLOAD


@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_shared_secret_verifies(alg: str, size: int) -> None:
    """HMAC with a secret as long as its hash is accepted, and a changed code is not."""
    secret = bytes(range(size))
    token = joserfc_jws.serialize_compact({"alg": alg}, PAYLOAD, import_key(secret, "oct"), algorithms=[alg])
    keys = KeySet([VerificationKey.from_secret(secret, alg)])
    assert accepts(token, alg, keys) == PAYLOAD
    with pytest.raises(JwsRefused, match="signature_wrong"):
        accepts(token[:-8] + "AAAAAAAA", alg, keys)


def test_the_published_example_verifies() -> None:
    """The Ed25519 token of RFC 8037 appendix A.4 is accepted with its key."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    token = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    assert accepts(token, "EdDSA", read_jwks({"keys": [jwk]})) == b"Example of Ed25519 signing"


def test_a_signing_key_spells_its_header_for_each_typ() -> None:
    """The header is ``alg``, ``kid`` and the wanted ``typ``, also when another ``typ`` was signed before."""
    signer = SIGNERS["ES256"]
    for typ in ("at+jwt", "JWT", None, "at+jwt"):
        header = verify(
            signer.sign(PAYLOAD, typ), KEYS, algorithms=frozenset({"ES256"}), typ=frozenset({typ})
        ).header
        assert header == {"alg": "ES256", "kid": "kid-ES256"} | ({"typ": typ} if typ else {})


def test_a_signing_key_is_for_one_algorithm() -> None:
    """A key of another type than the algorithm's is refused when it is loaded, not when it signs."""
    with pytest.raises(ValueError, match="the key is not for ES384"):
        SigningKey("k", "ES384", PRIVATE_KEYS["ES256"])
