"""The authorization code flow with PKCE, through the real pages, to tokens, refresh, userinfo and revocation."""

from tests.support.browser import Browser, authenticated_post
from tests.support.running import RunningServer


async def test_a_person_signs_in_and_the_client_gets_tokens(server: RunningServer, browser: Browser) -> None:
    """``oidcc-server``: code, tokens, userinfo, introspection, refresh and revocation in one story."""
    web = await server.client("web")
    tokens = await browser.code_flow(
        web, scope="openid profile email offline_access", prompt="consent", nonce="n"
    )
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        claims = await answer.json()
    assert claims["sub"] == server.subject
    assert claims["email"] == "alice@example.com"
    status, introspected = await server.post("/introspect", {"token": tokens["access_token"]}, web.basic)
    assert (status, introspected["active"]) == (200, True)
    status, refreshed = await authenticated_post(
        server, web, "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    )
    assert status == 200
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    status, _ = await server.post("/revoke", {"token": refreshed["refresh_token"]}, web.basic)
    assert status == 200
    for token in (tokens["access_token"], refreshed["access_token"]):
        status, introspected = await server.post("/introspect", {"token": token}, web.basic)
        assert introspected == {"active": False}


async def test_a_second_request_needs_no_page(server: RunningServer, browser: Browser) -> None:
    """``oidcc-prompt-none-logged-in``: with a session and remembered consent the answer comes silently."""
    web = await server.client("web")
    await browser.code_flow(web)
    shown, _ = await browser.authorize(web, prompt="none")
    assert set(shown.parameters) == {"code", "state", "session_state", "iss"}


async def test_client_credentials(server: RunningServer) -> None:
    """RFC 6749 §4.4: a service gets a token for what it is registered for."""
    service = await server.client("service")
    status, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    assert status == 200
    assert answer["scope"] == "reports.read reports.write"
    assert "refresh_token" not in answer
