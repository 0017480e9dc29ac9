"""Response types and response modes other than the plain code in the query. A client must register each."""

from typing import Any, Final

from authrim.core.parts import Core
from authrim.features.feature import Feature
from domain.registration.encryption import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.features import FORM_POST, HYBRID, IMPLICIT, JARM, RESPONSE_TYPE_NONE


def _jarm(core: Core) -> dict[str, Any]:
    algorithms = core.key_ring.algorithms(DEFAULT_TENANT, core.now())
    return {
        "authorization_signing_alg_values_supported": list(algorithms),
        "authorization_encryption_alg_values_supported": list(KEY_MANAGEMENT),
        "authorization_encryption_enc_values_supported": list(CONTENT_ENCRYPTION),
    }


RESPONSES: Final[tuple[Feature, ...]] = (
    Feature(
        IMPLICIT,
        "OpenID Connect Core 1.0 §3.2",
        grant_types=("implicit",),
        optional=True,
    ),
    Feature(
        HYBRID,
        "OpenID Connect Core 1.0 §3.3",
        grant_types=("implicit",),
        optional=True,
    ),
    Feature(
        RESPONSE_TYPE_NONE,
        "OAuth 2.0 Multiple Response Type Encoding Practices §4",
        optional=True,
    ),
    Feature(
        FORM_POST,
        "OAuth 2.0 Form Post Response Mode",
        optional=True,
    ),
    Feature(
        JARM,
        "JWT Secured Authorization Response Mode for OAuth 2.0 (JARM)",
        metadata=_jarm,
        optional=True,
    ),
)
