"""Clients' logos, from our own origin (decisions.md 29, A036, A117): ``GET /logos/{client_id}/{digest}.png``.

The address contains the image's digest, so a browser can cache it forever. It is served only while the registration has
that digest, so a removed logo is gone at once, on every node.
"""

from typing import Final

import structlog
from aiohttp import hdrs, web

from authrim.clients.logos import stored_logo
from authrim.core.parts import Core
from authrim.crypto.ids import digest, new_id
from authrim.crypto.sealing import SealBroken
from authrim.memory.lru_cache import LruCache
from authrim.web.call import core_of
from authrim.web.errors import json_refusal
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT

log = structlog.get_logger(__name__)

#: The most logos in a process's memory; one has at most 256 KiB.
LOGOS_HELD: Final = 64

NO_LOGO: Final = Refusal("invalid_request", "There is no such logo.", status=404)

_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Logos:
    """The most recently used logos, by digest."""

    def __init__(self, limit: int = LOGOS_HELD) -> None:
        self._held: LruCache[str, bytes] = LruCache(limit)

    async def get(self, core: Core, tenant: str, client_id: str, wanted: str) -> bytes | None:
        """The PNG with that digest, from memory or from the client's sealed row."""
        held = self._held.get(wanted)
        if held is not None:
            return held
        png = await _opened(core, tenant, client_id)
        if png is None or digest(png) != wanted:
            return None
        self._held.put(wanted, png)
        return png


#: The logos in the memory of the running server.
LOGOS = web.AppKey("logos", Logos)


async def logo(request: web.Request) -> web.StreamResponse:
    """GET ``/logos/{client_id}/{digest}.png``."""
    core, wanted = core_of(request), request.match_info["digest"]
    client_id = request.match_info["client_id"]
    client = await core.configuration.client(DEFAULT_TENANT, client_id)
    if client is None or not client.exists or client.metadata.logo_digest != wanted:
        return json_refusal(NO_LOGO, error_id=new_id())
    png = await request.app[LOGOS].get(core, DEFAULT_TENANT, client_id, wanted)
    if png is None:
        return json_refusal(NO_LOGO, error_id=new_id())
    return web.Response(body=png, content_type="image/png", headers=_HEADERS)


async def _opened(core: Core, tenant: str, client_id: str) -> bytes | None:
    """The stored logo. If its key is missing, there is no logo, and the page shows the client without one."""
    try:
        return await stored_logo(core.private, tenant, client_id)
    except SealBroken as broken:
        log.error("logo.sealed", client_id=client_id, kind=type(broken).__name__)
        return None
