"""RFC 7516: JSON Web Encryption in the compact serialisation, with a signed token inside and nothing else.

jwcrypto does the cryptography. Before it sees anything the token's shape, its algorithms and its lengths are checked
here, against lists that hold neither RSA1_5, nor PBES2, nor ``dir``, nor compression (A170 to A173). Decryption costs a
millisecond (RSA) or less, so it runs where it is asked for.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from authrim.crypto import base64url, strict_json
from authrim.crypto.base64url import NotBase64url
from authrim.crypto.jwk import (
    PRIVATE_MEMBERS,
    REQUIRED_MEMBERS,
    JwkRefused,
    coordinate_25519,
    jwk_of,
    public_key_of,
    published,
)
from authrim.crypto.strict_json import JsonRefused
from domain.registration import encryption

#: Characters of a token at most, its plaintext included, counted before any work is done with it (A173).
MAX_TOKEN: Final = 65536
_MAX_HEADER_BYTES: Final = 2048
_MAX_HEADER_DEPTH: Final = 3
_MAX_KID: Final = 255

KEY_MANAGEMENT: Final = encryption.KEY_MANAGEMENT
CONTENT_ENCRYPTION: Final = encryption.CONTENT_ENCRYPTION
DEFAULT_ENC: Final = encryption.DEFAULT_ENC

#: Bytes of the initialisation vector and of the tag (RFC 7518 §5.2, §5.3).
_LENGTHS: Final = {
    "A128GCM": (12, 16),
    "A256GCM": (12, 16),
    "A128CBC-HS256": (16, 16),
    "A256CBC-HS512": (16, 32),
}
#: Bytes of the wrapped content key for each ``enc``: eight more than the key (RFC 3394 §2.2.1).
_WRAPPED: Final = {"A128GCM": 24, "A256GCM": 40, "A128CBC-HS256": 40, "A256CBC-HS512": 72}
#: Header parameters that change how a token is read, none of them supported (RFC 7516 §4.1.3, §4.1.13).
_CHANGES_THE_READING: Final = ("crit", "zip", "b64", "p2s", "p2c")
_COMPACT_JWS: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CURVES: Final = ("P-256", "P-384", "P-521", "X25519")


class JweRefused(Exception):
    """The token is not accepted. ``code`` is for the log: the sender learns only that the token was refused."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DecryptedJwe(NamedTuple):
    """The compact JWS that was inside, not verified yet, and the id of the key that decrypted it."""

    jws: str
    header: Mapping[str, Any]
    kid: str


class EncryptionKey:
    """A public key of somebody else, for one ``alg``."""

    __slots__ = ("_jwk", "_kid", "alg")

    def __init__(self, jwk: Mapping[str, Any], alg: str) -> None:
        """Raises JwkRefused when the key is weak, malformed, private, or not for ``alg``."""
        if not fits(jwk, alg):
            raise JwkRefused("alg_not_of_key")
        _check_public(jwk)
        self.alg = alg
        self._kid = jwk.get("kid")
        # Those of its type alone: jwcrypto raises KeyError for a member of another one.
        self._jwk = JWK(**{name: jwk[name] for name in REQUIRED_MEMBERS[jwk["kty"]]})

    def encrypt(self, jws: str, enc: str) -> str:
        """``jws`` inside a compact JWE (RFC 7519 §5.2: ``cty`` is JWT)."""
        return self._encrypted(jws.encode("ascii"), {"alg": self.alg, "enc": enc, "cty": "JWT"})

    def encrypt_json(self, document: bytes, enc: str) -> str:
        """A JSON document inside a compact JWE: secret, and of nobody in particular."""
        return self._encrypted(document, {"alg": self.alg, "enc": enc})

    def _encrypted(self, plaintext: bytes, header: dict[str, str]) -> str:
        if isinstance(self._kid, str):
            header["kid"] = self._kid
        token = JWE(plaintext, json.dumps(header), algs=[header["alg"], header["enc"]])
        token.add_recipient(self._jwk)
        return str(token.serialize(compact=True))


class DecryptionKey:
    """A private key of ours that opens what others encrypt to it. ``alg``: what it was made for."""

    __slots__ = ("_jwk", "alg", "kid", "public_jwk")

    def __init__(self, kid: str, alg: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        """Raises ValueError when the key is not for ``alg``."""
        jwk = {**jwk_of(key.public_key()), "kid": kid, "use": "enc"}
        if not fits(jwk, alg):
            raise ValueError(f"the key is not for {alg}")
        if alg == "RSA-OAEP-256":
            jwk["alg"] = alg  # an elliptic curve key is for all of ECDH-ES, so it names none of them
        self.kid = kid
        self.alg = alg
        self.public_jwk = published(jwk)
        self._jwk = JWK.from_pyca(key)

    def open(self, token: str, alg: str, enc: str) -> bytes | None:
        """The plaintext of a token whose shape was checked; None when it was not encrypted to this key."""
        opened = JWE(algs=[alg, enc])
        try:
            opened.deserialize(token, self._jwk)
        except Exception:  # jwcrypto and OpenSSL raise what they come upon: all of it is one answer (A172)
            return None
        return bytes(opened.payload)

    def __repr__(self) -> str:
        return f"DecryptionKey({self.kid}, {self.alg})"


def fits(jwk: Mapping[str, Any], alg: str) -> bool:
    """Whether a JWK may be used with ``alg``, by its type, its ``alg``, ``use`` and ``key_ops``."""
    if alg not in KEY_MANAGEMENT or jwk.get("alg", alg) != alg or jwk.get("use", "enc") != "enc":
        return False
    operations = jwk.get("key_ops")
    if operations is not None and not _may_encrypt(operations):
        return False
    if alg == "RSA-OAEP-256":
        return jwk.get("kty") == "RSA"
    return jwk.get("kty") in ("EC", "OKP") and jwk.get("crv") in _CURVES


def _may_encrypt(operations: object) -> bool:
    if not isinstance(operations, list):
        return False
    return any(operation in ("encrypt", "wrapKey", "deriveKey", "deriveBits") for operation in operations)


def _check_public(jwk: Mapping[str, Any]) -> None:
    """X25519 is for agreement alone, so the keys that sign know nothing of it. Raises JwkRefused."""
    if jwk.get("crv") != "X25519":
        public_key_of(jwk)
        return
    if jwk.get("kty") != "OKP" or not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise JwkRefused("private_key" if jwk.get("kty") == "OKP" else "curve_unknown")
    coordinate_25519(jwk)


def decrypt(
    token: str, keys: Iterable[DecryptionKey], *, algs: Iterable[str], encs: Iterable[str]
) -> DecryptedJwe:
    """The signed token inside. ``algs`` and ``encs`` are what may be used. Raises JweRefused.

    Anything but a compact JWS inside is refused: neither bare JSON, whose sender nobody knows (A056), nor another
    encrypted token (A173).
    """
    header = _checked_header(token, frozenset(algs), frozenset(encs))
    alg, enc, kid = header["alg"], header["enc"], header.get("kid")
    for key in keys:
        if (kid is not None and key.kid != kid) or not _is_for(key, header):
            continue
        plaintext = key.open(token, alg, enc)
        if plaintext is not None:
            if not _COMPACT_JWS.fullmatch(plaintext):
                raise JweRefused("no_jws_inside")
            return DecryptedJwe(plaintext.decode("ascii"), header, key.kid)
    raise JweRefused("not_decrypted")


def _is_for(key: DecryptionKey, header: Mapping[str, Any]) -> bool:
    """Whether the key can be meant. An ephemeral key must be of its very curve (RFC 7518 §4.6.1)."""
    if not fits(key.public_jwk, header["alg"]):
        return False
    return "epk" not in header or header["epk"].get("crv") == key.public_jwk.get("crv")


def _checked_header(token: str, algs: frozenset[str], encs: frozenset[str]) -> Mapping[str, Any]:
    """The header of a token in which nothing is out of shape. Raises JweRefused."""
    if len(token) > MAX_TOKEN:
        raise JweRefused("too_large")
    parts = token.split(".")
    if len(parts) != 5:
        raise JweRefused("not_compact_jwe")
    try:
        header_bytes, encrypted_key, iv, _ciphertext, tag = (base64url.decode(part) for part in parts)
        header = strict_json.loads(header_bytes, max_depth=_MAX_HEADER_DEPTH, max_bytes=_MAX_HEADER_BYTES)
    except NotBase64url:
        raise JweRefused("not_base64url") from None
    except JsonRefused:
        raise JweRefused("header_not_json") from None
    if not isinstance(header, dict):
        raise JweRefused("header_not_object")
    _check_parameters(header, algs, encs)
    if (len(iv), len(tag)) != _LENGTHS[header["enc"]]:
        raise JweRefused("iv_or_tag_length")
    _check_encrypted_key(header, encrypted_key)
    return header


def _check_parameters(header: Mapping[str, Any], algs: frozenset[str], encs: frozenset[str]) -> None:
    alg, enc = header.get("alg"), header.get("enc")
    if not isinstance(alg, str) or alg not in algs or alg not in KEY_MANAGEMENT:
        raise JweRefused("alg_not_allowed")
    if not isinstance(enc, str) or enc not in encs or enc not in CONTENT_ENCRYPTION:
        raise JweRefused("enc_not_allowed")
    for parameter in _CHANGES_THE_READING:
        if parameter in header:
            raise JweRefused(f"{parameter}_not_supported")
    if "cty" in header and str(header["cty"]).lower().removeprefix("application/") != "jwt":
        raise JweRefused("cty_not_jwt")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or len(kid) > _MAX_KID:
        raise JweRefused("kid_malformed")
    _check_agreement(header, alg)


def _check_agreement(header: Mapping[str, Any], alg: str) -> None:
    """RFC 7518 §4.6.1. A point that is not on its curve would tell something of our key (RFC 8725 §3.4)."""
    names = {"epk", "apu", "apv"} & header.keys()
    if not alg.startswith("ECDH-ES"):
        if names:
            raise JweRefused("agreement_not_wanted")
        return
    epk = header.get("epk")
    if not isinstance(epk, dict):
        raise JweRefused("epk_missing")
    try:
        _check_public(epk)
        for name in names - {"epk"}:
            base64url.decode(header[name] if isinstance(header[name], str) else "?")
    except (JwkRefused, NotBase64url):
        raise JweRefused("agreement_malformed") from None


def _check_encrypted_key(header: Mapping[str, Any], encrypted_key: bytes) -> None:
    """As long as it must be; that of RSA depends on our key, and is at least as long as the shortest one allowed."""
    match header["alg"]:
        case "ECDH-ES":
            fitting = not encrypted_key
        case "RSA-OAEP-256":
            fitting = 256 <= len(encrypted_key) <= 1024
        case _:
            fitting = len(encrypted_key) == _WRAPPED[header["enc"]]
    if not fitting:
        raise JweRefused("encrypted_key_length")
