"""Token revocation (RFC 7009): an access token alone, or with the refresh token the whole grant."""

import asyncio
from typing import Final

from aiohttp import web

from authrim.clients.authentication.authenticate import AuthenticatedClient
from authrim.clients.authentication.back_channel import BackChannelEndpoint, ClientRequest
from authrim.core.call import Call
from authrim.core.execute import Change, GrantRead, Outcome
from authrim.crypto.handles import REFRESH_TOKEN, genuine_refresh, parse_handle
from authrim.tokens.access_tokens import PresentedToken
from authrim.tokens.part import TOKENS
from authrim.tokens.receipts import receipt_of, with_places
from authrim.web.answers import json_answer
from domain.errors import Refusal, invalid_request
from domain.grant.grant import Grant
from domain.grant.revocation import decide_revoke_access_token, decide_revoke_grant
from domain.inputs import RevocationInputs
from domain.stream import grant_stream

ENDPOINT = "revoke"


async def _answer(asked: ClientRequest) -> web.Response | Refusal:
    """A token that is not known is answered like one that was revoked (RFC 7009 §2.2)."""
    token = asked.form.get("token")
    if token is None:
        return invalid_request("The token is missing.", hint="Send the token.", section="RFC 7009 §2.1")
    if not asked.authenticated.is_confidential:
        await _revoke(asked.call, asked.authenticated, token)
        return json_answer({})  # a public client proves nothing and learns nothing (A135)
    noting = with_places(asked)
    if isinstance(noting, Refusal):
        return noting
    refusal = await _revoke(noting.call, asked.authenticated, token)
    if refusal is not None:
        return refusal
    receipt = await receipt_of(noting, "revocation")
    # The content is ours to choose (RFC 7009 §2.2), and some clients read it as JSON.
    return json_answer(receipt or {})


async def _revoke(call: Call, authenticated: AuthenticatedClient, token: str) -> Refusal | None:
    handle = parse_handle(token)
    if handle is not None and handle.kind == REFRESH_TOKEN:
        return await _revoke_refresh_token(call, authenticated, token)
    found = call.parts[TOKENS].access_tokens.find(call.tenant, token)
    if handle is None:
        presented, just_read = await found, None
    else:
        # Both at once: under overload each look-up has to wait for its turn, and a revocation is awaited (F40).
        reading = call.core.executor.read_grant(call.tenant, handle.grant_id)
        presented, just_read = await asyncio.gather(found, reading)
    if presented is None:
        return None
    return await _revoke_access_token(call, authenticated, presented, just_read)


async def _revoke_refresh_token(call: Call, authenticated: AuthenticatedClient, token: str) -> Refusal | None:
    handle = parse_handle(token)
    assert handle is not None
    stream = grant_stream(call.tenant, handle.grant_id)

    async def decide(grant: Grant, version: int, now: int) -> Outcome[None]:
        known = grant.refresh is not None and any(
            genuine_refresh(call.core.master, call.tenant, token, key_id)
            for key_id in call.core.master.ids_for("refresh-token")
        )
        if grant.refresh is None or not known or handle.generation > grant.refresh.generation:
            return Outcome(None)
        decision = decide_revoke_grant(grant, authenticated.client.client_id, now)
        inputs = RevocationInputs(now)
        changes = (Change(stream, version, decision.events, inputs=inputs),) if decision.events else ()
        return Outcome(decision.answer, changes)

    return await call.core.executor.on_grant(call, handle.grant_id, decide)


async def _revoke_access_token(
    call: Call, authenticated: AuthenticatedClient, presented: PresentedToken, just_read: GrantRead | None
) -> Refusal | None:
    """``just_read``: the grant of the token, where its handle names it."""
    stream = grant_stream(call.tenant, presented.grant_id)

    async def decide(grant: Grant, version: int, now: int) -> Outcome[None]:
        decision = decide_revoke_access_token(
            grant, authenticated.client.client_id, presented.issued.token_id, presented.revoked, now
        )
        inputs = RevocationInputs(now)
        changes = (Change(stream, version, decision.events, inputs=inputs),) if decision.events else ()
        return Outcome(decision.answer, changes)

    return await call.core.executor.on_grant(call, presented.grant_id, decide, just_read)


REVOKE: Final = BackChannelEndpoint(ENDPOINT, _answer, may_repeat=())
