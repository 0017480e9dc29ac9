"""Request objects (OIDC DCR §2, RFC 9101 §10.5)."""

from collections.abc import Iterable

from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.errors import Refusal
from domain.registration import encryption
from domain.registration._policy_keys import has_keys
from domain.registration.invalid_metadata import invalid, unlike


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """All rules, in order. The profile and the keys were checked before. ``request_uris`` are checked in
    ``_policy_texts``."""
    yield from _signed(metadata)
    yield from encryption.algorithm_checks(metadata, "request_object_encryption")


def _signed(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Unsigned objects are refused, so the algorithm ``none`` cannot be registered (RFC 9101 §10.1)."""
    profile = PROFILES[metadata.profile]
    algorithm = metadata.request_object_signing_alg
    yield unlike("request_object_signing_alg", algorithm, profile.signing_algorithms)
    if not metadata.response_types:
        return
    signs = metadata.require_signed_request_object or profile.request_objects.required
    if (signs or algorithm is not None or metadata.request_uris) and not has_keys(metadata):
        yield invalid("jwks", "is missing for signed requests.", hint="Register the client's public keys.")
