"""Token introspection (RFC 7662), only for those whom the token is meant for (decisions.md 24, A131)."""

from typing import Any, Final

from aiohttp import web

from authrim.clients.authentication.back_channel import BackChannelEndpoint, ClientRequest
from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.crypto.handles import REFRESH_TOKEN, genuine_refresh, parse_handle
from authrim.people.claims import told_claims
from authrim.people.pseudonyms import public_subject, subject_of_token
from authrim.tokens.access_tokens import PresentedToken
from authrim.tokens.issue import grant_status
from authrim.tokens.part import TOKENS
from authrim.web.answers import json_answer
from domain.client.claim_mapping import INTROSPECTION
from domain.client.client import Client, may_introspect, names_as_resource
from domain.client.told_claims import Agreed, for_reader, released
from domain.errors import Refusal, invalid_client, invalid_request
from domain.grant.events import confirmation_of, token_type_of
from domain.grant.refresh_token import is_current
from domain.liveness import why_not

ENDPOINT = "introspect"

#: The whole answer for a token that is not active, or not meant for the caller (RFC 7662 §2.2).
INACTIVE: Final[dict[str, Any]] = {"active": False}


async def _answer(asked: ClientRequest) -> web.Response | Refusal:
    if not asked.authenticated.is_confidential:
        return invalid_client(
            "A public client may not introspect.",
            reason="public_client",
            hint="Register a client that authenticates.",
            section="RFC 7662 §2.1",
        )
    token = asked.form.get("token")
    if token is None:
        return invalid_request("The token is missing.", hint="Send the token.", section="RFC 7662 §2.1")
    return json_answer(await _introspection(asked.call, asked.client, token))


async def _introspection(call: Call, asker: Client, token: str) -> dict[str, Any]:
    """The hint is not needed: a token says what kind it is (RFC 7662 §2.1)."""
    handle = parse_handle(token)
    if handle is not None and handle.kind == REFRESH_TOKEN:
        return await _refresh_token(call, asker, token)
    presented = await call.parts[TOKENS].access_tokens.find(call.tenant, token)
    if presented is None or not presented.is_active:
        return INACTIVE
    resources = call.core.configuration.resources(call.tenant)
    if not may_introspect(asker, presented.issued.client_id, presented.issued.audience, resources):
        return INACTIVE
    subject = subject_of_token(call.core, call.tenant, presented.client, presented.issued)
    return await _claims(call, asker, presented) | _active(call.core, presented, subject)


async def _claims(call: Call, asker: Client, presented: PresentedToken) -> dict[str, Any]:
    """What is told about the person: to the token's own client what it chose for this place, to a resource server only
    what was chosen for it (A261)."""
    issued, owner = presented.issued, presented.client
    if issued.subject is None:
        return {}
    mappings = owner.metadata.claim_mapping
    if asker.client_id != issued.client_id:
        resources = call.core.configuration.resources(call.tenant)
        mappings = for_reader(mappings, names_as_resource(asker, issued.audience, resources), resources)
    # What was requested by name is for userinfo or the ID token (OIDC Core §5.5).
    agreed = Agreed(issued.scope, defined=issued.agreed_claims)
    told = released(call.core.configuration.catalogue(call.tenant), agreed, INTROSPECTION, mappings)
    return await told_claims(call.core, call.tenant, issued.subject, told)


def _active(core: Core, presented: PresentedToken, subject: str) -> dict[str, Any]:
    """``subject`` is the ``sub`` that the token's own client knows, whoever asks (A156)."""
    issued = presented.issued
    members: dict[str, Any] = {
        "active": True,
        "scope": " ".join(issued.scope),
        "client_id": issued.client_id,
        "token_type": token_type_of(issued),
        "exp": issued.expires_at,
        "iat": issued.issued_at,
        "sub": subject,
        "aud": issued.audience[0] if len(issued.audience) == 1 else list(issued.audience),
        "iss": core.issuer,
        "jti": issued.token_id,
    }
    if issued.subject is not None:
        members |= {"auth_time": issued.auth_time, "acr": issued.acr}
    bound_to = confirmation_of(issued)
    if bound_to.is_bound:
        members["cnf"] = bound_to.members
    return members


async def _refresh_token(call: Call, asker: Client, token: str) -> dict[str, Any]:
    """A refresh token is shown to the client it was issued to; its stream says whether it lives."""
    handle = parse_handle(token)
    assert handle is not None
    grant, _version, now = await call.core.executor.read_grant(call.tenant, handle.grant_id)
    if grant.client_id != asker.client_id or not is_current(grant, handle.generation, now):
        return INACTIVE
    assert grant.refresh is not None
    assert grant.subject is not None, "a refresh token is of a person's grant"
    if not genuine_refresh(call.core.master, call.tenant, token, grant.refresh.hmac_key_id):
        return INACTIVE
    if why_not((await grant_status(call, asker, grant, now)).liveness):
        return INACTIVE
    return {
        "active": True,
        "scope": " ".join(grant.scope or ()),
        "client_id": grant.client_id,
        "exp": grant.refresh.expires_at,
        "sub": public_subject(call.core, call.tenant, asker, grant.subject),
        "iss": call.core.issuer,
    }


INTROSPECT: Final = BackChannelEndpoint(ENDPOINT, _answer, may_repeat=(), for_browsers=False)
