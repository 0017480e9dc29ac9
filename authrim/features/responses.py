"""Response types and response modes beside the plain code in the query; each off until a client registers it."""

from typing import Any, Final

from authrim.features.feature import Feature
from authrim.runtime import Runtime
from domain.encryption import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from domain.stream import DEFAULT_TENANT


def _jarm(runtime: Runtime) -> dict[str, Any]:
    algorithms = runtime.key_ring.algorithms(DEFAULT_TENANT, runtime.now())
    return {
        "authorization_signing_alg_values_supported": list(algorithms),
        "authorization_encryption_alg_values_supported": list(KEY_MANAGEMENT),
        "authorization_encryption_enc_values_supported": list(CONTENT_ENCRYPTION),
    }


RESPONSES: Final[tuple[Feature, ...]] = (
    Feature(
        "implicit",
        "OpenID Connect Core 1.0 §3.2",
        grant_types=("implicit",),
        optional=True,
        files=("domain/response_type.py", "domain/front_channel.py", "authrim/grants/implicit.py"),
        tests=("tests/features/implicit", "tests/features/response_types", "tests/clients"),
        suite=("oidcc-server", "oidcc-ensure-request-without-nonce-fails", "oidcc-response-type-missing"),
    ),
    Feature(
        "hybrid",
        "OpenID Connect Core 1.0 §3.3",
        grant_types=("implicit",),
        optional=True,
        files=("domain/response_type.py", "domain/front_channel.py", "authrim/grants/implicit.py"),
        tests=(
            "tests/features/hybrid",
            "tests/features/response_types",
            "tests/clients",
            "tests/features/fapi1_advanced",
        ),
        suite=(
            "oidcc-server",
            "oidcc-codereuse",
            "oidcc-codereuse-30seconds",
            "fapi1-advanced-final-ensure-response-mode-query",
            "fapi1-advanced-final",
        ),
    ),
    Feature(
        "response_type_none",
        "OAuth 2.0 Multiple Response Type Encoding Practices §4",
        optional=True,
        files=("domain/response_type.py",),
        tests=("tests/features/response_types",),
    ),
    Feature(
        "form_post",
        "OAuth 2.0 Form Post Response Mode",
        optional=True,
        files=("domain/response_mode.py", "authrim/web/response_mode.py"),
        tests=("tests/features/form_post", "tests/features/response_types", "tests/browser"),
        suite=("oidcc-server", "oidcc-response-type-missing"),
    ),
    Feature(
        "jarm",
        "JWT Secured Authorization Response Mode for OAuth 2.0 (JARM)",
        metadata=_jarm,
        optional=True,
        files=("authrim/protocol/jarm.py", "domain/response_mode.py"),
        tests=(
            "tests/features/jarm",
            "tests/clients",
            "tests/features/fapi2_security",
            "tests/features/fapi1_advanced",
        ),
        suite=(
            "fapi2-security-profile-final-happy-flow",
            "fapi2-security-profile-final-user-rejects-authentication",
        ),
    ),
)
