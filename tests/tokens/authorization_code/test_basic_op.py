"""What the OpenID conformance suite asks of a Basic OP at sign-in: each test names its module.

One store is enough where the request alone decides; the flow itself runs on both in ``test_flow``.
"""

from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine

from tests.support.accounts import add_account
from tests.support.browser import Browser, authenticated_post, authorization_query
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def id_token(browser: Browser, **parameters: Any) -> dict[str, Any]:
    """The claims of the ID token of a whole flow."""
    web = await browser.server.client("web")
    return await verified_claims(browser.server, (await browser.code_flow(web, **parameters))["id_token"])


async def later(server: RunningServer, seconds: int) -> AbstractContextManager[Any]:
    """The server's clock, ``seconds`` later than now."""
    return time_machine.travel((await server.core.store.head()).now / 1e6 + seconds)


async def test_prompt_login(server: RunningServer, browser: Browser) -> None:
    """``oidcc-prompt-login``: the person signs in again, and ``auth_time`` is later."""
    first = await id_token(browser)
    web = await server.client("web")
    with await later(server, 5):
        shown, _ = await browser.authorize(web, prompt="login")
        assert "/login/" in shown.url
        second = await id_token(browser, prompt="login")
    assert second["auth_time"] > first["auth_time"]
    assert (second["sub"], second["sid"]) == (first["sub"], first["sid"])


async def test_prompt_none_when_logged_in(server: RunningServer, browser: Browser) -> None:
    """``oidcc-prompt-none-logged-in``: silently the same person and the same ``auth_time``."""
    first = await id_token(browser)
    with await later(server, 5):
        second = await id_token(browser, prompt="none")
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])
    assert second["iat"] > first["iat"]


async def test_prompt_none_when_not_logged_in(server: RunningServer, browser: Browser) -> None:
    """``oidcc-prompt-none-not-logged-in``: ``login_required``, with a state of 128 characters."""
    shown, _ = await browser.authorize(await server.client("web"), prompt="none", state="s" * 128)
    assert (shown.parameters["error"], shown.parameters["state"]) == ("login_required", "s" * 128)


async def test_max_age_1(server: RunningServer, browser: Browser) -> None:
    """``oidcc-max-age-1``: two seconds later the person signs in again."""
    first = await id_token(browser)
    with await later(server, 2):
        shown, _ = await browser.authorize(await server.client("web"), max_age="1")
        assert "/login/" in shown.url
        second = await id_token(browser, max_age="1")
    assert second["auth_time"] > first["auth_time"]


async def test_max_age_10000(server: RunningServer, browser: Browser) -> None:
    """``oidcc-max-age-10000``: the session is young enough; ``auth_time`` is there both times, and the same."""
    first = await id_token(browser, max_age="15000")
    with await later(server, 5):
        shown, _ = await browser.authorize(await server.client("web"), max_age="10000")
        assert "code" in shown.parameters
        second = await id_token(browser, max_age="10000")
    assert second["auth_time"] == first["auth_time"]


async def test_id_token_hint(server: RunningServer, browser: Browser) -> None:
    """``oidcc-id-token-hint``: with ``prompt=none`` the hinted person is silently found, an old hint serving too."""
    web = await server.client("web")
    hint = (await browser.code_flow(web))["id_token"]
    with await later(server, 3600):
        second = await id_token(browser, prompt="none", id_token_hint=hint)
    assert second["sub"] == server.subject


async def test_a_hint_of_somebody_else(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §3.1.2.1: when another person is or gets signed in, the answer is ``login_required``."""
    web = await server.client("web")
    hint = (await browser.code_flow(web))["id_token"]
    bob = await add_account(server, "bob")
    other = Browser(server)
    shown = await other.sign_in((await other.authorize(web))[0], "bob")
    await other.submit(shown, action="allow")
    shown, _ = await other.authorize(web, prompt="none", id_token_hint=hint)
    assert shown.parameters["error"] == "login_required"
    shown, _ = await other.authorize(web, id_token_hint=hint)
    assert (await other.sign_in(shown, "bob")).parameters["error"] == "login_required"
    claims = f'{{"id_token":{{"sub":{{"value":"{bob}"}}}}}}'
    assert (await id_token(other, claims=claims, prompt="none"))["sub"] == bob


async def test_another_person_gets_another_session(server: RunningServer, browser: Browser) -> None:
    """A181: who signs in on a browser of somebody else takes nothing over: another ``sid``, the old one ended."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    first = await verified_claims(server, tokens["id_token"])
    bob = await add_account(server, "bob")
    shown, _ = await browser.authorize(web, prompt="select_account")
    assert "/login/" in shown.url
    await browser.submit(await browser.sign_in(shown, "bob"), action="allow")
    second = await id_token(browser, prompt="none")
    assert second["sub"] == bob
    assert second["sid"] != first["sid"]
    _, answer = await server.post("/introspect", {"token": tokens["access_token"]}, web.basic)
    assert answer == {"active": False}


@pytest.mark.parametrize(
    "parameters",
    [
        {"display": "page"},
        {"display": "popup"},
        {"display": "hologram"},
        {"ui_locales": "se"},
        {"ui_locales": "se fr-CA xx-invalid-"},
        {"claims_locales": "se"},
        {"login_hint": "nobody@example.com"},
        {"extra": "foobar"},
        {"nonce": None},
        {"nonce": "n" * 43},
        {"nonce": "n" * 64},
        {"nonce": "n" * 384},
        {"acr_values": "urn:unknown urn:authrim:acr:password"},
        {"code_challenge": None, "code_challenge_method": None},
    ],
    ids=lambda parameters: " ".join(f"{name}={str(value)[:12]}" for name, value in parameters.items()),
)
async def test_requests_that_succeed(browser: Browser, parameters: dict[str, Any]) -> None:
    """``oidcc-display-*``, ``-ui-locales``, ``-claims-locales``, ``-login-hint``, ``-ensure-request-with-*``."""
    web = await browser.server.client("web")
    shown, verifier = await browser.authorize(web, **parameters)
    shown = await browser.through_pages(shown)
    form = {"grant_type": "authorization_code", "redirect_uri": web.redirect_uri}
    form["code"] = shown.parameters["code"]
    if "code_challenge" not in parameters:
        form["code_verifier"] = verifier
    status, tokens = await authenticated_post(browser.server, web, "/token", form)
    assert status == 200, tokens
    claims = await verified_claims(browser.server, tokens["id_token"])
    assert claims.get("nonce") == parameters.get("nonce")
    assert claims["acr"] == "urn:authrim:acr:password"
    assert claims["aud"] == web.client_id
    assert claims["iss"] == browser.server.issuer


async def test_alternate_happy_flow(browser: Browser) -> None:
    """``oidcc-alternate-happy-flow``: neither the order of scope values nor of parameters matters."""
    web = await browser.server.client("web")
    _, query = authorization_query(web, scope="email openid")
    backwards = urlencode(list(reversed(query.items())))
    shown = await browser.request("GET", browser.server.url("/authorize?") + backwards)
    assert "code" in (await browser.through_pages(shown)).parameters


async def test_claims_essential(server: RunningServer, browser: Browser) -> None:
    """``oidcc-claims-essential``: a claim asked for by name is in the place that it was asked for."""
    web = await server.client("web")
    claims = '{"userinfo":{"name":{"essential":true}},"id_token":{"email":null}}'
    tokens = await browser.code_flow(web, claims=claims)
    assert (await verified_claims(server, tokens["id_token"]))["email"] == "alice@example.com"
    userinfo = await _userinfo(server, tokens["access_token"])
    assert set(userinfo) == {"sub", "name"}


async def test_scopes(server: RunningServer, browser: Browser) -> None:
    """``oidcc-scope-profile``, ``-email``, ``-address``, ``-phone``, ``-all``: every standard claim, by userinfo."""
    web = await server.client("web")
    expected = {
        "openid": set(),
        "openid email": {"email", "email_verified"},
        "openid address": {"address"},
        "openid phone": {"phone_number", "phone_number_verified"},
    }
    for scope, names in expected.items():
        tokens = await browser.code_flow(web, scope=scope)
        assert set(await _userinfo(server, tokens["access_token"])) == names | {"sub"}
    tokens = await browser.code_flow(web, scope="openid profile email address phone")
    everything = await _userinfo(server, tokens["access_token"])
    assert len(everything) == 20
    assert isinstance(everything["updated_at"], int)
    assert isinstance(everything["address"], dict)
    assert everything["email_verified"] in (True, False)


async def _userinfo(server: RunningServer, token: str) -> dict[str, Any]:
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def test_a_refresh_token_of_another_client(server: RunningServer, browser: Browser) -> None:
    """``oidcc-refresh-token``: another client's attempt is ``invalid_grant``; the owner can still refresh."""
    web, other = await server.client("web"), await server.client("other", kind="post")
    scope = "openid offline_access"
    tokens = await browser.code_flow(web, scope=scope, prompt="consent")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, answer = await authenticated_post(server, other, "/token", form)
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, refreshed = await authenticated_post(server, web, "/token", form | {"scope": scope})
    assert status == 200
    first = await verified_claims(server, tokens["id_token"])
    second = await verified_claims(server, refreshed["id_token"])
    for name in ("iss", "sub", "aud", "auth_time"):
        assert second[name] == first[name], name
