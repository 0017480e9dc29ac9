"""How a client may send its authorization request: pushed beforehand."""

from typing import Any, Final

from authrim.endpoints import preflight, pushed
from authrim.features.feature import Feature, Route
from authrim.runtime import Runtime
from domain.profile import PUSHED_REQUESTS


def _pushed(runtime: Runtime) -> dict[str, Any]:
    return {
        "pushed_authorization_request_endpoint": runtime.url("/par"),
        "require_pushed_authorization_requests": runtime.settings.require_pushed_authorization_requests,
    }


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
            "tests/attacks/test_pushed_requests.py",
            "tests/domain/test_pushed_request.py",
            "tests/faults/test_one_winner.py",
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
        ),
    ),
)
