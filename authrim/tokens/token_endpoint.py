"""The token endpoint (RFC 6749 §3.2): who is the client, which grant, and its answer as JSON."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from authrim.clients.authentication.authenticate import AuthenticatedClient, authenticated_form
from authrim.core.call import Call
from authrim.tokens.grants import authorization_code, client_credentials, refresh_token
from authrim.web.answers import json_answer, refuse_as_json
from authrim.web.call import call_of
from authrim.web.cors import allow_client_origins
from authrim.web.params import Params
from domain.client.client import grant_refusal
from domain.errors import Refusal, invalid_request

ENDPOINT = "token"

GrantTokens = Callable[[Call, AuthenticatedClient, Params], Awaitable[dict[str, Any] | Refusal]]

GRANT_TYPES: Final[dict[str, GrantTokens]] = {
    "authorization_code": authorization_code.grant_tokens,
    "refresh_token": refresh_token.grant_tokens,
    "client_credentials": client_credentials.grant_tokens,
}


async def token(request: web.Request) -> web.StreamResponse:
    """POST ``/token``."""
    call = call_of(request)
    call, opened = await authenticated_form(call, request, for_tokens=True)
    if isinstance(opened, Refusal):
        return await refuse_as_json(request, call, ENDPOINT, opened)
    form, authenticated = opened
    answer = await _grant(call, authenticated, form)
    if isinstance(answer, Refusal):
        response = await refuse_as_json(request, call, ENDPOINT, answer, client_known=True)
    else:
        response = json_answer(answer)
    allow_client_origins(request, response, authenticated.client)
    return response


async def _grant(call: Call, authenticated: AuthenticatedClient, form: Params) -> dict[str, Any] | Refusal:
    grant_type = form.get("grant_type")
    if grant_type is None:
        return invalid_request(
            "The grant_type is missing.", hint="Name the grant type.", section="RFC 6749 §5.2"
        )
    grant_tokens = GRANT_TYPES.get(grant_type)
    if grant_tokens is None:
        return Refusal(
            "unsupported_grant_type",
            "This grant_type is not supported.",
            hint="See grant_types_supported.",
            section="RFC 6749 §5.2",
        )
    refusal = grant_refusal(authenticated.client, grant_type, call.core.features)
    if refusal is not None:
        return refusal
    return await grant_tokens(call, authenticated, form)
