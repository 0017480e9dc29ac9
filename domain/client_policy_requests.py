"""What a registration may say of request objects (OIDC DCR §2, RFC 9101 §10.5)."""

from collections.abc import Iterable

from domain import encryption
from domain.client_metadata import ClientMetadata
from domain.client_policy_keys import has_keys
from domain.errors import Refusal
from domain.invalid_metadata import invalid, unlike
from domain.profile import PROFILES


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """All rules, in order; the profile and the keys are known to be good. Where ``request_uris`` may lead is in
    ``client_policy_registration``."""
    yield from _signed(metadata)
    yield from encryption.algorithm_checks(metadata, "request_object_encryption")


def _signed(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """Unsigned objects are not taken, so the algorithm ``none`` cannot be registered (RFC 9101 §10.1)."""
    profile = PROFILES[metadata.profile]
    algorithm = metadata.request_object_signing_alg
    yield unlike("request_object_signing_alg", algorithm, profile.signing_algorithms)
    if not metadata.response_types:
        return
    signs = metadata.require_signed_request_object or profile.request_objects.required
    if (signs or algorithm is not None or metadata.request_uris) and not has_keys(metadata):
        yield invalid("jwks", "is missing for signed requests.", "Register the client's public keys.")
