"""Dynamic client registration (RFC 7591 §3, OpenID Connect Dynamic Client Registration 1.0 §3)."""

from typing import Any

import msgspec
from aiohttp import hdrs, web

from authrim.clients.registration._register import register_client
from authrim.clients.registration._registration import ManagedClient, described
from authrim.clients.registration_quota import RegistrationQuota
from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.web.answers import refuse_as_json, refuse_as_resource
from authrim.web.bearer import bearer_token
from authrim.web.call import call_of
from authrim.web.cors import allow_every_origin
from authrim.web.errors import resource_challenge
from authrim.web.json_body import read_json_object
from domain.errors import Refusal
from domain.registration import documents as registration_metadata
from domain.units import HOUR, MINUTE

ENDPOINT = "register"

_encode = msgspec.json.Encoder().encode


async def register(request: web.Request) -> web.StreamResponse:
    """POST ``/register``."""
    call = call_of(request)
    token = bearer_token(request)
    quota = RegistrationQuota(
        call.core.store, call.core.settings, call, "register", is_holder=isinstance(token, str)
    )
    busy = await _too_many(quota)
    if busy is not None:
        return await refuse_as_json(request, call, ENDPOINT, busy)
    if token is None and call.core.settings.registration != "open":
        return resource_challenge(error_id=call.error_id)
    answer = token if isinstance(token, Refusal) else await _register(request, call, token)
    if isinstance(answer, ManagedClient):
        await quota.count_client()
        response = managed_answer(call.core, answer, status=201)
        allow_every_origin(
            request, response
        )  # the response is for whoever registered, and cookies do not matter
        return response
    if answer.status in {401, 403}:
        return await refuse_as_resource(call, ENDPOINT, answer)
    return await refuse_as_json(request, call, ENDPOINT, answer)


async def _too_many(quota: RegistrationQuota) -> Refusal | None:
    """Only accepted registrations count for the hour, so refused ones do not use it up (A201)."""
    if await quota.minute_is_over():
        return too_many(MINUTE)
    return too_many(HOUR) if await quota.hour_is_full() else None


def too_many(seconds: int) -> Refusal:
    """429 with a ``Retry-After`` of ``seconds``."""
    return Refusal(
        "temporarily_unavailable",
        "There are too many registrations.",
        hint="Come back later.",
        section="RFC 6585 §4",
        reason="registration_quota",
        status=429,
        retry_after=seconds,
    )


async def _register(request: web.Request, call: Call, token: str | None) -> ManagedClient | Refusal:
    document = await read_json_object(request)
    if isinstance(document, Refusal):
        return document
    wanted = described(call, document)
    if isinstance(wanted, Refusal):
        return wanted
    return await register_client(call, wanted, token)


def managed_answer(core: Core, managed: ManagedClient, status: int = 200) -> web.Response:
    """The client information response (RFC 7591 §3.2.1, RFC 7592 §3): all registered metadata, including defaults."""
    client = managed.client
    body: dict[str, Any] = registration_metadata.told(client)
    body |= {name: value for name, value in msgspec.structs.asdict(managed.sealed).items() if value}
    if managed.secret is not None:
        body["client_secret"] = managed.secret
    if client.secrets:
        body["client_secret_expires_at"] = client.secrets[0].expires_at
    body |= {
        "client_id_issued_at": client.registered_at,
        "registration_access_token": managed.token,
        "registration_client_uri": core.url(f"/register/{client.client_id}"),
    }
    headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}
    return web.Response(body=_encode(body), status=status, content_type="application/json", headers=headers)
