"""An endpoint of the back channel: a client sends a form, proves who it is, and is answered with JSON.

The steps are the same at each of them, and are taken in this order (RFC 6749 §3.2, decisions.md 17):

1. read the form, and refuse what is in it twice;
2. authenticate the client;
3. prove the keys that tokens are to be bound to, where the endpoint leads to tokens;
4. use up what may be used once only: the assertion, the proofs;
5. answer: the endpoint's own step;
6. say whose scripts may read the answer, where browsers ask.
"""

from collections.abc import Awaitable, Callable, Collection

import msgspec
from aiohttp import web

from authrim.clients.authentication.authenticate import AuthenticatedClient, authenticate
from authrim.clients.authentication.sender_constraint import proved_keys
from authrim.core.call import Call
from authrim.protocol.single_use import use_up
from authrim.web.answers import refuse_as_json
from authrim.web.call import call_of
from authrim.web.cors import allow_client_origins
from authrim.web.params import MAY_REPEAT, Params, read_form_once
from domain.client.client import Client
from domain.errors import Refusal


class ClientRequest(msgspec.Struct, frozen=True):
    """What an authenticated client asks for."""

    request: web.Request
    call: Call
    form: Params
    authenticated: AuthenticatedClient

    @property
    def client(self) -> Client:
        """The client as it was when it was authenticated."""
        return self.authenticated.client

    def __repr__(self) -> str:
        return f"ClientRequest({self.client.client_id})"


class BackChannelEndpoint(msgspec.Struct, frozen=True):
    """One of them. ``proves_keys``: it leads to tokens. ``for_browsers``: scripts of the client's origins may ask."""

    name: str
    answer: Callable[[ClientRequest], Awaitable[web.Response | Refusal]]
    may_repeat: Collection[str] = MAY_REPEAT
    proves_keys: bool = False
    for_browsers: bool = True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """POST."""
        call = call_of(request)
        form = await read_form_once(request, self.may_repeat)
        if isinstance(form, Refusal):
            return await refuse_as_json(request, call, self.name, form)
        call, authenticated = await self._authenticated(call, request, form)
        if isinstance(authenticated, Refusal):
            return await refuse_as_json(request, call, self.name, authenticated)
        answer = await self.answer(ClientRequest(request, call, form, authenticated))
        if isinstance(answer, Refusal):
            answer = await refuse_as_json(request, call, self.name, answer, client_known=True)
        if self.for_browsers:
            allow_client_origins(request, answer, authenticated.client)
        return answer

    async def _authenticated(
        self, call: Call, request: web.Request, form: Params
    ) -> tuple[Call, AuthenticatedClient | Refusal]:
        """Steps 2 to 4; the call knows the client as soon as there is one of that name."""
        call, proved = await authenticate(call, request, form)
        if isinstance(proved, Refusal):
            return call, proved
        authenticated, once = proved
        if self.proves_keys:
            keys = await proved_keys(call, request, authenticated.client)
            if isinstance(keys, Refusal):
                return call, keys
            authenticated = msgspec.structs.replace(authenticated, proof=keys.keys)
            once = tuple(
                {value.key: value for value in (*once, *keys.once)}.values()
            )  # one may serve for both
        used = await use_up(call.core.store, once) if once else None
        return call, used or authenticated
