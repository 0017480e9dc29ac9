"""Making a key of the server and loading it again, to sign with or to be encrypted to. Its private half is PKCS #8,
to be kept in a sealed row.

An RSA key takes a tenth of a second and more to make, which happens in a thread (F25). Its primes are not tested
again when it is loaded: it was made here and has been sealed since, so no bit of it has changed, and the test takes
longer than anything else at the start of a server.
"""

import asyncio
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from authrim.crypto.algorithms import PrivateKey
from authrim.crypto.ids import begins_like_an_id
from authrim.crypto.jwe import DecryptionKey
from authrim.crypto.jwk import jwk_of, thumbprint
from authrim.crypto.jws import SigningKey
from domain.key.key import NewKey

#: Algorithms that this server signs with.
SIGNING_ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA", "Ed25519")
#: Algorithms that this server keeps keys for, so that others encrypt to it. One key is for all of ECDH-ES.
ENCRYPTION_ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES")
#: A signature of this size holds up the event loop for 0.25 ms, one of 3072 bits for 0.8 ms.
_RSA_BITS = 2048


class KeyPair(NamedTuple):
    """A new key: its public JWK, and its private key (PKCS #8, DER) for a sealed row."""

    public: NewKey
    private: bytes

    def __repr__(self) -> str:
        return f"KeyPair({self.public.kid})"


async def new_key_pair(alg: str) -> KeyPair:
    """Create a key for one of ``SIGNING_ALGORITHMS`` or ``ENCRYPTION_ALGORITHMS``; ValueError for another.

    Its ``kid`` is its thumbprint, so no two keys share one (A176), and begins with a letter or a digit.
    """
    return await asyncio.to_thread(_new_key_pair, alg)


def load_key(kid: str, alg: str, private: bytes) -> SigningKey | DecryptionKey:
    """Load a private key that this server made. Raises ValueError, whose text contains nothing of the key."""
    try:
        key = load_der_private_key(private, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise ValueError("not a private key in PKCS #8") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise ValueError("not a private key of a type that is used here")
    return _for_use(kid, alg, key)


def _new_key_pair(alg: str) -> KeyPair:
    while not begins_like_an_id(kid := thumbprint(jwk_of((key := _generate(alg)).public_key()))):
        pass
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(NewKey(kid, alg, _for_use(kid, alg, key).public_jwk), private)


def _generate(alg: str) -> PrivateKey:
    match alg:
        case "ES256" | "ECDH-ES":
            return ec.generate_private_key(ec.SECP256R1())
        case "RS256" | "PS256" | "RSA-OAEP-256":
            return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        case "EdDSA" | "Ed25519":
            return Ed25519PrivateKey.generate()
        case _:
            known = ", ".join((*SIGNING_ALGORITHMS, *ENCRYPTION_ALGORITHMS))
            raise ValueError(f"no key can be made for {alg}; one of {known}")


def _for_use(kid: str, alg: str, key: PrivateKey) -> SigningKey | DecryptionKey:
    """A key signs or is encrypted to, never both (RFC 7517 §4.2)."""
    if alg not in ENCRYPTION_ALGORITHMS:
        return SigningKey(kid, alg, key)
    if isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"the key is not for {alg}")
    return DecryptionKey(kid, alg, key)
