"""The sign-in page: login and password (OIDC Core §3.1.2.3).

The form must come from our own page (A179), the session gets a new secret (A181), no answer tells which accounts
exist (A182), and guesses are slowed down (A183).
"""

from typing import Final

from aiohttp import web

from authrim.authorization._step import StepDecision, advance
from authrim.authorization.dead_ends import SIGNED_OUT, why_not_open
from authrim.authorization.interaction import StepFacts, Visit, create_account_url, facts_for, inputs_of_step
from authrim.authorization.pages._page import (
    RequestPage,
    cancel,
    consent_once_signed_in,
    go_on_with_session,
)
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.pages import texts
from authrim.pages.headers import ERROR_ID_HEADER
from authrim.pages.views import SignInPage
from authrim.people.sessions.begin import SessionBeginning
from authrim.people.sessions.browser import read_account
from authrim.people.sign_in.password import (
    TOO_MANY,
    Attempt,
    PasswordMatch,
    SignInRefusal,
    check_password,
)
from authrim.web.answers import page_settings, record
from authrim.web.call import PAGES
from authrim.web.cookies import known_browser
from authrim.web.own_host import led_home
from authrim.web.sent_forms import answered_once
from authrim.web.shown_client import shown_client
from domain.authorization import steps as authorization
from domain.authorization.steps import Browser
from domain.client.client import Client
from domain.decision import Decision
from domain.grant.grant import Grant
from domain.liveness import ACTIVE
from domain.person.session import NO_SESSION
from domain.stream import account_stream, grant_stream
from domain.vocabulary.acr import PASSWORD_ACR, PASSWORD_AMR
from domain.vocabulary.text import LONGEST_LOGIN

ENDPOINT = "login"


async def _show(visit: Visit) -> web.StreamResponse:
    interaction = visit.interaction
    # Who has asked for another account is not the one whom the client named.
    hint = "" if interaction.grant.another_account else interaction.private.login_hint
    return visit.call.parts[PAGES].sign_in(_page(visit, hint or ""))


async def _sign_in(visit: Visit) -> web.StreamResponse:
    """Check the password; start or renew the session; and go on with the request, all in one append."""
    form, request = visit.form, visit.request
    attempt = Attempt(
        form.get("login") or "", form.get("password") or "", visit.call.networks, known_browser(request)
    )
    checked = await check_password(visit.call, attempt)
    if isinstance(checked, SignInRefusal):
        return await _failed(visit, checked, attempt.login)
    visit = visit.of_person(checked.subject)
    beginning = SessionBeginning(request, visit.call, checked.subject, attempt.login)

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepDecision:
        return await _step(visit.call, client, checked, beginning, grant, facts)

    answer = await advance(visit, decide)
    if answer.taken:
        beginning.tell(answer.response)
    return answer.response


async def _step(
    call: Call,
    client: Client,
    checked: PasswordMatch,
    beginning: SessionBeginning,
    grant: Grant,
    facts: StepFacts,
) -> StepDecision:
    """The person is known; the account is read at each try, because another tab may be changing it."""
    subject = checked.subject
    account, version = await read_account(call.core, call.tenant, subject)
    if account.status != ACTIVE or account.password_set_at != checked.password_set_at:
        return StepDecision(Decision((), SIGNED_OUT))
    changes = await beginning.decide(client, facts.now)
    remembered = account.remembered_scope(client.client_id, client.generation)
    browser = Browser(
        beginning.session_id,
        NO_SESSION,
        account_active=True,
        remembered_scope=remembered,
        account_epoch=account.endings.epoch,
        remembered_claims=account.remembered_claims(client.client_id, client.generation),
    )
    authorization_facts = facts_for(call, client, browser, facts, subject)
    decision = authorization.decide_signed_in(
        grant, subject, beginning.session_id, PASSWORD_ACR, PASSWORD_AMR, authorization_facts
    )
    inputs = inputs_of_step(call, "sign_in", authorization_facts, subject)
    return StepDecision(
        decision, changes, expects=((account_stream(call.tenant, subject), version),), inputs=inputs
    )


async def _failed(visit: Visit, refused: SignInRefusal, login: str) -> web.Response:
    """Record the failure on the grant, and show the page again; the text never says which part was wrong."""
    call, interaction = visit.call, visit.interaction
    stream = grant_stream(call.tenant, interaction.grant_id)

    async def decide(grant: Grant, version: int, now: int) -> Outcome[authorization.Step]:
        closed = why_not_open(grant, interaction.browser_hash, now)
        if closed is not None:
            return Outcome(closed)
        decision = authorization.decide_sign_in_failed(refused.reason, refused.subject, now)
        return Outcome(decision.answer, (Change(stream, version, decision.events),))

    if refused.retry_after:
        # Beside the grant and only so often a minute, so that a flood of guesses cannot fill the log.
        await record(call, ENDPOINT, TOO_MANY, client_known=True)
    else:
        await call.core.executor.on_grant(call, interaction.grant_id, decide)
    message = texts.TOO_MANY_ATTEMPTS if refused.retry_after else texts.WRONG_CREDENTIALS
    page = _page(visit, login, message, call.error_id)
    response = call.parts[PAGES].sign_in(page, status=429 if refused.retry_after else 401)
    response.headers[ERROR_ID_HEADER] = call.error_id
    if refused.retry_after:
        response.headers["Retry-After"] = str(refused.retry_after)
    return response


def _page(
    visit: Visit, login: str, error_message: str | None = None, error_id: str | None = None
) -> SignInPage:
    core, interaction = visit.call.core, visit.interaction
    return SignInPage(
        action_url=core.url(f"/login/{interaction.grant_id}"),
        csrf_token=interaction.csrf,
        client=shown_client(core, interaction.client, interaction.asked.redirect_uri),
        create_account_url=create_account_url(core, interaction),
        login_value=login if len(login) <= LONGEST_LOGIN else "",
        error_message=error_message,
        error_id=error_id,
        **page_settings(visit.request, interaction.asked.ui_locales),
    )


SIGN_IN: Final = RequestPage(
    ENDPOINT,
    shows=(consent_once_signed_in, go_on_with_session, _show),
    takes=(consent_once_signed_in, cancel, _sign_in),
)


@led_home
async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """GET ``/login/{grant}``: changes nothing."""
    return await SIGN_IN.show(request)


@answered_once
async def answer_sign_in(request: web.Request) -> web.StreamResponse:
    """POST ``/login/{grant}``: the person signs in or cancels."""
    return await SIGN_IN.take(request)
