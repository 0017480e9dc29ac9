"""The consent page: what the client asks for, and the person's answer (OIDC Core §3.1.2.4)."""

import re
from time import time
from typing import Final

from aiohttp import web

from authrim.authorization._step import StepTaken, advance
from authrim.authorization.dead_ends import SIGNED_OUT, refuse_dead_end
from authrim.authorization.interaction import (
    Interaction,
    StepFacts,
    facts_for,
    open_interaction,
    own_form,
)
from authrim.core.call import Call
from authrim.core.execute import Change
from authrim.pages import texts
from authrim.pages.pages import ConsentPage
from authrim.people.claims import display_name_of
from authrim.people.sessions.browser import read_account, read_session
from authrim.web.answers import page_settings, refuse_on_page, see_other
from authrim.web.call import PAGES, call_of, core_of
from authrim.web.own_host import led_home
from authrim.web.params import Params
from authrim.web.sent_forms import answered_once
from authrim.web.shown_client import shown_client
from domain.authorization import steps as authorization
from domain.authorization.steps import scope_to_agree_to
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal
from domain.grant.grant import Grant
from domain.liveness import ACTIVE
from domain.person import account as accounts
from domain.stream import account_stream, session_stream

ENDPOINT = "consent"


@led_home
async def show_consent(request: web.Request) -> web.StreamResponse:
    """GET ``/consent/{grant}``: changes nothing."""
    call = call_of(request)
    call, interaction = await open_interaction(request, call)
    if isinstance(interaction, Refusal):
        return await refuse_dead_end(request, call, ENDPOINT, interaction)
    if interaction.grant.subject is None:
        return see_other(call.core.url(f"/login/{interaction.grant_id}"))
    if not await _still_signed_in(call, interaction):
        return await refuse_dead_end(request, call, ENDPOINT, SIGNED_OUT, client_known=True)
    return await _page(request, call, interaction)


async def _still_signed_in(call: Call, interaction: Interaction) -> bool:
    """Whether the sign-in of this request holds: else the page would show a name to whoever comes after (A181)."""
    grant = interaction.grant
    if grant.subject is None or grant.session_id is None:
        return False
    account, _ = await read_account(call.core, call.tenant, grant.subject)
    session, _ = await read_session(call.core, call.tenant, grant.session_id)
    return account.status == ACTIVE and session.is_live(call.core.now())


@answered_once
async def answer_consent(request: web.Request) -> web.StreamResponse:
    """POST ``/consent/{grant}``: the person agrees or cancels."""
    call = call_of(request)
    call, interaction = await open_interaction(request, call)
    if isinstance(interaction, Refusal):
        return await refuse_dead_end(request, call, ENDPOINT, interaction)
    form = await own_form(request, interaction)
    if isinstance(form, Refusal):
        return await refuse_on_page(request, call, ENDPOINT, form, client_known=True)
    if _too_soon(request, form):
        if not await _still_signed_in(call, interaction):
            return await refuse_dead_end(request, call, ENDPOINT, SIGNED_OUT, client_known=True)
        return await _page(request, call, interaction, texts.TOO_SOON)
    cancelled = form.get("action") == "cancel"
    call = call.of_person(interaction.grant.subject or "")

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepTaken:
        if cancelled:
            return StepTaken(authorization.decide_cancelled(facts.now))
        return await _agree(call, client, grant, facts)

    return (await advance(request, call, ENDPOINT, interaction, decide)).response


async def _agree(call: Call, client: Client, grant: Grant, facts: StepFacts) -> StepTaken:
    """Record the consent on the grant, and remember it on the account in the same append.

    The session of the sign-in has to live still: a changed password or another person's sign-in has ended it.
    """
    tenant = call.tenant
    if grant.request is None or grant.subject is None or grant.session_id is None:
        return StepTaken(Decision((), SIGNED_OUT))
    account, version = await read_account(call.core, tenant, grant.subject)
    session, session_version = await read_session(call.core, tenant, grant.session_id)
    if account.status != ACTIVE or not session.is_live(facts.now):
        return StepTaken(Decision((), SIGNED_OUT))
    remembered = accounts.decide_remember_consent(
        account, client.client_id, scope_to_agree_to(grant.request), facts.now, client.generation
    )
    stream = account_stream(tenant, grant.subject)
    changes = (Change(stream, version, remembered.events, account),) if remembered.events else ()
    signed_in = (session_stream(tenant, grant.session_id), session_version)
    expects = (signed_in,) if changes else (signed_in, (stream, version))
    decision = authorization.decide_consented(
        grant, facts_for(call, client, None, facts, grant.subject), account.endings.epoch
    )
    return StepTaken(decision, changes, expects=expects)


def _too_soon(request: web.Request, form: Params) -> bool:
    """Whether the page was there too briefly to have been read: the second half of a double click on the page before
    answers nothing (RFC 6749 §10.13, RFC 9700 §4.16). Without scripts, so the server's own time decides."""
    pause = core_of(request).settings.consent_pause
    shown = form.get("shown") or ""
    if not pause:
        return False
    return not (_SHOWN.fullmatch(shown) and int(shown) + pause <= _milliseconds())


#: Thirteen digits: milliseconds since 1970.
_SHOWN: Final = re.compile("[0-9]{13}")


def _milliseconds() -> int:
    return int(time() * 1000)


async def _page(
    request: web.Request, call: Call, interaction: Interaction, notice: str | None = None
) -> web.Response:
    assert interaction.grant.subject is not None
    settings = page_settings(request, interaction.asked.ui_locales)
    return call.parts[PAGES].consent(
        ConsentPage(
            action_url=call.core.url(f"/consent/{interaction.grant_id}"),
            csrf_token=interaction.csrf,
            shown=_milliseconds(),
            error_message=notice,
            client=shown_client(call.core, interaction.client, interaction.asked.redirect_uri),
            account_display_name=await display_name_of(call.core, call.tenant, interaction.grant.subject),
            scopes=call.parts[PAGES].scope_lines(scope_to_agree_to(interaction.asked), settings["locale"]),
            **settings,
        )
    )
