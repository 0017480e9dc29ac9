"""Discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3) and the key set (RFC 7517 §5).

Precomputed bytes: the metadata when the server starts or a claim is defined, the key set when a key's life changes.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import hdrs, web

from authrim.core.parts import Core
from authrim.web.call import CORE, PARTS
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


class PublicDocument(msgspec.Struct, frozen=True):
    """A document that is the same for everyone who asks at the same moment. ``body`` is called for each request."""

    body: Callable[[web.Application], bytes]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a GET or HEAD request."""
        return self.answer(request.app, self.body(request.app), request.headers.get(hdrs.ORIGIN))

    def answer(self, app: web.Application, body: bytes, origin: str | None = None) -> web.Response:
        """The answer to scripts of ``origin``, or to whoever is none."""
        seconds = app[PARTS][CORE].settings.jwks_cache_seconds
        headers: dict[str, str] = {hdrs.CACHE_CONTROL: f"public, max-age={seconds}"}
        headers |= cors_headers(origin, ANY_ORIGIN)
        return web.Response(body=body, content_type="application/json", headers=headers)


def document_of(handler: Callable[..., Any]) -> PublicDocument | None:
    """The document that a handler answers with, if it is one of these."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, PublicDocument) else None


def _key_set(app: web.Application) -> bytes:
    core = app[PARTS][CORE]
    return core.key_ring.jwks(DEFAULT_TENANT, core.now())


#: GET ``/.well-known/openid-configuration`` and ``/.well-known/oauth-authorization-server``.
METADATA_DOCUMENT = PublicDocument(lambda app: app[METADATA].body)
#: GET ``/jwks``.
KEY_SET = PublicDocument(_key_set)
