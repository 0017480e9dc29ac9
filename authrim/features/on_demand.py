"""A handler whose room is entered late: few servers ever answer there, and none does when it starts."""

import asyncio
from importlib import import_module
from operator import attrgetter

from aiohttp import web

from authrim.features.feature import Handler


class OnDemand:
    """A handler whose module is imported for the first request that comes, in a thread: the others go on meanwhile."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name
        self._handler: Handler | None = None

    def load(self) -> Handler:
        """The handler itself."""
        handler: Handler = attrgetter(self._name)(import_module(self._module))
        return handler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer as the handler does."""
        if self._handler is None:
            self._handler = await asyncio.to_thread(self.load)
        return await self._handler(request)


def on_demand(module: str, name: str) -> Handler:
    """The handler of that name in a module, for the table of features. The name may be that of an object and its
    method."""
    return OnDemand(module, name).handle


def handler_of(handler: Handler) -> Handler:
    """The handler itself, which is imported if that is still to be done."""
    owner = getattr(handler, "__self__", None)
    return owner.load() if isinstance(owner, OnDemand) else handler
