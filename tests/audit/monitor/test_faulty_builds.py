"""Builds that break a rule are caught: each one runs as a server of its own, and is asked over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest

from authrim.audit.monitor.monitor import Monitor
from authrim.people.accounts import disable_account
from authrim.people.sessions.known import end_known_session
from authrim.store import codec
from authrim.store.opening import open_store
from authrim.store.read_back import ReadBack
from domain.monitor_events import RuleBroken
from domain.stream import AUDIT, DEFAULT_TENANT
from projections.monitor import rules
from projections.monitor.rules import Breach
from tests.faults.processes import Site, site
from tests.support.browser import Browser, redeem
from tests.support.patience import PATIENCE

PROGRAM = "tests.audit.monitor.faulty_build"


class Story:
    """What is done at a faulty server."""

    def __init__(self, place: Site, http: aiohttp.ClientSession, store: ReadBack) -> None:
        self.place, self.http, self.store = place, http, store
        self.web = place.clients["web"]
        self.server = place.as_running(http)
        self.browser = Browser(self.server)

    async def code(self, **parameters: Any) -> tuple[str, str]:
        """A code and its verifier."""
        shown, verifier = await self.browser.authorize(self.web, **parameters)
        return (await self.browser.through_pages(shown)).parameters["code"], verifier

    async def redeem(self, code: str, verifier: str, status: int = 200, **more: str) -> dict[str, Any]:
        answered, body = await redeem(self.server, self.web, code, verifier, **more)
        assert answered == status, body
        return body

    async def tokens(self, scope: str = "openid offline_access") -> dict[str, Any]:
        return await self.redeem(*await self.code(scope=scope))

    async def refresh(self, tokens: dict[str, Any], **more: str) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]} | more
        status, body = await self.server.post("/token", form, self.web.basic)
        assert status == 200, body
        return body

    async def revoke(self, token: str) -> None:
        status, _ = await self.server.post("/revoke", {"token": token}, self.web.basic)
        assert status == 200


async def redeem_twice(story: Story) -> None:
    code = await story.code()
    await story.redeem(*code)
    await story.redeem(*code)


async def redeem_after_a_wrong_verifier(story: Story) -> None:
    code, verifier = await story.code()
    await story.redeem(code, "w" * 43, status=400)
    await story.redeem(code, verifier)


async def refresh_twice(story: Story) -> None:
    tokens = await story.tokens()
    await story.refresh(tokens)
    await story.refresh(tokens)


async def refresh_after_revocation(story: Story) -> None:
    tokens = await story.tokens()
    await story.revoke(tokens["refresh_token"])
    await story.refresh(tokens)


async def refresh_once(story: Story) -> None:
    await story.refresh(await story.tokens())


async def refresh_for_more(story: Story) -> None:
    await story.refresh(await story.tokens(), scope="openid profile email")


async def redeem_for_another_resource(story: Story) -> None:
    code, verifier = await story.code()
    await story.redeem(code, verifier, resource="https://elsewhere.example/")


async def refresh_after_logout(story: Story) -> None:
    tokens = await story.tokens(scope="profile")
    (session,) = await story.store.read_rows("sessions", "", 10)
    await end_known_session(story.store, DEFAULT_TENANT, session["session_id"], "test")
    await story.refresh(tokens)


async def refresh_at_a_disabled_account(story: Story) -> None:
    tokens = await story.tokens()
    await disable_account(story.store, DEFAULT_TENANT, story.place.subject, "test")
    await story.refresh(tokens)


async def revoke_an_access_token(story: Story) -> None:
    await story.revoke((await story.tokens())["access_token"])


async def sign_in_again(story: Story) -> None:
    """The rows are compared in turn: here by a second monitor that is not faulty, and does not wait between samples."""
    await story.code()
    await story.code(prompt="login")
    monitor = Monitor(story.store, story.place.settings.issuer)
    for _ in range(12):
        await monitor.sample()


CASES: dict[str, tuple[str, Callable[[Story], Awaitable[None]], str]] = {
    "redeemed twice": ("codes are redeemed again", redeem_twice, rules.ONE_REDEMPTION),
    "a void code": ("void codes are redeemed", redeem_after_a_wrong_verifier, rules.LIVE_CODE),
    "a forked refresh": ("refresh tokens fork", refresh_twice, rules.ONE_REFRESH_LINE),
    "after the revocation": (
        "revocation is overlooked",
        refresh_after_revocation,
        rules.NOTHING_AFTER_REVOCATION,
    ),
    "without a refresh": ("tokens come from nowhere", refresh_once, rules.LIVE_GRANT),
    "wider scope": ("scope widens", refresh_for_more, rules.SCOPE_WITHIN_GRANT),
    "wider audience": ("audience widens", redeem_for_another_resource, rules.AUDIENCE_WITHIN_GRANT),
    "after the session": ("ends are overlooked", refresh_after_logout, rules.LIVE_SESSION),
    "a disabled account": (
        "ends are overlooked",
        refresh_at_a_disabled_account,
        rules.LIVE_ACCOUNT,
    ),
    "a revoked row": ("rows of revoked tokens stay", revoke_an_access_token, rules.REVOKED_IS_INACTIVE),
    "an old row": ("rows of sessions stay", sign_in_again, rules.ROWS_ARE_THE_FOLD),
}


@pytest.mark.parametrize("case", CASES)
async def test_each_faulty_build_is_caught(store_place: Path | str, tmp_path: Path, case: str) -> None:
    """A280: a server with one faulty function breaks one rule. Its own monitor names the rule and the events, and
    writes one alarm into the log."""
    fault, do, rule = CASES[case]
    async with faulty_site(store_place, tmp_path, fault) as story:
        await do(story)
        breaches = await found(story.store)
        assert {one.rule for one in breaches} == {rule}, breaches
        alarms = await alarms_of(story.store)
    assert [(one.rule, one.stream, one.positions) for one in alarms] == [
        (one.rule, one.stream, one.positions) for one in breaches
    ]
    assert all(one.positions == tuple(sorted(one.positions)) for one in alarms)
    assert case == "an old row" or all(one.positions for one in alarms)


@asynccontextmanager
async def faulty_site(place: Path | str, folder: Path, fault: str) -> AsyncIterator[Story]:
    """A server of the faulty build, and its store for what only an auditor may see."""
    async with (
        site(place, folder, 1, program=(PROGRAM, fault), forked=True, refresh_grace_seconds=0) as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        store = open_store(running.settings)
        await store.open()
        try:
            yield Story(running, http, store)
        finally:
            await store.close()


async def found(store: ReadBack) -> list[Breach]:
    """The breaches, once the server's monitor has come to where the log is now, and has told of them."""
    head, deadline = (await store.head()).position, monotonic() + PATIENCE
    while monotonic() < deadline:
        known = await store.monitor.breaches(100)
        is_told = bool(known) and all(one.told_at is not None for one in known)
        if is_told and (await store.monitor.state()).position >= head:
            return [one.breach for one in known]
        await asyncio.sleep(0.1)
    raise AssertionError("nothing was found broken")


async def alarms_of(store: ReadBack) -> list[RuleBroken]:
    """The alarms in the log."""
    events = [
        codec.decode(AUDIT, one.type, one.payload)
        for one in await store.read_log(0, 10_000)
        if one.type.startswith("audit.")
    ]
    return [event for event in events if isinstance(event, RuleBroken)]
