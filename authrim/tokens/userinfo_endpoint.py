"""The UserInfo endpoint (OIDC Core §5.3): the claims that the access token's grant allows."""

from typing import Any

import msgspec
from aiohttp import web

from authrim.core.access_tokens import PresentedToken
from authrim.core.client_keys import NO_ENCRYPTION_KEY
from authrim.core.execute import Context
from authrim.core.runtime import RUNTIME, Runtime
from authrim.crypto.tokens import sign_userinfo
from authrim.people.claims import claims_of
from authrim.people.pseudonyms import public_subject
from authrim.tokens.interaction_id import tell_interaction_id
from authrim.tokens.resource import INVALID_TOKEN, described_at, presented_token
from authrim.web.answers import json_answer, jwt_answer, refuse_as_json, refuse_as_resource
from authrim.web.context import context_of
from authrim.web.cors import allow_client_origins
from domain.client.client import Client
from domain.errors import Refusal
from domain.grant.events import token_type_of
from domain.grant.issue import OPENID
from domain.registration.encryption import DEFAULT_ENC
from domain.vocabulary.claims import by_scope

ENDPOINT = "userinfo"

INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope", "The access token has not the scope openid.", "Ask for openid.", "RFC 6750 §3.1",
    "scope_without_openid", status=403,
)  # fmt: skip


async def userinfo(request: web.Request) -> web.StreamResponse:
    """GET or POST ``/userinfo``."""
    context = context_of(request)
    presented = await presented_token(request, context, ENDPOINT)
    if isinstance(presented, web.Response):
        return presented
    refusal = _refusal(request.app[RUNTIME].issuer, presented)
    if refusal is not None:
        scope = OPENID if refusal is INSUFFICIENT_SCOPE else ""
        scheme = token_type_of(presented.issued)
        return await refuse_as_resource(
            request, context, ENDPOINT, refusal, scheme=scheme, scope=scope,
            described_at=described_at(request.app[RUNTIME]),
        )  # fmt: skip
    return await _answer(request, context, presented)


def _refusal(issuer: str, presented: PresentedToken) -> Refusal | None:
    if presented.issued.subject is None or OPENID not in presented.issued.scope:
        return INSUFFICIENT_SCOPE
    return None if issuer in presented.issued.audience else INVALID_TOKEN


async def _answer(request: web.Request, context: Context, presented: PresentedToken) -> web.Response:
    runtime, issued = request.app[RUNTIME], presented.issued
    assert issued.subject is not None
    client = presented.client
    names = (*by_scope(issued.scope), *issued.userinfo_claims)
    claims = await claims_of(runtime, context.tenant, issued.subject, names)
    subject = public_subject(runtime, context.tenant, client, issued.subject)
    response = await _in_form(runtime, context, client, {"sub": subject, **claims})
    if isinstance(response, Refusal):
        return await refuse_as_json(request, context, ENDPOINT, response, client_known=True)
    allow_client_origins(request, response, client)
    if client.profile.interaction_ids:
        tell_interaction_id(request, response)
    return response


async def _in_form(
    runtime: Runtime, context: Context, client: Client, claims: dict[str, Any]
) -> web.Response | Refusal:
    """The claims as the client registered to get them: JSON, signed, encrypted, or signed and then encrypted
    (OIDC Core §5.3.2, §16.14)."""
    metadata, tenant = client.metadata, context.tenant
    signed_with, alg = metadata.userinfo_signed_response_alg, metadata.userinfo_encrypted_response_alg
    enc = metadata.userinfo_encrypted_response_enc
    if signed_with is not None:
        signer = runtime.key_ring.signer(tenant, signed_with, runtime.now())
        signed = sign_userinfo(signer, runtime.issuer, client.client_id, claims)
        sent = await runtime.client_keys.encrypted(tenant, client, signed, alg, enc)
        return sent if isinstance(sent, Refusal) else jwt_answer(sent)
    if alg is None:
        return json_answer(claims)
    key = await runtime.client_keys.encrypting(tenant, client, alg)
    if key is None:
        return NO_ENCRYPTION_KEY
    return jwt_answer(key.encrypt_json(msgspec.json.encode(claims), enc or DEFAULT_ENC))
