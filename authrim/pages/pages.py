"""The pages that people see: sign-in, consent, logout, errors, and the page that posts a response to a client.

They are rendered on the server and work without JavaScript. What each of them shows is in ``views.py``. The templates
treat all values as untrusted text and escape them (A195).

A template is read and compiled once. That takes longer than everything else that a server does before its first
response, so it is done after that, in a thread (``make_ready``), or when the page is first shown.
"""

import secrets
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import hdrs, web

from authrim.pages import texts
from authrim.pages._static_files import StaticFiles
from authrim.pages.audit_views import AuditPage, AuditSignInPage
from authrim.pages.display import form_action_source, form_action_sources
from authrim.pages.headers import ERROR_ID_HEADER, frame_headers, page_headers
from authrim.pages.translations import LOCALES
from authrim.pages.views import (
    CheckSessionPage,
    ClientView,
    ConsentPage,
    CreateAccountPage,
    ErrorPage,
    FormPostPage,
    FrontPage,
    LeavingPage,
    LoggedOutPage,
    LogoutPage,
    Page,
    SignInPage,
)
from authrim.pages.words import words_for
from domain.errors import invalid_request

if TYPE_CHECKING:
    from jinja2 import Environment, Template

#: The pages of everybody. Those of auditors are compiled when the first of them comes.
_NAMES: Final = (
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


class Pages:
    """Renders every page in every language. One per process."""

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: the path of the issuer, which all addresses on the pages begin with."""
        self._static = StaticFiles(prefix)
        self._environments: dict[str, Environment] = {}
        self._templates: dict[tuple[str, str], Template] = {}

    def make_ready(self) -> None:
        """Compile the pages of everybody, so that none of them has to wait for it. Any thread may do it, once."""
        for locale in LOCALES:
            for name in _NAMES:
                self._template(locale, name)

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

    def audit(self, name: str, page: AuditPage | AuditSignInPage, status: int = 200) -> web.Response:
        """A page for auditors. Its forms lead to us alone, and only our own scripts run."""
        nonce = secrets.token_urlsafe(16)
        headers = _with_error_id(page_headers(("'self'",), script_nonce=nonce), page.error_id)
        return self._html(name, page, status, headers, nonce=nonce)

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
        text = self._template(page.locale, name).render(page=page, **more)
        headers["Content-Language"] = page.locale
        return web.Response(
            text=text, status=status, headers=headers, content_type="text/html", charset="utf-8"
        )

    def _template(self, locale: str, name: str) -> "Template":
        """The compiled template. Two threads that compile the same one at once do it twice."""
        template = self._templates.get((locale, name))
        if template is None:
            template = self._environment(locale).get_template(f"{name}.html")
            self._templates[locale, name] = template
        return template

    def _environment(self, locale: str) -> "Environment":
        environment = self._environments.get(locale)
        if environment is None:
            from authrim.pages._templates import environment_of  # with Jinja and Babel

            environment = self._environments[locale] = environment_of(locale, self._static.url)
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
