"""What each page shows: the whole input of a page is one immutable struct."""

import msgspec

from authrim.pages import texts
from authrim.pages.display import display_name, own_image, redirect_host, web_link
from authrim.pages.translations import SOURCE_LOCALE
from authrim.pages.words import Words
from domain.client import redirect_uri as redirect_uris
from domain.errors import Refusal


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
