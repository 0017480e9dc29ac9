"""The way of a browser and its client through a code flow: request, page, code, tokens, userinfo, revocation."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

from aiohttp import hdrs
from jwcrypto.common import JWException
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT

from authrim.doctor.outside_client import Answer, Headers, NoAnswer, OutsideClient
from authrim.doctor.sign_in.throw_away import REDIRECT_URI, ThrowAway

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_REDIRECTS: Final = 5
#: Characters of an error code (RFC 6749 §5.2) that are shown.
_LONGEST: Final = 60


class StepFailed(Exception):
    """A step of the way failed. The text says which, and what came back: never a code, a token or a cookie."""

    def __init__(self, step: str, what: str) -> None:
        super().__init__(f"{step}: {what}")


class Walk:
    """One browser with its cookies, and the client that sent it."""

    def __init__(self, outside: OutsideClient, issuer: str, who: ThrowAway) -> None:
        self._outside = outside
        self._issuer = issuer
        self._who = who
        self._cookies: dict[str, str] = {}
        self._nonce = secrets.token_urlsafe(16)
        self._verifier = secrets.token_urlsafe(32)

    async def code(self) -> str:
        """From the authorization request to the code. Raises StepFailed."""
        state = secrets.token_urlsafe(16)
        digest = hashlib.sha256(self._verifier.encode()).digest()
        request = {
            "client_id": self._who.client_id,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid",
            "state": state,
            "nonce": self._nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        step = "authorization request"
        answer, url = await self._browse(
            step, hdrs.METH_GET, f"{self._issuer}/authorize?{urlencode(request)}"
        )
        if answer.status != 200:
            raise StepFailed(step, _told(answer))
        form = _Form(answer.body)
        if not form.found:
            raise StepFailed(step, "there is no sign-in form on the page")
        filled = {
            **form.fields,
            "login": self._who.login,
            "password": self._who.password,
            "action": "sign-in",
        }
        step = "sign-in page"
        origin = urlsplit(self._issuer)
        headers = {
            hdrs.ORIGIN: f"{origin.scheme}://{origin.netloc}",
            "Sec-Fetch-Site": "same-origin",
            hdrs.CONTENT_TYPE: _FORM,
        }
        goes_to = urljoin(url, form.action)
        if not self._is_ours(goes_to):
            raise StepFailed(step, "its form is sent to another address")
        answer, url = await self._browse(step, hdrs.METH_POST, goes_to, headers, urlencode(filled).encode())
        if not url.startswith(REDIRECT_URI):
            raise StepFailed(step, f"the browser was not sent to the client: {_told(answer)}")
        response = parse_qs(urlsplit(url).query)
        if (
            response.get("state") != [state]
            or response.get("iss") != [self._issuer]
            or "code" not in response
        ):
            raise StepFailed(step, f"the response to the client is another one: {_error(response)}")
        return response["code"][0]

    async def tokens(self, code: str) -> dict[str, Any]:
        """Redeem the code and verify the ID token with the key set that is served. Raises StepFailed."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": self._verifier,
        }
        tokens = _json("token endpoint", await self._post("token endpoint", "/token", form))
        if not isinstance(tokens.get("access_token"), str) or not isinstance(tokens.get("id_token"), str):
            raise StepFailed("token endpoint", "there are no tokens in the answer")
        keys = await self._ask("key set", hdrs.METH_GET, f"{self._issuer}/jwks")
        try:
            claims = {"iss": self._issuer, "aud": self._who.client_id, "nonce": self._nonce}
            JWT(
                jwt=tokens["id_token"],
                key=JWKSet.from_json(keys.body.decode()),
                check_claims=claims,
                expected_type="JWS",
            )
        except (JWException, ValueError) as error:
            raise StepFailed(
                "ID token", f"it does not verify with the key set: {type(error).__name__}"
            ) from None
        return tokens

    async def userinfo(self, access_token: str) -> int:
        """The status of the userinfo endpoint. Raises StepFailed when it answers for somebody else."""
        step = "userinfo endpoint"
        headers = {hdrs.AUTHORIZATION: f"Bearer {access_token}"}
        answer = await self._ask(step, hdrs.METH_GET, f"{self._issuer}/userinfo", headers)
        if answer.status == 200 and _json(step, answer).get("sub") != self._who.subject:
            raise StepFailed(step, "it answers for another subject")
        return answer.status

    async def revoke(self, access_token: str) -> None:
        """Revoke the access token. Raises StepFailed."""
        answer = await self._post("revocation endpoint", "/revoke", {"token": access_token})
        if answer.status != 200:
            raise StepFailed("revocation endpoint", _told(answer))

    async def _post(self, step: str, path: str, form: Mapping[str, str]) -> Answer:
        """A request of the client, which authenticates with its secret (RFC 6749 §2.3.1)."""
        pair = f"{quote(self._who.client_id, safe='')}:{quote(self._who.client_secret, safe='')}"
        headers = {
            hdrs.AUTHORIZATION: f"Basic {base64.b64encode(pair.encode()).decode()}",
            hdrs.CONTENT_TYPE: _FORM,
        }
        return await self._ask(step, hdrs.METH_POST, self._issuer + path, headers, urlencode(form).encode())

    async def _browse(
        self,
        step: str,
        method: str,
        url: str,
        headers: Headers | None = None,
        body: bytes | None = None,
    ) -> tuple[Answer, str]:
        """One request and the redirects within the server; the answer, and the address that it came from or leads to
        elsewhere."""
        for _ in range(_MOST_REDIRECTS):
            cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            sent: dict[str, str] = {str(name): value for name, value in (headers or {}).items()}
            sent |= {"Cookie": cookie} if cookie else {}
            answer = await self._ask(step, method, url, sent, body)
            self._keep(answer)
            location = answer.headers.get(hdrs.LOCATION)
            if location is None or not 300 <= answer.status < 400:
                return answer, url
            url = urljoin(url, location)
            if not self._is_ours(url):
                return answer, url
            method, headers, body = hdrs.METH_GET, None, None
        raise StepFailed(step, "there are too many redirects")

    def _is_ours(self, url: str) -> bool:
        """Whether it is the server's address. No other gets a password or a cookie."""
        return url.startswith(f"{self._issuer}/")

    def _keep(self, answer: Answer) -> None:
        for line in answer.headers.getall(hdrs.SET_COOKIE, []):
            try:
                read = SimpleCookie(line)
            except CookieError:
                continue
            for name, morsel in read.items():
                if morsel.value and morsel["max-age"] != "0":
                    self._cookies[name] = morsel.value
                else:
                    self._cookies.pop(name, None)

    async def _ask(
        self,
        step: str,
        method: str,
        url: str,
        headers: Headers | None = None,
        body: bytes | None = None,
    ) -> Answer:
        try:
            return await self._outside.request(method, url, headers=headers, body=body)
        except NoAnswer as no_answer:
            raise StepFailed(step, str(no_answer)) from None


def _json(step: str, answer: Answer) -> dict[str, Any]:
    try:
        read = json.loads(answer.body)
    except (ValueError, RecursionError):
        read = None
    if answer.status != 200 or not isinstance(read, dict):
        raise StepFailed(step, _told(answer))
    return read


def _told(answer: Answer) -> str:
    """The status, and the error code when the answer is JSON with one."""
    try:
        error = json.loads(answer.body)["error"] if answer.is_json else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        error = ""
    return f"status {answer.status}{f', {str(error)[:_LONGEST]}' if error else ''}"


def _error(response: Mapping[str, list[str]]) -> str:
    return response["error"][0][:_LONGEST] if "error" in response else "no code for this request"


class _Form(HTMLParser):
    """The form of a page: where it is sent, and its hidden fields."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.action = ""
        self.found = False
        self.fields: dict[str, str] = {}
        self.feed(page.decode("utf-8", errors="replace"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Part of HTMLParser."""
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes.get("action") or ""
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes.get("name") or ""] = attributes.get("value") or ""
        if tag == "input" and attributes.get("name") == "password":
            self.found = True
