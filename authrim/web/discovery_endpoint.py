"""Discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3) and the key set (RFC 7517 §5).

Precomputed bytes: the metadata when the server starts or a claim is defined, the key set when a key's life changes.
"""

from collections.abc import Callable

from aiohttp import hdrs, web

from authrim.core.parts import Core
from authrim.web.call import core_of
from authrim.web.cors import ANY_ORIGIN, cors_headers
from domain.stream import DEFAULT_TENANT


class Metadata:
    """The metadata document as JSON: made again when the claim definitions are other ones, and not per request."""

    def __init__(self, core: Core, make: Callable[[], bytes]) -> None:
        self._core = core
        self._make = make
        self._made_with = core.configuration.catalogue(DEFAULT_TENANT)
        self._body = make()

    @property
    def body(self) -> bytes:
        """The document as of now."""
        catalogue = self._core.configuration.catalogue(DEFAULT_TENANT)
        if catalogue is not self._made_with:
            self._body, self._made_with = self._make(), catalogue
        return self._body


#: The metadata document of the running server.
METADATA = web.AppKey("metadata", Metadata)


async def metadata(request: web.Request) -> web.StreamResponse:
    """GET ``/.well-known/openid-configuration`` and ``/.well-known/oauth-authorization-server``."""
    return _public_json(request, request.app[METADATA].body)


async def jwks(request: web.Request) -> web.StreamResponse:
    """GET ``/jwks``."""
    core = core_of(request)
    return _public_json(request, core.key_ring.jwks(DEFAULT_TENANT, core.now()))


def _public_json(request: web.Request, body: bytes) -> web.Response:
    seconds = core_of(request).settings.jwks_cache_seconds
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: f"public, max-age={seconds}"}
    headers |= cors_headers(request.headers.get(hdrs.ORIGIN), ANY_ORIGIN)
    return web.Response(body=body, content_type="application/json", headers=headers)
