"""Where an application keeps its proxies; none are believed when it is not set."""

from typing import Final

from aiohttp import web

from authrim.wire.forwarded import Proxies

PROXIES: Final = web.AppKey("proxies", Proxies)
