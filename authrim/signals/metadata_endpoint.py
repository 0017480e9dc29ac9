"""What receivers find out about the transmitter (SSF 1.0 §7), and about its resource (RFC 9728)."""

from typing import Any

from aiohttp import hdrs, web

from authrim.core.parts import Core
from authrim.signals._asked import SCOPES
from authrim.signals._configuration import METHODS
from authrim.tokens.protected_resource_endpoint import described
from authrim.web.answers import json_answer
from authrim.web.call import core_of
from domain.client.resource import shared_signals


async def configuration(request: web.Request) -> web.StreamResponse:
    """GET ``/.well-known/ssf-configuration``."""
    core = core_of(request)
    response = json_answer(_document(core))
    response.headers[hdrs.CACHE_CONTROL] = f"public, max-age={core.settings.jwks_cache_seconds}"
    return response


async def resource(request: web.Request) -> web.StreamResponse:
    """GET ``/.well-known/oauth-protected-resource/ssf``."""
    return described(request, shared_signals(core_of(request).issuer), SCOPES)


def _document(core: Core) -> dict[str, Any]:
    return {
        "spec_version": "1_0",
        "issuer": core.issuer,
        "jwks_uri": core.url("/jwks"),
        "delivery_methods_supported": list(METHODS),
        "configuration_endpoint": core.url("/ssf/streams"),
        "status_endpoint": core.url("/ssf/status"),
        "add_subject_endpoint": core.url("/ssf/subjects/add"),
        "remove_subject_endpoint": core.url("/ssf/subjects/remove"),
        "verification_endpoint": core.url("/ssf/verification"),
        # Who reads `user` alone would end all sessions of a person.
        "critical_subject_members": ["user", "session"],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }
