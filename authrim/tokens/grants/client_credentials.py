"""``grant_type=client_credentials`` (RFC 6749 §4.4)."""

from typing import Any

from authrim.clients.authentication.authenticate import AuthenticatedClient
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.crypto.ids import new_id
from authrim.tokens.issue import current_client, prepare, token_response
from authrim.web.params import Params
from domain.errors import Refusal
from domain.grant.client_credentials import GrantClientCredentials, decide_client_credentials
from domain.liveness import Liveness
from domain.stream import grant_stream
from domain.vocabulary import scope as scopes


async def grant_tokens(
    call: Call, authenticated: AuthenticatedClient, form: Params
) -> dict[str, Any] | Refusal:
    """Give the client a token on its own behalf: a new, short grant."""
    given = form.get("scope")
    scope = None if given is None else scopes.parse(given)
    if isinstance(scope, Refusal):
        return scope
    client_id = authenticated.client.client_id
    command = GrantClientCredentials(
        client_id=client_id,
        scope=scope,
        resource=form.get_all("resource"),
        client_auth_method=authenticated.method,
        client_key_id=authenticated.key_id,
        proof=authenticated.proof,
    )
    grant_id = new_id()
    stream = grant_stream(call.tenant, grant_id)

    async def attempt() -> Outcome[dict[str, Any]]:
        client = await current_client(call, authenticated, "client_credentials")
        if isinstance(client, Refusal):
            return Outcome(client)
        prepared = prepare(call, client, grant_id, call.core.now(), Liveness(client.status), None)
        decision = decide_client_credentials(command, prepared.facts)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        response = await token_response(call, grant_id, prepared, decision.answer)
        return Outcome(response, (Change(stream, 0, decision.events),))

    return await call.core.executor.until_it_fits(call, attempt, stream)
