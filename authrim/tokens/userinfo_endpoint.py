"""The UserInfo endpoint (OIDC Core §5.3): the claims that the access token's grant allows."""

from typing import Any

import msgspec
from aiohttp import web

from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.crypto.tokens import sign_userinfo
from authrim.people.claims import told_claims
from authrim.people.pseudonyms import public_subject
from authrim.tokens.access_tokens import PresentedToken
from authrim.tokens.interaction_id import tell_interaction_id
from authrim.tokens.resource import INVALID_TOKEN, described_at, presented_token
from authrim.web.answers import json_answer, jwt_answer, refuse_as_json, refuse_as_resource
from authrim.web.call import call_of
from authrim.web.cors import allow_client_origins
from domain.client.claim_mapping import USERINFO
from domain.client.client import Client
from domain.client.told_claims import Agreed, released
from domain.errors import Refusal
from domain.grant.events import token_type_of
from domain.grant.issue import OPENID
from domain.registration.encryption import DEFAULT_ENC

ENDPOINT = "userinfo"

INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope",
    "The access token has not the scope openid.",
    hint="Ask for openid.",
    section="RFC 6750 §3.1",
    reason="scope_without_openid",
    status=403,
)


async def userinfo(request: web.Request) -> web.StreamResponse:
    """GET or POST ``/userinfo``."""
    call = call_of(request)
    presented = await presented_token(request, call, ENDPOINT)
    if isinstance(presented, web.Response):
        return presented
    refusal = _refusal(call.core.issuer, presented)
    if refusal is None:
        response = await _answer(request, call, presented)
    else:
        scope = OPENID if refusal.error == INSUFFICIENT_SCOPE.error else ""
        scheme = token_type_of(presented.issued)
        response = await refuse_as_resource(
            call, ENDPOINT, refusal, scheme=scheme, scope=scope,
            described_at=described_at(call.core),
        )  # fmt: skip
    allow_client_origins(request, response, presented.client)
    if presented.client.profile.interaction_ids:
        tell_interaction_id(request, response)
    return response


def _refusal(issuer: str, presented: PresentedToken) -> Refusal | None:
    if presented.issued.subject is None or OPENID not in presented.issued.scope:
        return INSUFFICIENT_SCOPE
    return None if issuer in presented.issued.audience else INVALID_TOKEN


async def _answer(request: web.Request, call: Call, presented: PresentedToken) -> web.Response:
    issued = presented.issued
    assert issued.subject is not None
    client = presented.client
    agreed = Agreed(issued.scope, issued.userinfo_claims, issued.agreed_claims)
    catalogue = call.core.configuration.catalogue(call.tenant)
    told = released(catalogue, agreed, USERINFO, client.metadata.claim_mapping)
    claims = await told_claims(call.core, call.tenant, issued.subject, told)
    subject = public_subject(call.core, call.tenant, client, issued.subject)
    response = await _in_form(call, client, {**claims, "sub": subject})
    if isinstance(response, Refusal):
        return await refuse_as_json(request, call, ENDPOINT, response, client_known=True)
    return response


async def _in_form(call: Call, client: Client, claims: dict[str, Any]) -> web.Response | Refusal:
    """The claims in the form that the client has registered: JSON, signed, encrypted, or signed and then encrypted
    (OIDC Core §5.3.2, §16.14)."""
    metadata, tenant = client.metadata, call.tenant
    signed_with, alg = metadata.userinfo_signed_response_alg, metadata.userinfo_encrypted_response_alg
    enc = metadata.userinfo_encrypted_response_enc
    if signed_with is not None:
        signer = call.core.key_ring.signer(tenant, signed_with, call.core.now())
        signed = await sign_userinfo(signer, call.core.issuer, client.client_id, claims)
        sent = await call.parts[CLIENTS].keys.encrypted(tenant, client, signed, alg, enc)
        return sent if isinstance(sent, Refusal) else jwt_answer(sent)
    if alg is None:
        return json_answer(claims)
    key = await call.parts[CLIENTS].keys.encrypting(tenant, client, alg)
    if isinstance(key, Refusal):
        return key
    return jwt_answer(key.encrypt_json(msgspec.json.encode(claims), enc or DEFAULT_ENC))
