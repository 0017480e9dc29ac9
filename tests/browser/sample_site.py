"""A real site that shows every page with sample or hostile input, and a second one that plays the client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from authrim.authorization import dead_ends
from authrim.pages import texts
from authrim.pages.pages import Pages
from authrim.pages.scope_lines import scope_lines
from authrim.pages.views import (
    BACK,
    SIGN_IN_AGAIN,
    START_AGAIN,
    ClientView,
    ConsentPage,
    CreateAccountPage,
    ErrorPage,
    FormPostPage,
    FrontPage,
    LeavingPage,
    LoggedOutPage,
    LogoutPage,
    NextLink,
    SignInPage,
)
from authrim.pages.words import Words, words_for
from authrim.web.answers import page_or_json
from domain.errors import Refusal, temporarily_unavailable
from tests.browser.sample_audit import AUDIT_PAGES, audit_page

HOSTILE = '"\'></strong></title><script>window.hacked=1</script><img src=x onerror="window.hacked=1"><b x=\''
SCOPES = ("openid", "profile", "email", "offline_access", "invoices:read")
#: Every scope that there are words for, and one that there are none for.
ALL_SCOPES = (*texts.SCOPE_TEXTS, "invoices:read")

REFUSALS = {
    "error": Refusal(
        "invalid_request",
        "The redirect_uri of this request is not registered for the client.",
        hint="Register the exact URI, scheme, port and trailing slash included.",
        section="RFC 6749 §3.1.2.4",
    ),
    "busy": temporarily_unavailable("The server cannot record this now."),
    "nothing": Refusal("invalid_request", "There is nothing at this address.", status=404),
}

#: The names of the pages.
PAGES = (
    "login", "login-wrong", "create-account", "create-account-wrong", "consent", "consent-all", "error", "form-post",
    "logout", "logout-unproved", "logged-out", "logged-out-back", "leaving", "leaving-post", "dead-end",
    "front", "nothing", "busy", *AUDIT_PAGES,
)  # fmt: skip

SMALL_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da63fcff1f0002eb01f5"
    "8f5cf1070000000049454e44ae426082"
)


@dataclass
class Site:
    """The two servers and what was posted to them: path and form fields, in order."""

    pages: Pages
    posted: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    redirect_uri: str = ""
    leads_to: str = ""
    url: str = ""

    def client(self, **changes: str | None) -> ClientView:
        metadata: dict[str, str | None] = {
            "name": "Acme Invoices",
            "redirect_uri": self.redirect_uri,
            "logo_url": "/logo.png",
            "client_uri": "https://acme.example/",
            "policy_uri": "https://acme.example/privacy",
            "tos_uri": "https://acme.example/terms",
        }
        return ClientView(**(metadata | changes))  # type: ignore[arg-type]

    def show(self, name: str, locale: str = "en") -> web.Response:
        """A page by its name; ``hostile-…`` fills every field with markup."""
        if name in AUDIT_PAGES:
            return audit_page(self.pages, name, locale)
        client = self.client()
        match name:
            case "login":
                return self.pages.sign_in(
                    SignInPage(
                        locale=locale,
                        action_url="/login",
                        csrf_token="t0ken",
                        client=client,
                        create_account_url="/create-account",
                    )
                )
            case "create-account" | "create-account-wrong":
                wrong = name == "create-account-wrong"
                return self.pages.create_account(
                    CreateAccountPage(
                        locale=locale,
                        action_url="/create-account",
                        csrf_token="t0ken",
                        client=client,
                        sign_in_url="/login",
                        shortest_password=8,
                        login_value="bob" if wrong else "",
                        name_value="Bob Builder" if wrong else "",
                        error_message=texts.PASSWORDS_DIFFER if wrong else None,
                        error_id="0192f0c4a7b87c0d9e1f" if wrong else None,
                        wrong="password" if wrong else "",
                    )
                )
            case "login-wrong":
                return self.pages.sign_in(
                    SignInPage(
                        locale=locale,
                        development=True,
                        action_url="/login",
                        csrf_token="t0ken",
                        client=self.client(logo_url=None),
                        login_value="alice",
                        error_message=texts.WRONG_CREDENTIALS,
                        error_id="0192f0c4a7b87c0d9e1f",
                    )
                )
            case "consent" | "consent-all":
                return self.pages.consent(
                    ConsentPage(
                        locale=locale,
                        action_url="/consent",
                        csrf_token="t0ken",
                        client=client,
                        account_display_name="Alice Example",
                        switch_url="/switch",
                        asked=(
                            ("client_id", "acme"),
                            ("redirect_uri", self.redirect_uri),
                            ("scope", "openid email"),
                        ),
                        scopes=scope_lines(ALL_SCOPES if name == "consent-all" else SCOPES, locale),
                    )
                )
            case "error" | "busy" | "nothing":
                refusal = REFUSALS[name]
                return page_or_json(
                    self.pages,
                    ErrorPage(
                        locale=locale,
                        development=name == "error",
                        refusal=refusal,
                        words=words_for(refusal),
                        error_id="0192f0c4a7b87c0d9e1f2a3b4c5d6e7f",
                    ),
                )
            case "front":
                return self.pages.front(
                    FrontPage(
                        locale=locale,
                        host="login.acme.example",
                        account_display_name="Alice Example",
                        logout_url="/logout",
                    )
                )
            case "dead-end":
                cause = dead_ends.UNKNOWN
                return page_or_json(
                    self.pages,
                    ErrorPage(
                        locale=locale,
                        refusal=cause,
                        words=dead_ends.words_of(cause, cause.cause),
                        error_id="0192f0c4a7b87c0d9e1f2a3b4c5d6e7f",
                        way_on=NextLink(START_AGAIN, "https://acme.example/login"),
                    ),
                )
            case "leaving" | "leaving-post":
                posts = name == "leaving-post"
                return self.pages.leaving(
                    LeavingPage(
                        locale=locale,
                        client=self.client(logo_url=None),
                        goes_to=self.redirect_uri + ("" if posts else "?error=invalid_scope"),
                        fields=(("error", "invalid_scope"),) if posts else (),
                        status=400,
                        error="invalid_scope",
                        error_id="0192f0c4a7b87c0d9e1f2a3b4c5d6e7f",
                    )
                )
            case "form-post":
                fields = (("code", "c0de"), ("state", "a&b=\"c\" <d>'e'"), ("iss", "https://op.example"))
                return self.pages.form_post(
                    FormPostPage(locale=locale, action=self.redirect_uri, fields=fields, error_id="e1")
                )
            case "logout" | "logout-unproved":
                proved = name == "logout"
                return self.pages.logout(
                    LogoutPage(
                        locale=locale,
                        action_url="/logout",
                        csrf_token="t0ken",
                        fields=(("state", "s"),),
                        client=client if proved else None,
                        account_display_name="Alice Example",
                        notice="" if proved else texts.NOT_RETURNED,
                        error_id="" if proved else "0192f0c4a7b87c0d9e1f",
                    )
                )
            case "logged-out" | "logged-out-back":
                leads_to = self.redirect_uri if name == "logged-out-back" else ""
                ways_on = (
                    NextLink(SIGN_IN_AGAIN, "https://acme.example/login"),
                    NextLink(BACK, "https://acme.example/"),
                )
                return self.pages.logged_out(LoggedOutPage(locale=locale, leads_to=leads_to, ways_on=ways_on))
        return self.show_hostile(name)

    def show_hostile(self, name: str) -> web.Response:
        if (audited := name.removeprefix("hostile-")) in AUDIT_PAGES:
            return audit_page(self.pages, audited, "en", HOSTILE)
        client = self.client(
            name=HOSTILE,
            logo_url="/" + HOSTILE,
            client_uri="javascript:window.hacked=1",
            policy_uri="https://acme.example/?" + HOSTILE,
            tos_uri='https://acme.example/"onmouseover="window.hacked=1',
        )
        match name:
            case "hostile-login":
                return self.pages.sign_in(
                    SignInPage(
                        action_url="/login?" + HOSTILE,
                        csrf_token=HOSTILE,
                        client=client,
                        create_account_url="/create-account?" + HOSTILE,
                        login_value=HOSTILE,
                        error_message=HOSTILE,
                        error_id=HOSTILE,
                    )
                )
            case "hostile-create-account":
                return self.pages.create_account(
                    CreateAccountPage(
                        action_url="/create-account?" + HOSTILE,
                        csrf_token=HOSTILE,
                        client=client,
                        sign_in_url="/login?" + HOSTILE,
                        shortest_password=8,
                        login_value=HOSTILE,
                        name_value=HOSTILE,
                        error_message=HOSTILE,
                        error_id=HOSTILE,
                        wrong=HOSTILE,
                    )
                )
            case "hostile-consent":
                return self.pages.consent(
                    ConsentPage(
                        action_url="/consent",
                        csrf_token=HOSTILE,
                        client=client,
                        account_display_name=HOSTILE,
                        switch_url="/switch",
                        asked=((HOSTILE, HOSTILE),),
                        scopes=scope_lines((HOSTILE, "openid"), "en"),
                    )
                )
            case "hostile-error":
                return page_or_json(
                    self.pages,
                    ErrorPage(
                        refusal=Refusal(HOSTILE, HOSTILE + ".", hint=HOSTILE + "!", section=HOSTILE),
                        words=Words(HOSTILE, HOSTILE, HOSTILE),
                        error_id=HOSTILE,
                        way_on=NextLink(START_AGAIN, "https://acme.example/?" + HOSTILE),
                    ),
                )
            case "hostile-logout":
                return self.pages.logout(
                    LogoutPage(
                        action_url="/logout?" + HOSTILE,
                        csrf_token=HOSTILE,
                        fields=((HOSTILE, HOSTILE),),
                        client=client,
                        account_display_name=HOSTILE,
                        notice=HOSTILE,
                        error_id="e1",
                    )
                )
            case "hostile-form-post":
                action = self.redirect_uri + "?x=" + HOSTILE.replace(" ", "+")
                return self.pages.form_post(
                    FormPostPage(action=action, fields=((HOSTILE, HOSTILE),), error_id="e1")
                )
        raise web.HTTPNotFound


@asynccontextmanager
async def running_site(prefix: str = "") -> AsyncIterator[Site]:
    """Both servers, each with an origin of its own. ``prefix``: the path of the issuer."""
    site = Site(Pages(prefix))

    async def show(request: web.Request) -> web.Response:
        return site.show(request.match_info["page"], request.query.get("locale", "en"))

    async def receive(request: web.Request) -> web.Response:
        form = await request.post()
        site.posted.append((request.path, {name: str(value) for name, value in form.items()}))
        if site.leads_to:
            raise web.HTTPSeeOther(site.leads_to)
        return web.Response(text="received")

    async def logo(_request: web.Request) -> web.Response:
        return web.Response(body=SMALL_PNG, content_type="image/png")

    async def callback(request: web.Request) -> web.Response:
        if request.method == "POST":
            return await receive(request)
        return web.Response(text="back at the client")

    client_app, server_app = web.Application(), web.Application()
    client_app.add_routes([web.route("*", "/callback", callback), web.route("*", "/elsewhere", callback)])
    server_app.add_routes([*site.pages.static_routes(), web.get("/logo.png", logo)])
    server_app.add_routes(
        [web.get("/{page}", show), web.post("/{page}", receive), web.post("/audit/{page}", receive)]
    )
    async with TestServer(client_app) as client, TestServer(server_app) as server:
        site.redirect_uri = str(client.make_url("/callback"))
        site.url = str(server.make_url("")).rstrip("/")
        yield site
