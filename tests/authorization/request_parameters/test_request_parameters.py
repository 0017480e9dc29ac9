"""Every request parameter of OpenID Connect Core §3.1.2.1 and §5.5 that changes what happens; those that only must
not disturb are in ``authorization_code/test_basic_op``."""

import json
from typing import Any

import pytest

from domain.grant.events import AuthorizationRequested
from tests.support.browser import Browser, redeem
from tests.support.log import grant_events
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

PASSWORD = "urn:authrim:acr:password"


async def flow(
    browser: Browser, **parameters: Any
) -> tuple[dict[str, Any], dict[str, Any], AuthorizationRequested]:
    """The ID token's claims, the userinfo answer, and the recorded request."""
    server = browser.server
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, **parameters)
    shown = await browser.through_pages(shown)
    code = shown.parameters["code"]
    status, tokens = await redeem(server, web, code, verifier)
    assert status == 200, tokens
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        userinfo = await answer.json()
    asked = (await grant_events(server, code))[0]
    assert isinstance(asked, AuthorizationRequested)
    return await verified_claims(server, tokens["id_token"]), userinfo, asked


async def refused(browser: Browser, **parameters: Any) -> str:
    """The error by redirect."""
    shown, _ = await browser.authorize(await browser.server.client("web"), **parameters)
    return shown.parameters["error"]


async def test_the_recorded_request(browser: Browser) -> None:
    """``oidcc-ui-locales``, ``oidcc-claims-locales``, ``oidcc-display-popup``: wishes are recorded, personal data
    not."""
    _, _, asked = await flow(
        browser,
        ui_locales="de fr",
        claims_locales="fr-CA de",
        display="popup",
        login_hint="alice@example.com",
    )
    assert (asked.ui_locales, asked.claims_locales, asked.display) == (("de", "fr"), ("fr-CA", "de"), "popup")
    assert "alice@example.com" not in repr(asked)


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap"])
async def test_display(browser: Browser, display: str) -> None:
    """``oidcc-display-page``, ``oidcc-display-popup``: the sign-in page is shown with each of them."""
    shown, _ = await browser.authorize(await browser.server.client("web"), display=display)
    assert (shown.status, 'id="login"' in shown.body) == (200, True)


async def test_login_hint_and_ui_locales_reach_the_page(browser: Browser) -> None:
    """``oidcc-login-hint``, ``oidcc-ui-locales``: the hint is in the field, the page in the language."""
    web = await browser.server.client("web")
    shown, _ = await browser.authorize(web, login_hint="bob@example.com", ui_locales="xx de")
    assert 'value="bob@example.com"' in shown.body
    assert '<html lang="de"' in shown.body


async def test_acr_values(browser: Browser) -> None:
    """``oidcc-ensure-request-with-acr-values-succeeds``: what was asked for and is available is in the ID token; what
    cannot is no error, because ``acr_values`` is a wish."""
    for values in (PASSWORD, f"urn:unknown {PASSWORD}", "urn:unknown"):
        claims, _, _ = await flow(browser, acr_values=values, prompt="login")
        assert claims["acr"] == PASSWORD


@pytest.mark.parametrize("asked", [{"value": PASSWORD}, {"values": ["urn:unknown", PASSWORD]}])
async def test_an_essential_acr(browser: Browser, asked: dict[str, Any]) -> None:
    """OIDC Core §5.5.1.1: an essential ``acr`` that can be reached is."""
    request = json.dumps({"id_token": {"acr": {"essential": True} | asked}})
    assert (await flow(browser, claims=request))[0]["acr"] == PASSWORD


async def test_an_essential_acr_out_of_reach(browser: Browser) -> None:
    """A026, OIDC Core §5.5.1.1: failed, not granted with less; as a wish it is no error."""
    for asked in ({"value": "urn:unknown"}, {"values": ["urn:unknown", "urn:other"]}):
        request = json.dumps({"id_token": {"acr": {"essential": True} | asked}})
        assert await refused(browser, claims=request) == "unmet_authentication_requirements"
        wish = json.dumps({"id_token": {"acr": asked}})
        assert (await flow(browser, claims=wish))[0]["acr"] == PASSWORD


async def test_claims_by_place(browser: Browser) -> None:
    """``oidcc-claims-essential``: each claim where it was asked for; ``value`` and ``values`` of a claim about the
    person are no condition (OIDC Core §5.5.1), unknown claims are ignored, ``auth_time`` is there when asked for."""
    request = json.dumps(
        {
            "userinfo": {
                "name": {"essential": True}, "email": {"value": "bob@example.com"}, "nickname": None, "unheard": None,
            },
            "id_token": {"email": None, "auth_time": {"essential": True}, "locale": {"values": ["xx", "yy"]}},
        }
    )  # fmt: skip
    id_token, userinfo, _ = await flow(browser, claims=request)
    assert {"name", "email", "nickname"} <= userinfo.keys()
    assert userinfo["email"] == id_token["email"] == "alice@example.com"
    assert "auth_time" in id_token
    assert "name" not in id_token
    assert "unheard" not in userinfo


async def test_claims_about_another_person(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §5.5.1: with a ``sub`` of somebody else nobody is signed in silently."""
    await flow(browser)
    other = json.dumps({"id_token": {"sub": {"value": "somebody-else"}}})
    assert await refused(browser, claims=other, prompt="none") == "login_required"
    own = json.dumps({"userinfo": {"sub": {"value": server.subject}}})
    shown, _ = await browser.authorize(await server.client("web"), claims=own, prompt="none")
    assert "code" in shown.parameters


async def test_prompt_consent_and_select_account(browser: Browser) -> None:
    """OIDC Core §3.1.2.1: ``consent`` asks again somebody who agreed before, ``select_account`` who it shall be."""
    web = await browser.server.client("web")
    await flow(browser)
    shown, _ = await browser.authorize(web, prompt="consent")
    assert "/consent/" in shown.url
    shown, _ = await browser.authorize(web, prompt="select_account")
    assert "/login/" in shown.url
    shown, _ = await browser.authorize(web, prompt="login consent")
    assert "/login/" in shown.url
    assert "/consent/" in (await browser.sign_in(shown)).url


async def test_prompt_create_is_not_offered(server: RunningServer, browser: Browser) -> None:
    """Initiating User Registration 1.0 §4.1: where people do not make accounts it is not in the metadata, and asking
    for it is ``invalid_request``, never silently a sign-in."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        offered = (await answer.json())["prompt_values_supported"]
    assert offered == ["none", "login", "consent", "select_account"]
    assert await refused(browser, prompt="create") == "invalid_request"
    assert await refused(browser, prompt="login create") == "invalid_request"


async def test_max_age_0(browser: Browser) -> None:
    """OIDC Core §3.1.2.1: 0 is as ``prompt=login``."""
    await flow(browser)
    shown, _ = await browser.authorize(await browser.server.client("web"), max_age="0")
    assert "/login/" in shown.url
