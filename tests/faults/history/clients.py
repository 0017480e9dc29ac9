"""Clients that sign in, redeem, refresh, revoke and introspect as it comes, some of it twice at once, and write down
what they were told."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp

from tests.faults.history.calls import Calls, Given, Outcome, name_of, now
from tests.support.browser import Browser, authorization_query
from tests.support.running import KnownClient, RunningServer

#: Seconds that a client waits for an answer.
_PATIENCE: Final = aiohttp.ClientTimeout(total=10)
#: What a client does next, and how often beside the others.
_WEIGHTS: Final = {"sign_in": 3, "redeem": 4, "refresh": 6, "introspect": 8, "revoke": 1}
#: Answers that say nothing of what happened: the server, or the proxy of a deployment, could not do it now.
_UNAVAILABLE: Final = (502, 503, 504)


class Place(Protocol):
    """Where clients find servers: one address for each of ``servers``."""

    @property
    def clients(self) -> dict[str, KnownClient]: ...

    @property
    def servers(self) -> Sequence[Any]: ...

    def url(self, path: str, server: int = 0) -> str:
        """A URL at one of the addresses."""

    def as_running(self, http: aiohttp.ClientSession) -> RunningServer:
        """The servers as a browser of the tests sees them."""


class Surprise(AssertionError):
    """An answer that no fault excuses."""


@dataclass
class Client:
    """One client of the server with a person's browser, and what it holds."""

    number: int
    place: Place
    http: aiohttp.ClientSession
    calls: Calls
    chance: random.Random
    cookies: dict[str, str] = field(default_factory=dict)
    codes: list[tuple[str, str]] = field(default_factory=list)
    access_tokens: list[str] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=list)

    async def prepare(self) -> None:
        """Sign the person in, while nothing is broken yet."""
        browser = Browser(self.place.as_running(self.http))
        await browser.code_flow(self.place.clients["web"], scope="openid offline_access")
        self.cookies = browser.cookies

    async def live(self, until: asyncio.Event, pause: float) -> None:
        """Do one thing after the other."""
        while not until.is_set():
            await asyncio.sleep(self.chance.uniform(0, 2 * pause))
            (what,) = self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
            await getattr(self, what)()

    async def look_back(self) -> None:
        """Ask for everything that it ever got: what was acknowledged is there."""
        for token in self.access_tokens:
            await self._introspect(token)
        for token in self.refresh_tokens[-1:]:
            await self._refresh(token)

    async def sign_in(self) -> None:
        """Ask for a code with the person's session."""
        verifier, query = authorization_query(self.place.clients["web"], scope="openid offline_access")
        began, code = now(), ""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        url = self._url("/authorize?") + urlencode(query)
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self.http.get(
                url, headers=headers, allow_redirects=False, timeout=_PATIENCE
            ) as answer:
                code = dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query)).get("code", "")
        outcome = Outcome.DONE if code else Outcome.UNKNOWN
        given = Given(code=name_of(code)) if code else Given()
        self.calls.record(self.number, "sign in", "", began, outcome, given=given)
        if code:
            self.codes.append((code, verifier))

    async def redeem(self) -> None:
        """Redeem a code, now and then twice at once."""
        if self.codes:
            code, verifier = self.codes.pop(self.chance.randrange(len(self.codes)))
            again = self.chance.random()
            await asyncio.gather(*(self._redeem(code, verifier) for _ in range(2 if again < 0.15 else 1)))
            if again > 0.95:
                self.codes.append((code, verifier))

    async def refresh(self) -> None:
        """Use the newest refresh token, or any other, now and then twice at once."""
        if self.refresh_tokens:
            newest = self.refresh_tokens[-1]
            token = newest if self.chance.random() < 0.9 else self.chance.choice(self.refresh_tokens)
            await asyncio.gather(*(self._refresh(token) for _ in range(self.chance.choice((1, 1, 1, 2)))))

    async def introspect(self) -> None:
        """Ask for any token that it ever got."""
        if self.access_tokens:
            await self._introspect(self.chance.choice(self.access_tokens))

    async def revoke(self) -> None:
        """Revoke a token, and ask for one at once."""
        token = self.chance.choice([*self.access_tokens[-3:], *self.refresh_tokens[-1:], ""])
        if token:
            began = now()
            status, _ = await self._post("/revoke", {"token": token})
            outcome = Outcome.DONE if status == 200 else Outcome.UNKNOWN
            self.calls.record(self.number, "revoke", name_of(token), began, outcome)
            await self.introspect()

    async def _redeem(self, code: str, verifier: str) -> None:
        form = {
            "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
            "redirect_uri": self.place.clients["web"].redirect_uri,
        }  # fmt: skip
        await self._token("redeem", code, form)

    async def _refresh(self, token: str) -> None:
        await self._token("refresh", token, {"grant_type": "refresh_token", "refresh_token": token})

    async def _token(self, operation: str, presented: str, form: dict[str, str]) -> None:
        began = now()
        status, body = await self._post("/token", form)
        given, outcome = Given(), Outcome.UNKNOWN
        if status == 200:
            outcome = Outcome.DONE
            given = Given("", name_of(body["access_token"]), name_of(body["refresh_token"]))
            self.access_tokens.append(body["access_token"])
            self.refresh_tokens.append(body["refresh_token"])
        elif status == 400 and body["error"] == "invalid_grant":
            outcome = Outcome.REFUSED
        elif status:
            raise Surprise(f"{operation}: {status} {body}")
        self.calls.record(self.number, operation, name_of(presented), began, outcome, given=given)

    async def _introspect(self, token: str) -> None:
        began = now()
        status, body = await self._post("/introspect", {"token": token})
        outcome = Outcome.DONE if status == 200 else Outcome.UNKNOWN
        active = body["active"] if status == 200 else None
        self.calls.record(self.number, "introspect", name_of(token), began, outcome, active=active)

    async def _post(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer; 0 where there is none, or one that promises nothing."""
        headers = self.place.clients["web"].basic
        try:
            async with self.http.post(
                self._url(path), data=form, headers=headers, timeout=_PATIENCE
            ) as answer:
                if answer.status in _UNAVAILABLE:
                    return 0, {}
                body = await answer.read()
                if answer.status not in (200, 400):
                    raise Surprise(f"{path}: {answer.status} {body[:300]!r}")
                return answer.status, (await answer.json() if body else {})
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, {}

    def _url(self, path: str) -> str:
        return self.place.url(path, self.chance.randrange(len(self.place.servers)))
