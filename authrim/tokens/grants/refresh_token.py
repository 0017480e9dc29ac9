"""``grant_type=refresh_token`` (RFC 6749 §6, RFC 9700 §4.14.2)."""

from __future__ import annotations  # a function in a function would evaluate its annotations each time

from typing import Any

from authrim.clients.authentication.back_channel import ClientRequest
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.crypto.handles import REFRESH_TOKEN, Handle, genuine_refresh, parse_handle
from authrim.tokens.issue import Issuance, current_client, grant_status, with_sent_hash
from domain.errors import Refusal, invalid_request
from domain.grant import refresh_token
from domain.grant.grant import Grant, Refresh
from domain.grant.issue import IssuedTokens
from domain.grant.recorded_inputs import of_refresh
from domain.grant.refresh_token import RefreshTokens, rotation_rule
from domain.stream import grant_stream
from domain.vocabulary import scope as scopes


async def grant_tokens(asked: ClientRequest) -> dict[str, Any] | Refusal:
    """Exchange a refresh token for fresh tokens."""
    call, form, authenticated = asked.call, asked.form, asked.authenticated
    presented = form.get("refresh_token")
    if presented is None:
        return invalid_request("The refresh_token is missing.", hint="Send the refresh token.")
    scope = scopes.parse_optional(form.get("scope"))
    if isinstance(scope, Refusal):
        return scope
    handle = parse_handle(presented)
    if handle is None or handle.kind != REFRESH_TOKEN:
        return refresh_token.UNKNOWN
    stream = grant_stream(call.tenant, handle.grant_id)

    async def decide(grant: Grant, version: int, now: int) -> Outcome[dict[str, Any]]:
        client = await current_client(asked, "refresh_token")
        if isinstance(client, Refusal):
            return Outcome(client)
        status = await grant_status(call, client, grant, now)
        successor = grant.refresh.generation + 1 if grant.refresh else None
        issuance = await Issuance.of_person(call, client, handle.grant_id, status, successor)
        if isinstance(issuance, Refusal):
            return Outcome(issuance)
        command = RefreshTokens(
            client_id=client.client_id,
            generation=handle.generation,
            genuine=_is_genuine(call, presented, handle, grant.refresh),
            scope=scope,
            resource=form.get_all("resource"),
            client_auth_method=authenticated.method,
            client_key_id=authenticated.key_id,
            proof=authenticated.proof,
        )
        rule = rotation_rule(client, call.core.refresh_grace)
        decision = refresh_token.decide_refresh(grant, command, issuance.facts, rule)
        inputs = of_refresh(
            grant, command, decision, issuance.facts.now, call.core.token_lifetimes, call.core.refresh_grace
        )
        if isinstance(decision.answer, Refusal):
            changes = (Change(stream, version, decision.events, grant, inputs),) if decision.events else ()
            return Outcome(decision.answer, changes, expects=status.expects)
        signed = await issuance.response(decision.answer, _key_id_of(grant, decision.answer))
        if isinstance(signed, Refusal):
            return Outcome(signed)
        events = with_sent_hash(decision.events, signed.sent_hash)
        change = Change(stream, version, events, grant, inputs)
        return Outcome(signed.members, (change,), expects=status.expects)

    return await call.core.executor.on_remembered_grant(call, handle.grant_id, decide)


def _is_genuine(call: Call, presented: str, handle: Handle, refresh: Refresh | None) -> bool:
    """Whether the whole string is what this server gives out for the generation written in it.

    Generations older than the previous one are only ever refused; they are tried with every master key.
    """
    if refresh is None:
        return False
    known = {refresh.generation: refresh.hmac_key_id, refresh.generation - 1: refresh.previous_hmac_key_id}
    master = call.core.master
    key_ids = [known[handle.generation]] if handle.generation in known else master.ids_for("refresh-token")
    return any(genuine_refresh(master, call.tenant, presented, key_id) for key_id in key_ids)


def _key_id_of(grant: Grant, issued: IssuedTokens) -> str | None:
    """The key of the refresh token to be given: the grant's own when that generation is there already."""
    refresh = grant.refresh
    assert refresh is not None
    return refresh.hmac_key_id if issued.refresh_generation == refresh.generation else None
