"""``grant_type=client_credentials`` (RFC 6749 §4.4)."""

from __future__ import annotations  # a function in a function would evaluate its annotations each time

from typing import Any

from authrim.clients.authentication.back_channel import ClientRequest
from authrim.core.execute import Change, Outcome
from authrim.crypto.ids import new_id
from authrim.tokens.issue import Issuance, current_client, with_sent_hash
from domain.errors import Refusal
from domain.grant.client_credentials import GrantClientCredentials, decide_client_credentials
from domain.grant.recorded_inputs import of_client_credentials
from domain.stream import grant_stream
from domain.vocabulary import scope as scopes


async def grant_tokens(asked: ClientRequest) -> dict[str, Any] | Refusal:
    """Give the client a token on its own behalf: a new, short grant."""
    call, form, authenticated = asked.call, asked.form, asked.authenticated
    scope = scopes.parse_optional(form.get("scope"))
    if isinstance(scope, Refusal):
        return scope
    command = GrantClientCredentials(
        client_id=asked.client.client_id,
        scope=scope,
        resource=form.get_all("resource"),
        client_auth_method=authenticated.method,
        client_key_id=authenticated.key_id,
        proof=authenticated.proof,
    )
    grant_id = new_id()
    stream = grant_stream(call.tenant, grant_id)

    async def attempt() -> Outcome[dict[str, Any]]:
        client = await current_client(asked, "client_credentials")
        if isinstance(client, Refusal):
            return Outcome(client)
        issuance = Issuance.of_client(call, client, grant_id, await call.core.executor.clock.now())
        decision = decide_client_credentials(command, issuance.facts)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        signed = await issuance.response(decision.answer)
        if isinstance(signed, Refusal):
            return Outcome(signed)
        events = with_sent_hash(decision.events, signed.sent_hash)
        inputs = of_client_credentials(command, issuance.facts.now, call.core.token_lifetimes)
        return Outcome(signed.members, (Change(stream, 0, events, inputs=inputs),))

    return await call.core.executor.until_it_fits(call, attempt, stream)
