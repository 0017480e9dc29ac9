"""``grant_type=authorization_code`` (RFC 6749 §4.1.3, RFC 7636 §4.5, OIDC Core §3.1.3)."""

from __future__ import annotations  # a function in a function would evaluate its annotations each time

from typing import Any

from authrim.clients.authentication.back_channel import ClientRequest
from authrim.core.execute import Change, Outcome
from authrim.crypto.handles import CODE, parse_handle
from authrim.crypto.ids import digest
from authrim.tokens.issue import Issuance, current_client, grant_status, with_sent_hash
from domain.errors import Refusal, invalid_request
from domain.grant import code
from domain.grant.code import RedeemCode
from domain.grant.grant import Grant
from domain.grant.recorded_inputs import of_redemption
from domain.stream import grant_stream
from domain.vocabulary import pkce


async def grant_tokens(asked: ClientRequest) -> dict[str, Any] | Refusal:
    """Redeem a code for tokens."""
    call, form, authenticated = asked.call, asked.form, asked.authenticated
    presented = form.get("code")
    if presented is None:
        return invalid_request("The code is missing.", hint="Send the code of the authorization response.")
    handle = parse_handle(presented)
    if handle is None or handle.kind != CODE:
        return code.UNKNOWN
    verifier = form.get("code_verifier")
    command = RedeemCode(
        client_id=authenticated.client.client_id,
        code_hash=digest(presented),
        redirect_uri=form.get("redirect_uri"),
        verifier_challenge=None if verifier is None else pkce.challenge_of(verifier),
        resource=form.get_all("resource"),
        client_auth_method=authenticated.method,
        client_key_id=authenticated.key_id,
        proof=authenticated.proof,
    )
    stream = grant_stream(call.tenant, handle.grant_id)

    async def decide(grant: Grant, version: int, now: int) -> Outcome[dict[str, Any]]:
        client = await current_client(asked, "authorization_code")
        if isinstance(client, Refusal):
            return Outcome(client)
        status = await grant_status(call, client, grant, now)
        issuance = await Issuance.of_person(call, client, handle.grant_id, status)
        if isinstance(issuance, Refusal):
            return Outcome(issuance)
        decision = code.decide_redeem(grant, command, issuance.facts)
        if isinstance(decision.answer, Refusal) and not decision.events:
            return Outcome(decision.answer)
        inputs = of_redemption(grant, command, decision, issuance.facts.now, call.core.token_lifetimes)
        if isinstance(decision.answer, Refusal):
            change = Change(stream, version, decision.events, grant, inputs)
            return Outcome(decision.answer, (change,), expects=status.expects)
        signed = await issuance.response(decision.answer)
        if isinstance(signed, Refusal):
            return Outcome(signed)
        events = with_sent_hash(decision.events, signed.sent_hash)
        change = Change(stream, version, events, grant, inputs)
        return Outcome(signed.members, (change,), expects=status.expects)

    return await call.core.executor.on_remembered_grant(call, handle.grant_id, decide)
