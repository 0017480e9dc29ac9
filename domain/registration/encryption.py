"""JSON Web Encryption in registrations: the supported algorithms, and what a client must register for encrypted
responses (OIDC DCR §2, JARM §3). RSA1_5 and ``dir`` are not supported (A170)."""

from collections.abc import Iterable
from typing import Final

from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration._policy_keys import has_keys
from domain.registration.invalid_metadata import invalid, unlike

#: ``alg`` values (RFC 7518 §4.1) in order of preference.
KEY_MANAGEMENT: Final = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256")
#: ``enc`` values (RFC 7518 §5.1) in order of preference.
CONTENT_ENCRYPTION: Final = ("A256GCM", "A128GCM", "A256CBC-HS512", "A128CBC-HS256")
#: The ``enc`` when only ``alg`` is registered (OIDC DCR §2).
DEFAULT_ENC: Final = "A128CBC-HS256"


def checks(metadata: ClientMetadata, encrypted: str) -> Iterable[Refusal | None]:
    """Check ``<encrypted>_alg`` and ``<encrypted>_enc`` of what the server encrypts to the client, which needs a
    key."""
    yield from algorithm_checks(metadata, encrypted)
    if getattr(metadata, f"{encrypted}_alg") is not None and not has_keys(metadata):
        yield invalid(f"{encrypted}_alg", "has no key to encrypt to.", hint="Register jwks or jwks_uri.")


def algorithm_checks(metadata: ClientMetadata, encrypted: str) -> Iterable[Refusal | None]:
    """Check the algorithms of encryption in either direction: they must be supported, and ``enc`` requires ``alg``."""
    alg: str | None = getattr(metadata, f"{encrypted}_alg")
    enc: str | None = getattr(metadata, f"{encrypted}_enc")
    yield unlike(f"{encrypted}_alg", alg, KEY_MANAGEMENT)
    yield unlike(f"{encrypted}_enc", enc, CONTENT_ENCRYPTION)
    if enc is not None and alg is None:
        yield invalid(f"{encrypted}_enc", "requires the alg.", hint=f"Register {encrypted}_alg too.")
