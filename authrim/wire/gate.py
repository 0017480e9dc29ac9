"""Where requests can be answered before anything is made of them (F40).

aiohttp makes a request, a task and a writer of each head, and the middleware, a route and the headers of an answer come
on top. Under overload most requests are refused, and the refusals alone would then take all the time there is. And some
documents are the same bytes for all who ask.
"""

import ssl
from collections.abc import Hashable
from enum import Enum
from typing import Final, Protocol

from aiohttp import web
from aiohttp.http import RawRequestMessage


class Entry(Enum):
    """What a gate says of a request that it does not answer."""

    ADMITTED = "admitted"
    """It is answered, and is not asked about again."""
    NOT_ASKED = "not asked"
    """The gate has nothing to say of it."""


class Knocking(Hashable, Protocol):
    """What a gate knows of a connection."""

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The context of our own TLS, None without."""


class Gate(Protocol):
    """What decides on a request by its head alone. ``by`` is the connection that it came by."""

    def decide(self, message: RawRequestMessage, by: Knocking) -> bytes | Entry:
        """The whole answer to a request, as it is sent, where there is one already."""

    def let_in(self, by: Hashable) -> None:
        """Take note of a request that is being answered, about which the gate had nothing to say."""

    def leave(self, by: Hashable) -> None:
        """Take note that a request that was admitted is answered, or its client gone."""


GATE: Final = web.AppKey("gate", Gate)
"""Where an application keeps its gate, if it has one."""
