"""What auditors ask on the pages, and what is recorded of it."""

import html
import re

import pytest

from authrim.audit.follow import Follower
from authrim.auditor.part import AUDITING, Auditing
from authrim.pages.headers import ERROR_ID_HEADER
from domain.question_events import QuestionAsked
from projections.audit import AUDIT
from tests.auditor.conftest import NAME
from tests.support.browser import Browser, BrowserPage
from tests.support.log import events_of_type, whole_log
from tests.support.running import RunningServer


def positions(shown: BrowserPage) -> list[int]:
    """The positions of the events on a page."""
    return [int(found) for found in re.findall(r'<li id="p(\d+)">', shown.body)]


def text(shown: BrowserPage) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown.body)).split())


async def ask(audit: Browser, path: str, **fields: str) -> BrowserPage:
    """Open a page, fill in its form and send it."""
    return await audit.submit(await audit.request("GET", audit.server.url(path)), **fields)


async def test_a_search_finds_by_what_events_concern(
    server: RunningServer, audit: Browser, browser: Browser
) -> None:
    """All conditions must hold; events lead on to their grant; what is about no person is not recorded."""
    client = await server.client()
    await browser.code_flow(client)
    shown = await ask(audit, "/audit", client=client.client_id, type="grant.code_redeemed.v1")
    assert len(positions(shown)) == 1
    assert "The client exchanged the code for tokens." in text(shown)
    assert await events_of_type(server, QuestionAsked) == []
    link = re.search(r'href="([^"]+/audit/grant/[^"]+)"', shown.body)
    assert link is not None
    grant = await audit.request("GET", html.unescape(link[1]))
    told = text(grant)
    assert "asked for authorization." in told
    assert "not revoked; its tokens are good until they expire" in told
    assert "An authorization code was given out." in told


async def test_a_search_is_read_in_pages(server: RunningServer, audit: Browser) -> None:
    """A page has at most 50 events; its button goes on behind the last one, until all were shown once."""
    for number in range(60):
        await server.client(f"client {number}", kind="web")
    await Follower(server.core.store, AUDIT).catch_up()
    shown = await ask(audit, "/audit", type="client.registered.v1")
    first = positions(shown)
    assert len(first) == 50
    shown = await audit.submit(shown)
    assert positions(shown)[0] > first[-1]
    assert len(positions(shown)) == 10
    assert "Go on from there" not in text(shown)


async def test_a_question_about_a_person_is_recorded_first(
    server: RunningServer, audit: Browser, auditor: str, browser: Browser
) -> None:
    """A247: the record says who asked, of whom, and why; it holds the pseudonym and not the login, and no page shows
    the login of anybody."""
    await browser.code_flow(await server.client())
    shown = await ask(audit, "/audit", account=server.login, reason="ticket 4711")
    assert positions(shown)
    (asked,) = await events_of_type(server, QuestionAsked)
    assert isinstance(asked, QuestionAsked)
    assert (asked.question, asked.subject, asked.reason) == ("search", server.subject, "ticket 4711")
    assert asked.operator == f"subject {auditor}"
    assert not asked.exported
    history = await ask(audit, "/audit/history", kind="account", id=server.subject)
    assert "signed in with this browser" in text(history)
    assert server.login not in text(history)
    session = re.search(r"session ([0-9a-f]{32})", text(history))
    assert session is not None
    sessions = await ask(audit, "/audit/history", kind="session", id=session[1])
    assert positions(sessions)
    kinds = [one.question for one in await events_of_type(server, QuestionAsked)]  # type: ignore[attr-defined]
    assert kinds == ["search", "account_history", "session_history"]


@pytest.mark.parametrize("login", ["alice", "nobody-of-this-name"])
async def test_a_login_needs_a_reason(server: RunningServer, audit: Browser, login: str) -> None:
    """A247: without a reason no page says whether there is such a login, and nothing is recorded; with one, a question
    about a login that there is not is recorded as a keyed hash."""
    for path, fields in (
        ("/audit", {"account": login}),
        ("/audit/history", {"kind": "account", "id": login}),
    ):
        shown = await ask(audit, path, **fields)
        assert shown.status == 400
        assert "Say why" in text(shown)
    assert await events_of_type(server, QuestionAsked) == []
    shown = await ask(audit, "/audit/history", kind="account", id=login, reason="a complaint")
    assert (shown.status == 200) == (login == server.login)
    assert len(await events_of_type(server, QuestionAsked)) == 1
    assert login not in await whole_log(server)


async def test_what_cannot_be_asked(server: RunningServer, audit: Browser) -> None:
    """Fields that make no sense are refused with a reason, and what is not there is not found."""
    for path, fields, said in (
        ("/audit", {"address": "no address"}, "no IP address"),
        ("/audit", {"from": "yesterday"}, "neither a position nor a time"),
        ("/audit", {"type": "no.such.type"}, "no such event type"),
        ("/audit/history", {"kind": "session", "id": "x"}, "Nothing of this id"),
        ("/audit/history", {"kind": "client", "id": "x"}, "Choose a session or an account"),
    ):
        shown = await ask(audit, path, **fields)
        assert shown.status == 400, fields
        assert said in text(shown)
    for path in ("/audit/grant/none", "/audit/error/none"):
        assert (await audit.request("GET", server.url(path))).status == 400
    assert (await ask(audit, "/audit", client="x" * 600)).status == 400
    assert (await ask(audit, "/audit", client="a\0b")).status == 400


async def test_an_error_is_explained(server: RunningServer, audit: Browser) -> None:
    """The error id of a refusal leads to its reason and to what was recorded."""
    async with server.http.post(server.url("/token"), data={"grant_type": "authorization_code"}) as refused:
        assert refused.status == 401
        error_id = refused.headers[ERROR_ID_HEADER]
    await Follower(server.core.store, AUDIT).catch_up()
    shown = await audit.request("GET", server.url(f"/audit/error/{error_id}"))
    assert "The request says nothing of who the client is." in text(shown)


async def test_the_state_of_the_log(server: RunningServer, audit: Browser) -> None:
    """The page of integrity has the newest position and hash, and says that searches reach it."""
    head = await server.core.store.head()
    shown = await audit.request("GET", server.url("/audit/integrity"))
    assert head.chain_hash.hex() in shown.body
    assert f"Newest position of the log {head.position}" in text(shown)
    assert "Rules found broken, not looked into 0" in text(shown)
    assert "Newest signed checkpoint" in text(shown)


async def test_a_page_that_takes_too_long_is_given_up(server: RunningServer, audit: Browser) -> None:
    """Reading the log disturbs nobody: what is not ready in time, with its waiting, is answered with 503."""
    auditing: Auditing = server.parts[AUDITING]
    auditing._patience = 0.0
    shown = await audit.request("GET", server.url("/audit/integrity"))
    assert shown.status == 503
    assert "Retry-After" in shown.headers


async def test_pages_keep_scripts_and_frames_out(server: RunningServer, audit: Browser) -> None:
    """Each page has the headers of every page (decisions 28), and its forms lead to us alone."""
    for path in ("/audit", "/audit/history", "/audit/integrity"):
        shown = await audit.request("GET", server.url(path))
        policy = shown.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "no-store" in shown.headers["Cache-Control"]
        assert NAME not in shown.body
