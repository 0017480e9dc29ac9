"""A key for each algorithm that signs, its signer, and the set of the public ones."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authrim.crypto.jws import SigningKey
from authrim.crypto.verification_keys import read_jwks

PRIVATE_KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
}
SIGNERS = {alg: SigningKey(f"kid-{alg}", alg, key) for alg, key in PRIVATE_KEYS.items()}
KEYS = read_jwks({"keys": [signer.public_jwk for signer in SIGNERS.values()]})
