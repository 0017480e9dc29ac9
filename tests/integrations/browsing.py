"""A browser without scripts for pages of anybody: it keeps cookies, follows redirects, clicks links, sends forms."""

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import Cookie
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from requests.cookies import RequestsCookieJar

from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD


@dataclass
class Form:
    """A form, with its fields as the page filled them, and its buttons by name and value."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page:
    """What the browser shows."""

    def __init__(self, answer: requests.Response) -> None:
        self.url = answer.url
        self.status = answer.status_code
        self.text = answer.text
        self.headers = answer.headers
        reader = _Reader()
        reader.feed(self.text)
        self.forms = reader.forms
        self.links = [urljoin(self.url, link) for link in reader.links]

    @property
    def json(self) -> Any:
        """The page as JSON."""
        return requests.models.complexjson.loads(self.text)

    def __repr__(self) -> str:
        return f"Page({self.status}, {self.url}, {self.text[:2000]!r})"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name = attributes.get("name", "")
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get").lower()))
        if not self.forms:
            return
        if tag == "button" or (tag == "input" and attributes.get("type") == "submit"):
            self.forms[-1].buttons.append((name, attributes.get("value", "")))
        elif tag == "input" and name and attributes.get("type") != "checkbox":
            self.forms[-1].fields[name] = attributes.get("value", "")


class _LocalCookies(RequestsCookieJar):
    """Cookies as browsers keep them for localhost, which counts as secure without TLS."""

    def set_cookie(self, cookie: Cookie, *arguments: Any, **named: Any) -> Any:
        cookie.secure = False
        return super().set_cookie(cookie, *arguments, **named)


class Browser:
    """One browser with its own cookies."""

    def __init__(self, issuer: str, authority: Path | None = None) -> None:
        self.issuer = issuer
        self._session = requests.Session()
        # Neither proxies nor authorities of the environment: it is this machine alone.
        self._session.trust_env = False
        if authority is not None:
            self._session.verify = str(authority)
        self._session.cookies = _LocalCookies()

    def open(self, url: str) -> Page:
        """Go to an address, and on by redirects."""
        return Page(self._session.get(url, timeout=PATIENCE))

    def send(self, page: Page, form: Form, **fields: str) -> Page:
        """Send a form of the page, with fields filled in."""
        parts = urlsplit(page.url)
        headers = {
            "Origin": f"{parts.scheme}://{parts.netloc}",
            "Referer": page.url,
            "Sec-Fetch-Site": "same-origin",
        }
        target = urljoin(page.url, form.action)
        filled = form.fields | fields
        given = {"params": filled} if form.method == "get" else {"data": filled}
        return Page(
            self._session.request(form.method.upper(), target, headers=headers, timeout=PATIENCE, **given)
        )

    def at_the_server(self, page: Page) -> bool:
        """Whether the page is one of Authrim's."""
        return page.url.startswith(self.issuer + "/")

    def sign_in(self, page: Page) -> Page:
        """Through the server's pages, sign-in and consent, until the browser is somewhere else."""
        assert self.is_asked_to_sign_in(page), page
        page = self.send(page, page.forms[0], login=LOGIN, password=PASSWORD, action="sign-in")
        if self.at_the_server(page) and "/consent/" in page.url:
            page = self.send(page, page.forms[0], action="allow")
        assert not self.at_the_server(page), page
        return page

    def sign_in_for(self, page: Page, redirect_uri: str) -> str:
        """The same for a redirect URI where nobody listens: the address that the browser was sent to."""
        with pytest.raises(requests.ConnectionError) as nobody:
            self.sign_in(page)
        assert nobody.value.request is not None
        address = str(nobody.value.request.url)
        assert address.startswith(redirect_uri)
        return address

    def log_out(self, page: Page) -> Page:
        """Answer the server's question whether to log out, until the browser is led on."""
        assert page.url.startswith(self.issuer + "/logout"), page
        return self.send(page, page.forms[0], action="logout")

    def is_asked_to_sign_in(self, page: Page) -> bool:
        """Whether the page is the server's sign-in page: no session is left."""
        return self.at_the_server(page) and "/login/" in page.url

    @staticmethod
    def wait(seconds: float) -> None:
        """Do nothing for a while, as people do."""
        time.sleep(seconds)
