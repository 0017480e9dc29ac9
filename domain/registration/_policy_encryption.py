"""The signing and encryption of ID tokens and userinfo responses (OIDC DCR §2). A response can be encrypted to a key of
the client. Neither ``none`` nor RSA1_5 can be registered (A158, A172)."""

from collections.abc import Iterable

from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.errors import Refusal
from domain.registration import encryption
from domain.registration.invalid_metadata import unlike


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """The rules, in order."""
    algorithms = PROFILES[metadata.profile].signing_algorithms
    yield unlike("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg, algorithms)
    yield from encryption.checks(metadata, "id_token_encrypted_response")
    yield from encryption.checks(metadata, "userinfo_encrypted_response")
