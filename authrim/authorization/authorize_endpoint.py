"""The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2).

A valid request is recorded, and goes as far as the browser's session allows: to the client with a code, or to
the sign-in or consent page. A request that came by POST is recorded and sent on by 303 before the session is
looked for, because browsers leave cookies out of cross-site POSTs (decisions.md 28).
"""

from aiohttp import hdrs, web

from authrim.authorization._authorize_pushed import authorize_pushed
from authrim.authorization._completion import complete
from authrim.authorization._front_channel import Onward, SignedAnswer, draft_answer, recorded, signed_step
from authrim.authorization._request import as_opened, private_rows, read_request, record_request
from authrim.authorization._response import ready_to_answer, refuse_by_redirect
from authrim.authorization.dead_ends import CLIENT_CHANGED, DeadEnd, refuse_dead_end
from authrim.authorization.interaction import (
    OpenRequest,
    StepFacts,
    allowed_client,
    facts_for,
    inputs_of_step,
)
from authrim.clients.keys import NoUsableKey
from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.core.parts import Core
from authrim.core.rate_limits import Policy
from authrim.crypto.ids import digest, new_id, new_secret
from authrim.people.sessions.browser import signed_in_browser
from authrim.web.answers import record, refuse_on_page, see_other
from authrim.web.call import call_of
from authrim.web.cookies import set_request_cookie
from authrim.web.limited import limited_by_address
from authrim.web.own_host import led_home
from authrim.web.params import Params, read_params
from domain.authorization import steps as authorization
from domain.authorization.pushed_request import PREFIX
from domain.authorization.request import PageRefusal, RedirectRefusal, mode_in_full
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.liveness import ACTIVE
from domain.stream import grant_stream
from domain.vocabulary.features import PUSHED_REQUESTS

ENDPOINT = "authorize"


@led_home
async def authorize(request: web.Request) -> web.StreamResponse:
    """GET or POST ``/authorize``."""
    call = call_of(request)
    named = await _named_client(request, call)
    if isinstance(named, Refusal):
        return await refuse_on_page(request, call, ENDPOINT, named)
    client, params = named
    call = call.of_client(client.client_id)
    if is_pushed(call.core, params):
        return await authorize_pushed(request, call, client.client_id, params.values["request_uri"])
    secret = new_secret()
    valid = await read_request(call, client, params, browser_hash=digest(secret))
    if isinstance(valid, PageRefusal):
        return await refuse_on_page(request, call, ENDPOINT, valid.refusal, client_known=True)
    if isinstance(valid, RedirectRefusal):
        await record(call, ENDPOINT, valid.refusal, client_known=True)
        return await refuse_by_redirect(request, call, client, valid)
    opened = as_opened(new_id(), client, valid)
    if request.method == hdrs.METH_POST:
        return await _record_and_send_on(request, call, opened, secret)
    return await _begin(request, call, opened, secret)


async def _named_client(request: web.Request, call: Call) -> tuple[Client, Params] | Refusal:
    """The client that the request names, and the parameters; without a client nothing else in them means anything."""
    policy = Policy("authorize-address", call.core.settings.authorize_requests_per_minute)
    refusal = await limited_by_address(request, call, policy, is_page=True)
    if refusal is not None:
        return refusal
    params = await read_params(request)
    if isinstance(params, Refusal):
        return params
    if "client_id" in params.duplicates:
        return invalid_request(
            "The parameter client_id is repeated.", hint="Send it once.", section="RFC 6749 §3.1"
        )
    client_id = params.get("client_id")
    if client_id is None:
        return invalid_request(
            "The client_id is missing.", hint="Send the client's id.", section="RFC 6749 §4.1.1"
        )
    client = await call.parts[CLIENTS].documents.current(call, client_id)
    if client is None or client.status != ACTIVE:
        return Refusal(
            "invalid_client",
            "This client is not known here.",
            hint="Check the client_id.",
            section="RFC 6749 §4.1.2.1",
            reason="client_unknown" if client is None else "client_not_active",
        )
    return client, params


def is_pushed(core: Core, params: Params) -> bool:
    """Whether the ``request_uri`` is one of ours (RFC 9126 §2.2); if it is repeated, it is not."""
    ours = params.values.get("request_uri", "").startswith(PREFIX)
    return ours and "request_uri" not in params.duplicates and PUSHED_REQUESTS in core.features


async def _record_and_send_on(
    request: web.Request, call: Call, opened: OpenRequest, secret: str
) -> web.StreamResponse:
    """Record the request alone; the session is looked for by the GET that the browser is sent on to."""
    refusal = await record_request(call, opened, CLIENT_CHANGED)
    if refusal is not None:
        return await refuse_dead_end(request, call, ENDPOINT, refusal, client_known=True)
    response = see_other(call.core.url(f"/authorize/{opened.grant_id}"))
    set_request_cookie(request, response, opened.grant_id, secret)
    return response


async def _begin(request: web.Request, call: Call, opened: OpenRequest, secret: str) -> web.StreamResponse:
    """Record the request and whatever follows from the session, in one append; and tell the browser."""
    step = await _first_step(request, call, opened)
    if isinstance(step, DeadEnd):
        return await refuse_dead_end(request, call, ENDPOINT, step, client_known=True)
    response = await complete(request, call, opened, step)
    if not isinstance(step, SignedAnswer | Refusal):
        set_request_cookie(request, response, opened.grant_id, secret)
    return response


async def _first_step(request: web.Request, call: Call, opened: OpenRequest) -> Onward | Refusal:
    """Decide how the request goes on, and append it with that."""
    stream = grant_stream(call.tenant, opened.grant_id)
    asked, private = opened.asked, opened.private

    async def attempt() -> Outcome[Onward]:
        client = await allowed_client(call, asked)
        if client is None:
            return Outcome(CLIENT_CHANGED)
        signed_in = await signed_in_browser(request, call, client)
        now = signed_in.now if signed_in else call.core.now()
        draft = await draft_answer(call, client, opened.grant_id, asked.response_type, now)
        if isinstance(draft, Refusal):
            return Outcome(draft)
        step_facts = StepFacts(now, draft.code_hash, private.hinted_subject, draft.issue_facts)
        browser = signed_in.browser if signed_in else None
        known = facts_for(call, client, browser, step_facts)
        decision = authorization.decide_request(asked, known)
        answer = await signed_step(draft, decision.answer, private.state)
        if isinstance(answer, NoUsableKey):
            return Outcome(answer)
        if isinstance(answer, SignedAnswer | Refusal):
            await ready_to_answer(call, client, mode_in_full(asked))
        is_over = isinstance(answer, SignedAnswer | Refusal)
        rows = () if is_over else private_rows(call, opened)
        events = recorded(decision.events, answer)
        inputs = inputs_of_step(call, "request", known)
        expects = signed_in.expects if signed_in else ()
        return Outcome(answer, (Change(stream, 0, events, inputs=inputs),), rows, expects)

    return await call.core.executor.until_it_fits(call, attempt, stream)
