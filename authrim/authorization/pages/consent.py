"""The consent page: what the client asks for, and the person's answer (OIDC Core §3.1.2.4)."""

import re
from time import time
from typing import Final

from aiohttp import web

from authrim.authorization._step import StepDecision, advance
from authrim.authorization.dead_ends import SIGNED_OUT, refuse_dead_end
from authrim.authorization.interaction import Interaction, StepFacts, Visit, facts_for, inputs_of_step
from authrim.authorization.pages._page import RequestPage, cancel
from authrim.core.call import Call
from authrim.core.execute import Change
from authrim.crypto.ids import constant_time_equal
from authrim.pages import texts
from authrim.pages.scope_lines import scope_lines
from authrim.pages.translations import choose_locale
from authrim.pages.views import ConsentPage, Facts
from authrim.people.claims import display_name_of
from authrim.people.sessions.browser import read_account, read_session
from authrim.web.answers import page_settings, see_other
from authrim.web.call import PAGES
from authrim.web.own_form import csrf_token
from authrim.web.own_host import led_home
from authrim.web.sent_forms import answered_once
from authrim.web.shown_client import shown_client
from domain.authorization import steps as authorization
from domain.authorization.consent import claims_to_agree_to, scope_to_agree_to
from domain.claim.catalogue import Catalogue
from domain.client.client import Client
from domain.decision import Decision
from domain.grant.events import AuthorizationRequested
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


async def _sign_in_anew(visit: Visit) -> web.StreamResponse | None:
    """In another tab the person has asked for another account, and not signed in yet."""
    return await _sign_in_first(visit) if visit.interaction.grant.another_account else None


async def _show(visit: Visit) -> web.StreamResponse:
    return await _page(visit)


async def _show_to_its_person(visit: Visit) -> web.StreamResponse:
    return await _refuse_signed_out(visit) or await _page(visit)


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


async def _switch(visit: Visit) -> web.StreamResponse:
    """The person is somebody else: the same request begins again at the sign-in. No session ends by that."""
    visit = visit.of_person(visit.interaction.grant.subject or "")

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepDecision:
        known = facts_for(visit.call, client, None, facts, grant.subject)
        inputs = inputs_of_step(visit.call, "another_account", known, grant.subject)
        return StepDecision(authorization.decide_another_account(grant, known), inputs=inputs)

    return (await advance(visit, decide)).response


async def _agree(visit: Visit) -> web.StreamResponse | None:
    """Only who pressed the button has agreed, and only as the person whom the page named: in another tab somebody else
    may have signed in for the same request since (A239)."""
    if visit.form.get("action") != "allow" or not _names_its_person(visit):
        return None
    session_id = visit.interaction.grant.session_id
    visit = visit.of_person(visit.interaction.grant.subject or "")

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepDecision:
        if grant.session_id != session_id:
            return StepDecision(Decision((), SIGNED_OUT))
        return await _consent(visit, client, grant, facts)

    return (await advance(visit, decide)).response


def _names_its_person(visit: Visit) -> bool:
    """Whether the page that was answered named the person of the request. It can only have named another one when
    somebody has asked for another account."""
    if not visit.interaction.grant.another_account:
        return True
    return constant_time_equal(visit.form.get("account") or "", _account_token(visit))


def _account_token(visit: Visit) -> str:
    """Stands for the sign-in of the request in the page's form, and tells nothing of the person."""
    interaction = visit.interaction
    return csrf_token(visit.call.core, f"{ENDPOINT}:{interaction.grant.session_id}", interaction.secret)


async def _still_signed_in(call: Call, interaction: Interaction) -> bool:
    """Whether the sign-in of this request holds."""
    grant = interaction.grant
    if grant.subject is None or grant.session_id is None:
        return False
    account, _ = await read_account(call.core, call.tenant, grant.subject)
    session, _ = await read_session(call.core, call.tenant, grant.session_id)
    return account.status == ACTIVE and session.is_live(call.core.now())


async def _consent(visit: Visit, client: Client, grant: Grant, facts: StepFacts) -> StepDecision:
    """Record the consent on the grant, and remember it on the account in the same append.

    The session of the sign-in has to live still: a changed password or another person's sign-in has ended it.
    """
    call, tenant = visit.call, visit.call.tenant
    if grant.request is None or grant.subject is None or grant.session_id is None:
        return StepDecision(Decision((), SIGNED_OUT))
    account, version = await read_account(call.core, tenant, grant.subject)
    session, session_version = await read_session(call.core, tenant, grant.session_id)
    if account.status != ACTIVE or not session.is_live(facts.now):
        return StepDecision(Decision((), SIGNED_OUT))
    catalogue = call.core.configuration.catalogue(tenant)
    scope = scope_to_agree_to(grant.request, client, catalogue)
    claims = _shown_claims(visit, claims_to_agree_to(grant.request, catalogue))
    remembered = accounts.decide_remember_consent(
        account, client.client_id, scope, facts.now, client.generation, claims
    )
    stream = account_stream(tenant, grant.subject)
    changes = (Change(stream, version, remembered.events, account),) if remembered.events else ()
    signed_in = (session_stream(tenant, grant.session_id), session_version)
    expects = (signed_in,) if changes else (signed_in, (stream, version))
    known = facts_for(call, client, None, facts, grant.subject)
    decision = authorization.decide_consented(grant, known, account.endings.epoch, claims)
    inputs = inputs_of_step(call, "consent", known, grant.subject)
    return StepDecision(decision, changes, expects=expects, inputs=inputs)


def _shown_claims(visit: Visit, claims: tuple[str, ...]) -> tuple[str, ...]:
    """The claims that the page named when it was shown: one that was defined meanwhile was not agreed to (A262)."""
    shown = set((visit.form.get("claims") or "").split())
    return tuple(name for name in claims if name in shown)


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
    catalogue = call.core.configuration.catalogue(call.tenant)
    scope = scope_to_agree_to(interaction.asked, interaction.client, catalogue)
    claims = claims_to_agree_to(interaction.asked, catalogue)
    return call.parts[PAGES].consent(
        ConsentPage(
            action_url=call.core.url(f"/consent/{interaction.grant_id}"),
            csrf_token=interaction.csrf,
            account_token=_account_token(visit),
            shown=_milliseconds(),
            error_message=notice,
            client=shown_client(call.core, interaction.client, interaction.asked.redirect_uri),
            switch_url=_switch_url(call, interaction),
            asked=_asked(interaction.asked),
            account_display_name=await display_name_of(call.core, call.tenant, interaction.grant.subject),
            scopes=scope_lines(
                scope,
                settings["locale"],
                _labels_by_scope(catalogue, scope, claims),
                call.core.configuration.scope_texts(call.tenant),
                choose_locale("", "", call.core.settings.default_locale),
            ),
            claims=" ".join(claims),
            **settings,
        )
    )


def _switch_url(call: Call, interaction: Interaction) -> str:
    """Where "Not you?" leads; nowhere when the request is about one person alone. The path is another one, because a
    server of the version before takes whatever comes to the page's own path as an answer."""
    named = interaction.private.hinted_subject is not None
    return "" if named else call.core.url(f"/consent/{interaction.grant_id}/another-account")


def _asked(asked: AuthorizationRequested) -> Facts:
    """The request in the terms of RFC 6749 §4.1.1 and RFC 8707 §2, for developers."""
    named = {
        "client_id": asked.client_id,
        "redirect_uri": asked.redirect_uri,
        "scope": " ".join(asked.scope),
        "resource": " ".join(asked.resource),
    }
    return tuple((name, value) for name, value in named.items() if value)


def _labels_by_scope(
    catalogue: Catalogue, scope: tuple[str, ...], claims: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """What people read of the defined claims, with the scope that releases them."""
    return {
        value: tuple(catalogue.labels[name] for name in catalogue.by_scope((value,)) if name in claims)
        for value in scope
    }


CONSENT: Final = RequestPage(
    ENDPOINT,
    shows=(_sign_in_first, _refuse_signed_out, _show),
    takes=(_sign_in_anew, _ask_again_too_soon, _cancel, _agree, _show_to_its_person),
)

ANOTHER_ACCOUNT: Final = RequestPage(
    ENDPOINT,
    shows=CONSENT.shows,
    takes=(_sign_in_anew, _ask_again_too_soon, _switch),
)


@led_home
async def show_consent(request: web.Request) -> web.StreamResponse:
    """GET ``/consent/{grant}``: changes nothing."""
    return await CONSENT.show(request)


@answered_once
async def answer_consent(request: web.Request) -> web.StreamResponse:
    """POST ``/consent/{grant}``: the person agrees or cancels."""
    return await CONSENT.take(request)


@answered_once
async def switch_account(request: web.Request) -> web.StreamResponse:
    """POST ``/consent/{grant}/another-account``: the person is somebody else."""
    return await ANOTHER_ACCOUNT.take(request)
