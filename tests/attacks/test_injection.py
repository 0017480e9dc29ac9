"""Values that would be SQL, were they ever part of a statement."""

import pytest

from authrim.store.chain import verify
from tests.support.browser import Browser
from tests.support.running import RunningServer

SQL = (
    "' OR '1'='1",
    "'; DROP TABLE events; --",
    '" OR ""="',
    "x') UNION SELECT document FROM sealed --",
    "$1; DELETE FROM head",
    "\\'; SELECT pg_sleep(9); --",
)


@pytest.mark.parametrize("text", SQL)
async def test_sql_is_a_value_like_any_other(server: RunningServer, browser: Browser, text: str) -> None:
    """A223: as client, token, code or login it is answered like an unknown one, and the log is as it was."""
    api, web = await server.client("api"), await server.client("web")
    unknown = {"grant_type": "client_credentials", "client_id": text, "client_secret": text}
    status, answer = await server.post("/token", unknown)
    assert (status, answer["error"]) == (401, "invalid_client")
    assert await server.post("/introspect", {"token": text}, api.basic) == (200, {"active": False})
    redeemed = {"grant_type": "authorization_code", "code": text, "redirect_uri": web.redirect_uri}
    status, answer = await server.post("/token", redeemed | {"code_verifier": "v" * 43}, web.basic)
    assert (status, answer["error"]) == (400, "invalid_grant")
    shown, _ = await browser.authorize(web)
    assert (await browser.sign_in(shown, login=text)).status == 401
    assert (await verify(server.core.store)).problem is None
