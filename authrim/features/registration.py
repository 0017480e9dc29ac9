"""Clients that register themselves: RFC 7591, RFC 7592 and what belongs to them."""

from typing import Any, Final

from authrim.core.parts import Core
from authrim.features.feature import Feature, Route
from authrim.features.on_demand import on_demand
from authrim.settings import Settings
from authrim.tokens import protected_resource_endpoint as protected_resource
from authrim.tokens.resource import WELL_KNOWN
from authrim.web.overload import Urgency
from domain.vocabulary.features import CLIENT_ID_METADATA, PROTECTED_RESOURCE_METADATA

_MANAGE: Final = on_demand("authrim.clients.registration.management_endpoint", "manage")
_REGISTER: Final = on_demand("authrim.clients.registration.register_endpoint", "register")
_CLIENT: Final = r"/register/{client_id:[A-Za-z0-9\-._~]+}"


def _is_on(settings: Settings) -> bool:
    return settings.registration != "off"


def _registration(core: Core) -> dict[str, Any]:
    return {"registration_endpoint": core.url("/register")}


REGISTRATION: Final[tuple[Feature, ...]] = (
    Feature(
        "registration",
        "RFC 7591, OpenID Connect Dynamic Client Registration 1.0",
        (Route("POST", "/register", _REGISTER, "register", scripts=True),),
        _registration,
        possible=_is_on,
        urgency=Urgency.ADMINISTRATION,
    ),
    Feature(
        "registration_management",
        "RFC 7592",
        (
            Route("GET", _CLIENT, _MANAGE, "registration_read"),
            Route("PUT", _CLIENT, _MANAGE, "registration_update"),
            Route("DELETE", _CLIENT, _MANAGE, "registration_delete"),
        ),
        possible=_is_on,
        urgency=Urgency.ADMINISTRATION,
    ),
    Feature(
        "software_statements",
        "RFC 7591 §2.3",
        possible=lambda settings: _is_on(settings) and settings.software_statement_issuers is not None,
    ),
    Feature(
        CLIENT_ID_METADATA,
        "OAuth Client ID Metadata Document",
        metadata=lambda _core: {"client_id_metadata_document_supported": True},
        status="draft-ietf-oauth-client-id-metadata-document-02",
    ),
    Feature(
        "third_party_login",
        "OpenID Connect Core 1.0 §4",
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
                head=True,
                scripts=True,
            ),
        ),
        optional=True,
        urgency=Urgency.STATE,
    ),
)
