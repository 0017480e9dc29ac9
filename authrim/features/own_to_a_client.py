"""What is specific to a client: its keys, pairwise subjects, and encrypted responses."""

from typing import Any, Final

from authrim.core.parts import Core
from authrim.features.feature import Feature
from domain.client.subject_type import SUBJECT_TYPES
from domain.registration.encryption import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from domain.stream import DEFAULT_TENANT


def _forms(core: Core) -> dict[str, Any]:
    """How ID tokens and userinfo can come (OpenID Connect Discovery §3). ``none`` and RSA1_5 are never among it."""
    signed = list(core.key_ring.algorithms(DEFAULT_TENANT, core.now()))
    algs, encs = list(KEY_MANAGEMENT), list(CONTENT_ENCRYPTION)
    return {
        "id_token_encryption_alg_values_supported": algs,
        "id_token_encryption_enc_values_supported": encs,
        "userinfo_signing_alg_values_supported": signed,
        "userinfo_encryption_alg_values_supported": algs,
        "userinfo_encryption_enc_values_supported": encs,
    }


OWN_TO_A_CLIENT: Final[tuple[Feature, ...]] = (
    Feature(
        "client_keys",
        "OpenID Connect Core 1.0 §10, RFC 7517",
    ),
    Feature(
        "signed_and_encrypted_claims",
        "OpenID Connect Core 1.0 §5.3.2, §10, RFC 7516",
        metadata=_forms,
    ),
    Feature(
        "pairwise_subjects",
        "OpenID Connect Core 1.0 §8, OpenID Connect Dynamic Client Registration 1.0 §5",
        metadata=lambda _core: {"subject_types_supported": list(SUBJECT_TYPES)},
    ),
)
