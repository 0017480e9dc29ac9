"""Clients that register themselves: RFC 7591, RFC 7592 and what belongs to them."""

from typing import Any, Final

from authrim.client_documents import CLIENT_ID_METADATA
from authrim.endpoints import protected_resource, register, registration_management
from authrim.features.feature import Feature, Route
from authrim.runtime import Runtime
from authrim.settings import Settings
from authrim.web.resource import PROTECTED_RESOURCE_METADATA, WELL_KNOWN

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
            "authrim/registration.py",
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
        files=("authrim/managing.py", "domain/dynamic_registration.py"),
        tests=("tests/features/registration_management", "tests/attacks/test_registration.py"),
    ),
    Feature(
        "software_statements",
        "RFC 7591 §2.3",
        possible=lambda settings: _is_on(settings) and settings.software_statement_issuers is not None,
        files=("authrim/protocol/software_statement.py",),
        tests=("tests/features/software_statements",),
    ),
    Feature(
        CLIENT_ID_METADATA,
        "OAuth Client ID Metadata Document",
        metadata=lambda _runtime: {"client_id_metadata_document_supported": True},
        status="draft-ietf-oauth-client-id-metadata-document-02",
        files=("authrim/client_documents.py", "domain/client_id_url.py"),
        tests=("tests/features/client_id_metadata",),
    ),
    Feature(
        "third_party_login",
        "OpenID Connect Core 1.0 §4",
        files=("domain/client_policy_registration.py",),
        tests=("tests/features/third_party_login",),
        suite=("oidcc-3rd_party-init-login", "oidcc-3rd_party-init-login-nohttps"),
    ),
    Feature(
        PROTECTED_RESOURCE_METADATA,
        "RFC 9728",
        (
            Route(
                "GET",
                WELL_KNOWN,
                protected_resource.metadata,
                "resource_metadata",
                at_root=True,
                behind="/userinfo",
            ),
        ),
        optional=True,
        files=("authrim/web/resource.py",),
        tests=("tests/features/protected_resource_metadata",),
    ),
)
