"""A browser without a screen or scripts: it keeps cookies, follows our redirects and posts forms as people do."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from multidict import CIMultiDictProxy

from domain.client.redirect_uri import origin_of
from tests.support.running import KnownClient, RunningServer, pkce


@dataclass
class BrowserPage:
    """What the browser shows: status, address, body; ``location`` when it was sent to another server."""

    status: int
    url: str
    body: str
    headers: CIMultiDictProxy[str]
    location: str | None = None

    @property
    def form(self) -> tuple[str, dict[str, str]]:
        """The page's form: its action and its hidden fields."""
        reader = _FormReader()
        reader.feed(self.body)
        return urljoin(self.url, reader.action), reader.fields

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the authorization response that the browser was sent away with."""
        assert self.location is not None, (self.status, self.body[:500])
        parts = urlsplit(self.location)
        return dict(parse_qsl(parts.fragment or parts.query, keep_blank_values=True))


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes.get("action") or ""
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"] or ""] = attributes.get("value") or ""


class Browser:
    """One browser with its own cookies."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    async def request(
        self, method: str, url: str, form: Any = None, headers: dict[str, str] | None = None
    ) -> BrowserPage:
        """One request, and every redirect within the server; a redirect to elsewhere ends in ``location``."""
        while True:
            sent = dict(headers or {})
            if self.cookies:
                sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            async with self.server.http.request(
                method, url, data=form, headers=sent, allow_redirects=False
            ) as answer:
                body = await answer.text()
                for name, morsel in answer.cookies.items():
                    if morsel.value and morsel["max-age"] != "0":
                        self.cookies[name] = morsel.value
                    else:
                        self.cookies.pop(name, None)
                location = answer.headers.get("Location")
            target = urljoin(url, location) if location else None
            if target is None or not target.startswith(self.server.issuer + "/"):
                return BrowserPage(answer.status, url, body, answer.headers, target)
            method, url, form = "GET", target, None

    async def authorize(self, client: KnownClient, **parameters: Any) -> tuple[BrowserPage, str]:
        """Begin a code flow with PKCE: what the browser shows then, and the verifier. None leaves one out."""
        verifier, query = authorization_query(client, **parameters)
        return await self.request("GET", self.server.url("/authorize?") + urlencode(query)), verifier

    async def submit(self, shown: BrowserPage, **fields: str) -> BrowserPage:
        """Fill in the page's form and send it, as a browser does, with Origin and Sec-Fetch-Site."""
        action, hidden = shown.form
        headers = {"Origin": origin_of(self.server.issuer), "Sec-Fetch-Site": "same-origin"}
        return await self.request("POST", action, hidden | fields, headers)

    async def sign_in(
        self, shown: BrowserPage, login: str | None = None, password: str | None = None
    ) -> BrowserPage:
        """Sign in on the page that is shown."""
        who = {"login": login or self.server.login, "password": password or self.server.password}
        return await self.submit(shown, **who, action="sign-in")

    async def through_pages(self, shown: BrowserPage) -> BrowserPage:
        """Sign in and agree, as far as pages are shown, until the browser is sent back to the client."""
        if shown.location is None and "/login/" in shown.url:
            shown = await self.sign_in(shown)
        if shown.location is None and "/consent/" in shown.url:
            shown = await self.submit(shown, action="allow")
        return shown

    async def code_flow(self, client: KnownClient, **parameters: Any) -> dict[str, Any]:
        """The whole flow: the token response."""
        shown, verifier = await self.authorize(client, **parameters)
        shown = await self.through_pages(shown)
        status, tokens = await redeem(self.server, client, shown.parameters["code"], verifier)
        assert status == 200, tokens
        return tokens


def authorization_query(client: KnownClient, **parameters: Any) -> tuple[str, dict[str, str]]:
    """A code request with PKCE: the verifier and the parameters. None leaves one out."""
    verifier, challenge = pkce()
    asked: dict[str, Any] = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "response_type": "code",
        "scope": "openid",
        "state": "a-state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    } | parameters
    return verifier, {name: str(value) for name, value in asked.items() if value is not None}


async def redeem(
    server: RunningServer, client: KnownClient, code: str, verifier: str | None,
    headers: dict[str, str] | None = None, **more: str,
) -> tuple[int, dict[str, Any]]:  # fmt: skip
    """Exchange a code at the token endpoint."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri} | more
    if verifier is not None:
        form["code_verifier"] = verifier
    return await authenticated_post(server, client, "/token", form, headers)


async def authenticated_post(
    server: RunningServer, client: KnownClient, path: str, form: dict[str, str],
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:  # fmt: skip
    """A back-channel POST with the client's own authentication method."""
    method = client.metadata.token_endpoint_auth_method
    if method == "client_secret_basic":
        return await server.post(path, form, client.basic | (headers or {}))
    form = form | {"client_id": client.client_id}
    if method == "client_secret_post":
        form["client_secret"] = client.secret or ""
    return await server.post(path, form, headers)


async def refused(browser: Browser, client: KnownClient, **parameters: object) -> dict[str, str]:
    """The parameters of the error redirect for a bad request, which never carry a code."""
    shown, _ = await browser.authorize(client, **parameters)
    assert shown.location is not None, (parameters, shown.status, shown.body[:300])
    assert shown.location.startswith(client.redirect_uri + "?"), shown.location
    answered = shown.parameters
    assert set(answered) <= {"error", "error_description", "error_uri", "state", "iss"}, answered
    assert answered["iss"] == browser.server.issuer
    return answered
