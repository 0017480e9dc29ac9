"""OpenID Connect Core §11: offline access needs the person's agreement to just that."""

import pytest

from tests.support.browser import Browser
from tests.support.running import RunningServer


async def test_who_agreed_without_it_is_asked(server: RunningServer, browser: Browser) -> None:
    """Agreement to openid and email is none to offline access: the person is asked, and cannot be passed over."""
    client = await server.client()
    tokens = await browser.code_flow(client, scope="openid email")
    assert "refresh_token" not in tokens
    silent, _ = await browser.authorize(client, scope="openid email offline_access", prompt="none")
    assert silent.parameters["error"] == "consent_required"
    shown, _ = await browser.authorize(client, scope="openid email offline_access")
    assert "/consent/" in shown.url


@pytest.mark.parametrize("prompt", [None, "none"])
async def test_who_agreed_to_it_is_not_asked_again(
    server: RunningServer, browser: Browser, prompt: str | None
) -> None:
    """The earlier agreement is the condition that is in place; prompt=consent asks whoever wants to be sure."""
    client = await server.client()
    await browser.code_flow(client, scope="openid offline_access", prompt="consent")
    tokens = await browser.code_flow(client, scope="openid offline_access", prompt=prompt)
    assert "refresh_token" in tokens
    shown, _ = await browser.authorize(client, scope="openid offline_access", prompt="consent")
    assert "/consent/" in shown.url
