"""An endpoint of the back channel: a client sends a form, authenticates, and gets JSON.

Every such endpoint has the same steps in this order (RFC 6749 §3.2, decisions.md 17):

1. read the form, and refuse repeated parameters;
2. authenticate the client;
3. verify the proofs of the keys that tokens will be bound to, if the endpoint issues tokens;
4. reserve the values that can be used only once: the assertion, the proofs;
5. answer, which is the endpoint's own step;
6. allow the client's origins to read the response, if browsers may call the endpoint.
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
    """A request of an authenticated client."""

    request: web.Request
    call: Call
    form: Params
    authenticated: AuthenticatedClient

    @property
    def client(self) -> Client:
        """The client at the time of its authentication."""
        return self.authenticated.client

    def __repr__(self) -> str:
        return f"ClientRequest({self.client.client_id})"


class BackChannelEndpoint(msgspec.Struct, frozen=True):
    """An endpoint of the back channel. ``proves_keys``: it issues tokens. ``for_browsers``: scripts of the client's
    origins may call it."""

    name: str
    answer: Callable[[ClientRequest], Awaitable[web.Response | Refusal]]
    may_repeat: Collection[str] = MAY_REPEAT
    proves_keys: bool = False
    for_browsers: bool = True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handle a POST request."""
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
        """Steps 2 to 4. The call names the client as soon as it is found."""
        call, proved = await authenticate(call, request, form)
        if isinstance(proved, Refusal):
            return call, proved
        authenticated, once = proved
        if self.proves_keys:
            keys = await proved_keys(call, request, authenticated.client)
            if isinstance(keys, Refusal):
                return call, keys
            if keys.keys.is_bound:
                authenticated = msgspec.structs.replace(authenticated, proof=keys.keys)
            if keys.once:  # both may have the same proof
                once = tuple({value.key: value for value in (*once, *keys.once)}.values())
        used = await use_up(call.core.store, once) if once else None
        return call, used or authenticated
