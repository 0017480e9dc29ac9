"""RP-initiated logout as the conformance suite tries it: each test names its module."""

import base64
import json

import pytest
import time_machine

from authrim.core.signing_keys import revoke_key, rotate_key
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import new_key, signed
from tests.support.browser import Browser, BrowserPage
from tests.support.logout import RETURN, STATE, is_logged_in, log_out, logout_client, say_yes
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

LOGGED_OUT = "You are logged out"

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def logged_in(browser: Browser) -> str:
    """Sign in; the ID token."""
    token = (await browser.code_flow(await logout_client(browser.server)))["id_token"]
    assert isinstance(token, str)
    return token


def is_not_sent_away(shown: BrowserPage) -> bool:
    """MUST NOT redirect: a page of our own."""
    return shown.location is None and shown.status in {200, 400}


@one_store
async def test_discovery(server: RunningServer) -> None:
    """``oidcc-rp-initiated-logout-discovery-endpoint-verification``: ``end_session_endpoint`` is advertised."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        assert (await answer.json())["end_session_endpoint"] == server.url("/logout")


async def test_happy(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout``: back to the client with the very state, and ``prompt=none`` fails."""
    token, web = await logged_in(browser), await logout_client(server)
    assert await is_logged_in(browser, web)
    shown = await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN, state=STATE)
    assert shown.location == f"{RETURN}?state={STATE}"
    refused, _ = await browser.authorize(web, prompt="none")
    assert refused.parameters["error"] == "login_required"


@one_store
async def test_bad_post_logout_redirect_uri(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-bad-post-logout-redirect-uri``: logged out all the same, and sent nowhere."""
    shown = await log_out(
        browser, id_token_hint=await logged_in(browser), post_logout_redirect_uri=f"{RETURN}/bad", state=STATE
    )
    shown = await say_yes(browser, shown)
    assert is_not_sent_away(shown)
    assert LOGGED_OUT in shown.body
    assert shown.headers["Authrim-Error-Id"] in shown.body
    assert not await is_logged_in(browser, await logout_client(server))


@one_store
async def test_modified_id_token_hint(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-modified-id-token-hint``: ``alg: none`` is no hint; the person is asked."""
    payload = (await logged_in(browser)).split(".")[1]
    header = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    )
    await assert_asked_and_not_redirected(browser, f"{header}.{payload}.")


@one_store
async def test_bad_id_token_hint(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-bad-id-token-hint``: signed by somebody else; the person is asked."""
    claims = await verified_claims(server, await logged_in(browser))
    await assert_asked_and_not_redirected(browser, signed(new_key(), claims))


async def assert_asked_and_not_redirected(browser: Browser, hint: str) -> None:
    web = await logout_client(browser.server)
    # A genuine client_id beside the forged hint changes nothing.
    for client_id in (None, web.client_id):
        shown = await log_out(
            browser, id_token_hint=hint, client_id=client_id, post_logout_redirect_uri=RETURN, state=STATE
        )
        assert is_not_sent_away(shown)
        assert await is_logged_in(browser, web), "a forged hint logs nobody out"
    shown = await say_yes(browser, shown)
    assert is_not_sent_away(shown)
    assert LOGGED_OUT in shown.body
    assert not await is_logged_in(browser, web)


@one_store
async def test_no_id_token_hint(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-no-id-token-hint``: a ``post_logout_redirect_uri`` alone leads nowhere."""
    await logged_in(browser)
    shown = await log_out(browser, post_logout_redirect_uri=RETURN, state=STATE)
    assert is_not_sent_away(shown)
    shown = await say_yes(browser, shown)
    assert is_not_sent_away(shown)
    assert LOGGED_OUT in shown.body


@one_store
async def test_query_added_to_the_post_logout_redirect_uri(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri``: another URI than the registered."""
    shown = await log_out(
        browser,
        id_token_hint=await logged_in(browser),
        post_logout_redirect_uri=f"{RETURN}?foo=bar",
        state=STATE,
    )
    assert is_not_sent_away(await say_yes(browser, shown))


@one_store
@pytest.mark.parametrize("state", [None, STATE], ids=["no-params", "only-state"])
async def test_nothing_that_names_a_client(
    server: RunningServer, browser: Browser, state: str | None
) -> None:
    """``oidcc-rp-initiated-logout-no-params``, ``oidcc-rp-initiated-logout-only-state``: asked, then logged out."""
    await logged_in(browser)
    shown = await say_yes(browser, await log_out(browser, state=state))
    assert (shown.status, shown.location) == (200, None)
    assert LOGGED_OUT in shown.body
    assert not await is_logged_in(browser, await logout_client(server))


@one_store
async def test_no_post_logout_redirect_uri(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-no-post-logout-redirect-uri``: logged out, and a page says so."""
    shown = await log_out(browser, id_token_hint=await logged_in(browser), state=STATE)
    assert (shown.status, shown.location) == (200, None)
    assert LOGGED_OUT in shown.body
    assert not await is_logged_in(browser, await logout_client(server))


@one_store
async def test_no_state(server: RunningServer, browser: Browser) -> None:
    """``oidcc-rp-initiated-logout-no-state``: sent back without a state."""
    shown = await log_out(browser, id_token_hint=await logged_in(browser), post_logout_redirect_uri=RETURN)
    assert shown.location == RETURN


@one_store
async def test_an_expired_hint_is_a_hint(server: RunningServer, browser: Browser) -> None:
    """RP-Initiated Logout 1.0 §4: a hint SHOULD be accepted when its ``exp`` has passed."""
    token = await logged_in(browser)
    later = (await server.core.store.head()).now / 1e6 + 3600
    with time_machine.travel(later):
        shown = await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN)
    assert shown.location == RETURN


@one_store
async def test_f28_a_hint_under_a_retired_key(server: RunningServer, browser: Browser) -> None:
    """F28: a hint that a key signed before its rotation is genuine, also when the key is not published any more."""
    token, core = await logged_in(browser), server.core
    await rotate_key(core.store, core.private, core.configuration, DEFAULT_TENANT, "ES256", urgent=True)
    for days in (0, 3):
        with time_machine.travel((await core.store.head()).now / 1e6 + days * 86400):
            shown = await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN)
            assert shown.location == RETURN


@one_store
async def test_a_hint_under_a_revoked_key_is_none(server: RunningServer, browser: Browser) -> None:
    """What a revoked key has signed proves nothing: the person is asked."""
    token, core = await logged_in(browser), server.core
    (key,) = (key for key in core.key_ring.keys(DEFAULT_TENANT) if key.alg == "ES256")
    await revoke_key(core.store, core.private, core.configuration, DEFAULT_TENANT, key.kid, "test")
    shown = await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN)
    assert 'id="logout-yes"' in shown.body


@one_store
async def test_a_client_id_alone_is_enough_once_the_person_agrees(
    server: RunningServer, browser: Browser
) -> None:
    """§3: registered for a known client and confirmed by the person, the target is legitimate without a hint."""
    await logged_in(browser)
    web = await logout_client(server)
    shown = await log_out(
        browser, client_id=web.client_id, post_logout_redirect_uri=RETURN, state=STATE, ui_locales="de"
    )
    assert 'lang="de"' in shown.body
    assert (await say_yes(browser, shown)).location == f"{RETURN}?state={STATE}"


@one_store
async def test_who_says_no_stays_logged_in(server: RunningServer, browser: Browser) -> None:
    """The person's answer decides: nothing is ended and the browser goes nowhere."""
    await logged_in(browser)
    web = await logout_client(server)
    asked = await log_out(browser, client_id=web.client_id, post_logout_redirect_uri=RETURN)
    shown = await browser.submit(asked, action="cancel")
    assert "You are still logged in" in shown.body
    assert await is_logged_in(browser, web)


@one_store
async def test_a_post_from_another_site_is_a_question_first(server: RunningServer, browser: Browser) -> None:
    """§2: POST is served too. Browsers keep our cookies back there, and the form that answers brings them."""
    token, web = await logged_in(browser), await logout_client(server)
    without_cookies = Browser(server)
    asked = await log_out(
        without_cookies, "POST", id_token_hint=token, post_logout_redirect_uri=RETURN, state=STATE
    )
    assert 'id="logout-yes"' in asked.body
    browser.cookies |= without_cookies.cookies
    assert (await say_yes(browser, asked)).location == f"{RETURN}?state={STATE}"
    assert not await is_logged_in(browser, web)


@one_store
async def test_the_end_of_the_session_is_the_end_of_its_tokens(
    server: RunningServer, browser: Browser
) -> None:
    """OIDC Core §11: tokens that hang on the session are inactive at once, those for offline access live on."""
    web = await logout_client(server)
    bound = await browser.code_flow(web)
    offline = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
    await log_out(browser, id_token_hint=bound["id_token"])
    for tokens, active in ((bound, False), (offline, True)):
        _, answer = await server.post("/introspect", {"token": tokens["access_token"]}, web.basic)
        assert answer["active"] is active
