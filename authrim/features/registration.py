"""Clients that register themselves: RFC 7591, RFC 7592 and what belongs to them."""

from typing import Any, Final

from authrim.endpoints import register, registration_management
from authrim.features.feature import Feature, Route
from authrim.runtime import Runtime
from authrim.settings import Settings

_CLIENT: Final = r"/register/{client_id:[A-Za-z0-9\-._~]+}"


def _is_on(settings: Settings) -> bool:
    return settings.registration != "off"


def _registration(runtime: Runtime) -> dict[str, Any]:
    return {"registration_endpoint": runtime.url("/register")}


REGISTRATION: Final[tuple[Feature, ...]] = (
    Feature(
        "registration",
        "RFC 7591, OpenID Connect Dynamic Client Registration 1.0",
        (Route("POST", "/register", register.register, "register"),),
        _registration,
        possible=_is_on,
        files=(
            "authrim/registering.py",
            "domain/dynamic_registration.py",
            "domain/registration_metadata.py",
            "domain/registration_token.py",
            "domain/client_policy_registration.py",
        ),
        tests=("tests/features/registration", "tests/attacks/test_registration.py"),
        suite=("oidcc-redirect-uri-regfrag",),
    ),
    Feature(
        "registration_management",
        "RFC 7592",
        (
            Route("GET", _CLIENT, registration_management.manage, "registration_read"),
            Route("PUT", _CLIENT, registration_management.manage, "registration_update"),
            Route("DELETE", _CLIENT, registration_management.manage, "registration_delete"),
        ),
        possible=_is_on,
        files=("authrim/registering.py", "domain/dynamic_registration.py"),
        tests=("tests/features/registration_management", "tests/attacks/test_registration.py"),
        suite=("oidcc-3rd_party-init-login",),
    ),
)
