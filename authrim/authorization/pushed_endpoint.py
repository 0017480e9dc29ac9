"""RFC 9126: the pushed authorization request endpoint. The client authenticates and sends the request itself; the
person's browser carries nothing but a reference to it."""

from typing import Final

import msgspec
from aiohttp import web

from authrim.authorization._request import as_opened, read_request, record_request
from authrim.clients.authentication.authenticate import AuthenticatedClient
from authrim.clients.authentication.back_channel import BackChannelEndpoint, ClientRequest
from authrim.core.call import Call
from authrim.core.rate_limits import Policy
from authrim.crypto.handles import PUSHED_REQUEST, new_handle
from authrim.crypto.ids import digest, new_id
from authrim.web.limited import limited, limited_by_address
from authrim.web.params import Params
from domain.authorization.pushed_request import PREFIX, PushedRequest
from domain.authorization.request import ValidRequest
from domain.errors import Refusal, invalid_request

ENDPOINT: Final = "par"

CHANGED: Final = invalid_request("The client's registration has changed.", hint="Push the request again.")


async def _answer(asked: ClientRequest) -> web.Response | Refusal:
    refusal = await _too_many(asked)
    handle = refusal or await _push(asked.call, asked.authenticated, asked.form)
    if isinstance(handle, Refusal):
        return handle
    return _created(PREFIX + handle, asked.call.core.settings.pushed_request_lifetime)


async def _push(call: Call, authenticated: AuthenticatedClient, form: Params) -> str | Refusal:
    """Validate and record the request; the handle that it is fetched by."""
    if "request_uri" in form.values or "request_uri" in form.duplicates:
        return invalid_request(
            "A pushed request has no request_uri.",
            hint="Send the parameters themselves.",
            section="RFC 9126 §2.1",
        )
    grant_id = new_id()
    handle = new_handle(PUSHED_REQUEST, grant_id)
    pushed = PushedRequest(
        request_uri_hash=digest(handle),
        lifetime=call.core.settings.pushed_request_lifetime,
        client_auth_method=authenticated.method,
        client_key_id=authenticated.key_id,
        proof=authenticated.proof,
    )
    valid = await read_request(call, authenticated.client, form, pushed=pushed)
    if not isinstance(valid, ValidRequest):
        return valid.refusal
    opened = as_opened(grant_id, authenticated.client, valid)
    refusal = await record_request(call, opened, CHANGED)
    return handle if refusal is None else refusal


async def _too_many(asked: ClientRequest) -> Refusal | None:
    """RFC 9126 §2.3: 429. A client that proved itself counts as itself; of one that did not, its address does, because
    anybody can use its name."""
    settings = asked.call.core.settings
    if asked.authenticated.is_confidential:
        of_client = Policy("par-client", settings.pushed_requests_per_minute)
        return await limited(asked.request, asked.call, of_client, asked.client.client_id)
    of_address = Policy("par-address", settings.authorize_requests_per_minute)
    return await limited_by_address(asked.request, asked.call, of_address)


def _created(request_uri: str, expires_in: int) -> web.Response:
    """RFC 9126 §2.2."""
    body = msgspec.json.encode({"request_uri": request_uri, "expires_in": expires_in})
    return web.Response(status=201, body=body, content_type="application/json")


PUSH: Final = BackChannelEndpoint(ENDPOINT, _answer, proves_keys=True)
