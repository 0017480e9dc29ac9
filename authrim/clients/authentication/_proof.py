"""What every method of client authentication is asked, and what it answers."""

from typing import NamedTuple

import msgspec
from aiohttp import web

from authrim.clients.authentication._credentials import Credentials
from authrim.core.call import Call
from authrim.protocol.single_use import SingleUseValue
from domain.client.client import Client


class AuthenticationAttempt(NamedTuple):
    """The request of a client that is known and active, and that says who it is in its registered way."""

    call: Call
    request: web.Request
    client: Client
    credentials: Credentials


class ClientProof(msgspec.Struct, frozen=True):
    """That the client is who it says: with which key, and what is still to be used up."""

    key_id: str | None = None
    once: tuple[SingleUseValue, ...] = ()
