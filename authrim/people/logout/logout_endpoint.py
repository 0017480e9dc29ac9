"""The logout endpoint (OpenID Connect RP-Initiated Logout 1.0 §2): an application asks to end the browser's session.

A request with a genuine ID token of this very session is carried out; every other one is a question to the person
first. Nothing that is wrong with a request keeps a person signed in: it only keeps them from being sent elsewhere.
"""

from typing import Final

from aiohttp import hdrs, web

from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.crypto.ids import new_secret
from authrim.pages import texts
from authrim.pages.views import SIGN_IN_AGAIN, ClientView, LoggedOutPage, LogoutPage, NextLink
from authrim.people.claims import display_name_of
from authrim.people.logout._session_clients import clients_of_session, knows_session
from authrim.people.pseudonyms import public_session, public_subject
from authrim.people.sessions.browser import BrowserSession, signed_in_browser
from authrim.people.sessions.end import end_session
from authrim.protocol.id_token_hint import read_hint
from authrim.web.answers import page_settings, record, refuse_on_page, see_other
from authrim.web.call import PAGES, call_of
from authrim.web.client_links import client_links
from authrim.web.cookies import (
    drop_browser_state,
    drop_session_cookie,
    logout_secret,
    session_cookie,
    set_logout_cookie,
)
from authrim.web.own_form import csrf_token, form_refusal
from authrim.web.own_host import led_home
from authrim.web.params import Params, read_form, read_params
from authrim.web.sent_forms import answered_once
from authrim.web.shown_client import shown_client
from domain.client.client import NO_CLIENT, Client
from domain.errors import Refusal, invalid_request
from domain.person import logout as rules
from domain.person.logout import CurrentSession, LogoutRequest
from domain.vocabulary.features import FRONTCHANNEL_LOGOUT

ENDPOINT: Final = "logout"

#: Parameters of the request, which the question carries along so that its answer is checked like the request.
PARAMETERS: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")

UNKNOWN_CLIENT: Final = Refusal(
    "invalid_client",
    "This client is not known here.",
    hint="Check the client_id.",
    section=rules.SECTION,
    reason="client_unknown",
)


@led_home
async def logout(request: web.Request) -> web.StreamResponse:
    """GET or POST ``/logout``."""
    call = call_of(request)
    params = await read_params(request)
    asked = await _read(call, params)
    call = _of_client(call, asked)
    if isinstance(asked, Refusal) or isinstance(params, Refusal):
        return await _refuse(request, call, asked)
    signed_in = await signed_in_browser(request, call, NO_CLIENT)
    at_hand = _session_at_hand(call, asked, signed_in)
    if _sees_the_session(request) and not rules.needs_confirmation(asked, at_hand):
        return await _log_out(request, call, asked, signed_in)
    return await _ask(request, call, asked, params, signed_in)


@answered_once
async def answer_logout(request: web.Request) -> web.StreamResponse:
    """POST ``/logout/confirm``: the person's own answer. The request is checked once more, from the beginning."""
    call = call_of(request)
    form = await read_form(request)
    asked = await _read(call, form)
    call = _of_client(call, asked)
    if isinstance(asked, Refusal) or isinstance(form, Refusal):
        return await _refuse(request, call, asked)
    secret = logout_secret(request)
    refusal = form_refusal(request, csrf_token(call.core, ENDPOINT, secret or new_secret()), form)
    if refusal is not None:
        return await _refuse(request, call, refusal)
    if form.get("action") == "cancel":
        page = LoggedOutPage(
            title=texts.STILL_LOGGED_IN,
            ways_on=_ways_on(call, asked),
            **page_settings(request, asked.ui_locales),
        )
        return call.parts[PAGES].logged_out(page)
    return await _log_out(request, call, asked, await signed_in_browser(request, call, NO_CLIENT))


def _session_at_hand(
    call: Call, asked: LogoutRequest, signed_in: BrowserSession | None
) -> CurrentSession | None:
    """The browser's session as the client of the request knows it."""
    if signed_in is None:
        return None
    client, browser = asked.client or NO_CLIENT, signed_in.browser
    return CurrentSession(
        session_id=public_session(call.core, call.tenant, client, browser.session_id),
        subject=public_subject(call.core, call.tenant, client, browser.session.subject),
        auth_time=browser.session.auth_time,
    )


def _sees_the_session(request: web.Request) -> bool:
    """Browsers leave our cookies out of a POST from another site (decisions.md 28): without one, who knows?"""
    return request.method == hdrs.METH_GET or session_cookie(request) is not None


async def _read(call: Call, params: Params | Refusal) -> LogoutRequest | Refusal:
    """The request, with its hint verified and its client looked up."""
    if isinstance(params, Refusal):
        return params
    for name in PARAMETERS:
        if name in params.duplicates:
            return invalid_request(
                f"The parameter {name} is repeated.", hint="Send it once.", section=rules.SECTION
            )
    state = params.get("state")
    if state is not None and len(state) > rules.MAX_STATE:
        return rules.STATE_TOO_LONG
    given = params.get("id_token_hint")
    keys = call.core.key_ring.past_and_present_keys(call.tenant, call.core.now())
    hint = None if given is None else read_hint(keys, call.core.issuer, given)
    client_id = rules.client_id_of(hint, params.get("client_id"))
    if isinstance(client_id, Refusal):
        return client_id
    client = None if client_id is None else await call.core.configuration.client(call.tenant, client_id)
    if client is None and client_id is not None and hint is None:
        return UNKNOWN_CLIENT
    return LogoutRequest(
        client=client,
        hint=hint,
        hint_refused=given is not None and hint is None,
        post_logout_redirect_uri=params.get("post_logout_redirect_uri"),
        state=state,
        ui_locales=tuple((params.get("ui_locales") or "").split()),
    )


def _of_client(call: Call, asked: LogoutRequest | Refusal) -> Call:
    """The call, of the client that the request is believed to come from."""
    if isinstance(asked, Refusal) or asked.client is None:
        return call
    return call.of_client(asked.client.client_id)


async def _refuse(request: web.Request, call: Call, refusal: Refusal | LogoutRequest) -> web.Response:
    assert isinstance(refusal, Refusal)
    return await refuse_on_page(request, call, ENDPOINT, refusal, client_known=bool(call.client_id))


async def _ask(
    request: web.Request, call: Call, asked: LogoutRequest, params: Params,
    signed_in: BrowserSession | None,
) -> web.Response:  # fmt: skip
    """The question (§2). Its form is bound to a cookie of this browser, so that no other site can answer it."""
    secret = logout_secret(request) or new_secret()
    goes_to, notice = await _return_uri(call, asked)
    page = LogoutPage(
        action_url=call.core.url("/logout/confirm"),
        csrf_token=csrf_token(call.core, ENDPOINT, secret),
        fields=tuple((name, value) for name in PARAMETERS if (value := params.get(name)) is not None),
        client=_believed_client(call.core, asked, goes_to),
        account_display_name=await _display_name(call, signed_in),
        notice=notice,
        error_id=call.error_id if notice else None,
        **page_settings(request, asked.ui_locales),
    )
    response = call.parts[PAGES].logout(page)
    set_logout_cookie(call.core, response, secret)
    return response


async def _log_out(
    request: web.Request, call: Call, asked: LogoutRequest, signed_in: BrowserSession | None
) -> web.StreamResponse:
    """End the session, and then answer the browser: elsewhere if the client may ask for that, or our own page."""
    if signed_in is not None:
        call = call.of_person(signed_in.browser.session.subject)
        await end_session(call, signed_in.browser.session_id, ENDPOINT)
    goes_to, notice = await _return_uri(call, asked)
    leads_to = rules.with_state(goes_to, asked.state) if goes_to else ""
    frames = await _frames(call, signed_in)
    if leads_to and not frames:
        response = see_other(leads_to)
    else:
        page = LoggedOutPage(
            frames=frames,
            leads_to=leads_to,
            notice=notice,
            error_id=call.error_id if notice else None,
            ways_on=() if leads_to else _ways_on(call, asked),
            **page_settings(request, asked.ui_locales),
        )
        response = call.parts[PAGES].logged_out(page)
    if session_cookie(request) is not None:
        # A frame or an image of another site sends the browser's state and not the session: it changes neither (A191).
        drop_session_cookie(request, response)
        drop_browser_state(request, response)
    return response


def _ways_on(call: Call, asked: LogoutRequest) -> tuple[NextLink, ...]:
    """Where the page leads on to, when nobody is sent back."""
    client = rules.next_client(asked)
    return () if client is None else client_links(call.core, client, SIGN_IN_AGAIN)


async def _frames(call: Call, signed_in: BrowserSession | None) -> tuple[str, ...]:
    """The pages of the session's clients that end their own sessions when a browser loads them, with what tells
    them which (OpenID Connect Front-Channel Logout 1.0 §3)."""
    if signed_in is None or FRONTCHANNEL_LOGOUT not in call.core.features:
        return ()
    session_id = signed_in.browser.session_id
    frames = []
    for client_id in await clients_of_session(call.core.store, call.tenant, session_id):
        client = await call.core.configuration.client(call.tenant, client_id)
        if client is None or not client.exists or not knows_session(client, session_id):
            continue
        uri = client.metadata.frontchannel_logout_uri
        known_as = public_session(call.core, call.tenant, client, session_id)
        if uri is not None and known_as is not None:
            frames.append(rules.frontchannel_uri(uri, call.core.issuer, known_as))
    return tuple(frames)


async def _return_uri(call: Call, asked: LogoutRequest) -> tuple[str, str]:
    """Where the browser may go afterwards, and what to tell the person when it may not go where it was asked to."""
    uri = rules.return_uri(asked)
    if isinstance(uri, Refusal):
        await record(call, ENDPOINT, uri, client_known=bool(call.client_id))
        return "", texts.NOT_RETURNED if asked.post_logout_redirect_uri else ""
    return uri or "", ""


def _believed_client(core: Core, asked: LogoutRequest, goes_to: str) -> ClientView | None:
    """The client that the page may show: never one that stands beside a forged hint (A190)."""
    client: Client | None = None if asked.hint_refused else asked.client
    return None if client is None else shown_client(core, client, goes_to)


async def _display_name(call: Call, signed_in: BrowserSession | None) -> str:
    if signed_in is None:
        return ""
    return await display_name_of(call.core, call.tenant, signed_in.browser.session.subject)
