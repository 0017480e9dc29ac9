"""The pages that people see: sign-in, consent, logout, errors, and the page that posts a response to a client.

They are rendered on the server and work without JavaScript. The whole input of a page is one immutable struct. The
templates treat all its values as untrusted text and escape them (A195). Templates, texts and files are read and
compiled when the process starts, so showing a page does no I/O.
"""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from authrim.pages import texts
from authrim.pages._compiled_templates import CompiledTemplates
from authrim.pages._static_files import StaticFiles
from authrim.pages.display import (
    display_name,
    form_action_source,
    form_action_sources,
    initial,
    own_image,
    redirect_host,
    web_link,
)
from authrim.pages.headers import ERROR_ID_HEADER, frame_headers, page_headers
from authrim.pages.translations import LOCALES, SOURCE_LOCALE, load_translations
from authrim.pages.words import Words, words_for
from domain.client import redirect_uri as redirect_uris
from domain.errors import Refusal, invalid_request
from domain.scope_text.scope_text import MAX_DETAIL, NO_TEXTS, ScopeTexts, text_in

_TEMPLATES = Path(__file__).parent / "templates"
_COMPILED = CompiledTemplates()
_NAMES = (
    "sign_in",
    "create_account",
    "consent",
    "error",
    "form_post",
    "front",
    "leaving",
    "logout",
    "logged_out",
    "check_session",
)


class ClientView(msgspec.Struct, frozen=True, kw_only=True):
    """A client as it is shown to a person before a decision (RFC 7591 §2), from its metadata.

    ``name`` is the registered name, or else the client id. ``logo_url`` is a path on our origin (decisions 29); nothing
    else is shown as an image. Links that are not http or https are not shown. ``redirect_uri`` is the validated one:
    its host is shown, and its origin is the only foreign one that the page's forms can lead to.
    """

    name: str
    redirect_uri: str
    logo_url: str | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None

    @property
    def shown_name(self) -> str:
        """The name without characters that could imitate another; the host if nothing visible is left."""
        return display_name(self.name) or self.host

    @property
    def host(self) -> str:
        """The host that the response is sent to."""
        return redirect_host(self.redirect_uri)

    @property
    def is_unencrypted(self) -> bool:
        """Whether the response crosses a network in the clear."""
        return redirect_uris.is_plain_http(self.redirect_uri)

    @property
    def logo(self) -> str | None:
        """The path of the logo, if it is on our origin."""
        return own_image(self.logo_url)

    @property
    def links(self) -> dict[str, str]:
        """The safe links among ``website``, ``policy`` and ``terms``."""
        links = {"website": self.client_uri, "policy": self.policy_uri, "terms": self.tos_uri}
        return {kind: link for kind, uri in links.items() if (link := web_link(uri))}


Facts = tuple[tuple[str, str], ...]
"""Details for developers: the protocol's names, with their values."""


def _facts(**named: str | None) -> Facts:
    """The facts that have a value."""
    return tuple((name, value) for name, value in named.items() if value)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What every page has: its language, one of ``LOCALES``, and whether this is a development server.

    ``authrim audit why`` explains ``error_id``, if there is one.
    """

    locale: str = SOURCE_LOCALE
    development: bool = False
    error_id: str | None = None

    @property
    def facts(self) -> Facts:
        """The details for developers."""
        return _facts(error_id=self.error_id)


class SignInPage(Page, frozen=True, kw_only=True):
    """The sign-in form. It posts ``csrf``, ``login``, ``password`` and ``action`` (``sign-in`` or ``cancel``).

    ``error_message`` is one of ``texts`` (which is translated) or any text. ``create_account_url`` is empty when people
    cannot create accounts.
    """

    action_url: str
    csrf_token: str
    client: ClientView
    create_account_url: str = ""
    login_value: str = ""
    error_message: str | None = None


class CreateAccountPage(Page, frozen=True, kw_only=True):
    """The form for a new account. It posts ``csrf``, ``login``, ``name``, ``password``, ``password_repeated`` and
    ``action`` (``create`` or ``cancel``).

    ``shortest_password`` is in characters. ``error_message`` is as on the sign-in page; ``wrong`` names the field that
    the message is about, if any.
    """

    action_url: str
    csrf_token: str
    client: ClientView
    sign_in_url: str
    shortest_password: int
    login_value: str = ""
    name_value: str = ""
    error_message: str | None = None
    wrong: str = ""


class ScopeLine(msgspec.Struct, frozen=True):
    """What one scope value allows, in the page's language. ``claims``: the defined claims among it. ``lang``: the
    language of title and detail where it is not the page's."""

    title: str
    detail: str
    claims: tuple[str, ...] = ()
    lang: str = ""


NO_CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {}


class ConsentPage(Page, frozen=True, kw_only=True):
    """The consent form. It posts ``csrf``, ``shown``, ``account`` and ``action`` (``allow`` or ``cancel``). To use
    another account, it posts to ``switch_url``, which is empty when nobody else can answer the request.

    ``shown`` is the time when the page was shown, in milliseconds. ``account_token`` identifies the sign-in that the
    page is about. ``error_message`` is as on the sign-in page. ``asked`` are parameters of the request.
    ``claims`` are the names of the defined claims that the page shows; the form sends them back.
    """

    action_url: str
    csrf_token: str
    client: ClientView
    account_display_name: str
    scopes: tuple[ScopeLine, ...]
    claims: str = ""
    shown: int = 0
    account_token: str = ""
    switch_url: str = ""
    asked: Facts = ()
    error_message: str | None = None

    @property
    def facts(self) -> Facts:
        """The request in the protocol's terms."""
        return self.asked


#: The kinds of links: to the application's sign-in (again after a failure, or after a logout), to the application, or
#: to this page at our own address.
START_AGAIN, SIGN_IN_AGAIN, BACK, HERE = "start-again", "sign-in-again", "back", "here"


class NextLink(msgspec.Struct, frozen=True):
    """Where a person can go from an error page or after a logout; the link's text names the host."""

    kind: str
    uri: str


class ErrorPage(Page, frozen=True, kw_only=True):
    """A refusal that cannot be sent to a client. ``words`` are for people, ``refusal`` is for developers and
    programs."""

    refusal: Refusal
    words: Words
    error_id: str
    way_on: NextLink | None = None

    @property
    def facts(self) -> Facts:
        """The refusal in the protocol's terms, without what the page says anyway."""
        refusal, shown = self.refusal, {self.words.said, self.words.advice}
        return _facts(
            error=refusal.error,
            error_description=refusal.description if refusal.description not in shown else "",
            hint=refusal.hint if refusal.hint not in shown else "",
            specification=refusal.section,
        )


class FrontPage(Page, frozen=True, kw_only=True):
    """The page at the issuer's own address, with its ``host`` and the account that is signed in, if any."""

    host: str
    account_display_name: str = ""
    logout_url: str = ""


class FormPostPage(Page, frozen=True, kw_only=True):
    """An authorization response as a form (Form Post Response Mode §2); ``action`` is the redirect URI.

    ``error_id`` is for the page that is shown instead when nothing can be posted to ``action``.
    """

    action: str
    fields: tuple[tuple[str, str], ...]
    error_id: str


class LeavingPage(Page, frozen=True, kw_only=True):
    """Asks whether to continue to a client that gets an error (RFC 9700 §4.11.2), by a link to ``goes_to`` or by
    posting ``fields`` there. ``client.redirect_uri`` is the validated one."""

    client: ClientView
    goes_to: str
    fields: tuple[tuple[str, str], ...] = ()
    status: int
    error: str
    error_id: str

    @property
    def facts(self) -> Facts:
        """Why, in the protocol's terms."""
        return _facts(error=self.error, error_id=self.error_id)


class LogoutPage(Page, frozen=True, kw_only=True):
    """Asks whether to log out. It posts ``csrf``, ``fields`` and ``action`` (``logout`` or ``cancel``).

    ``client`` None: the request does not prove a client. The client's ``redirect_uri`` is empty when the browser is not
    sent back to it. ``notice`` is one of ``texts``.
    """

    action_url: str
    csrf_token: str
    fields: tuple[tuple[str, str], ...] = ()
    client: ClientView | None = None
    account_display_name: str = ""
    notice: str = ""


class LoggedOutPage(Page, frozen=True, kw_only=True):
    """The result of a logout. ``frames`` are the validated front-channel logout URIs that the page loads.

    ``leads_to`` is the validated address that the browser is sent to once they have loaded, or after ``seconds``; empty
    when there is none. ``ways_on`` are links for a person who is not sent anywhere.
    """

    title: str = texts.LOGGED_OUT
    frames: tuple[str, ...] = ()
    leads_to: str = ""
    seconds: int = 5
    notice: str = ""
    ways_on: tuple[NextLink, ...] = ()


class CheckSessionPage(Page, frozen=True, kw_only=True):
    """The frame for clients' pages (Session Management 1.0 §3.2). ``ancestors`` are the origins that can show it,
    ``cookie_name`` is the cookie with the browser state."""

    ancestors: tuple[str, ...]
    cookie_name: str


class Pages:
    """Renders every page in every language. One per process."""

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: the path of the issuer, which all addresses on the pages begin with."""
        self._static = StaticFiles(prefix)
        self._translations = {locale: load_translations(locale) for locale in LOCALES}
        self._templates: dict[tuple[str, str], Template] = {}
        for locale in LOCALES:
            environment = self._environment(locale)
            for name in _NAMES:
                self._templates[locale, name] = environment.get_template(f"{name}.html")

    def static_routes(self) -> list[web.RouteDef]:
        """The routes of the static files."""
        return self._static.routes()

    def sign_in(self, page: SignInPage, status: int = 200) -> web.Response:
        """The sign-in form; ``status`` is 200 when it is first shown."""
        return self._with_password("sign_in", page, page.client, status)

    def create_account(self, page: CreateAccountPage, status: int = 200) -> web.Response:
        """The form for a new account; ``status`` is 200 when it is first shown."""
        return self._with_password("create_account", page, page.client, status)

    def consent(self, page: ConsentPage) -> web.Response:
        """The consent form."""
        leads_to = form_action_sources(page.client.redirect_uri)
        return self._html("consent", page, 200, page_headers(_with_own(leads_to)))

    def error(self, page: ErrorPage) -> web.Response:
        """A refusal as a page."""
        headers = _with_error_id(page_headers(()), page.error_id)
        if page.refusal.retry_after:
            headers[hdrs.RETRY_AFTER] = str(page.refusal.retry_after)
        return self._html("error", page, page.refusal.status, headers)

    def front(self, page: FrontPage) -> web.Response:
        """The page at the issuer's own address."""
        return self._html("front", page, 200, page_headers(()))

    def form_post(self, page: FormPostPage) -> web.Response:
        """The page that posts a response to the client, by script, or with its button if there is no JavaScript."""
        leads_to = form_action_sources(page.action)
        if leads_to == ():
            return self.error(self._not_deliverable(page))
        nonce = secrets.token_urlsafe(16)
        return self._html("form_post", page, 200, page_headers(leads_to, script_nonce=nonce), nonce=nonce)

    def leaving(self, page: LeavingPage) -> web.Response:
        """Ask whether to continue. An address that cannot be shown is never offered."""
        leads_to = form_action_sources(page.client.redirect_uri)
        if leads_to == ():
            return self.error(self._not_deliverable(page))
        headers = page_headers(leads_to if page.fields else ())
        return self._html("leaving", page, page.status, _with_error_id(headers, page.error_id))

    def logout(self, page: LogoutPage) -> web.Response:
        """Ask whether to log out."""
        leads_to = form_action_sources(page.client.redirect_uri) if page.client else ()
        return self._html(
            "logout", page, 200, _with_error_id(page_headers(_with_own(leads_to)), page.error_id)
        )

    def logged_out(self, page: LoggedOutPage) -> web.Response:
        """Say that the person is logged out, or still logged in, with the frames that notify the clients."""
        nonce = secrets.token_urlsafe(16) if page.leads_to else ""
        headers = page_headers((), script_nonce=nonce, frames=map(form_action_source, page.frames))
        return self._html("logged_out", page, 200, _with_error_id(headers, page.error_id), nonce=nonce)

    def check_session(self, page: CheckSessionPage) -> web.Response:
        """The frame that tells clients whether the browser's state has changed."""
        return self._html("check_session", page, 200, frame_headers(page.ancestors))

    def scope_lines(
        self,
        scopes: Iterable[str],
        locale: str,
        claims: Mapping[str, tuple[str, ...]] = NO_CLAIMS,
        described: ScopeTexts = NO_TEXTS,
        otherwise: str = SOURCE_LOCALE,
    ) -> tuple[ScopeLine, ...]:
        """What each scope value allows, in words. ``claims``: by scope value, the labels of the defined claims that it
        releases. ``described`` are the administrator's descriptions; a value that has none in the page's language has
        the one in ``otherwise``, in English, or in any language that there is. A value without a description is shown
        by its name."""
        lines = []
        for scope in scopes:
            line = self._scope_line(scope, locale, described, otherwise)
            named = tuple(map(display_name, claims.get(scope, ())))
            lines.append(msgspec.structs.replace(line, claims=named))
        return tuple(lines)

    def _scope_line(self, scope: str, locale: str, described: ScopeTexts, otherwise: str) -> ScopeLine:
        translate = self._translations[locale].gettext
        own = texts.SCOPE_TEXTS.get(scope)
        # Our own words are in every language, so another language's description does not replace them.
        others = () if own else (otherwise, SOURCE_LOCALE, *sorted(described.get(scope, ())))
        found = text_in(described, scope, (locale, *others))
        if found is not None:
            language, text = found
            lang = "" if language == locale else language
            return ScopeLine(display_name(text.title), display_name(text.detail, MAX_DETAIL), lang=lang)
        if own is not None:
            title, detail = own
            return ScopeLine(translate(title), translate(detail))
        return ScopeLine(display_name(scope), translate(texts.UNKNOWN_SCOPE_TEXT))

    def _with_password(self, name: str, page: Page, client: ClientView, status: int) -> web.Response:
        """A page with a password field. Only our own script runs, which adds a button that shows the password."""
        nonce = secrets.token_urlsafe(16)
        leads_to = form_action_sources(client.redirect_uri)
        headers = page_headers(_with_own(leads_to), script_nonce=nonce)
        return self._html(name, page, status, headers, nonce=nonce)

    def _not_deliverable(self, page: FormPostPage | LeavingPage) -> ErrorPage:
        return ErrorPage(
            refusal=_NOT_DELIVERABLE,
            words=msgspec.structs.replace(words_for(_NOT_DELIVERABLE), said=texts.NOT_DELIVERABLE),
            error_id=page.error_id,
            locale=page.locale,
            development=page.development,
        )

    def _html(self, name: str, page: Page, status: int, headers: dict[str, str], **more: Any) -> web.Response:
        text = self._templates[page.locale, name].render(page=page, **more)
        headers["Content-Language"] = page.locale
        return web.Response(
            text=text, status=status, headers=headers, content_type="text/html", charset="utf-8"
        )

    def _environment(self, locale: str) -> Environment:
        """The templates of one language. Undefined names are errors, and every value is escaped."""
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            bytecode_cache=_COMPILED,
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        translations = self._translations[locale]

        @pass_context  # else texts would be translated while the template is compiled, which all languages share
        def translated(_context: Context, text: str) -> str:
            """A text in the page's language, if the catalog has it. The result is a plain value, which is escaped."""
            return translations.gettext(text) if text else ""

        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        environment.filters |= {
            "display_name": display_name,
            "initial": initial,
            "redirect_host": redirect_host,
            "translated": translated,
        }
        environment.globals |= {"locale": locale, "static": self._static.url}
        return environment


#: For an address that a browser might understand differently than we do.
_NOT_DELIVERABLE: Final = invalid_request(
    "invalid redirect_uri", hint="Register an address that browsers can go to."
)


def _with_error_id(headers: dict[str, str], error_id: str | None) -> dict[str, str]:
    return headers | ({ERROR_ID_HEADER: error_id} if error_id else {})


def _with_own(leads_to: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The CSP sources of a form that is sent to us first."""
    return None if leads_to is None else ("'self'", *leads_to)
