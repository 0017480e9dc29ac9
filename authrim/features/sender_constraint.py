"""Keys of whoever asks: tokens that are bound to them, and instances of clients that are vouched for."""

from typing import Final

from authrim.endpoints import challenge
from authrim.features.feature import Feature, Route
from authrim.protocol import attestation
from authrim.protocol.dpop import ALGORITHMS
from authrim.web.attestation_methods import ATTESTATION_FEATURE

SENDER_CONSTRAINT: Final[tuple[Feature, ...]] = (
    Feature(
        "dpop",
        "RFC 9449",
        metadata=lambda _runtime: {"dpop_signing_alg_values_supported": list(ALGORITHMS)},
        optional=True,
        files=(
            "authrim/protocol/dpop.py",
            "authrim/protocol/nonce.py",
            "authrim/protocol/own_url.py",
            "authrim/protocol/used_once.py",
            "authrim/web/sender.py",
            "authrim/web/resource.py",
            "domain/sender_constraint.py",
        ),
        tests=(
            "tests/features/dpop",
            "tests/attacks/test_dpop.py",
            "tests/domain/test_sender_constraint.py",
            "tests/domain/test_bound_grants.py",
            "tests/faults/test_used_once.py",
            "tests/clients/test_openid_client.py",
        ),
        suite=(
            "fapi2-security-profile-final-access-token-type-header-case-sensitivity",
            "fapi2-security-profile-final-check-dpop-proof-nbf-exp",
            "fapi2-security-profile-final-dpop-negative-tests",
            "fapi2-security-profile-final-ensure-dpop-auth-code-binding-success",
            "fapi2-security-profile-final-ensure-dpopproof-at-par-endpoint-binding-success",
            "fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds",
            "fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds",
            "fapi2-security-profile-final-ensure-holder-of-key-required",
            "fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails",
            "fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-jkt",
            "fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt",
            "fapi2-security-profile-final-happy-flow",
            "fapi2-security-profile-final-refresh-token",
        ),
    ),
    Feature(
        ATTESTATION_FEATURE,
        "OAuth 2.0 Attestation-Based Client Authentication",
        (Route("POST", "/challenge", challenge.challenge, "challenge"),),
        lambda runtime: {
            "challenge_endpoint": runtime.url("/challenge"),
            "client_attestation_signing_alg_values_supported": list(attestation.ALGORITHMS),
            "client_attestation_pop_signing_alg_values_supported": list(attestation.ALGORITHMS),
        },
        status="draft-ietf-oauth-attestation-based-client-auth-10",
        files=("authrim/protocol/attestation.py", "authrim/web/attestation_methods.py"),
        tests=("tests/features/attestation",),
    ),
)
