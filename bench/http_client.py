"""A small HTTP client with cookies, to sign in and to prepare seeds before a measurement."""

import http.client
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REDIRECT_URI = "https://rp.example/cb"


class Answer(NamedTuple):
    """Status, Location, body, and the nonce for the next DPoP proof."""

    status: int
    location: str | None
    body: str
    nonce: str | None = None


class Client:
    """One connection with a cookie jar."""

    def __init__(self, port: int, host: str = "localhost") -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=30)
        self.cookies: dict[str, str] = {}

    def request(
        self, method: str, path: str, form: Mapping[str, str] | None = None, basic: str | None = None,
        more_headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Send one request, without following redirects."""
        headers = dict(more_headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if basic is not None:
            headers["Authorization"] = f"Basic {basic}"
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";", 1)[0].partition("=")
            if (
                value in {"", '""'}
                or "max-age=0" in cookie.lower()
                or "expires=thu, 01 jan 1970" in cookie.lower()
            ):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return Answer(answer.status, answer.headers.get("Location"), text, answer.headers.get("DPoP-Nonce"))


def basic(client_id: str, secret: str) -> str:
    """The credentials of HTTP Basic."""
    return b64encode(f"{client_id}:{secret}".encode()).decode()


def authorize_path(path: str, client_id: str, scope: str) -> str:
    """An authorization request with PKCE."""
    return f"{path}?" + urlencode(
        {
            "client_id": client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": scope,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "xyz",
        }
    )


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of the page's form."""
    fields = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            fields[name[1]] = value[1]
    return fields
