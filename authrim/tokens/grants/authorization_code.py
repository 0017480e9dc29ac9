"""``grant_type=authorization_code`` (RFC 6749 §4.1.3, RFC 7636 §4.5, OIDC Core §3.1.3)."""

from typing import Any

from authrim.clients.authentication.authenticate import AuthenticatedClient
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.crypto.handles import CODE, parse_handle
from authrim.crypto.ids import digest
from authrim.tokens.issue import current_client, id_token_key_of, prepare, standing_of, token_response
from authrim.web.params import Params
from domain.errors import Refusal, invalid_request
from domain.grant import code
from domain.grant.code import RedeemCode
from domain.grant.grant import Grant
from domain.stream import grant_stream


async def grant_tokens(
    call: Call, authenticated: AuthenticatedClient, form: Params
) -> dict[str, Any] | Refusal:
    """Redeem a code for tokens."""
    presented = form.get("code")
    if presented is None:
        return invalid_request("The code is missing.", hint="Send the code of the authorization response.")
    handle = parse_handle(presented)
    if handle is None or handle.kind != CODE:
        return code.UNKNOWN
    command = RedeemCode(
        client_id=authenticated.client.client_id,
        code_hash=digest(presented),
        redirect_uri=form.get("redirect_uri"),
        code_verifier=form.get("code_verifier"),
        resource=form.get_all("resource"),
        client_auth_method=authenticated.method,
        client_key_id=authenticated.key_id,
        proof=authenticated.proof,
    )
    stream = grant_stream(call.tenant, handle.grant_id)

    async def decide(grant: Grant, version: int, now: int) -> Outcome[dict[str, Any]]:
        client = await current_client(call, authenticated, "authorization_code")
        if isinstance(client, Refusal):
            return Outcome(client)
        key = await id_token_key_of(call, client)
        if isinstance(key, Refusal):
            return Outcome(key)
        standing = await standing_of(call, client, grant, now)
        prepared = prepare(call, client, handle.grant_id, standing.now, standing.liveness, id_token_key=key)
        decision = code.decide_redeem(grant, command, prepared.facts)
        changes = (Change(stream, version, decision.events, grant),) if decision.events else ()
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer, changes)
        response = await token_response(call, handle.grant_id, prepared, decision.answer)
        return Outcome(response, changes, expects=standing.expects)

    return await call.core.executor.on_remembered_grant(call, handle.grant_id, decide)
