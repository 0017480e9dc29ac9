"""From an HTTP request to the call that it makes."""

from functools import lru_cache
from typing import Final

from aiohttp import web

from authrim.core.call import Call
from authrim.core.parts import Core, Part, Parts
from authrim.crypto.ids import new_id
from authrim.crypto.sealing import address_hash
from authrim.pages.pages import Pages
from authrim.web.middleware import client_address
from authrim.web.request_facts import facts_of
from authrim.wire.forwarded import wider_networks
from domain.stream import DEFAULT_TENANT

#: The same few proxies and clients come again and again, and an address has the same hash while the key lasts.
_address_hash = lru_cache(maxsize=4096)(address_hash)


PARTS = web.AppKey("parts", Parts)
"""Where an application keeps the parts of its server."""

CORE: Final[Part[Core]] = Part("core")
PAGES: Final[Part[Pages]] = Part("pages")


def call_of(request: web.Request) -> Call:
    """The call that a request makes. The tenant comes from the configured issuer, never from a parameter."""
    parts = request.app[PARTS]
    core = parts[CORE]
    address, *around = _networks_of(request, core)
    return Call(
        tenant=DEFAULT_TENANT,
        trace=facts_of(request).trace_id,
        address=address,
        error_id=new_id(),
        core=core,
        parts=parts,
        around=tuple(around),
    )


def _networks_of(request: web.Request, core: Core) -> list[str]:
    """Keyed hashes of the address that a request counts against, and of the networks around it, the widest last."""
    source = client_address(request)
    return [_address_hash(core.master, DEFAULT_TENANT, one) for one in (source, *wider_networks(source))]


def core_of(request: web.Request) -> Core:
    """The core of the server, for code that needs no call."""
    return request.app[PARTS][CORE]


def parts_of(request: web.Request) -> Parts:
    """The parts of the server that handles a request."""
    return request.app[PARTS]
