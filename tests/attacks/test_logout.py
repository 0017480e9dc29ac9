"""Attacks on the logout endpoint (docs/rules/attacks/browser.md)."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from authrim.clients.records import create_client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.logout import RETURN, is_logged_in, log_out, logout_client, say_yes
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def logged_in(browser: Browser) -> str:
    return str((await browser.code_flow(await logout_client(browser.server)))["id_token"])


async def test_a188_a_stolen_cookie_is_worth_nothing_after_the_logout(
    server: RunningServer, browser: Browser
) -> None:
    """A188: the session ends on the server, not in the browser alone."""
    thief = Browser(server)
    token = await logged_in(browser)
    thief.cookies |= browser.cookies
    web = await logout_client(server)
    assert await is_logged_in(thief, web)
    await log_out(browser, id_token_hint=token)
    assert not await is_logged_in(thief, web)


@pytest.mark.parametrize(
    "uri",
    [
        f"{RETURN}/",
        f"{RETURN}x",
        RETURN[:-1],
        RETURN.upper(),
        "https://RP.example/post_logout_redirect",
        "http://rp.example/post_logout_redirect",
        "https://rp.example:443/post_logout_redirect",
        "https://rp.example/./post_logout_redirect",
        "https://rp.example@evil.example/post_logout_redirect",
        f"{RETURN}#fragment",
        "https://evil.example/",
        "//evil.example/",
        "/logout",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://rp.example/cb",
    ],
)
async def test_a189_only_a_registered_uri_byte_for_byte(
    server: RunningServer, browser: Browser, uri: str
) -> None:
    """A189, A006: prefix, case, port, scheme and the redirect URI itself: no redirect, the logged-out page."""
    shown = await log_out(browser, id_token_hint=await logged_in(browser), post_logout_redirect_uri=uri)
    assert (shown.status, shown.location) == (200, None)
    assert "You are logged out" in shown.body
    assert uri not in shown.body


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:text/html,x", "http://rp.example/", "https://rp.example/#f", "x"]
)
async def test_a006_a_dangerous_uri_cannot_be_registered(
    server: RunningServer, browser: Browser, uri: str
) -> None:
    """A006: what may not be a redirect URI may not be a place to return to after a logout."""
    metadata = ClientMetadata(redirect_uris=("https://rp.example/cb",), post_logout_redirect_uris=(uri,))
    refused = await create_client(server.core.store, DEFAULT_TENANT, metadata)
    assert isinstance(refused, Refusal)
    assert refused.error == "invalid_client_metadata"


async def test_a190_a_hint_for_another_client_is_an_error(server: RunningServer, browser: Browser) -> None:
    """A190: ``client_id`` and the hint's audience differ: 400, no redirect, nobody logged out."""
    token = await logged_in(browser)
    other = await logout_client(server, "post")
    for method in ("GET", "POST"):
        shown = await log_out(
            browser, method, id_token_hint=token, client_id=other.client_id, post_logout_redirect_uri=RETURN
        )
        assert (shown.status, shown.location) == (400, None)
    assert await is_logged_in(browser, await logout_client(server))


async def forged(server: RunningServer, token: str) -> dict[str, str]:
    """Hints that are none."""
    claims = await verified_claims(server, token)
    web = await logout_client(server)
    key = OctKey.import_key(str(web.secret))
    header, payload, signature = token.split(".")
    return {
        "signed with the client secret": jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"]),
        "another payload": f"{header}.{payload[:-4]}AAAA.{signature}",
        "no signature": f"{header}.{payload}.",
        "encrypted": "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIn0.a.b.c.d",
        "an access token": (await Browser(server).code_flow(web))["access_token"],
        "nonsense": "x",
    }


async def test_a190_a_forged_hint_is_a_question(server: RunningServer, browser: Browser) -> None:
    """A190: HS256 with the client's secret, a changed payload, ``alg`` none, an access token: asked, not redirected."""
    token = await logged_in(browser)
    web = await logout_client(server)
    for name, hint in (await forged(server, token)).items():
        shown = await log_out(
            browser, id_token_hint=hint, client_id=web.client_id, post_logout_redirect_uri=RETURN
        )
        assert 'id="logout-yes"' in shown.body, name
        assert await is_logged_in(browser, web), name
        assert web.metadata.client_name not in shown.body, "a client beside a forged hint is not shown"


async def test_a191_no_other_site_logs_a_person_out(server: RunningServer, browser: Browser) -> None:
    """A191: an image, a link or a form elsewhere shows a question at most; its answer needs our form and cookie."""
    token = await logged_in(browser)
    web = await logout_client(server)
    other = Browser(server)
    strangers = await logged_in(other)
    for hint in (None, strangers):
        asked = await log_out(browser, id_token_hint=hint)
        assert 'id="logout-yes"' in asked.body
    action, fields = asked.form
    foreign: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, fields | {"csrf": ""}),
        ({}, fields | {"csrf": "x" * 43}),
        ({"Origin": "https://evil.example"}, fields),
        ({"Origin": "null"}, fields),
        ({"Sec-Fetch-Site": "cross-site"}, fields),
    ]
    for headers, form in foreign:
        shown = await browser.request("POST", action, form | {"action": "logout"}, headers)
        assert (shown.status, shown.location) == (403, None)
    cookies = {name: value for name, value in browser.cookies.items() if "logout" not in name}
    without: Any = Browser(server)
    without.cookies = cookies
    assert (await without.request("POST", action, fields | {"action": "logout"})).status == 403
    assert await is_logged_in(browser, web)
    assert "You are logged out" in (await say_yes(browser, asked)).body
    assert token != strangers


@pytest.mark.parametrize("name", ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"])
async def test_a_repeated_parameter_is_an_error(server: RunningServer, browser: Browser, name: str) -> None:
    """RFC 6749 §3.1: nobody guesses which of two values was meant."""
    shown = await browser.request("GET", server.url(f"/logout?{name}=a&{name}=b"))
    assert (shown.status, shown.location) == (400, None)


async def test_an_unknown_client_is_an_error(server: RunningServer, browser: Browser) -> None:
    """A client that is not there speaks for nobody."""
    shown = await log_out(browser, client_id="nobody", post_logout_redirect_uri=RETURN)
    assert (shown.status, shown.location) == (400, None)
