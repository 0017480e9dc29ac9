"""A086, A089, A159, A174, A176: keys that others bring, and what is wrong with them."""

import json
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.jwk import JWK

from authrim.crypto import base64url
from authrim.crypto.jwk import JwkRefused, coordinate_25519, jwk_of, public_key_of, published, thumbprint
from authrim.crypto.verification_keys import MAX_KEYS, VerificationKey, read_jwks

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = Ed25519PrivateKey.generate()
RSA, EC, OKP = (jwk_of(key.public_key()) for key in (RSA_KEY, EC_KEY, ED_KEY))


def number(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def weak_modulus(bits: int) -> str:
    return number((1 << (bits - 1)) | secrets.randbits(bits - 1) | 1)


def roca_modulus() -> str:
    """A modulus as in CVE-2017-15361, where each factor is ``k * M + 65537**a mod M``."""
    primes = [p for p in range(2, 702) if all(p % q for q in range(2, p))]
    product = 1
    for prime in primes:
        product *= prime
    factors = []
    for _ in range(2):
        top = (3 << 1022) // product
        factors.append(
            (top + secrets.randbelow(1000)) * product + pow(65537, secrets.randbelow(2**60), product)
        )
    return number(factors[0] * factors[1])


def padded(octets: str) -> str:
    return base64url.encode(b"\0" + base64url.decode(octets))


def point(number: int) -> str:
    return base64url.encode(number.to_bytes(32, "little"))


P192 = jwk_of(EC_KEY.public_key()) | {"crv": "P-192"}
WEAK: dict[str, tuple[dict[str, Any], str]] = {
    "RSA of 1024 bits": ({**RSA, "n": weak_modulus(1024)}, "rsa_modulus"),
    "RSA of 2047 bits": ({**RSA, "n": weak_modulus(2047)}, "rsa_modulus"),
    "RSA of 8193 bits": ({**RSA, "n": weak_modulus(8193)}, "rsa_modulus"),
    "RSA with an even modulus": ({**RSA, "n": number(1 << 2047)}, "rsa_modulus"),
    "RSA with e = 1": ({**RSA, "e": "AQ"}, "rsa_exponent"),
    "RSA with e = 3": ({**RSA, "e": "Aw"}, "rsa_exponent"),
    "RSA with e = 65536": ({**RSA, "e": number(65536)}, "rsa_exponent"),
    "RSA with a huge e": ({**RSA, "e": number(2**2040 + 1)}, "rsa_exponent"),
    "RSA of a flawed generator": ({**RSA, "n": roca_modulus()}, "rsa_roca"),
    "RSA with an octet before n": ({**RSA, "n": padded(RSA["n"])}, "n_not_minimal"),
    "RSA without n": ({"kty": "RSA", "e": "AQAB"}, "n_missing"),
    "RSA with n as a number": ({**RSA, "n": 17}, "n_missing"),
    "RSA with n in padded base64": ({**RSA, "n": RSA["n"] + "="}, "n_not_base64url"),
    "EC off the curve": ({**EC, "y": EC["x"]}, "point_not_on_curve"),
    "EC on another curve": ({**EC, "crv": "P-384"}, "coordinate_length"),
    "EC with a padded coordinate": ({**EC, "x": padded(EC["x"])}, "coordinate_length"),
    "OKP too short": ({**OKP, "x": base64url.encode(bytes(31))}, "coordinate_length"),
    "OKP of order 1": ({**OKP, "x": point(1)}, "small_order"),
    "OKP of order 2": ({**OKP, "x": point(2**255 - 20)}, "small_order"),
    "OKP of order 4": ({**OKP, "x": point(0)}, "small_order"),
    "OKP of order 4, of the other sign": ({**OKP, "x": point(2**255)}, "small_order"),
    "OKP of order 4, in another spelling": ({**OKP, "x": point(2**255 - 19)}, "small_order"),
    "private EC": ({**EC, "d": EC["x"]}, "private_key"),
    "private RSA": ({**RSA, "p": RSA["n"], "q": RSA["e"]}, "private_key"),
    "secret": ({"kty": "oct", "k": base64url.encode(bytes(64))}, "private_key"),
    "secret without its value": ({"kty": "oct"}, "symmetric_key"),
    "public key with a secret": ({**EC, "k": "AAAA"}, "private_key"),
    "HMAC with a public key": ({**RSA, "alg": "HS256"}, "alg_not_of_key"),
    "none": ({**RSA, "alg": "none"}, "alg_not_of_key"),
    "ES256 with RSA": ({**RSA, "alg": "ES256"}, "alg_not_of_key"),
    "ES384 with P-256": ({**EC, "alg": "ES384"}, "alg_not_of_key"),
    "alg as a list": ({**EC, "alg": ["ES256"]}, "alg_malformed"),
    "kid as a number": ({**EC, "kid": 1}, "kid_malformed"),
    "empty kid": ({**EC, "kid": ""}, "kid_malformed"),
    "endless kid": ({**EC, "kid": "k" * 256}, "kid_malformed"),
}  # fmt: skip


@pytest.mark.parametrize(("jwk", "code"), WEAK.values(), ids=WEAK.keys())
def test_a_weak_or_wrong_key_is_refused(jwk: dict[str, Any], code: str) -> None:
    """A174, A086: such a key refuses the set it is in, with a code and nothing of the key (A178)."""
    with pytest.raises(JwkRefused) as caught:
        read_jwks({"keys": [{"kid": "good", **EC}, jwk]})
    assert caught.value.args == (code,)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("curve", ["Ed25519", "X25519"])
def test_no_key_has_a_small_order(curve: str) -> None:
    """A174: of the curves with points of small order none of these is a key, however it is written: the coordinates are
    those for which OpenSSL finds no common secret, or on the way from them to the other curve's (RFC 7748 §4.1)."""
    field = 2**255 - 19
    order_8 = 39382357235489614581723060781553021112529911719440698176882885853963445705823
    on_x25519 = {0, 1, field - 1, order_8, pow(order_8, -1, field)}
    for u in on_x25519:
        with pytest.raises(ValueError, match="shared key"):
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(u.to_bytes(32, "little")))
    on_ed25519 = {(u - 1) * pow(u + 1, -1, field) % field for u in on_x25519 - {field - 1}} | {1}
    for coordinate in on_x25519 if curve == "X25519" else on_ed25519:
        spelled = {coordinate, coordinate + field, coordinate + 2**255}
        for number_ in (one for one in spelled if one < 2**256 and one % 2**255 % field == coordinate):
            with pytest.raises(JwkRefused, match="small_order"):
                coordinate_25519({"kty": "OKP", "crv": curve, "x": point(number_)})


@pytest.mark.parametrize(
    "key",
    [
        RSA_KEY,
        EC_KEY,
        ED_KEY,
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
    ],
)
def test_good_keys_are_read_as_they_are(key: Any) -> None:
    """A sound key comes back from its JWK unchanged, and jwcrypto spells it and its thumbprint the same."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = jwk_of(key.public_key())
    other = JWK.from_pem(pem)
    assert public_key_of(jwk) == key.public_key()
    assert jwk == {name: value for name, value in json.loads(other.export_public()).items() if name != "kid"}
    assert thumbprint(jwk) == other.thumbprint()


def test_the_thumbprint_is_the_published_one() -> None:
    """The key of RFC 7638 §3.1 has the thumbprint given there, whatever else its JWK holds."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5ha"
        "jrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_kid_is_there_once() -> None:
    """A176: two keys of one ``kid`` make a set that nobody reads the same way."""
    with pytest.raises(JwkRefused, match="kid_twice"):
        read_jwks({"keys": [{**EC, "kid": "k"}, {**RSA, "kid": "k"}]})


def test_keys_for_other_uses_are_passed_over() -> None:
    """A174, RFC 7517 §5: keys for encryption, of unknown types, curves, algorithms verify nothing and spoil nothing."""
    others = [
        {**RSA, "kid": "enc", "use": "enc", "alg": "RSA-OAEP"},
        {**RSA, "kid": "wrap", "key_ops": ["wrapKey"]},
        {"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AAAA"},
        {**P192, "kid": "small"},
        {**EC, "kid": "k1", "crv": "secp256k1"},
        {**OKP, "kid": "x", "crv": "X25519"},
        {**OKP, "kid": "448", "crv": "Ed448", "x": "AAAA"},
        {**EC, "kid": "es256k", "alg": "ES256K"},
        {**RSA, "kid": "unsaid", "alg": "RSA-OAEP-256"},
    ]
    keys = read_jwks({"keys": [*others, {**EC, "kid": "sig"}]})
    assert len(keys) == 1
    assert "sig" in keys


@pytest.mark.parametrize("jwk", [{"kty": "AKP", "priv": "AAAA"}, {**RSA, "use": "enc", "d": "AAAA"}])
def test_a_private_key_is_refused_whatever_it_is_for(jwk: dict[str, Any]) -> None:
    """A174: a private member is refused in keys that would be passed over, too."""
    with pytest.raises(JwkRefused, match="private_key"):
        read_jwks({"keys": [jwk]})


@pytest.mark.parametrize(
    "document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": ["x"]}, {"keys": [None]}]
)
def test_what_is_no_jwk_set_is_refused(document: object) -> None:
    """Any other JSON is refused by a code and is no error of ours."""
    with pytest.raises(JwkRefused, match="not_a_jwk"):
        read_jwks(document)


def test_a_set_has_a_size() -> None:
    """A hundred keys are refused before the first of them is read."""
    with pytest.raises(JwkRefused, match="too_many_keys"):
        read_jwks({"keys": [{"kty": "RSA"}] * (MAX_KEYS + 1)})


@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_hash(alg: str, size: int) -> None:
    """A174: an HMAC with a shorter secret is refused (RFC 7518 §3.2), and a secret is for HMAC alone."""
    assert VerificationKey.from_secret(bytes(size), alg).algorithms == {alg}
    with pytest.raises(JwkRefused, match="alg_not_of_key"):
        VerificationKey.from_secret(bytes(size - 1), alg)
    with pytest.raises(JwkRefused, match="alg_not_of_key"):
        VerificationKey.from_secret(bytes(size), "ES256")


def test_only_listed_members_are_published() -> None:
    """A176: private members and anything unforeseen are left out of what is published."""
    jwk = {**RSA, "kid": "k", "use": "sig", "alg": "RS256", "d": "canary", "p": "canary", "x-note": "canary"}
    assert published(jwk) == {**RSA, "kid": "k", "use": "sig", "alg": "RS256"}
