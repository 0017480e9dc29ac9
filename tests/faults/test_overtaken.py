"""F31: what a decision looked at moves while the decision is being made; the append must lose to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from authrim.clients.records import disable_client, update_client
from authrim.core.clients_and_keys import Configuration
from authrim.core.signing_keys import key_ring_of, rotate_key
from authrim.people.sessions.end import end_sessions
from domain.client.client import DISABLED
from domain.errors import Refusal
from domain.grant.events import CodeIssued
from domain.key.key import Key
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, BrowserPage, authorization_query, redeem
from tests.support.log import grant_events
from tests.support.pushed import fetch, on_error_page, pushed
from tests.support.running import RunningServer

Happens = Callable[[], Awaitable[object]]


def before_next(monkeypatch: pytest.MonkeyPatch, store: Any, method: str, happens: Happens) -> None:
    """Let something happen after the store is called for the next time and before it begins."""
    real = getattr(store, method)

    async def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(store, method, real)
        await happens()
        return await real(*arguments)

    monkeypatch.setattr(store, method, overtaken)


async def test_a_client_disabled_while_its_code_is_decided_on(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31, A147: this very process learns of it in between, after the client was looked at: no tokens."""
    web, core = await server.client("web"), server.core
    shown, verifier = await browser.authorize(web)
    code = (await browser.through_pages(shown)).parameters["code"]

    async def disabled() -> None:
        await disable_client(core.store, DEFAULT_TENANT, web.client_id, "test")
        await core.configuration.catch_up()

    before_next(monkeypatch, core.store, "find", disabled)
    status, answer = await redeem(server, web, code, verifier)
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_posted_request_while_another_client_changes(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31, A018: a request by POST is decided again when the configuration moved, and goes on."""
    web, other = await server.client("web"), await server.client("post")

    async def changed() -> None:
        changes = {"client_name": "Another name"}
        updated = await update_client(server.core.store, DEFAULT_TENANT, other.client_id, changes)
        assert not isinstance(updated, Refusal)

    before_next(monkeypatch, server.core.store, "append", changed)
    _, form = authorization_query(web)
    assert "/login/" in (await browser.request("POST", server.url("/authorize"), form)).url


async def test_a_posted_request_of_a_client_that_is_disabled(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31, A017: nothing is recorded for a client that was disabled before the append: an error page."""
    web, store = await server.client("web"), server.core.store
    before_next(
        monkeypatch, store, "append", lambda: disable_client(store, DEFAULT_TENANT, web.client_id, "t")
    )
    _, form = authorization_query(web)
    shown = await browser.request("POST", server.url("/authorize"), form)
    assert (shown.status, shown.location) == (400, None)
    assert not browser.cookies


async def test_a_session_that_ends_while_it_is_renewed(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A181: signing in again over a session that is ended at that moment begins a new one."""
    web, store = await server.client("web", skip_consent=True), server.core.store
    await browser.code_flow(web)
    ended = browser.cookies["authrim-session"]
    page, _ = await browser.authorize(web, prompt="login")
    before_next(
        monkeypatch, store, "append", lambda: end_sessions(store, DEFAULT_TENANT, server.subject, "test")
    )
    assert "code" in (await browser.sign_in(page)).parameters
    assert browser.cookies["authrim-session"].partition(".")[0] != ended.partition(".")[0]


async def test_a_client_read_while_the_configuration_catches_up(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31: a client's row that was read before its change is not held for longer than the change is unknown."""
    web, core, store = await server.client("web"), server.core, server.core.store
    ring = key_ring_of(core.settings, core.private)
    configuration = Configuration(store, ring)
    await configuration.open()
    find, adopt, was_read, go_on = store.find, ring.adopt, asyncio.Event(), asyncio.Event()

    async def slow_find(lookup: str, key: str) -> Any:
        found = await find(lookup, key)
        was_read.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(store, "find", slow_find)
    reading = asyncio.create_task(configuration.client(DEFAULT_TENANT, web.client_id))
    await was_read.wait()
    monkeypatch.setattr(store, "find", find)
    await disable_client(store, DEFAULT_TENANT, web.client_id, "test")
    await rotate_key(store, core.private, core.configuration, DEFAULT_TENANT, "ES256")

    async def slow_adopt(tenant: str, key: Key) -> None:
        go_on.set()
        await reading
        await adopt(tenant, key)

    monkeypatch.setattr(ring, "adopt", slow_adopt)
    await configuration.catch_up()
    assert go_on.is_set(), "the key's event came behind the client's, in one page"
    client = await configuration.client(DEFAULT_TENANT, web.client_id)
    assert client is not None
    assert client.status == DISABLED


async def test_a_pushed_request_that_another_tab_answers_meanwhile(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F15, A067: what a tab has read of the request a moment ago is decided on, and is not believed any longer when
    another one was faster: one code."""
    web, store = await server.client("web", skip_consent=True), server.core.store
    await browser.code_flow(web)
    request_uri, verifier = await pushed(server, web)
    faster: list[BrowserPage] = []

    async def other_tab() -> None:
        faster.append(await fetch(browser, web, request_uri))

    before_next(monkeypatch, store, "append", other_tab)
    assert on_error_page(await fetch(browser, web, request_uri), "invalid_request_uri")
    assert (await redeem(server, web, faster[0].parameters["code"], verifier))[0] == 200
    events = await grant_events(server, faster[0].parameters["code"])
    assert sum(isinstance(event, CodeIssued) for event in events) == 1
