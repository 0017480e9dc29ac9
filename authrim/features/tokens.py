"""OAuth 2.0: the token endpoint with its grants, introspection and revocation."""

from typing import Any, Final

from authrim.endpoints import introspect, preflight, revoke, token
from authrim.features.feature import Feature, Route
from authrim.runtime import Runtime
from authrim.web.attestation_methods import ATTESTATION_FEATURE
from domain.profile import ATTESTED_METHODS, CERTIFICATE_METHODS, MTLS, SECRET_ALGORITHM

ASSERTION_ALGORITHMS: Final = ["RS256", "PS256", "ES256", "EdDSA", SECRET_ALGORITHM]


def client_auth_methods(runtime: Runtime, *, public: bool = True) -> list[str]:
    """The methods of client authentication; ``public``: with ``none``, for clients that cannot authenticate."""
    by_certificate = CERTIFICATE_METHODS if MTLS in runtime.features else ()
    attested = ATTESTED_METHODS if ATTESTATION_FEATURE in runtime.features else ()
    none = ("none",) if public else ()
    by_secret = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
    return [*by_secret, "private_key_jwt", *attested, *by_certificate, *none]


def _token(runtime: Runtime) -> dict[str, Any]:
    return {
        "token_endpoint": runtime.url("/token"),
        "token_endpoint_auth_methods_supported": client_auth_methods(runtime),
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


def _introspection(runtime: Runtime) -> dict[str, Any]:
    return {
        "introspection_endpoint": runtime.url("/introspect"),
        "introspection_endpoint_auth_methods_supported": client_auth_methods(runtime, public=False),
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


def _revocation(runtime: Runtime) -> dict[str, Any]:
    return {
        "revocation_endpoint": runtime.url("/revoke"),
        "revocation_endpoint_auth_methods_supported": client_auth_methods(runtime),
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }


TOKENS: Final[tuple[Feature, ...]] = (
    Feature(
        "token",
        "RFC 6749 §3.2, RFC 7523, RFC 9068",
        (
            Route("POST", "/token", token.token, "token"),
            Route("OPTIONS", "/token", preflight.preflight, "token_preflight"),
        ),
        _token,
        files=(
            "authrim/web/client_auth.py",
            "authrim/web/client_methods.py",
            "authrim/protocol/client_assertion.py",
            "authrim/client_secrets.py",
            "authrim/crypto/tokens.py",
        ),
        tests=(
            "tests/features/access_tokens",
            "tests/features/client_authentication",
            "tests/features/dpop/test_fapi2.py",
            "tests/attacks/test_client_authentication.py",
            "tests/attacks/test_client_assertion.py",
            "tests/features/fapi2_security/test_fapi2_assertions.py",
            "tests/features/fapi2_security/test_fapi2_tokens.py",
            "tests/features/fapi1_advanced/test_fapi1_tokens.py",
        ),
        suite=(
            "fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint",
            "fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails",
            "fapi2-security-profile-final-par-test-array-as-audience-fails",
            "fapi2-security-profile-final-par-test-par-endpoint-url-as-audience-fails",
            "fapi2-security-profile-final-par-test-token-endpoint-url-as-audience-fails",
            "fapi1-advanced-final-ensure-client-assertion-in-token-endpoint",
            "fapi1-advanced-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
            "fapi1-advanced-final-ensure-client-assertion-with-iss-aud-succeeds",
            "fapi1-advanced-final-ensure-client-assertion-with-no-sub-fails",
            "fapi1-advanced-final-ensure-client-assertion-with-wrong-aud-fails",
            "fapi1-advanced-final-ensure-client-assertion-with-wrong-iss-fails",
            "fapi1-advanced-final-ensure-client-assertion-with-wrong-sub-fails",
            "fapi1-advanced-final-ensure-client-id-in-token-endpoint",
            "fapi1-advanced-final-ensure-signed-client-assertion-with-RS256-fails",
            "fapi1-advanced-final-par-ensure-client-assertion-with-wrong-aud-fails",
            "fapi1-advanced-final-par-ensure-client-assertion-with-wrong-iss-fails",
            "fapi1-advanced-final-par-ensure-client-assertion-with-wrong-sub-fails",
            "fapi1-advanced-final-par-test-pushed-authorization-url-as-audience-for-client-JWT-assertion",
            "fapi1-advanced-final-par-token-endpoint-url-as-audience-for-client-JWT-assertion",
            "fapi1-advanced-final-test-array-as-audience-for-client-JWT-assertion",
            "fapi2-security-profile-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
            "fapi2-security-profile-final-ensure-client-assertion-with-no-sub-fails",
            "fapi2-security-profile-final-ensure-client-assertion-with-wrong-aud-fails",
            "fapi2-security-profile-final-ensure-client-id-in-token-endpoint",
            "fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted",
            "fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
        ),
    ),
    Feature(
        "authorization_code",
        "RFC 6749 §4.1",
        grant_types=("authorization_code",),
        files=("authrim/grants/authorization_code.py", "domain/code.py"),
        tests=(
            "tests/features/authorization_code",
            "tests/attacks/test_authorization_code.py",
            "tests/features/fapi2_security/test_fapi2_tokens.py",
            "tests/features/fapi1_advanced/test_fapi1_tokens.py",
        ),
        suite=(
            "oidcc-codereuse",
            "oidcc-codereuse-30seconds",
            "fapi1-advanced-final-attempt-reuse-authorisation-code-after-one-second",
            "fapi1-advanced-final-ensure-authorization-code-is-bound-to-client",
            "fapi2-security-profile-final-attempt-reuse-authorization-code-after-one-second",
            "fapi2-security-profile-final-ensure-authorization-code-is-bound-to-client",
            "fapi2-security-profile-final-ensure-token-endpoint-fails-with-expired-auth-code",
        ),
    ),
    Feature(
        "refresh_token",
        "RFC 6749 §6, RFC 9700 §4.14",
        grant_types=("refresh_token",),
        files=("authrim/grants/refresh_token.py", "domain/refresh_token.py"),
        tests=(
            "tests/features/refresh",
            "tests/attacks/test_refreshing.py",
            "tests/features/authorization_code",
            "tests/features/fapi2_security/test_fapi2_tokens.py",
            "tests/features/fapi1_advanced/test_fapi1_tokens.py",
        ),
        suite=(
            "oidcc-refresh-token",
            "fapi1-advanced-final-refresh-token",
        ),
    ),
    Feature(
        "client_credentials",
        "RFC 6749 §4.4",
        grant_types=("client_credentials",),
        files=("authrim/grants/client_credentials.py", "domain/client_credentials.py"),
        tests=("tests/features/client_credentials",),
    ),
    Feature(
        "pkce",
        "RFC 7636",
        metadata=lambda _runtime: {"code_challenge_methods_supported": ["S256"]},
        files=("domain/pkce.py",),
        tests=(
            "tests/domain/test_pkce.py",
            "tests/attacks/test_authorization_code.py",
            "tests/features/fapi2_security",
            "tests/features/fapi1_advanced",
        ),
        suite=(
            "fapi1-advanced-final-ensure-pkce-code-verifier-required",
            "fapi1-advanced-final-ensure-valid-pkce-succeeds",
            "fapi1-advanced-final-incorrect-pkce-code-verifier-rejected",
            "fapi1-advanced-final-par-ensure-pkce-required",
            "fapi1-advanced-final-par-plain-pkce-rejected",
            "fapi2-security-profile-final-ensure-pkce-code-verifier-required",
            "fapi2-security-profile-final-incorrect-pkce-code-verifier-rejected",
            "fapi2-security-profile-final-par-ensure-pkce-required",
        ),
    ),
    Feature(
        "issuer_identification",
        "RFC 9207",
        metadata=lambda _runtime: {"authorization_response_iss_parameter_supported": True},
        files=("authrim/web/response_mode.py",),
        tests=("tests/features/authorization_code",),
    ),
    Feature(
        "resource_indicators",
        "RFC 8707",
        files=("domain/resource.py",),
        tests=("tests/domain/test_resource.py", "tests/features/access_tokens"),
    ),
    Feature(
        "introspection",
        "RFC 7662",
        (Route("POST", "/introspect", introspect.introspect, "introspect"),),
        _introspection,
        tests=("tests/attacks/test_introspection.py", "tests/features/access_tokens"),
    ),
    Feature(
        "revocation",
        "RFC 7009",
        (
            Route("POST", "/revoke", revoke.revoke, "revoke"),
            Route("OPTIONS", "/revoke", preflight.preflight, "revoke_preflight"),
        ),
        _revocation,
        tests=("tests/attacks/test_revocation.py", "tests/features/access_tokens"),
    ),
)
