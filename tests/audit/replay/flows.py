"""People and clients who do what they may and what they may not, in an order that a seed decides."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from authrim.audit.replay.check import Replay, Report
from authrim.clients.records import disable_client, enable_client
from authrim.core.signing_keys import rotate_key
from authrim.people import accounts
from authrim.people.grants import end_grant
from authrim.store.contract import StoredEvent
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import OFFLINE, refresh

SCOPES = ("openid", "openid profile offline_access", "openid email offline_access", "profile offline_access")
STRANGER = "w" * 43


class Story:
    """What was given out so far, and who may use it. ``secrets``: all that must never be in the log."""

    def __init__(self, server: RunningServer, seed: int) -> None:
        self.server = server
        self.random = Random(seed)
        self.browser = Browser(server)
        self.codes: list[tuple[KnownClient, str, str | None]] = []
        self.refresh_tokens: list[tuple[KnownClient, str]] = []
        self.access_tokens: list[tuple[KnownClient, str]] = []
        self.secrets: set[str] = {STRANGER}
        self.done: list[str] = []

    async def tell(self, steps: int) -> None:
        """So many things happen."""
        happenings = (
            *(self.whole_flow,) * 12, *(self.refresh,) * 6, self.authorize, self.redeem, self.wrong_client,
            self.wrong_verifier, self.reuse, self.client_credentials, self.silent, self.cancel, self.another_account,
            self.fail_to_sign_in, self.revoke, self.new_browser, self.end_grant, self.disable_account,
            self.disable_client, self.rotate_key,
        )  # fmt: skip
        for _ in range(steps):
            happening: Callable[[], Awaitable[None]] = self.random.choice(happenings)
            self.done.append(happening.__name__)
            await happening()

    async def person_client(self) -> KnownClient:
        """A client that people sign in at."""
        return await self.server.client(self.random.choice(("web", "post", "spa")))

    async def authorize(self, **parameters: str) -> None:
        client = await self.person_client()
        asked = {"scope": self.random.choice(SCOPES), **parameters}
        if "offline_access" in asked["scope"]:
            asked.setdefault("prompt", "consent")
        shown, verifier = await self.browser.authorize(client, **asked)
        shown = await self.browser.through_pages(shown)
        self.secrets |= {verifier, *self.browser.cookies.values()}
        if shown.location is not None and "code" in shown.parameters:
            code = shown.parameters["code"]
            self.secrets.add(code)
            self.codes.append((client, code, verifier))

    def took(self, client: KnownClient, tokens: dict[str, Any]) -> None:
        for name, given in (("refresh_token", self.refresh_tokens), ("access_token", self.access_tokens)):
            if name in tokens:
                given.append((client, tokens[name]))
                self.secrets.add(tokens[name])

    async def whole_flow(self) -> None:
        """A code is redeemed as soon as it is there, and its refresh token used."""
        before = len(self.codes)
        await self.authorize()
        if len(self.codes) > before:
            await self.redeem_once(*self.codes[-1])
            await self.refresh()

    async def redeem_once(self, client: KnownClient, code: str, verifier: str | None) -> None:
        _, tokens = await redeem(self.server, client, code, verifier)
        self.took(client, tokens)

    async def redeem(self) -> None:
        """A code is redeemed, perhaps again."""
        if not self.codes:
            await self.authorize()
        client, code, verifier = self.random.choice(self.codes[-3:])
        await self.redeem_once(client, code, verifier)

    async def wrong_client(self) -> None:
        if self.codes:
            _, code, verifier = self.codes[-1]
            await redeem(self.server, await self.person_client(), code, verifier)

    async def wrong_verifier(self) -> None:
        if self.codes:
            client, code, _ = self.codes[-1]
            await redeem(self.server, client, code, STRANGER)

    async def refresh(self) -> None:
        if self.refresh_tokens:
            client, token = self.refresh_tokens[-1]
            more = {"scope": "profile"} if self.random.random() < 0.3 else {}
            _, tokens = await refresh(self.server, client, token, **more)
            self.took(client, tokens)

    async def reuse(self) -> None:
        """An old refresh token comes again: within its grace, or as theft."""
        if self.refresh_tokens:
            client, token = self.random.choice(self.refresh_tokens)
            _, tokens = await refresh(self.server, client, token)
            self.took(client, tokens)

    async def client_credentials(self) -> None:
        service = await self.server.client("service")
        scope = self.random.choice(("reports.read", "reports.read reports.write"))
        form = {"grant_type": "client_credentials", "scope": scope}
        _, tokens = await authenticated_post(self.server, service, "/token", form)
        self.took(service, tokens)

    async def silent(self) -> None:
        await self.browser.authorize(await self.person_client(), scope="openid", prompt="none")

    async def cancel(self) -> None:
        shown, _ = await self.browser.authorize(await self.person_client(), **OFFLINE)
        if shown.location is None:
            await self.browser.submit(shown, action="cancel")

    async def another_account(self) -> None:
        shown, _ = await self.browser.authorize(await self.person_client(), **OFFLINE)
        if shown.location is None and "/consent/" in shown.url:
            action, hidden = shown.form
            switched = await self.browser.request(
                "POST", f"{action}/another-account", hidden,
                {"Origin": self.server.issuer, "Sec-Fetch-Site": "same-origin"},
            )  # fmt: skip
            await self.browser.through_pages(switched)

    async def fail_to_sign_in(self) -> None:
        shown, _ = await self.browser.authorize(await self.person_client(), prompt="login")
        if shown.location is None:
            await self.browser.sign_in(shown, password="wrong")

    async def revoke(self) -> None:
        given = self.random.choice((self.refresh_tokens, self.access_tokens))
        if given:
            client, token = given[-1]
            await authenticated_post(self.server, client, "/revoke", {"token": token})

    async def new_browser(self) -> None:
        self.browser = Browser(self.server)

    async def end_grant(self) -> None:
        if self.codes:
            grant_id = self.codes[-1][1].split(".")[1]
            await end_grant(self.server.core.store, DEFAULT_TENANT, grant_id, "test")

    async def disable_account(self) -> None:
        store, subject = self.server.core.store, self.server.subject
        await accounts.disable_account(store, DEFAULT_TENANT, subject, "test")
        await self.refresh()
        await accounts.enable_account(store, DEFAULT_TENANT, subject)

    async def disable_client(self) -> None:
        store, client = self.server.core.store, await self.person_client()
        await disable_client(store, DEFAULT_TENANT, client.client_id, "test")
        await self.refresh()
        await enable_client(store, DEFAULT_TENANT, client.client_id)

    async def rotate_key(self, *, urgent: bool | None = None) -> None:
        core, at_once = self.server.core, self.random.random() < 0.7 if urgent is None else urgent
        await rotate_key(
            core.store, core.private, core.configuration, DEFAULT_TENANT, "ES256", urgent=at_once
        )


async def log_of(server: RunningServer) -> list[StoredEvent]:
    """The whole log of a server."""
    events: list[StoredEvent] = []
    while page := await server.core.store.read_log(len(events), 1000):
        events.extend(page)
    return events


def replayed(events: list[StoredEvent], issuer: str, page: int = 100, kept: int = 20_000) -> Report:
    """The log decided again, page by page."""
    replay = Replay(issuer, kept=kept)
    for first in range(0, len(events), page):
        replay.take(events[first : first + page])
    return replay.report()
