"""Which keys does a request prove to hold? A DPoP proof in its header (RFC 9449), a certificate of its connection
(RFC 8705). One function for every endpoint that leads to tokens, and for every resource.
"""

import msgspec
from aiohttp import web

from authrim.execute import Context
from authrim.protocol.used_once import UsedOnce
from authrim.runtime import Runtime
from domain.client import Client
from domain.confirmation import UNBOUND, Confirmation
from domain.errors import Refusal


class ProvedKeys(msgspec.Struct, frozen=True):
    """The keys, and what is still to be used up before anything is decided on them."""

    keys: Confirmation = UNBOUND
    once: tuple[UsedOnce, ...] = ()


async def proved_keys(
    runtime: Runtime,  # noqa: ARG001
    request: web.Request,  # noqa: ARG001
    context: Context,  # noqa: ARG001
    client: Client,  # noqa: ARG001
) -> ProvedKeys | Refusal:
    """What a request of that client proves."""
    return ProvedKeys()
