"""What a registration may say of the form that ID tokens and userinfo come in (OIDC DCR §2): signed, and encrypted to a
key of the client's own. Neither ``none`` nor RSA1_5 is there to choose (A158, A172)."""

from collections.abc import Iterable

from domain import encryption
from domain.client_metadata import ClientMetadata
from domain.errors import Refusal
from domain.invalid_metadata import unlike
from domain.profile import PROFILES


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """The rules, in order."""
    algorithms = PROFILES[metadata.profile].signing_algorithms
    yield unlike("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg, algorithms)
    yield from encryption.checks(metadata, "id_token_encrypted_response")
    yield from encryption.checks(metadata, "userinfo_encrypted_response")
