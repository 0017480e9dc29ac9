"""Clients that push their requests (RFC 9126), as the client of any kind of authentication."""

from typing import Any
from urllib.parse import urlencode

from tests.support.browser import Browser, BrowserPage, authenticated_post, authorization_query, redeem
from tests.support.running import KnownClient, RunningServer

PREFIX = "urn:ietf:params:oauth:request_uri:"


async def push(
    server: RunningServer, client: KnownClient, **parameters: Any
) -> tuple[int, dict[str, Any], str]:
    """Push a code request with PKCE: status, answer, and the verifier. None leaves a parameter out."""
    verifier, form = authorization_query(client, **parameters)
    status, answer = await authenticated_post(server, client, "/par", form)
    return status, answer, verifier


async def pushed(server: RunningServer, client: KnownClient, **parameters: Any) -> tuple[str, str]:
    """The ``request_uri`` of an accepted request, and the verifier."""
    status, answer, verifier = await push(server, client, **parameters)
    assert status == 201, answer
    return answer["request_uri"], verifier


async def refused_push(server: RunningServer, client: KnownClient, **parameters: Any) -> str:
    """The error of a push that is refused with 400."""
    status, answer, _ = await push(server, client, **parameters)
    assert status == 400, answer
    assert set(answer) <= {"error", "error_description", "error_uri"}
    return str(answer["error"])


async def fetch(browser: Browser, client: KnownClient, request_uri: str, **more: str) -> BrowserPage:
    """What a browser is shown that brings the ``request_uri`` to the authorization endpoint."""
    query = {"client_id": client.client_id, "request_uri": request_uri, **more}
    return await browser.request("GET", browser.server.url("/authorize?") + urlencode(query))


async def pushed_flow(browser: Browser, client: KnownClient, **parameters: Any) -> dict[str, Any]:
    """The whole flow: the token response."""
    request_uri, verifier = await pushed(browser.server, client, **parameters)
    shown = await browser.through_pages(await fetch(browser, client, request_uri))
    status, tokens = await redeem(browser.server, client, shown.parameters["code"], verifier)
    assert status == 200, tokens
    return tokens


def on_error_page(shown: BrowserPage, error: str) -> bool:
    """Whether it is the error page with this error: nobody was redirected, and the error id is told."""
    error_id = shown.headers.get("Authrim-Error-Id", "")
    is_page = shown.status == 400 and shown.location is None and bool(error_id)
    return is_page and error_id in shown.body and error in shown.body
