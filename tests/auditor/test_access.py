"""Who sees the auditor's pages, and what everybody else sees at their addresses."""

import re
from typing import Any, Final

import pytest

from authrim.people.person_claims import set_claim
from authrim.people.server_roles import take_role
from domain.errors import Refusal
from domain.person.role import AUDITOR
from domain.question_events import QuestionAsked
from domain.stream import DEFAULT_TENANT
from tests.auditor.conftest import NAME
from tests.support.browser import Browser
from tests.support.log import events_of_type
from tests.support.running import RunningServer

PAGES: Final = (
    "/audit", "/audit/sign-in", "/audit/history", "/audit/grant/g", "/audit/error/e", "/audit/integrity",
)  # fmt: skip
HTML: Final = {"Accept": "text/html"}
#: What is another one in each answer.
_OWN: Final = re.compile(r"[0-9a-f]{32}")


async def seen(browser: Browser, method: str, path: str, headers: dict[str, str]) -> tuple[Any, ...]:
    """An answer without what is its own."""
    server = browser.server
    sent = headers | {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    async with server.http.request(method, server.url(path), headers=sent, allow_redirects=False) as answer:
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("Date", "Authrim-Error-Id")
        }
        return answer.status, _OWN.sub("", await answer.text()), kept


@pytest.mark.parametrize("headers", [HTML, {}, {"Authorization": "Bearer x"}], ids=["page", "json", "client"])
async def test_without_an_auditor_nothing_is_there(server: RunningServer, headers: dict[str, str]) -> None:
    """A286: while no account has the role, each address and each method is answered as at an unknown address, and so it
    is for somebody who is signed in."""
    browser = Browser(server)
    for _ in range(2):
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            unknown = await seen(browser, method, "/nothing-here", headers)
            assert unknown[0] == 404
            for path in PAGES:
                assert await seen(browser, method, path, headers) == unknown, (method, path)
        await browser.code_flow(await server.client())


async def test_an_ordinary_person_finds_nothing(
    server: RunningServer, auditor: str, browser: Browser
) -> None:
    """A286: somebody who is signed in and has no role is told the same as at an unknown address, although there is an
    auditor; a claim ``roles`` with that name makes nobody one (A287)."""
    core = server.core
    changed = await set_claim(core.store, core.private, DEFAULT_TENANT, server.subject, "roles", [AUDITOR])
    assert not isinstance(changed, Refusal)
    await browser.code_flow(await server.client())
    for method in ("GET", "POST", "DELETE"):
        unknown = await seen(browser, method, "/nothing-here", HTML)
        for path in ("/audit", "/audit/history", "/audit/grant/g", "/audit/integrity"):
            assert await seen(browser, method, path, HTML) == unknown, (method, path)


async def test_a_right_password_of_somebody_else_begins_nothing(server: RunningServer, auditor: str) -> None:
    """A286: who signs in at the auditor's sign-in without the role gets no session, and sees what is at an unknown
    address."""
    browser = Browser(server)
    shown = await browser.request("GET", server.url("/audit"))
    before = dict(browser.cookies)
    answer = await browser.submit(shown, login=server.login, password=server.password)
    assert answer.status == 404
    assert browser.cookies == before
    wrong = await browser.submit(shown, login=NAME, password="wrong")
    assert (wrong.status, browser.cookies) == (401, before)


async def test_a_role_that_was_taken_opens_nothing(
    server: RunningServer, audit: Browser, auditor: str
) -> None:
    """A287: the next request after the role was taken finds nothing, and the form that was open asks nothing."""
    shown = await audit.request("GET", server.url("/audit"))
    taken = await take_role(server.core.store, DEFAULT_TENANT, auditor, AUDITOR)
    assert not isinstance(taken, Refusal)
    assert (await audit.request("GET", server.url("/audit"))).status == 404
    assert (await audit.submit(shown, account=server.subject)).status == 404
    assert await events_of_type(server, QuestionAsked) == []


async def test_the_role_is_told_to_no_client(server: RunningServer, audit: Browser, auditor: str) -> None:
    """A287: neither ID token nor userinfo nor introspection of an auditor says that they are one."""
    client = await server.client("web", scope=("openid", "roles"))
    tokens = await audit.code_flow(client, scope="openid roles")
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ) as answer:
        told = await answer.json()
    assert told["sub"] == auditor
    assert "roles" not in told


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
async def test_another_site_asks_nothing(
    server: RunningServer, audit: Browser, headers: dict[str, str]
) -> None:
    """A288: a form of another site is refused, whatever it guessed; a missing token too. No question is recorded."""
    shown = await audit.request("GET", server.url("/audit/history"))
    action, hidden = shown.form
    form = {"kind": "account", "id": server.subject, "reason": "x"}
    assert (await audit.request("POST", action, hidden | form, headers)).status == 403
    assert (await audit.request("POST", action, form)).status == 403
    assert await events_of_type(server, QuestionAsked) == []


async def test_an_old_sign_in_asks_for_the_password(server: RunningServer, audit: Browser) -> None:
    """A289: an auditor whose sign-in is older than ``audit_sign_in_age`` is asked for the password before anything is
    shown or asked; the session of other applications goes on."""
    shown = await audit.request("GET", server.url("/audit"))
    object.__setattr__(
        server.core, "settings", server.core.settings.model_copy(update={"audit_sign_in_age": 0})
    )
    assert (await audit.request("GET", server.url("/audit/integrity"))).url == server.url("/audit/sign-in")
    asked = await audit.submit(shown, account=server.subject)
    assert asked.url == server.url("/audit/sign-in")
    assert await events_of_type(server, QuestionAsked) == []
    object.__setattr__(
        server.core, "settings", server.core.settings.model_copy(update={"audit_sign_in_age": 3600})
    )
    assert (await audit.request("GET", server.url("/audit"))).url == server.url("/audit")


async def test_too_many_pages_have_to_wait(server: RunningServer, audit: Browser) -> None:
    """One auditor gets so many pages a minute, and 429 beyond."""
    object.__setattr__(
        server.core, "settings", server.core.settings.model_copy(update={"audit_requests_per_minute": 1})
    )
    statuses = {(await audit.request("GET", server.url("/audit/integrity"))).status for _ in range(4)}
    assert 429 in statuses
