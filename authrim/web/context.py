"""From an HTTP request to who is asking: the context that becomes the metadata of events."""

from functools import lru_cache

from aiohttp import web

from authrim.core.execute import Context
from authrim.core.runtime import RUNTIME
from authrim.crypto.ids import new_id
from authrim.crypto.sealing import address_hash
from authrim.web.middleware import client_address, trace_id
from authrim.wire.forwarded import wider_networks
from domain.stream import DEFAULT_TENANT

#: The same few proxies and clients come again and again; the hash is the same for as long as the key is.
_address_hash = lru_cache(maxsize=4096)(address_hash)


def context_of(request: web.Request) -> Context:
    """The context of a request. The tenant comes from the configured issuer, never from a parameter."""
    runtime = request.app[RUNTIME]
    return Context(
        tenant=DEFAULT_TENANT,
        trace=trace_id(request),
        address=_address_hash(runtime.master, DEFAULT_TENANT, client_address(request)),
        error_id=new_id(),
    )


def networks_of(request: web.Request) -> tuple[str, ...]:
    """Keyed hashes of the address that a request counts against, and of the networks around it, the widest last."""
    source, master = client_address(request), request.app[RUNTIME].master
    return tuple(_address_hash(master, DEFAULT_TENANT, one) for one in (source, *wider_networks(source)))
