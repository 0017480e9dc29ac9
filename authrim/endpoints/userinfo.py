"""The UserInfo endpoint (OIDC Core §5.3): the claims that the access token's grant allows."""

from aiohttp import hdrs, web

from authrim.access_token import PresentedToken
from authrim.execute import Context
from authrim.person import claims_of
from authrim.runtime import RUNTIME
from authrim.web.answers import json_answer, refuse_as_resource
from authrim.web.context import context_of
from authrim.web.cors import allow_client_origins
from authrim.web.errors import bearer_challenge
from authrim.web.params import FORM_TYPE, Params, parse, raw_query, read_form
from domain.claims import by_scope
from domain.errors import Refusal, invalid_request
from domain.issue import OPENID

ENDPOINT = "userinfo"

INVALID_TOKEN = Refusal(
    "invalid_token", "The access token is not active, or not for this resource.", "Get a new one.", "RFC 6750 §3.1",
    "token_not_active", status=401,
)  # fmt: skip
INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope", "The access token has not the scope openid.", "Ask for openid.", "RFC 6750 §3.1",
    "scope_without_openid", status=403,
)  # fmt: skip


async def userinfo(request: web.Request) -> web.StreamResponse:
    """GET or POST ``/userinfo``."""
    runtime, context = request.app[RUNTIME], context_of(request)
    token = await _presented(request)
    if token is None:
        return bearer_challenge(error_id=context.error_id)
    if isinstance(token, Refusal):
        return await refuse_as_resource(request, context, ENDPOINT, token)
    presented = await runtime.access_tokens.find(context.tenant, token)
    refusal = _refusal(runtime.issuer, presented)
    if refusal is not None:
        scope = OPENID if refusal is INSUFFICIENT_SCOPE else ""
        return await refuse_as_resource(request, context, ENDPOINT, refusal, scope)
    assert presented is not None
    return await _answer(request, context, presented)


async def _presented(request: web.Request) -> str | Refusal | None:
    """The token, from the header or the form, from one place only and never from the query (RFC 6750 §2)."""
    query = parse(raw_query(request))
    if isinstance(query, Refusal) or query.get("access_token") is not None:
        return invalid_request(
            "An access token in the query is refused.", "Use the header.", "RFC 9700 §4.3.2"
        )
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    form = await _form(request)
    if isinstance(form, Refusal):
        return form
    in_form = form.get("access_token")
    if len(headers) + (in_form is not None) > 1 or "access_token" in form.duplicates:
        return invalid_request(
            "There is more than one access token.", "Send one, in one place.", "RFC 6750 §2"
        )
    if in_form is not None:
        return in_form
    scheme, _, token = headers[0].partition(" ") if headers else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def _form(request: web.Request) -> Params | Refusal:
    """The form of a POST that has one; a POST without a body may carry its token in the header."""
    if request.method != hdrs.METH_POST or request.content_type != FORM_TYPE:
        return parse(b"")
    return await read_form(request, with_query=True)


def _refusal(issuer: str, presented: PresentedToken | None) -> Refusal | None:
    if presented is None or not presented.is_active:
        return INVALID_TOKEN
    if presented.issued.subject is None or OPENID not in presented.issued.scope:
        return INSUFFICIENT_SCOPE
    return None if issuer in presented.issued.audience else INVALID_TOKEN


async def _answer(request: web.Request, context: Context, presented: PresentedToken) -> web.Response:
    runtime, issued = request.app[RUNTIME], presented.issued
    assert issued.subject is not None
    names = (*by_scope(issued.scope), *issued.userinfo_claims)
    claims = await claims_of(runtime, context.tenant, issued.subject, names)
    response = json_answer({"sub": issued.subject, **claims})
    client = await runtime.configuration.client(context.tenant, issued.client_id)
    if client is not None:
        allow_client_origins(request, response, client)
    return response
