"""The input and the output of every method of client authentication."""

from typing import NamedTuple

import msgspec
from aiohttp import web

from authrim.clients.authentication._credentials import Credentials
from authrim.core.call import Call
from authrim.protocol.single_use import SingleUseValue
from domain.client.client import Client


class AuthenticationAttempt(NamedTuple):
    """The request of a known and active client with credentials of its registered method."""

    call: Call
    request: web.Request
    client: Client
    credentials: Credentials


class ClientProof(msgspec.Struct, frozen=True):
    """The proof of the client's identity: the method and the key that it used, and the values that have to be
    reserved."""

    key_id: str | None = None
    once: tuple[SingleUseValue, ...] = ()
    method: str = ""
