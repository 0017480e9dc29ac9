"""OAuth 2.0 Form Post Response Mode: the page that brings an answer to the client in a body.

Every response type by form_post is in ``tests/authorization/response_types``; real browsers are in ``tests/browser``.
"""

import re

import pytest

from tests.support.browser import Browser
from tests.support.responses import CERTIFIED, answered, client_of
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

HOSTILE = "\"'><script>alert(1)</script><form action=https://evil.example>"


async def test_the_page_needs_nothing_modern(server: RunningServer, browser: Browser) -> None:
    """Form Post §2 in the suite's HtmlUnit: one form, hidden fields, a visible button, and a script that calls
    ``submit()`` at the end of the page; nothing is loaded but our own style sheet."""
    client = await client_of(server, "code id_token")
    shown, _ = await browser.authorize(
        client, response_type="code id_token", nonce="n", response_mode="form_post"
    )
    page = await browser.through_pages(shown)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.body.count("<form") == page.body.count("<script") == page.body.count('type="submit"') == 1
    assert page.body.index("</form>") < page.body.index("<script")
    assert re.search(r'<script nonce="[\w-]{22}">document\.forms\[0\]\.submit\(\)</script>', page.body)
    assert not re.search(r'(?:src|href)="(?!/static/)', page.body)
    assert page.headers["Cache-Control"] == "no-store"


async def test_the_policy_names_the_clients_origin_and_one_script(
    server: RunningServer, browser: Browser
) -> None:
    """A196: only the script with this page's nonce runs, and the form leads to the redirect origin first; a state full
    of markup stays a value."""
    client = await client_of(server, "id_token")
    shown, _ = await browser.authorize(
        client,
        response_type="id_token",
        nonce="n",
        response_mode="form_post",
        prompt="none",
        state=HOSTILE,
    )
    policy = shown.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]{22})'", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in shown.body
    assert "default-src 'none'" in policy
    assert shown.body.count("<script") == shown.body.count("<form") == 1
    assert shown.form == ("https://rp.example/cb", shown.form[1])
    assert shown.form[1]["state"] == HOSTILE


@pytest.mark.parametrize("response_type", CERTIFIED)
async def test_the_registered_query_stays(
    server: RunningServer, browser: Browser, response_type: str
) -> None:
    """The suite's second client: the form goes to ``?dummy1=lorem&dummy2=ipsum``, and the query is not in the body."""
    redirect_uri = "https://rp.example/cb?dummy1=lorem&dummy2=ipsum"
    client = await client_of(server, response_type, redirect_uris=(redirect_uri,))
    received = await answered(browser, client, response_type, response_mode="form_post")
    assert not {"dummy1", "dummy2"} & received.parameters.keys()
