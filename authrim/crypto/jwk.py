"""Public keys as JSON Web Keys (RFC 7517): reading what others send, writing what we publish.

What is read is held to the limits of RFC 7518 §3.3 and FAPI, and refused with a code alone (A174, A178).
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authrim.crypto import base64url
from authrim.crypto.algorithms import PublicKey
from authrim.crypto.base64url import NotBase64url

#: Members that are private or a secret in some type of key (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
#: All that is ever published of a key (A176).
PUBLISHED_MEMBERS: Final = ("kty", "crv", "x", "y", "n", "e", "kid", "use", "alg")
#: The members that make the thumbprint, in its order (RFC 7638 §3.2, RFC 8037 §2).
REQUIRED_MEMBERS: Final = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}

_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, int]]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}
#: Curves of keys that verify here.
VERIFYING_CURVES: Final = frozenset({*_CURVES, "Ed25519"})
#: Curve25519 has few points of small order: with one of them as a key anybody can sign, and every agreement gives zero.
#: These are their coordinates, ``y`` of Ed25519 (RFC 8032 §5.1) and ``u`` of X25519 (RFC 7748 §6.1).
_FIELD: Final = 2**255 - 19
_Y_OF_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER: Final = {
    "Ed25519": frozenset({0, 1, _FIELD - 1, _Y_OF_ORDER_8, _FIELD - _Y_OF_ORDER_8}),
    "X25519": frozenset(
        {0, 1, _FIELD - 1}
        | {(1 + y) * pow(1 - y, -1, _FIELD) % _FIELD for y in (_Y_OF_ORDER_8, _FIELD - _Y_OF_ORDER_8)}
    ),
}
_CURVE_NAMES: Final = {curve.name: name for name, (curve, _) in _CURVES.items()}
_RSA_BITS: Final = range(2048, 8192 + 1)
_RSA_EXPONENTS: Final = range(65537, 2**32, 2)
#: The small odd primes over which the flawed generator of CVE-2017-15361 leaves its mark.
_ROCA_PRIMES: Final = tuple(p for p in range(3, 168, 2) if all(p % q for q in range(3, math.isqrt(p) + 1, 2)))
_ROCA_RESIDUES: Final = {p: frozenset(pow(65537, k, p) for k in range(p)) for p in _ROCA_PRIMES}


class JwkRefused(ValueError):
    """The key is not accepted. ``code`` says why; the text contains nothing of the key."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def public_key_of(jwk: Mapping[str, Any]) -> PublicKey:
    """The public key that ``jwk`` holds. Raises JwkRefused."""
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise JwkRefused("private_key")
    match jwk.get("kty"):
        case "RSA":
            return _rsa(jwk)
        case "EC":
            return _elliptic(jwk)
        case "OKP":
            return _ed25519(jwk)
        case "oct":
            raise JwkRefused("symmetric_key")
        case _:
            raise JwkRefused("kty_unknown")


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    n, e = _integer(jwk, "n"), _integer(jwk, "e")
    if n.bit_length() not in _RSA_BITS or n % 2 == 0:
        raise JwkRefused("rsa_modulus")
    if e not in _RSA_EXPONENTS:
        raise JwkRefused("rsa_exponent")
    if all(n % p in _ROCA_RESIDUES[p] for p in _ROCA_PRIMES):
        raise JwkRefused("rsa_roca")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _elliptic(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    curve, length = _CURVES.get(_text(jwk, "crv"), (None, 0))
    if curve is None:
        raise JwkRefused("curve_unknown")
    x, y = _octets(jwk, "x"), _octets(jwk, "y")
    if len(x) != length or len(y) != length:
        raise JwkRefused("coordinate_length")
    try:
        return ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve
        ).public_key()
    except ValueError:
        raise JwkRefused("point_not_on_curve") from None


def _ed25519(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    if _text(jwk, "crv") != "Ed25519":
        raise JwkRefused("curve_unknown")
    return Ed25519PublicKey.from_public_bytes(coordinate_25519(jwk))


def coordinate_25519(jwk: Mapping[str, Any]) -> bytes:
    """``x`` of a key of Ed25519 or X25519 that is no point of small order. Raises JwkRefused."""
    x = _octets(jwk, "x")
    if len(x) != 32:
        raise JwkRefused("coordinate_length")
    # The highest bit is the sign of the other coordinate, or none of the number at all.
    if int.from_bytes(x, "little") % 2**255 % _FIELD in _SMALL_ORDER[_text(jwk, "crv")]:
        raise JwkRefused("small_order")
    return x


def _text(jwk: Mapping[str, Any], member: str) -> str:
    value = jwk.get(member)
    if not isinstance(value, str):
        raise JwkRefused(f"{member}_missing")
    return value


def _octets(jwk: Mapping[str, Any], member: str) -> bytes:
    try:
        return base64url.decode(_text(jwk, member))
    except NotBase64url:
        raise JwkRefused(f"{member}_not_base64url") from None


def _integer(jwk: Mapping[str, Any], member: str) -> int:
    """A Base64urlUInt: the fewest octets that hold it (RFC 7518 §2)."""
    octets = _octets(jwk, member)
    if octets[:1] in (b"", b"\0"):
        raise JwkRefused(f"{member}_not_minimal")
    return int.from_bytes(octets, "big")


def jwk_of(key: PublicKey) -> dict[str, Any]:
    """The required members of a public key's JWK."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _spelled(numbers.n), "e": _spelled(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        crv = _CURVE_NAMES[key.curve.name]
        length = _CURVES[crv][1]
        point = key.public_numbers()
        return {"kty": "EC", "crv": crv, "x": _spelled(point.x, length), "y": _spelled(point.y, length)}
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(raw)}


def _spelled(number: int, length: int | None = None) -> str:
    return base64url.encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a key, base64url (RFC 7638 §3). Raises JwkRefused."""
    members = REQUIRED_MEMBERS.get(_text(jwk, "kty"))
    if members is None:
        raise JwkRefused("kty_unknown")
    required = {member: _text(jwk, member) for member in members}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return base64url.encode(hashlib.sha256(canonical.encode("utf-8")).digest())


def published(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """The public members of a key: only those on a list, so that no private one is published (A176)."""
    return {member: jwk[member] for member in PUBLISHED_MEMBERS if member in jwk}
