"""The mixed load: what people and clients do at a server, so many times per second, whatever the server's answers take.

Browsers sign in, use what they have, and leave; clients get, refresh, introspect and revoke tokens, and make mistakes.
How many of each there are at a time is bounded.
"""

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp
from yarl import URL

from bench.http_client import REDIRECT_URI, VERIFIER, authorize_path, hidden_fields

_BROWSERS, _GRANTS = 60, 120
#: The shares of the kinds of work.
_MIX: Final = {
    "client credentials": 8, "introspection": 5, "refresh": 4, "code flow": 3, "userinfo": 2, "sign-in": 1,
    "revocation": 1, "sign-out": 1, "error": 1,
}  # fmt: skip
#: More work than this that waits for an answer: the server does not keep up, and the run says nothing.
_MOST_WAITING: Final = 400

Form = Mapping[str, str]


class Load:
    """Sends a mixed load to a server at ``issuer``."""

    def __init__(self, issuer: str, client_id: str, basic: str, login: tuple[str, str]) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._headers = {"Authorization": f"Basic {basic}"}
        self._login = login
        self._browsers: deque[aiohttp.CookieJar] = deque()
        self._grants: deque[dict[str, str]] = deque()
        self._tokens: deque[str] = deque(maxlen=200)
        self._chance = random.Random(11)
        self._waiting: set[asyncio.Task[None]] = set()
        self._http: Any = None
        self.times: list[float] = []
        self.done: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.late = 0

    async def send(self, rate: float, seconds: float) -> None:
        """Send so many pieces of work per second. What would wait in front of 400 others is left out, and counted."""
        kinds: Mapping[str, Callable[[], Awaitable[None]]] = {
            "client credentials": self._service_token, "introspection": self._introspect, "refresh": self._refresh,
            "code flow": self._code_flow, "userinfo": self._userinfo, "sign-in": self._sign_in,
            "revocation": self._revoke, "sign-out": self._sign_out, "error": self._mistake,
        }  # fmt: skip
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=connector
        ) as self._http:
            began, sent = monotonic(), 0
            while (passed := monotonic() - began) < seconds:
                while sent < rate * passed:
                    sent += 1
                    (kind,) = self._chance.choices(list(_MIX), list(_MIX.values()))
                    self._begin(kind, kinds[kind])
                await asyncio.sleep(0.01)
            await asyncio.gather(*self._waiting)

    def _begin(self, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.late += 1
            return
        task = asyncio.create_task(self._timed(kind, work))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _timed(self, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        began = monotonic()
        try:
            await work()
            self.done[kind] += 1
        except (AssertionError, KeyError, aiohttp.ClientError, TimeoutError, OSError) as failed:
            self.failures[f"{kind}: {type(failed).__name__} {str(failed)[:80]}"] += 1
        self.times.append((monotonic() - began) * 1000)

    async def _post(self, path: str, form: Form, expected: int = 200) -> dict[str, Any]:
        async with self._http.post(self._issuer + path, data=form, headers=self._headers) as answer:
            text = await answer.text()
            assert answer.status == expected, f"{path} {answer.status} {text[:60]}"
            return dict(json.loads(text)) if text else {}

    async def _service_token(self) -> None:
        answer = await self._post("/token", {"grant_type": "client_credentials", "scope": "api"})
        self._tokens.append(answer["access_token"])

    async def _introspect(self) -> None:
        token = self._chance.choice(self._tokens) if self._tokens else "nothing"
        assert "active" in await self._post("/introspect", {"token": token})

    async def _refresh(self) -> None:
        if not self._grants:
            return
        tokens = self._grants.popleft()
        self._keep(
            await self._post(
                "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            )
        )

    def _keep(self, tokens: dict[str, str]) -> None:
        self._grants.append(tokens)
        if len(self._grants) > _GRANTS:
            self._grants.popleft()

    async def _userinfo(self) -> None:
        if not self._grants:
            return
        headers = {"Authorization": f"Bearer {self._grants[-1]['access_token']}"}
        async with self._http.get(f"{self._issuer}/userinfo", headers=headers) as answer:
            await answer.read()
            # Somebody else may have refreshed or revoked the grant in the meantime.
            assert answer.status in (200, 401), f"userinfo {answer.status}"

    async def _revoke(self) -> None:
        if self._grants:
            await self._post("/revoke", {"token": self._grants.popleft()["refresh_token"]})

    async def _mistake(self) -> None:
        which = self._chance.randrange(3)
        if which == 0:
            await self._post("/token", {"grant_type": "refresh_token", "refresh_token": "rt.nothing"}, 400)
        elif which == 1:
            await self._post("/token", {"grant_type": "client_credentials", "scope": "no-such-scope"}, 400)
        else:
            form = {"grant_type": "authorization_code", "code": "nothing", "redirect_uri": REDIRECT_URI}
            await self._post("/token", form, 400)

    async def _sign_in(self) -> None:
        """A new browser; the oldest one is closed."""
        jar = aiohttp.CookieJar(unsafe=True)
        url, page = await self._get(jar, self._issuer + self._authorize_path())
        login, password = self._login
        form = hidden_fields(page) | {"login": login, "password": password, "action": "sign-in"}
        location = await self._submit(jar, url, form)
        await self._redeem(location)
        self._browsers.append(jar)
        if len(self._browsers) > _BROWSERS:
            self._browsers.popleft()

    async def _sign_out(self) -> None:
        if not self._browsers:
            return
        jar = self._browsers.popleft()
        url, page = await self._get(jar, f"{self._issuer}/logout")
        await self._submit(jar, url, hidden_fields(page))

    async def _code_flow(self) -> None:
        if not self._browsers:
            return
        jar = self._chance.choice(self._browsers)
        url, _page = await self._get(jar, self._issuer + self._authorize_path())
        await self._redeem(url)

    def _authorize_path(self) -> str:
        return authorize_path("/authorize", self._client_id, "openid offline_access")

    async def _redeem(self, location: str) -> None:
        code = parse_qs(urlsplit(location).query).get("code")
        if code is None:
            return  # the browser was signed out in the meantime, and sees the page for it
        form = {
            "grant_type": "authorization_code", "code": code[0], "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }  # fmt: skip
        self._keep(await self._post("/token", form))

    async def _get(self, jar: aiohttp.CookieJar, url: str) -> tuple[str, str]:
        """Follow redirects within the server: where that ends, and the page there."""
        while url.startswith(self._issuer):
            cookies = jar.filter_cookies(URL(url))
            async with self._http.get(url, cookies=cookies, allow_redirects=False) as answer:
                jar.update_cookies(answer.cookies, answer.url)
                location = answer.headers.get("Location")
                if location is None:
                    return url, await answer.text()
                url = urljoin(url, location)
        return url, ""

    async def _submit(self, jar: aiohttp.CookieJar, url: str, form: Form) -> str:
        headers = {"Origin": self._issuer, "Sec-Fetch-Site": "same-origin"}
        cookies = jar.filter_cookies(URL(url))
        posted = urljoin(url, urlsplit(url).path)
        async with self._http.post(
            posted, data=form, headers=headers, cookies=cookies, allow_redirects=False
        ) as answer:
            jar.update_cookies(answer.cookies, answer.url)
            location = answer.headers.get("Location")
        return (await self._get(jar, urljoin(url, location)))[0] if location else url
