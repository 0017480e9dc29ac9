"""The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2).

A valid request is recorded, and goes as far as the browser's session allows: to the client with a code, or to
the sign-in or consent page. A request that came by POST is recorded and sent on by 303 before the session is
looked for, because browsers leave cookies out of cross-site POSTs (decisions.md 28).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import hdrs, web

from authrim.authorization.completion import complete
from authrim.crypto import strict_json
from authrim.crypto.ids import digest, new_id, new_secret
from authrim.crypto.strict_json import JsonRefused
from authrim.execute import Change, Context, Outcome
from authrim.grants.implicit import Onward, SignedAnswer, draft_answer, signed_step
from authrim.private_data import GRANT
from authrim.protocol.id_token_hint import hinted_subject
from authrim.runtime import RUNTIME, Runtime
from authrim.web.answers import record, refuse_by_redirect, refuse_on_page
from authrim.web.browser import SignedInBrowser, signed_in_browser
from authrim.web.context import context_of
from authrim.web.cookies import set_request_cookie
from authrim.web.interaction import CLIENT_CHANGED, REQUEST_ROW, StepFacts, allowed_client, facts_for
from authrim.web.params import Params, read_params
from authrim.web.response_mode import see_other
from domain import authorization, authorization_request
from domain.authorization_parameters import Parameters
from domain.authorization_request import (
    ByRedirect,
    OnPage,
    PrivateParameters,
    RequestFacts,
    Valid,
    validate,
)
from domain.client import Client, cannot_be_served
from domain.errors import Refusal, invalid_request
from domain.grant_events import AuthorizationRequested
from domain.liveness import ACTIVE
from domain.profile import DPOP
from domain.stream import grant_stream
from projections.rows import Row

ENDPOINT = "authorize"

TWO_PEOPLE = invalid_request(
    "The id_token_hint and the claims parameter name two people.", "Name one.", "OIDC Core §5.5.1"
)


async def authorize(request: web.Request) -> web.StreamResponse:
    """GET or POST ``/authorize``."""
    context = context_of(request)
    limited = request.app[RUNTIME].limiter.refuse(ENDPOINT, context.address)
    if limited is not None:
        return await refuse_on_page(request, context, ENDPOINT, limited)
    params = await read_params(request)
    if isinstance(params, Refusal):
        return await refuse_on_page(request, context, ENDPOINT, params)
    client = await _client(request, context, params)
    if isinstance(client, Refusal):
        return await refuse_on_page(request, context, ENDPOINT, client)
    context.client_id = client.client_id
    grant_id, secret = new_id(), new_secret()
    valid = _validated(request, context, client, params, digest(secret))
    if isinstance(valid, OnPage):
        return await refuse_on_page(request, context, ENDPOINT, valid.refusal, client_known=True)
    if isinstance(valid, ByRedirect):
        await record(request, context, ENDPOINT, valid.refusal, client_known=True)
        return await refuse_by_redirect(request, context, client, valid)
    if request.method == hdrs.METH_POST:
        return await _record_and_send_on(request, context, valid, grant_id, secret)
    return await _begin(request, context, client, valid, grant_id, secret)


async def _client(request: web.Request, context: Context, params: Params) -> Client | Refusal:
    """The client that the request names; without it nothing else in the request means anything."""
    if "client_id" in params.duplicates:
        return invalid_request(
            "The parameter client_id is there more than once.", "Send it once.", "RFC 6749 §3.1"
        )
    client_id = params.get("client_id")
    if client_id is None:
        return invalid_request("The client_id is missing.", "Send the client's id.", "RFC 6749 §4.1.1")
    client = await request.app[RUNTIME].configuration.client(context.tenant, client_id)
    if client is None or client.status != ACTIVE:
        return Refusal(
            "invalid_client", "This client is not known here.", "Check the client_id.", "RFC 6749 §4.1.2.1",
            "client_unknown" if client is None else "client_not_active",
        )  # fmt: skip
    return client


def _validated(
    request: web.Request, context: Context, client: Client, params: Params, browser_hash: str
) -> Valid | OnPage | ByRedirect:
    """The pure checks, and the hint that needs our keys (OIDC Core §3.1.2.1 ``id_token_hint``)."""
    runtime = request.app[RUNTIME]
    facts = RequestFacts(
        now=runtime.now(),
        issuer=runtime.issuer,
        interaction_lifetime=runtime.settings.interaction_lifetime,
        response_types=runtime.response_types,
        response_modes=runtime.response_modes,
        browser_hash=browser_hash,
        dpop=DPOP in runtime.features,
    )
    parameters = _parameters(params)
    valid = validate(client, parameters, facts)
    unserved = cannot_be_served(client, runtime.features)
    if isinstance(valid, Valid) and unserved is not None:
        return authorization_request.refuse_by_redirect(valid, unserved)
    hint = params.get("id_token_hint")
    if not isinstance(valid, Valid) or hint is None:
        return valid
    keys = runtime.key_ring.verification_keys(context.tenant, runtime.now())
    subject = hinted_subject(keys, runtime.issuer, client.client_id, hint)
    if valid.private.hinted_subject is not None and subject != valid.private.hinted_subject:
        subject = TWO_PEOPLE
    if isinstance(subject, Refusal):
        return authorization_request.refuse_by_redirect(valid, subject)
    private = msgspec.structs.replace(valid.private, hinted_subject=subject)
    return msgspec.structs.replace(valid, private=private)


def _parameters(params: Params) -> Parameters:
    asked, broken = _claims(params.get("claims"))
    return Parameters(params.values, params.get_all("resource"), params.duplicates, asked, broken)


def _claims(text: str | None) -> tuple[dict[str, Any] | None, bool]:
    """The ``claims`` parameter by the strict reader (A029), and whether it was broken."""
    if text is None:
        return None, False
    try:
        document = strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except JsonRefused:
        return None, True
    return (document, False) if isinstance(document, dict) else (None, True)


async def _record_and_send_on(
    request: web.Request, context: Context, valid: Valid, grant_id: str, secret: str
) -> web.StreamResponse:
    """Record the request alone; the session is looked for by the GET that the browser is sent on to."""
    runtime = request.app[RUNTIME]
    stream = grant_stream(context.tenant, grant_id)
    asked = _with_digest(valid)
    rows = _private_rows(runtime, context, grant_id, valid)

    async def attempt() -> Outcome[None]:
        if await allowed_client(runtime, context, asked) is None:
            return Outcome(CLIENT_CHANGED)
        return Outcome(None, (Change(stream, 0, (asked,)),), rows)

    refusal = await runtime.executor.until_it_fits(context, attempt, stream)
    if refusal is not None:
        return await refuse_on_page(request, context, ENDPOINT, refusal, client_known=True)
    response = see_other(runtime.url(f"/authorize/{grant_id}"))
    set_request_cookie(runtime, response, grant_id, secret)
    return response


async def _begin(
    request: web.Request, context: Context, client: Client, valid: Valid, grant_id: str, secret: str
) -> web.StreamResponse:
    """Record the request and whatever follows from the session, in one append."""
    runtime = request.app[RUNTIME]
    stream = grant_stream(context.tenant, grant_id)
    asked, private = _with_digest(valid), valid.private

    async def attempt() -> Outcome[Onward]:
        client = await allowed_client(runtime, context, asked)
        if client is None:
            return Outcome(CLIENT_CHANGED)
        signed_in = await signed_in_browser(request, context, client.client_id)
        now = signed_in.now if signed_in else runtime.now()
        draft = draft_answer(runtime, context, client, grant_id, asked.response_type, now)
        step_facts = StepFacts(now, draft.code_hash, private.hinted_subject, draft.issue_facts)
        browser = signed_in.browser if signed_in else None
        decision = authorization.decide_request(asked, facts_for(runtime, client, browser, step_facts))
        answer = await signed_step(runtime, context, grant_id, draft, decision.answer, private.state)
        is_over = isinstance(answer, SignedAnswer | Refusal)
        rows = () if is_over else _private_rows(runtime, context, grant_id, valid)
        expects = _expectations(decision.events, signed_in)
        return Outcome(answer, (Change(stream, 0, decision.events),), rows, expects)

    step = await runtime.executor.until_it_fits(context, attempt, stream)
    if step is CLIENT_CHANGED:
        return await refuse_on_page(request, context, ENDPOINT, step, client_known=True)
    response = await complete(request, context, client, grant_id, asked, step, private.state)
    if not isinstance(step, SignedAnswer | Refusal):
        set_request_cookie(runtime, response, grant_id, secret)
    return response


def _expectations(events: tuple[Any, ...], signed_in: SignedInBrowser | None) -> tuple[tuple[str, int], ...]:
    """A decision that used the session holds only while session and account are as they were read."""
    return signed_in.expects if signed_in is not None and len(events) > 1 else ()


def _with_digest(valid: Valid) -> AuthorizationRequested:
    """The event, with the digest of what is kept beside it."""
    if valid.private == PrivateParameters():
        return valid.request
    return msgspec.structs.replace(valid.request, private_digest=digest(msgspec.json.encode(valid.private)))


def _private_rows(runtime: Runtime, context: Context, grant_id: str, valid: Valid) -> tuple[Row, ...]:
    if valid.private == PrivateParameters():
        return ()
    values: Mapping[str, bytes] = {REQUEST_ROW: msgspec.json.encode(valid.private)}
    return runtime.private.first_rows(context.tenant, GRANT, grant_id, values)
