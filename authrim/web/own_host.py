"""A page that was asked for by another name of this machine: its cookies would be no use at the issuer's.

Over our own TLS such a request is refused (authrim/web/authority.py). On plain HTTP, where a development server is, the
browser is led to the issuer's own name before a cookie is set.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from authrim.web.answers import see_other
from authrim.web.authority import host_of
from authrim.web.call import core_of
from authrim.web.proxies import PROXIES
from authrim.wire.forwarded import NO_PROXIES

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: In an address that we have led to once: something before us may change ``Host``, and would go in a circle.
LED: Final = "led_here"
_SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})  # RFC 9110 §9.2.1


def led_home(handler: Handler) -> Handler:
    """A page's handler that answers at the issuer's own name alone, where that can be known."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method in _SAFE and LED not in request.query and came_elsewhere(request):
            query = request.rel_url.raw_query_string
            marked = f"{query}&{LED}=1" if query else f"{LED}=1"
            return see_other(f"{core_of(request).origin}{request.rel_url.raw_path}?{marked}")
        return await handler(request)

    return answer


def came_elsewhere(request: web.Request) -> bool:
    """Whether the browser came by a name that is not the issuer's. Behind a proxy ``Host`` says nothing of that."""
    core, proxies = core_of(request), request.app.get(PROXIES, NO_PROXIES)
    host = request.headers.get(hdrs.HOST)
    if request.secure or host is None or not core.issuer.startswith("http:"):
        return False
    if proxies.networks or proxies.by_socket:
        return False
    return host_of(host) != host_of(urlsplit(core.issuer).netloc)
