"""What the browser is told after a step of the authorization: the next page, or the answer to the client."""

from aiohttp import web

from authrim.execute import Context
from authrim.runtime import RUNTIME
from authrim.web.answers import page_settings, refuse_by_redirect
from authrim.web.cookies import drop_request_cookie
from authrim.web.response_mode import authorization_response, see_other
from domain.authorization import ConsentNeeded, SignInNeeded, Step
from domain.errors import Refusal
from domain.grant_events import AuthorizationRequested


def complete(
    request: web.Request, context: Context, grant_id: str, asked: AuthorizationRequested,
    step: Step | Refusal, code: str, state: str | None,
) -> web.Response:  # fmt: skip
    """The answer to the browser for what was decided (OIDC Core §3.1.2.5, §3.1.2.6)."""
    runtime = request.app[RUNTIME]
    if isinstance(step, SignInNeeded):
        return see_other(runtime.url(f"/login/{grant_id}"))
    if isinstance(step, ConsentNeeded):
        return see_other(runtime.url(f"/consent/{grant_id}"))
    if isinstance(step, Refusal):
        response = refuse_by_redirect(
            request, step, asked.redirect_uri, asked.response_mode, state, context.error_id
        )
    else:
        parameters = {"code": code} | ({} if state is None else {"state": state}) | {"iss": runtime.issuer}
        settings = page_settings(request, asked.ui_locales)
        response = authorization_response(
            runtime.pages, settings, asked.redirect_uri, asked.response_mode, parameters, context.error_id
        )
    drop_request_cookie(request, response, grant_id)
    return response
