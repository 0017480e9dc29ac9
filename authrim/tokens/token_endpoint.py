"""The token endpoint (RFC 6749 §3.2): the grant type decides which tokens the client gets."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from authrim.clients.authentication.back_channel import BackChannelEndpoint, ClientRequest
from authrim.core.rate_limits import Policy
from authrim.tokens.grants import authorization_code, client_credentials, refresh_token
from authrim.tokens.receipts import receipt_of, with_places
from authrim.web.answers import json_answer
from authrim.web.limited import limited, limited_by_address
from domain.client.client import grant_refusal
from domain.errors import Refusal, invalid_request

ENDPOINT = "token"

GrantTokens = Callable[[ClientRequest], Awaitable[dict[str, Any] | Refusal]]

GRANT_TYPES: Final[dict[str, GrantTokens]] = {
    "authorization_code": authorization_code.grant_tokens,
    "refresh_token": refresh_token.grant_tokens,
    "client_credentials": client_credentials.grant_tokens,
}


async def _grant(asked: ClientRequest) -> web.Response | Refusal:
    refusal = await _too_many(asked)
    if refusal is not None:
        return refusal
    noting = with_places(asked)
    if isinstance(noting, Refusal):
        return noting
    tokens = await _tokens(noting)
    if isinstance(tokens, Refusal):
        return tokens
    if noting.call.places is None:
        return json_answer(tokens)
    return json_answer(tokens | await receipt_of(noting, "grant", scope=tokens["scope"]))


async def _too_many(asked: ClientRequest) -> Refusal | None:
    """RFC 6585 §4. A client that proved itself counts as itself; of one that did not, its address does, because anybody
    can use its name."""
    most = asked.call.core.settings.token_requests_per_minute
    if not most:
        return None
    if asked.authenticated.is_confidential:
        return await limited(asked.request, asked.call, Policy("token-client", most), asked.client.client_id)
    return await limited_by_address(asked.request, asked.call, Policy("token-address", most))


async def _tokens(asked: ClientRequest) -> dict[str, Any] | Refusal:
    grant_type = asked.form.get("grant_type")
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
    refusal = grant_refusal(asked.client, grant_type, asked.call.core.features)
    return refusal or await grant_tokens(asked)


TOKEN: Final = BackChannelEndpoint(ENDPOINT, _grant, proves_keys=True)
