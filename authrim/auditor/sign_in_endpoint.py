"""The auditor's sign-in: the password check and the session of every sign-in, without an application.

Nobody but an auditor gets a session here. Somebody else who knows their password is told what everybody is told at an
address where nothing is.
"""

from typing import Final

import msgspec
from aiohttp import web

from authrim.auditor._page import is_recent, signed_in_auditor
from authrim.auditor.part import AUDITING
from authrim.core.call import Call
from authrim.core.execute import Outcome
from authrim.crypto.ids import new_secret
from authrim.pages import texts
from authrim.pages.audit_views import AuditSignInPage
from authrim.pages.headers import ERROR_ID_HEADER
from authrim.people.server_roles import holders_of
from authrim.people.sessions.begin import SessionBeginning
from authrim.people.sessions.browser import read_account
from authrim.people.sign_in.password import TOO_MANY, Attempt, PasswordMatch, SignInRefusal, check_password
from authrim.web.answers import page_settings, record, refuse_on_page, see_other
from authrim.web.call import PAGES, call_of
from authrim.web.cookies import audit_secret, known_browser, set_audit_cookie
from authrim.web.own_form import csrf_token, read_own_form
from authrim.web.own_host import led_home
from authrim.web.params import Params
from domain.client.client import NO_CLIENT
from domain.errors import Refusal
from domain.liveness import ACTIVE
from domain.person.role import AUDITOR
from domain.stream import account_stream
from domain.vocabulary.text import LONGEST_LOGIN

ENDPOINT: Final = "audit_sign_in"

_FAILED: Final = Refusal("access_denied", "The person could not sign in.", hint="Try again.", status=401)
_CHANGED: Final = Refusal(
    "access_denied",
    "The account has just been changed.",
    hint="Sign in again.",
    reason="account_not_active",
    status=403,
)


@led_home
async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/sign-in``: for a browser without a session, and for an auditor whose sign-in is long ago."""
    call = call_of(request)
    signed_in = await signed_in_auditor(request, call)
    if signed_in is not None and is_recent(call, signed_in):
        return see_other(call.core.url("/audit"))
    return _page(request, call)


async def answer_sign_in(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/sign-in``: check the password, and begin or renew the session of an auditor."""
    call = call_of(request)
    if not await call.parts[AUDITING].is_on(call.core.store, call.tenant):
        raise web.HTTPNotFound
    form = await read_own_form(
        request, csrf_token(call.core, ENDPOINT, audit_secret(request) or new_secret())
    )
    if isinstance(form, Refusal):
        return await refuse_on_page(request, call, ENDPOINT, form)
    attempt = Attempt(
        form.get("login") or "", form.get("password") or "", call.networks, known_browser(request)
    )
    checked = await check_password(call, attempt)
    if isinstance(checked, SignInRefusal):
        return await _failed(request, call, checked, form)
    return await _begin(request, call.of_person(checked.subject, "subject"), checked, attempt.login)


async def _begin(request: web.Request, call: Call, checked: PasswordMatch, login: str) -> web.StreamResponse:
    beginning = SessionBeginning(request, call, checked.subject, login)
    stream = account_stream(call.tenant, checked.subject)

    async def attempt() -> Outcome[None]:
        account, version = await read_account(call.core, call.tenant, checked.subject)
        if account.status != ACTIVE or account.password_set_at != checked.password_set_at:
            return Outcome(_CHANGED)
        changes = await beginning.decide(NO_CLIENT, call.core.now())
        return Outcome(None, changes, expects=((stream, version),))

    if checked.subject not in await holders_of(call.core.store, call.tenant, AUDITOR):
        raise web.HTTPNotFound
    refusal = await call.core.executor.until_it_fits(call, attempt, stream, on_configuration=False)
    if isinstance(refusal, Refusal):
        return await refuse_on_page(request, call, ENDPOINT, refusal)
    response = see_other(call.core.url("/audit"))
    beginning.tell(response)
    return response


async def _failed(
    request: web.Request, call: Call, refused: SignInRefusal, form: Params
) -> web.StreamResponse:
    """Record the failure, and show the page again; the text never says which part was wrong (A182)."""
    wait = refused.retry_after
    refusal = TOO_MANY if wait else msgspec.structs.replace(_FAILED, reason=refused.reason)
    await record(call, ENDPOINT, refusal)
    message = texts.TOO_MANY_ATTEMPTS if wait else texts.WRONG_CREDENTIALS
    login = form.get("login") or ""
    response = _page(request, call, login if len(login) <= LONGEST_LOGIN else "", message, refusal.status)
    response.headers[ERROR_ID_HEADER] = call.error_id
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _page(
    request: web.Request, call: Call, login: str = "", message: str | None = None, status: int = 200
) -> web.Response:
    secret = audit_secret(request) or new_secret()
    page = AuditSignInPage(
        action_url=call.core.url("/audit/sign-in"),
        csrf_token=csrf_token(call.core, ENDPOINT, secret),
        login_value=login,
        error_message=message,
        error_id=call.error_id if message else None,
        **page_settings(request),
    )
    response = call.parts[PAGES].audit("audit_sign_in", page, status)
    set_audit_cookie(call.core, response, secret)
    return response
