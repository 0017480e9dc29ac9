"""JSON Web Encryption as far as registrations speak of it: the algorithms that may be used, and what a client that
wants something encrypted has to say (OIDC DCR §2, JARM §3). RSA1_5 and ``dir`` are never among them (A170)."""

from collections.abc import Iterable
from typing import Final

from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration._policy_keys import has_keys
from domain.registration.invalid_metadata import invalid, unlike

#: ``alg`` values (RFC 7518 §4.1), the preferred ones first.
KEY_MANAGEMENT: Final = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256")
#: ``enc`` values (RFC 7518 §5.1), the preferred ones first.
CONTENT_ENCRYPTION: Final = ("A256GCM", "A128GCM", "A256CBC-HS512", "A128CBC-HS256")
#: What ``enc`` is when only ``alg`` is registered (OIDC DCR §2).
DEFAULT_ENC: Final = "A128CBC-HS256"


def checks(metadata: ClientMetadata, encrypted: str) -> Iterable[Refusal | None]:
    """What may stand in ``<encrypted>_alg`` and ``<encrypted>_enc`` of what the server encrypts to the client: there is
    a key for it."""
    yield from algorithm_checks(metadata, encrypted)
    if getattr(metadata, f"{encrypted}_alg") is not None and not has_keys(metadata):
        yield invalid(f"{encrypted}_alg", "has no key to encrypt to.", hint="Register jwks or jwks_uri.")


def algorithm_checks(metadata: ClientMetadata, encrypted: str) -> Iterable[Refusal | None]:
    """The same of whatever is encrypted, in either direction: algorithms of ours, and no ``enc`` without an ``alg``."""
    alg: str | None = getattr(metadata, f"{encrypted}_alg")
    enc: str | None = getattr(metadata, f"{encrypted}_enc")
    yield unlike(f"{encrypted}_alg", alg, KEY_MANAGEMENT)
    yield unlike(f"{encrypted}_enc", enc, CONTENT_ENCRYPTION)
    if enc is not None and alg is None:
        yield invalid(f"{encrypted}_enc", "is there without the alg.", hint=f"Register {encrypted}_alg too.")
