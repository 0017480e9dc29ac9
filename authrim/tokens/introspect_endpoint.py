"""Token introspection (RFC 7662), only for those whom the token is meant for (decisions.md 24, A131)."""

from typing import Any, Final

from aiohttp import web

from authrim.clients.authentication.back_channel import BackChannelEndpoint, ClientRequest
from authrim.core.call import Call
from authrim.crypto.handles import REFRESH_TOKEN, genuine_refresh, parse_handle
from authrim.people.claims import told_claims
from authrim.people.pseudonyms import public_subject, subject_of_token
from authrim.tokens.access_tokens import PresentedToken
from authrim.tokens.introspected import INACTIVE, NO_TOKEN, NOT_FOR_PUBLIC, members_of
from authrim.tokens.issue import grant_status
from authrim.tokens.part import TOKENS
from authrim.web.answers import json_answer
from domain.client.claim_mapping import INTROSPECTION
from domain.client.client import Client, may_introspect, names_as_resource
from domain.client.told_claims import Agreed, for_reader, released
from domain.errors import Refusal, invalid_request
from domain.grant.refresh_token import is_current
from domain.liveness import why_not
from domain.vocabulary.features import INTROSPECTION_POSITIONS

ENDPOINT = "introspect"


async def _answer(asked: ClientRequest) -> web.Response | Refusal:
    if not asked.authenticated.is_confidential:
        return NOT_FOR_PUBLIC
    token = asked.form.get("token")
    if token is None:
        return NO_TOKEN
    if INTROSPECTION_POSITIONS not in asked.call.core.features:
        return json_answer(await _introspection(asked.call, asked.client, token))
    position = await _position(asked)
    if isinstance(position, Refusal):
        return position
    answer = await _introspection(asked.call, asked.client, token)
    return json_answer(answer if position is None else answer | {"log_position": position})


async def _position(asked: ClientRequest) -> int | Refusal | None:
    """The position that the answer has reached; None if the resource server did not ask for it."""
    wanted, named = asked.form.get("min_position"), asked.form.get("log_position")
    if named not in (None, "true"):
        return invalid_request(
            "The log_position is malformed.", hint="Send log_position=true, or leave it out."
        )
    if wanted is None and named is None:
        return None
    seconds = asked.call.core.settings.min_position_wait_seconds
    return await asked.call.parts[TOKENS].position_waits.reach(asked.client.client_id, wanted, seconds)


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
    return await _claims(call, asker, presented) | members_of(call.core.issuer, presented.issued, subject)


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
