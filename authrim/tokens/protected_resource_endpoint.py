"""The metadata of our own protected resource, the userinfo endpoint (RFC 9728 §2, §3)."""

from typing import Any

import msgspec
from aiohttp import hdrs, web

from authrim.core.runtime import RUNTIME, Runtime
from authrim.protocol.dpop import ALGORITHMS
from authrim.web.cors import ANY_ORIGIN, cors_headers
from domain.client import resource
from domain.client.profile import DPOP, MTLS
from domain.vocabulary.claims import SCOPE_CLAIMS

_encode = msgspec.json.Encoder().encode


async def metadata(request: web.Request) -> web.StreamResponse:
    """GET ``/.well-known/oauth-protected-resource/userinfo``, the path of the resource behind the well-known one."""
    runtime = request.app[RUNTIME]
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: f"public, max-age={runtime.settings.jwks_cache_seconds}"}
    headers |= cors_headers(request.headers.get(hdrs.ORIGIN), ANY_ORIGIN)
    return web.Response(body=_encode(_document(runtime)), content_type="application/json", headers=headers)


def _document(runtime: Runtime) -> dict[str, Any]:
    document: dict[str, Any] = {
        "resource": resource.userinfo(runtime.issuer),
        "authorization_servers": [runtime.issuer],
        "jwks_uri": runtime.url("/jwks"),
        "scopes_supported": ["openid", *SCOPE_CLAIMS],
        "bearer_methods_supported": ["header", "body"],
    }
    if DPOP in runtime.features:
        document["dpop_signing_alg_values_supported"] = list(ALGORITHMS)
    if MTLS in runtime.features:
        document["tls_client_certificate_bound_access_tokens"] = True
    return document
