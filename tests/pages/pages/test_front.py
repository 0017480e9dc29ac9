"""A browser at the issuer's own address, and at addresses where nothing is."""

import pytest

from authrim.pages.headers import asks_for_page
from authrim.store.contract import Store
from tests.support.browser import Browser
from tests.support.ports import free_port
from tests.support.running import RunningServer, running_server

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@SQLITE
async def test_a_browser_gets_a_page_at_the_front(server: RunningServer, browser: Browser) -> None:
    """``/`` says what this is. Who is signed in is named, and can log out from there; nobody else is."""
    page = await browser.request("GET", server.url("/"), headers=HTML)
    assert (page.status, page.headers.getone("Content-Type")) == (200, "text/html; charset=utf-8")
    assert "Sign-in service" in page.body
    assert "/logout" not in page.body
    shown, _ = await browser.authorize(await server.client("web"))
    await browser.through_pages(shown)
    german = await browser.request("GET", server.url("/"), headers=HTML | {"Accept-Language": "de"})
    assert server.login.capitalize() in german.body
    assert "Anmeldedienst" in german.body
    assert f'href="{server.url("/logout")}"' in german.body
    asked = await browser.request("GET", server.url("/logout"), headers=HTML)
    assert 'id="logout-yes"' in asked.body


@SQLITE
@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/no-such-page/<b>x</b>?y=<i>z</i>", 404, "This address leads nowhere."),
        ("GET", "/login/not-a-sign-in", 404, "This address leads nowhere."),
        ("GET", "/token", 405, "This address is for applications."),
        ("POST", "/", 405, "This address is for applications."),
    ],
)
async def test_a240_a_lost_person_gets_a_page(
    server: RunningServer, browser: Browser, method: str, path: str, status: int, words: str
) -> None:
    """A240: a browser at an address of nothing gets a page that repeats nothing of the request, with the headers of all
    pages; a program gets JSON, and so does a script, whatever it accepts."""
    page = await browser.request(method, server.url(path), headers=HTML)
    assert page.status == status
    assert words in page.body
    assert "no-such-page" not in page.body
    assert "<b>" not in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert ("Allow" in page.headers) == (status == 405)
    for headers in (
        {},
        {"Accept": "*/*"},
        {"Accept": "application/json"},
        HTML | {"Origin": "https://a.example"},
    ):
        async with server.http.request(method, server.url(path), headers=headers) as answer:
            assert (answer.status, answer.content_type) == (status, "application/json")
            assert set(await answer.json()) == {"error", "error_description"}


@SQLITE
async def test_programs_find_nothing_at_the_front(server: RunningServer) -> None:
    """``/`` answers 404 in JSON to whoever does not ask for a page, as every address of nothing does."""
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        async with server.http.get(server.url("/"), headers=headers) as answer:
            assert (answer.status, answer.content_type) == (404, "application/json")
            assert (await answer.json())["error"] == "invalid_request"


@SQLITE
async def test_the_front_of_an_issuer_with_a_path(store: Store) -> None:
    """The page is at the path with and without a slash, and all that it loads is below the path."""
    port = free_port()
    async with running_server(store, port=port, issuer=f"http://localhost:{port}/auth") as server:
        for path in ("", "/"):
            async with server.http.get(server.url(path), headers=HTML) as answer:
                body = await answer.text()
                assert (answer.status, answer.content_type) == (200, "text/html"), body
                assert 'href="/auth/static/authrim-' in body


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json, text/plain, */*", False),
        (HTML["Accept"], True),
        ("text/html;q=0.1, application/json", False),
        ("text/html;q=0", False),
        ("application/xhtml+xml", True),
    ],
)
def test_a_page_is_for_who_names_it(accept: str, wanted: bool) -> None:
    """A program that takes anything is not shown a page."""
    assert asks_for_page(accept) is wanted
