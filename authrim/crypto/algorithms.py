"""The signature algorithms of JWS, one row each (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).

An algorithm belongs to one type of key, and is never tried with another: a public key cannot become the
secret of an HMAC (A159), and ``none`` is not in the table (A158).
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey


class Algorithm(Protocol):
    """How to sign and verify. ``verify`` raises InvalidSignature."""

    def fits(self, key: PublicKey | bytes) -> bool:
        """Whether the key is of the type that the algorithm is for."""

    def sign(self, key: Any, message: bytes) -> bytes: ...

    def verify(self, key: Any, signature: bytes, message: bytes) -> None: ...


class Rsa:
    """RSASSA-PKCS1-v1_5 and RSASSA-PSS with a salt as long as the hash (RFC 7518 §3.3, §3.5)."""

    def __init__(self, hash_algorithm: HashAlgorithm, *, pss: bool) -> None:
        self._hash = hash_algorithm
        self._padding = (
            padding.PSS(padding.MGF1(hash_algorithm), padding.PSS.DIGEST_LENGTH)
            if pss
            else padding.PKCS1v15()
        )

    def fits(self, key: PublicKey | bytes) -> bool:
        return isinstance(key, rsa.RSAPublicKey)

    def sign(self, key: rsa.RSAPrivateKey, message: bytes) -> bytes:
        return key.sign(message, self._padding, self._hash)

    def verify(self, key: rsa.RSAPublicKey, signature: bytes, message: bytes) -> None:
        key.verify(signature, message, self._padding, self._hash)


class Ecdsa:
    """ECDSA, the signature being r and s, each exactly as long as the curve's order (RFC 7518 §3.4)."""

    def __init__(
        self, curve: type[ec.EllipticCurve], hash_algorithm: HashAlgorithm, integer_bytes: int
    ) -> None:
        self._curve = curve
        self._hash = ec.ECDSA(hash_algorithm)
        self._bytes = integer_bytes

    def fits(self, key: PublicKey | bytes) -> bool:
        return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, self._curve)

    def sign(self, key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, self._hash))
        return r.to_bytes(self._bytes, "big") + s.to_bytes(self._bytes, "big")

    def verify(self, key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
        if len(signature) != 2 * self._bytes:
            raise InvalidSignature
        r = int.from_bytes(signature[: self._bytes], "big")
        s = int.from_bytes(signature[self._bytes :], "big")
        key.verify(encode_dss_signature(r, s), message, self._hash)


class Ed25519:
    """EdDSA on the curve Ed25519 (RFC 8037 §3.1)."""

    def fits(self, key: PublicKey | bytes) -> bool:
        return isinstance(key, Ed25519PublicKey)

    def sign(self, key: Ed25519PrivateKey, message: bytes) -> bytes:
        return key.sign(message)

    def verify(self, key: Ed25519PublicKey, signature: bytes, message: bytes) -> None:
        key.verify(signature, message)


class Hmac:
    """HMAC with a secret at least as long as the hash (RFC 7518 §3.2)."""

    def __init__(self, hash_algorithm: HashAlgorithm) -> None:
        self._hash = hash_algorithm

    def fits(self, key: PublicKey | bytes) -> bool:
        return isinstance(key, bytes) and len(key) >= self._hash.digest_size

    def sign(self, key: bytes, message: bytes) -> bytes:
        return self._of(key, message).finalize()

    def verify(self, key: bytes, signature: bytes, message: bytes) -> None:
        self._of(key, message).verify(signature)

    def _of(self, key: bytes, message: bytes) -> hmac.HMAC:
        code = hmac.HMAC(key, self._hash)
        code.update(message)
        return code


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "RS256": Rsa(SHA256(), pss=False),
    "RS384": Rsa(SHA384(), pss=False),
    "RS512": Rsa(SHA512(), pss=False),
    "PS256": Rsa(SHA256(), pss=True),
    "PS384": Rsa(SHA384(), pss=True),
    "PS512": Rsa(SHA512(), pss=True),
    "ES256": Ecdsa(ec.SECP256R1, SHA256(), 32),
    "ES384": Ecdsa(ec.SECP384R1, SHA384(), 48),
    "ES512": Ecdsa(ec.SECP521R1, SHA512(), 66),
    "EdDSA": Ed25519(),
    "Ed25519": Ed25519(),
    "HS256": Hmac(SHA256()),
    "HS384": Hmac(SHA384()),
    "HS512": Hmac(SHA512()),
}


def algorithms_for(key: PublicKey | bytes) -> frozenset[str]:
    """The names of the algorithms that the key can be used with."""
    return frozenset(name for name, algorithm in ALGORITHMS.items() if algorithm.fits(key))
