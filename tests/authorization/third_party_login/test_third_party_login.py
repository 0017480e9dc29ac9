"""OpenID Connect Core §4: another party begins the sign-in at the client's own address, ``initiate_login_uri``."""

import pytest

from tests.support.browser import Browser
from tests.support.registration import MINIMAL, as_known, initial_token, manage, register, registered
from tests.support.running import RunningServer

URI = "https://rp.example/login"


async def test_the_address_is_kept_and_told(server: RunningServer) -> None:
    """oidcc-3rd_party-init-login: in the answer of the registration and of each read after it."""
    client = await registered(server, initiate_login_uri=URI)
    assert client["initiate_login_uri"] == URI
    assert (await manage(server, client)).body["initiate_login_uri"] == URI


@pytest.mark.parametrize(
    "uri", ["http://rp.example/login", "HTTP://rp.example/login", "com.example.app:/login"]
)
async def test_it_is_https(server: RunningServer, uri: str) -> None:
    """oidcc-3rd_party-init-login-nohttps: 400, at the registration and at an update, in development too."""
    token = await initial_token(server)
    answer = await register(server, MINIMAL | {"initiate_login_uri": uri}, token)
    assert answer.error == (400, "invalid_client_metadata")
    client = (await register(server, MINIMAL, token)).body
    update = MINIMAL | {"client_id": client["client_id"], "initiate_login_uri": uri}
    assert (await manage(server, client, "PUT", update)).error == (400, "invalid_client_metadata")


async def test_a_sign_in_that_another_party_began(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §4: the client takes ``iss`` and ``login_hint`` from that request and begins an ordinary one."""
    client = await registered(server, initiate_login_uri=URI)
    shown, _ = await browser.authorize(as_known(client), login_hint=server.login)
    assert f'value="{server.login}"' in shown.body
    assert "code" in (await browser.through_pages(shown)).parameters
