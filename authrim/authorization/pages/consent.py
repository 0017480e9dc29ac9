"""The consent page: what the client asks for, and the person's answer (OIDC Core §3.1.2.4)."""

import re
from time import time
from typing import Final

from aiohttp import web

from authrim.authorization._step import StepDecision, advance
from authrim.authorization.dead_ends import SIGNED_OUT, refuse_dead_end
from authrim.authorization.interaction import Interaction, StepFacts, Visit, facts_for
from authrim.authorization.pages._page import RequestPage, cancel
from authrim.core.call import Call
from authrim.core.execute import Change
from authrim.pages import texts
from authrim.pages.pages import ConsentPage
from authrim.people.claims import display_name_of
from authrim.people.sessions.browser import read_account, read_session
from authrim.web.answers import page_settings, see_other
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from authrim.web.sent_forms import answered_once
from authrim.web.shown_client import shown_client
from domain.authorization import steps as authorization
from domain.authorization.steps import scope_to_agree_to
from domain.client.client import Client
from domain.decision import Decision
from domain.grant.grant import Grant
from domain.liveness import ACTIVE
from domain.person import account as accounts
from domain.stream import account_stream, session_stream

ENDPOINT = "consent"


async def _sign_in_first(visit: Visit) -> web.StreamResponse | None:
    """Nobody has signed in for this request yet."""
    if visit.interaction.grant.subject is not None:
        return None
    return see_other(visit.call.core.url(f"/login/{visit.interaction.grant_id}"))


async def _show(visit: Visit) -> web.StreamResponse:
    return await _page(visit)


async def _refuse_signed_out(visit: Visit) -> web.StreamResponse | None:
    """The page would show a name to whoever comes after (A181)."""
    if await _still_signed_in(visit.call, visit.interaction):
        return None
    return await refuse_dead_end(visit.request, visit.call, ENDPOINT, SIGNED_OUT, client_known=True)


async def _ask_again_too_soon(visit: Visit) -> web.StreamResponse | None:
    """A click that came before the page can have been read answers nothing; the page is shown again and says so."""
    if not _too_soon(visit):
        return None
    return await _refuse_signed_out(visit) or await _page(visit, texts.TOO_SOON)


async def _cancel(visit: Visit) -> web.StreamResponse | None:
    """The person who signed in says no: the event names them."""
    return await cancel(visit.of_person(visit.interaction.grant.subject or ""))


async def _agree(visit: Visit) -> web.StreamResponse:
    visit = visit.of_person(visit.interaction.grant.subject or "")

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepDecision:
        return await _consent(visit.call, client, grant, facts)

    return (await advance(visit, decide)).response


async def _still_signed_in(call: Call, interaction: Interaction) -> bool:
    """Whether the sign-in of this request holds."""
    grant = interaction.grant
    if grant.subject is None or grant.session_id is None:
        return False
    account, _ = await read_account(call.core, call.tenant, grant.subject)
    session, _ = await read_session(call.core, call.tenant, grant.session_id)
    return account.status == ACTIVE and session.is_live(call.core.now())


async def _consent(call: Call, client: Client, grant: Grant, facts: StepFacts) -> StepDecision:
    """Record the consent on the grant, and remember it on the account in the same append.

    The session of the sign-in has to live still: a changed password or another person's sign-in has ended it.
    """
    tenant = call.tenant
    if grant.request is None or grant.subject is None or grant.session_id is None:
        return StepDecision(Decision((), SIGNED_OUT))
    account, version = await read_account(call.core, tenant, grant.subject)
    session, session_version = await read_session(call.core, tenant, grant.session_id)
    if account.status != ACTIVE or not session.is_live(facts.now):
        return StepDecision(Decision((), SIGNED_OUT))
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
    return StepDecision(decision, changes, expects=expects)


def _too_soon(visit: Visit) -> bool:
    """Whether the page was there too briefly to have been read: the second half of a double click on the page before
    answers nothing (RFC 6749 §10.13, RFC 9700 §4.16). Without scripts, so the server's own time decides."""
    pause = visit.call.core.settings.consent_pause
    shown = visit.form.get("shown") or ""
    if not pause:
        return False
    return not (_SHOWN.fullmatch(shown) and int(shown) + pause <= _milliseconds())


#: Thirteen digits: milliseconds since 1970.
_SHOWN: Final = re.compile("[0-9]{13}")


def _milliseconds() -> int:
    return int(time() * 1000)


async def _page(visit: Visit, notice: str | None = None) -> web.Response:
    call, interaction = visit.call, visit.interaction
    assert interaction.grant.subject is not None
    settings = page_settings(visit.request, interaction.asked.ui_locales)
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


CONSENT: Final = RequestPage(
    ENDPOINT,
    shows=(_sign_in_first, _refuse_signed_out, _show),
    takes=(_ask_again_too_soon, _cancel, _agree),
)


@led_home
async def show_consent(request: web.Request) -> web.StreamResponse:
    """GET ``/consent/{grant}``: changes nothing."""
    return await CONSENT.show(request)


@answered_once
async def answer_consent(request: web.Request) -> web.StreamResponse:
    """POST ``/consent/{grant}``: the person agrees or cancels."""
    return await CONSENT.take(request)
