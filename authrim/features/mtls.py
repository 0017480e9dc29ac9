"""Mutual TLS: clients that authenticate with a certificate, and tokens that are bound to one."""

from collections.abc import Mapping
from typing import Any, Final

from authrim.core.parts import Core
from authrim.features.feature import Feature
from authrim.settings import Settings
from domain.vocabulary.features import MTLS

#: Endpoints that clients call themselves. A browser must not be sent to where it would be asked for a certificate.
_CALLED_BY_CLIENTS: Final = (
    "token_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "authrim_introspection_at_endpoint",
    "userinfo_endpoint",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "registration_endpoint",
)


def sees_certificates(settings: Settings) -> bool:
    """Whether client certificates can reach the server."""
    return (
        (settings.tls_client_certificates == "request" and settings.issuer.startswith("https:"))
        or settings.mtls_port is not None
        or settings.client_cert_secret is not None
    )


def _metadata(core: Core) -> dict[str, Any]:
    elsewhere: dict[str, Any] = {} if core.settings.mtls_url is None else {"mtls_endpoint_aliases": {}}
    return {"tls_client_certificate_bound_access_tokens": True, **elsewhere}


def mtls_endpoint_aliases(core: Core, document: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 8705 §5: where the endpoints of ``document`` are when clients show a certificate, if that is elsewhere."""
    elsewhere = core.settings.mtls_url
    if MTLS not in core.features or elsewhere is None:
        return {}
    aliases = {
        name: elsewhere + document[name].removeprefix(core.issuer)
        for name in _CALLED_BY_CLIENTS
        if name in document
    }
    return {"mtls_endpoint_aliases": aliases}


MUTUAL_TLS: Final[tuple[Feature, ...]] = (
    Feature(
        MTLS,
        "RFC 8705, RFC 9440",
        metadata=_metadata,
        optional=True,
        possible=sees_certificates,
    ),
)
