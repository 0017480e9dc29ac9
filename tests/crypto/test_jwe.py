"""Encrypted tokens, with joserfc as the other side, and with tokens that are out of shape."""

import json
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

from authrim.crypto import base64url
from authrim.crypto.jwe import (
    CONTENT_ENCRYPTION,
    KEY_MANAGEMENT,
    MAX_TOKEN,
    DecryptionKey,
    EncryptionKey,
    JweRefused,
    decrypt,
)
from authrim.crypto.jwk import JwkRefused

JWS = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl"
RSA_PRIVATE = rsa.generate_private_key(65537, 2048)
EC_PRIVATE = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = DecryptionKey("rsa", "RSA-OAEP-256", RSA_PRIVATE)
EC_KEY = DecryptionKey("ec", "ECDH-ES", EC_PRIVATE)
OURS = (RSA_KEY, EC_KEY)

#: What their side may do, also what we never accept.
LAX = jwe.JWERegistry(
    algorithms=[
        *KEY_MANAGEMENT, *CONTENT_ENCRYPTION, "ECDH-ES+A192KW", "RSA1_5", "RSA-OAEP", "dir", "A128KW", "A256GCMKW",
        "PBES2-HS256+A128KW", "A192GCM", "A192CBC-HS384", "DEF",
    ]
)  # fmt: skip


def their_keys() -> dict[str, Any]:
    return {
        "RSA": RSAKey.generate_key(2048),
        "P-256": ECKey.generate_key("P-256"),
        "P-384": ECKey.generate_key("P-384"),
        "P-521": ECKey.generate_key("P-521"),
        "X25519": OKPKey.generate_key("X25519"),
    }


THEIRS = their_keys()
FITTING = [
    (alg, kind) for alg in KEY_MANAGEMENT for kind in THEIRS if (kind == "RSA") == (alg == "RSA-OAEP-256")
]


def public(key: DecryptionKey) -> Any:
    return (RSAKey if key.public_jwk["kty"] == "RSA" else ECKey).import_key(key.public_jwk)


def to_us(alg: str, enc: str = "A256GCM", plaintext: bytes = JWS.encode(), **header: Any) -> str:
    """A token that another library encrypted to our key."""
    key = RSA_KEY if alg.startswith("RSA") else EC_KEY
    protected = {"alg": alg, "enc": enc, "cty": "JWT", "kid": key.kid} | header
    protected = {name: value for name, value in protected.items() if value is not None}
    return jwe.encrypt_compact(protected, plaintext, public(key), registry=LAX)


def opened(token: str, keys: Any = OURS) -> Any:
    return decrypt(token, keys, algs=KEY_MANAGEMENT, encs=CONTENT_ENCRYPTION)


def refused(token: str, keys: Any = OURS) -> str:
    with pytest.raises(JweRefused) as error:
        opened(token, keys)
    return error.value.code


@pytest.mark.parametrize("enc", CONTENT_ENCRYPTION)
@pytest.mark.parametrize(("alg", "kind"), FITTING)
def test_another_library_reads_what_we_encrypt(alg: str, kind: str, enc: str) -> None:
    """Every algorithm with every kind of key: the recipient finds the signed token and its own key id."""
    theirs = THEIRS[kind]
    jwk = {**theirs.as_dict(private=False), "kid": "theirs", "use": "enc"}
    token = EncryptionKey(jwk, alg).encrypt(JWS, enc)
    read = jwe.decrypt_compact(token, theirs, registry=LAX)
    assert read.plaintext == JWS.encode()
    assert {name: read.protected[name] for name in ("alg", "enc", "cty", "kid")} == {
        "alg": alg,
        "enc": enc,
        "cty": "JWT",
        "kid": "theirs",
    }


@pytest.mark.parametrize("enc", CONTENT_ENCRYPTION)
@pytest.mark.parametrize("alg", KEY_MANAGEMENT)
def test_we_read_what_another_library_encrypts(alg: str, enc: str) -> None:
    """Every algorithm with our own keys, by their id and without one."""
    for kid in ({}, {"kid": None}):
        decrypted = opened(to_us(alg, enc, **kid))
        assert decrypted.jws == JWS
        assert decrypted.kid == ("rsa" if alg.startswith("RSA") else "ec")


def test_members_of_another_type_are_passed_over() -> None:
    """RFC 7517 §4: what is not understood in a key is ignored; no client makes us fail with it."""
    foreign: dict[str, Any] = {"crv": [], "x": {}, "y": 5, "n": [], "e": "AA", "foo": None}
    for kind, alg in (("RSA", "RSA-OAEP-256"), ("P-256", "ECDH-ES"), ("X25519", "ECDH-ES")):
        key = their_keys()[kind]
        token = EncryptionKey(foreign | key.as_dict(private=False), alg).encrypt(JWS, "A128GCM")
        assert jwe.decrypt_compact(token, key, algorithms=[alg, "A128GCM"]).plaintext == JWS.encode()


@pytest.mark.parametrize(
    ("alg", "enc"),
    [
        ("RSA1_5", "A256GCM"),
        ("RSA-OAEP", "A256GCM"),
        ("ECDH-ES+A192KW", "A256GCM"),
        ("RSA-OAEP-256", "A192GCM"),
        ("ECDH-ES", "A192CBC-HS384"),
    ],
)
def test_other_algorithms_are_refused(alg: str, enc: str) -> None:
    """A172: RSA1_5 and everything else that is not on the list is refused before any cryptography."""
    assert refused(to_us(alg, enc)) in {"alg_not_allowed", "enc_not_allowed"}


def test_what_is_not_allowed_here_is_refused() -> None:
    """The caller's lists count, not what the library could do."""
    with pytest.raises(JweRefused, match="alg_not_allowed"):
        decrypt(to_us("ECDH-ES"), OURS, algs=("RSA-OAEP-256",), encs=CONTENT_ENCRYPTION)
    with pytest.raises(JweRefused, match="enc_not_allowed"):
        decrypt(to_us("ECDH-ES"), OURS, algs=KEY_MANAGEMENT, encs=("A128GCM",))
    with pytest.raises(JweRefused, match="alg_not_allowed"):
        decrypt(to_us("RSA1_5"), OURS, algs=("RSA1_5",), encs=CONTENT_ENCRYPTION)


def with_header(token: str, **changes: Any) -> str:
    """The token with another header; its tag does not hold any more."""
    header, _, rest = token.partition(".")
    members = json.loads(base64url.decode(header)) | changes
    return base64url.encode(json.dumps(members).encode()) + "." + rest


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"alg": "dir"}, "alg_not_allowed"),
        ({"alg": "none"}, "alg_not_allowed"),
        ({"alg": "A256KW"}, "alg_not_allowed"),
        ({"alg": "PBES2-HS512+A256KW", "p2c": 2**31 - 1, "p2s": "c2FsdA"}, "alg_not_allowed"),
        ({"p2c": 2**31 - 1}, "p2c_not_supported"),
        ({"alg": ["ECDH-ES"]}, "alg_not_allowed"),
        ({"alg": None}, "alg_not_allowed"),
        ({"enc": "none"}, "enc_not_allowed"),
        ({"enc": 1}, "enc_not_allowed"),
        ({"zip": "DEF"}, "zip_not_supported"),
        ({"zip": None}, "zip_not_supported"),
        ({"crit": ["exp"]}, "crit_not_supported"),
        ({"cty": "json"}, "cty_not_jwt"),
        ({"cty": ["JWT"]}, "cty_not_jwt"),
        ({"kid": 1}, "kid_malformed"),
        ({"kid": "k" * 300}, "kid_malformed"),
        ({"kid": "unknown"}, "not_decrypted"),
        ({"epk": None}, "epk_missing"),
        ({"epk": "text"}, "epk_missing"),
        ({"epk": {}}, "agreement_malformed"),
        ({"epk": {"kty": "oct", "k": "c2VjcmV0"}}, "agreement_malformed"),
        ({"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, "agreement_malformed"),
        ({"epk": {"kty": "OKP", "crv": "X25519", "x": "AA"}}, "agreement_malformed"),
        ({"epk": {"kty": "OKP", "crv": "X25519"}}, "agreement_malformed"),
        ({"epk": {"kty": "EC", "crv": "X25519", "x": "AA"}}, "agreement_malformed"),
        ({"apu": 1}, "agreement_malformed"),
        ({"apv": "!"}, "agreement_malformed"),
        ({"alg": "RSA-OAEP-256", "kid": "rsa"}, "agreement_not_wanted"),
        ({"alg": "ECDH-ES+A128KW"}, "encrypted_key_length"),
        ({"x": {"y": {"z": {}}}}, "header_not_json"),
        ({"x": "y" * 3000}, "header_not_json"),
    ],
)
def test_headers_out_of_shape(changes: dict[str, Any], code: str) -> None:
    """A170, A171, A173: compression, iteration counts, critical extensions and bad ephemeral keys are refused at the
    header."""
    assert refused(with_header(to_us("ECDH-ES"), **changes)) == code


def test_a_point_that_is_not_on_the_curve() -> None:
    """RFC 8725 §3.4: an ephemeral key off its curve never meets our private key."""
    point = EC_KEY.public_jwk
    bad = {"kty": "EC", "crv": "P-256", "x": point["x"], "y": point["x"]}
    assert refused(with_header(to_us("ECDH-ES"), epk=bad)) == "agreement_malformed"


def test_an_ephemeral_key_with_a_private_half() -> None:
    """An ephemeral key is public."""
    theirs = THEIRS["P-256"].as_dict(private=True)
    assert refused(with_header(to_us("ECDH-ES"), epk=theirs)) == "agreement_malformed"


def test_an_ephemeral_key_of_another_curve() -> None:
    """The curve must be our key's (RFC 7518 §4.6.1)."""
    other = THEIRS["P-384"].as_dict(private=False)
    assert refused(with_header(to_us("ECDH-ES"), epk=other)) == "not_decrypted"
    other = THEIRS["X25519"].as_dict(private=False)
    assert refused(with_header(to_us("ECDH-ES"), epk=other)) == "not_decrypted"


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW", "RSA-OAEP-256"])
def test_every_part_is_authenticated(alg: str, part: int) -> None:
    """A172: whichever part is changed, the answer is a refusal and never another exception."""
    parts = to_us(alg, "A128CBC-HS256").split(".")
    raw = base64url.decode(parts[part])
    for changed in (
        raw[:-1] + bytes([raw[-1] ^ 1]) if raw else b"a",
        raw[:-1],
        raw + b"a",
        b"",
        b"\0" * len(raw),
    ):
        if changed != raw:
            parts[part] = base64url.encode(changed)
            assert refused(".".join(parts))


def test_padding_and_tag_are_one_error() -> None:
    """A172: a wrong tag, wrong padding and a wrong wrapped key are told apart by nothing."""
    token = to_us("RSA-OAEP-256", "A128CBC-HS256").split(".")
    codes = set()
    for part in (1, 3, 4):
        parts = list(token)
        raw = bytearray(base64url.decode(parts[part]))
        raw[-1] ^= 1
        parts[part] = base64url.encode(bytes(raw))
        codes.add(refused(".".join(parts)))
    assert codes == {"not_decrypted"}


@pytest.mark.parametrize(
    "plaintext",
    [b'{"iss": "me"}', b"a.b", b"a.b.c.d.e", b"a..c", b"a.b.", b" a.b.c", "ä.b.c".encode(), b"a.b.c\n"],
)
def test_only_a_signed_token_may_be_inside(plaintext: bytes) -> None:
    """A056, A173: bare JSON, an unsigned token and another encrypted token inside are refused."""
    assert refused(to_us("ECDH-ES", plaintext=plaintext)) == "no_jws_inside"


def test_nested_encryption_is_refused() -> None:
    """A173: depth one."""
    assert refused(to_us("ECDH-ES", plaintext=to_us("ECDH-ES").encode())) == "no_jws_inside"


def test_compressed_tokens_are_refused() -> None:
    """A170: a token that unfolds to ten megabytes is refused at its header."""
    bomb = jwe.encrypt_compact(
        {"alg": "ECDH-ES", "enc": "A128GCM", "zip": "DEF"}, b"a" * 200_000, public(EC_KEY), registry=LAX
    )
    assert len(zlib.compress(b"a" * 200_000)) < 1000
    assert refused(bomb) == "zip_not_supported"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "not_compact_jwe"),
        ("a.b.c", "not_compact_jwe"),
        ("a.b.c.d.e.f", "not_compact_jwe"),
        ("." * 4, "header_not_json"),
        ("e30=....", "not_base64url"),
        ("W10....", "header_not_object"),
        ("e30....", "alg_not_allowed"),
        ("ä....", "not_base64url"),
        ("a" * (MAX_TOKEN + 1), "too_large"),
        ('{"protected": "e30", "ciphertext": ""}', "not_compact_jwe"),
    ],
)
def test_tokens_out_of_shape(token: str, code: str) -> None:
    """A173: size and shape come before everything."""
    assert refused(token) == code


def test_a_token_for_somebody_else() -> None:
    """A token to another key of the same kind is not decrypted, whatever kid it names."""
    other = DecryptionKey("ec", "ECDH-ES", ec.generate_private_key(ec.SECP256R1()))
    assert refused(to_us("ECDH-ES"), (other,)) == "not_decrypted"
    assert refused(to_us("ECDH-ES"), ()) == "not_decrypted"


@pytest.mark.parametrize(
    ("jwk", "alg"),
    [
        (THEIRS["RSA"].as_dict(private=False) | {"use": "sig"}, "RSA-OAEP-256"),
        (THEIRS["RSA"].as_dict(private=False) | {"alg": "RSA1_5"}, "RSA-OAEP-256"),
        (THEIRS["RSA"].as_dict(private=False) | {"alg": "RSA-OAEP"}, "RSA-OAEP-256"),
        (THEIRS["RSA"].as_dict(private=False) | {"key_ops": ["verify"]}, "RSA-OAEP-256"),
        (THEIRS["RSA"].as_dict(private=False) | {"key_ops": "encrypt"}, "RSA-OAEP-256"),
        (THEIRS["RSA"].as_dict(private=False), "RSA1_5"),
        (THEIRS["RSA"].as_dict(private=False), "ECDH-ES"),
        (THEIRS["P-256"].as_dict(private=False), "RSA-OAEP-256"),
        (THEIRS["P-256"].as_dict(private=True), "ECDH-ES"),
        (THEIRS["X25519"].as_dict(private=True), "ECDH-ES"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "ECDH-ES"),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, "ECDH-ES"),
        ({"kty": "OKP", "crv": "X25519", "x": 5}, "ECDH-ES"),
        ({"kty": "OKP", "crv": "X25519", "x": base64url.encode(bytes(32))}, "ECDH-ES"),
        ({"kty": "RSA", "n": base64url.encode(b"\xff" * 128), "e": "AQAB"}, "RSA-OAEP-256"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "dir"),
    ],
)
def test_keys_that_are_not_encrypted_to(jwk: dict[str, Any], alg: str) -> None:
    """A174: weak, private, symmetric keys and those for something else are refused."""
    with pytest.raises(JwkRefused):
        EncryptionKey(jwk, alg)


def test_our_keys_are_published_without_their_private_half() -> None:
    """A176: what is published of a key is for encryption, and public."""
    assert RSA_KEY.public_jwk.keys() == {"kty", "n", "e", "kid", "use", "alg"}
    assert EC_KEY.public_jwk.keys() == {"kty", "crv", "x", "y", "kid", "use"}
    assert RSA_KEY.public_jwk["use"] == EC_KEY.public_jwk["use"] == "enc"
    with pytest.raises(ValueError, match="not for"):
        DecryptionKey("k", "ECDH-ES", RSA_PRIVATE)
