"""Dynamic client registration management (RFC 7592): a client reads, replaces and deletes its own registration."""

from aiohttp import hdrs, web

from authrim.clients.registration._manage import (
    delete_managed,
    read_managed,
    replace_metadata,
    revoke_misused_token,
)
from authrim.clients.registration._registration import ManagedClient, described
from authrim.clients.registration.register_endpoint import managed_answer, too_many
from authrim.core.call import Call
from authrim.crypto.registration_handles import registration_token_client
from authrim.web.answers import refuse_as_json, refuse_as_resource
from authrim.web.bearer import bearer_token
from authrim.web.call import call_of
from authrim.web.errors import resource_challenge
from authrim.web.json_body import read_json_object
from domain.errors import Refusal
from domain.units import MINUTE

ENDPOINT = "registration"


async def manage(request: web.Request) -> web.StreamResponse:
    """GET, PUT or DELETE ``/register/{client_id}``."""
    call = call_of(request)
    token = bearer_token(request)
    if token is None:
        return resource_challenge(error_id=call.error_id)
    answer = token if isinstance(token, Refusal) else await _manage(request, call, token)
    if isinstance(answer, ManagedClient):
        return managed_answer(call.core, answer)
    if answer is None:
        return web.Response(status=204)
    if answer.status in {401, 403}:
        return await refuse_as_resource(call, ENDPOINT, answer)
    return await refuse_as_json(request, call, ENDPOINT, answer)


async def _manage(request: web.Request, call: Call, token: str) -> ManagedClient | Refusal | None:
    client_id = request.match_info["client_id"]
    if registration_token_client(token) != client_id:
        return await revoke_misused_token(call, token)
    call = call.of_client(client_id)
    if request.method == hdrs.METH_GET:
        return await read_managed(call, client_id, token)
    if request.method == hdrs.METH_DELETE:
        return await delete_managed(call, client_id, token)
    return await _replace(request, call, client_id, token)


async def _replace(request: web.Request, call: Call, client_id: str, token: str) -> ManagedClient | Refusal:
    """Check the token before counting the update, so nobody can use up another client's quota."""
    managed = await read_managed(call, client_id, token)
    if isinstance(managed, Refusal):
        return managed
    document = await read_json_object(request)
    if isinstance(document, Refusal):
        return document
    most = call.core.settings.registration_updates_per_minute
    if await call.core.store.count(f"registration:{call.tenant}:{client_id}", MINUTE) > most:
        return too_many(MINUTE)
    wanted = described(call, document, managed.sealed.software_statement)
    if isinstance(wanted, Refusal):
        return wanted
    return await replace_metadata(call, client_id, token, document, wanted)
