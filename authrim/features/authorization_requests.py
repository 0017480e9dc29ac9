"""How a client may send its authorization request: pushed beforehand, or signed."""

from typing import Any, Final

from authrim.crypto.jwe import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from authrim.endpoints import preflight, pushed
from authrim.features.feature import Feature, Route
from authrim.runtime import Runtime
from domain.profile import PROFILES, PUSHED_REQUESTS, REQUEST_OBJECTS
from domain.stream import DEFAULT_TENANT


def _pushed(runtime: Runtime) -> dict[str, Any]:
    return {
        "pushed_authorization_request_endpoint": runtime.url("/par"),
        "require_pushed_authorization_requests": runtime.settings.require_pushed_authorization_requests,
    }


def _signed(runtime: Runtime) -> dict[str, Any]:
    algorithms = {alg for profile in PROFILES.values() for alg in profile.signing_algorithms}
    document: dict[str, Any] = {
        "request_parameter_supported": True,
        "request_uri_parameter_supported": runtime.settings.request_objects_by_reference,
        "require_signed_request_object": runtime.settings.require_signed_request_object,
        "request_object_signing_alg_values_supported": sorted(algorithms),
    }
    if runtime.settings.request_objects_by_reference:
        document["require_request_uri_registration"] = True
    opening = {key.alg for key in runtime.key_ring.decryption_keys(DEFAULT_TENANT, runtime.now())}
    if opening:
        document["request_object_encryption_alg_values_supported"] = [
            alg for alg in KEY_MANAGEMENT if alg.split("+")[0] in opening
        ]
        document["request_object_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION)
    return document


AUTHORIZATION_REQUESTS: Final[tuple[Feature, ...]] = (
    Feature(
        PUSHED_REQUESTS,
        "RFC 9126",
        (
            Route("POST", "/par", pushed.push, "par"),
            Route("OPTIONS", "/par", preflight.preflight, "par_preflight"),
        ),
        _pushed,
        optional=True,
        files=("authrim/endpoints/authorize_pushed.py", "domain/pushed_request.py"),
        tests=(
            "tests/features/par",
            "tests/clients/test_openid_client_pushed.py",
            "tests/attacks/test_pushed_requests.py",
            "tests/domain/test_pushed_request.py",
            "tests/faults/test_one_winner.py",
            "tests/features/fapi2_security/test_fapi2_requests.py",
            "tests/features/fapi2_security/test_fapi2_flows.py",
            "tests/features/fapi1_advanced",
        ),
        suite=(
            "fapi2-security-profile-final-par-attempt-invalid-http-method",
            "fapi2-security-profile-final-par-attempt-reuse-request_uri",
            "fapi2-security-profile-final-par-attempt-to-use-expired-request_uri",
            "fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client",
            "fapi2-security-profile-final-par-authorization-request-containing-request_uri-form-param",
            "fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
            "fapi2-security-profile-final-par-plain-pkce-rejected",
            "fapi2-security-profile-final-par-without-duplicate-parameters",
            "fapi2-security-profile-final-user-rejects-authentication",
            "fapi1-advanced-final-par-attempt-invalid-http-method",
            "fapi1-advanced-final-par-attempt-invalid-redirect_uri",
            "fapi1-advanced-final-par-attempt-reuse-request_uri",
            "fapi1-advanced-final-par-attempt-to-use-expired-request_uri",
            "fapi1-advanced-final-par-attempt-to-use-request_uri-for-different-client",
            "fapi1-advanced-final-par-authorization-request-containing-request_uri-form-param",
            "fapi1-advanced-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
            "fapi1-advanced-final-par-without-duplicate-parameters",
            "fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails",
        ),
    ),
    Feature(
        REQUEST_OBJECTS,
        "RFC 9101, OpenID Connect Core 1.0 §6",
        metadata=_signed,
        optional=True,
        files=(
            "authrim/protocol/jar.py",
            "authrim/web/request_object.py",
            "authrim/request_objects.py",
            "domain/request_object.py",
        ),
        tests=(
            "tests/features/jar",
            "tests/attacks/test_request_objects.py",
            "tests/domain/test_request_object.py",
            "tests/features/fapi2_message_signing",
            "tests/features/fapi2_security/test_fapi2_requests.py",
            "tests/features/fapi2_security/test_fapi2_flows.py",
            "tests/features/fapi1_advanced",
        ),
        suite=(
            "oidcc-request-uri-signed-rs256",
            "oidcc-ensure-request-object-with-redirect-uri",
            "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
            "fapi1-advanced-final-ensure-authorization-request-without-request-object-fails",
            "fapi1-advanced-final-ensure-different-nonce-inside-and-outside-request-object",
            "fapi1-advanced-final-ensure-expired-request-object-fails",
            "fapi1-advanced-final-ensure-matching-key-in-authorization-request",
            "fapi1-advanced-final-ensure-request-object-signature-algorithm-is-not-none",
            "fapi1-advanced-final-ensure-request-object-with-64-char-nonce-success",
            "fapi1-advanced-final-ensure-request-object-with-bad-aud-fails",
            "fapi1-advanced-final-ensure-request-object-with-exp-over-60-fails",
            "fapi1-advanced-final-ensure-request-object-with-invalid-signature-fails",
            "fapi1-advanced-final-ensure-request-object-with-long-nonce",
            "fapi1-advanced-final-ensure-request-object-with-long-state",
            "fapi1-advanced-final-ensure-request-object-with-multiple-aud-succeeds",
            "fapi1-advanced-final-ensure-request-object-with-nbf-over-60-fails",
            "fapi1-advanced-final-ensure-request-object-without-exp-fails",
            "fapi1-advanced-final-ensure-request-object-without-nbf-fails",
            "fapi1-advanced-final-ensure-request-object-without-nonce-fails",
            "fapi1-advanced-final-ensure-request-object-without-redirect-uri-fails",
            "fapi1-advanced-final-ensure-request-object-without-scope-fails",
            "fapi1-advanced-final-ensure-signed-request-object-with-RS256-fails",
            "fapi1-advanced-final-par-authorization-request-containing-request_uri",
            "fapi1-advanced-final-par-pushed-authorization-url-as-audience-in-request-object",
            "fapi1-advanced-final-state-only-outside-request-object-not-used",
            "fapi2-security-profile-final-ensure-different-nonce-inside-and-outside-request-object",
            "fapi2-security-profile-final-ensure-different-state-inside-and-outside-request-object",
            "fapi2-security-profile-final-ensure-expired-request-object-fails",
            "fapi2-security-profile-final-ensure-matching-key-in-authorization-request",
            "fapi2-security-profile-final-ensure-request-object-signature-algorithm-is-not-none",
            "fapi2-security-profile-final-ensure-request-object-with-bad-aud-fails",
            "fapi2-security-profile-final-ensure-request-object-with-exp-over-60-fails",
            "fapi2-security-profile-final-ensure-request-object-with-invalid-signature-fails",
            "fapi2-security-profile-final-ensure-request-object-with-multiple-aud-succeeds",
            "fapi2-security-profile-final-ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
            "fapi2-security-profile-final-ensure-request-object-with-nbf-over-60-fails",
            "fapi2-security-profile-final-ensure-request-object-without-exp-fails",
            "fapi2-security-profile-final-ensure-request-object-without-nbf-fails",
            "fapi2-security-profile-final-ensure-request-object-without-redirect-uri-fails",
            "fapi2-security-profile-final-ensure-signed-request-object-with-RS256-fails",
            "fapi2-security-profile-final-ensure-unsigned-request-at-par-endpoint-fails",
            "fapi2-security-profile-final-par-authorization-request-containing-request_uri",
            "fapi2-security-profile-final-state-only-outside-request-object-not-used",
        ),
    ),
)
