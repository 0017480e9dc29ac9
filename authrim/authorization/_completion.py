"""What the browser is told after a step of the authorization: the next page, or the answer to the client."""

from aiohttp import web

from authrim.authorization._front_channel import Onward, SignedAnswer
from authrim.authorization._response import Destination, answer_client, refuse_by_redirect
from authrim.authorization.interaction import OpenRequest
from authrim.core.call import Call
from authrim.people.sessions.state import let_client_watch, session_state
from authrim.web.answers import see_other
from authrim.web.cookies import drop_request_cookie
from domain.authorization.request import RedirectRefusal, mode_in_full
from domain.authorization.steps import ConsentStep, SignInStep
from domain.errors import Refusal


async def complete(
    request: web.Request, call: Call, opened: OpenRequest, step: Onward | Refusal, *, by_person: bool = False
) -> web.Response:
    """The answer to the browser for what was decided (OIDC Core §3.1.2.5, §3.1.2.6). ``by_person``: on our page."""
    if isinstance(step, SignInStep):
        page = "create-account" if step.create else "login"
        return see_other(call.core.url(f"/{page}/{opened.grant_id}"))
    if isinstance(step, ConsentStep):
        return see_other(call.core.url(f"/consent/{opened.grant_id}"))
    if isinstance(step, Refusal):
        asked = opened.asked
        refused = RedirectRefusal(step, asked.redirect_uri, mode_in_full(asked), opened.private.state)
        response = await refuse_by_redirect(request, call, opened.client, refused, by_person=by_person)
    else:
        response = await _succeed(request, call, opened, step)
    drop_request_cookie(request, response, opened.grant_id)
    return response


async def _succeed(
    request: web.Request, call: Call, opened: OpenRequest, answer: SignedAnswer
) -> web.Response:
    client, asked, state = opened.client, opened.asked, opened.private.state
    parameters = answer.parameters if state is None else {**answer.parameters, "state": state}
    destination = Destination(client, asked.redirect_uri, mode_in_full(asked))
    watched = session_state(call.core, client, asked.redirect_uri, answer.session_id)
    response = await answer_client(request, call, destination, {**parameters, **watched}, asked.ui_locales)
    if watched:
        let_client_watch(request, response, client, answer.session_id)
    return response
