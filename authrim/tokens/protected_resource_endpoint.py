"""The metadata of our own protected resources (RFC 9728 §2, §3), the userinfo endpoint first of all."""

from typing import Any

import msgspec
from aiohttp import hdrs, web

from authrim.core.parts import Core
from authrim.protocol.dpop import ALGORITHMS
from authrim.web.call import core_of
from authrim.web.cors import ANY_ORIGIN, cors_headers
from domain.client import resource
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.features import DPOP, MTLS

_encode = msgspec.json.Encoder().encode


async def metadata(request: web.Request) -> web.StreamResponse:
    """GET ``/.well-known/oauth-protected-resource/userinfo``, the path of the resource behind the well-known one."""
    core = core_of(request)
    scopes = dict.fromkeys(("openid", *core.configuration.catalogue(DEFAULT_TENANT).scopes))
    return described(request, resource.userinfo(core.issuer), tuple(scopes), ("header", "body"))


def described(
    request: web.Request, identifier: str, scopes: tuple[str, ...], methods: tuple[str, ...] = ("header",)
) -> web.Response:
    """The metadata of one of our resources. ``methods``: how a bearer token may be sent (RFC 6750 §2)."""
    core = core_of(request)
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: f"public, max-age={core.settings.jwks_cache_seconds}"}
    headers |= cors_headers(request.headers.get(hdrs.ORIGIN), ANY_ORIGIN)
    document = _document(core, identifier) | {"scopes_supported": scopes, "bearer_methods_supported": methods}
    return web.Response(body=_encode(document), content_type="application/json", headers=headers)


def _document(core: Core, identifier: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "resource": identifier,
        "authorization_servers": [core.issuer],
        "jwks_uri": core.url("/jwks"),
    }
    if DPOP in core.features:
        document["dpop_signing_alg_values_supported"] = list(ALGORITHMS)
    if MTLS in core.features:
        document["tls_client_certificate_bound_access_tokens"] = True
    return document
