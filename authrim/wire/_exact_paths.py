"""From a request to its route in one look, where the path is exactly that of a route.

aiohttp's router walks the path from its end, and makes the match and the chain of middlewares again for each request.
A path without a variable always gives the same ones, so they are made once. Whatever is not found here (a variable, an
escape in the path, a method that the path does not have, ``Expect``) goes aiohttp's own way, which also words the
refusals.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple, cast

from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.typedefs import Handler
from aiohttp.web_request import BaseRequest
from aiohttp.web_urldispatcher import PlainResource, UrlMappingMatchInfo

Answer = Callable[[BaseRequest], Awaitable[web.StreamResponse]]

# What every reader spells alike, so that the path as it was sent is the path of the route.
_PLAIN: Final = re.compile(r"/[A-Za-z0-9/._-]*")


class Exact(NamedTuple):
    """The match of every request for one method and path, and the handler inside its middlewares."""

    match: UrlMappingMatchInfo
    handler: Handler


class ExactPaths:
    """Answers requests. Make it when the application's routes and middlewares are complete."""

    def __init__(self, app: web.Application, otherwise: Answer) -> None:
        """``otherwise`` answers what has no exact route."""
        self._otherwise = otherwise
        self._exact = _exact_routes(app)

    def answer(self, request: BaseRequest) -> Awaitable[web.StreamResponse]:
        """The answer to a request."""
        exact = self.find(request._message)
        if exact is None:
            return self._otherwise(request)
        cast(Any, request)._match_info = exact.match
        return exact.handler(cast(web.Request, request))

    def find(self, message: RawRequestMessage) -> Exact | None:
        """The route of a request, if its path is exactly that of one."""
        exact = self._exact.get((message.method, message.path.partition("?")[0]))
        return None if exact is None or hdrs.EXPECT in message.headers else exact


def _exact_routes(app: web.Application) -> dict[tuple[str, str], Exact]:
    exact: dict[tuple[str, str], Exact] = {}
    taken_by_any: set[str] = set()
    for resource in app.router.resources():
        path = resource.canonical
        if not isinstance(resource, PlainResource) or not _PLAIN.fullmatch(path):
            continue
        for route in resource:
            if route.method == hdrs.METH_ANY:
                taken_by_any.add(path)  # what stands behind it at this path is never reached
            elif path not in taken_by_any:
                exact.setdefault((route.method, path), _made(app, UrlMappingMatchInfo({}, route)))
    return exact


def _made(app: web.Application, match: UrlMappingMatchInfo) -> Exact:
    match.add_app(app)
    match.freeze()
    handler = match.handler
    for around in reversed(app.middlewares):
        handler = partial(cast(Any, around), handler=handler)
    return Exact(match, handler)
