"""The npm openid-client registers itself (RFC 7591) and goes on as the client that it became."""

import pytest

from domain.client.metadata import ClientMetadata
from tests.relying_parties.test_openid_client import program
from tests.support.browser import Browser
from tests.support.registration import initial_token
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.node

NOBODY = KnownClient("", None, ClientMetadata())


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
async def test_openid_client_registers_itself(server: RunningServer, browser: Browser, method: str) -> None:
    """With an initial access token; without one it is refused. Then the code flow, with the secret it was given."""
    metadata = {
        "redirect_uris": ["https://rp.example/cb"], "client_name": "Self-made", "token_endpoint_auth_method": method,
    }  # fmt: skip
    token = await initial_token(server)
    async with program("registering.mjs", server, NOBODY, initial_token=token, metadata=metadata) as party:
        assert (await party.receive())["refused"] is not None
        registered = (await party.receive())["registered"]
        assert registered["client_name"] == "Self-made"
        assert ("client_secret" in registered) is (method != "none")
        shown = await browser.request("GET", (await party.receive())["address"])
        await party.send({"location": (await browser.through_pages(shown)).location})
        claims = (await party.receive())["claims"]
    assert (claims["sub"], claims["aud"]) == (server.subject, registered["client_id"])
