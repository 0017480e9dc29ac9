"""The npm openid-client with PAR (RFC 9126), JAR (RFC 9101), DPoP (RFC 9449) and JARM, under the profiles."""

from typing import Any

import pytest

from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from tests.relying_parties.client_keys import new_client_key
from tests.relying_parties.test_openid_client import program
from tests.support.browser import Browser
from tests.support.running import RunningServer

pytestmark = pytest.mark.node

#: Profile, and what the client does.
FLOWS: dict[str, tuple[str, dict[str, bool]]] = {
    "pushed": ("oidc", {"pushes": True}),
    "signed": ("oidc", {"signs": True}),
    "signed and pushed": ("oauth21", {"signs": True, "pushes": True}),
    "FAPI 2": ("fapi2-security", {"pushes": True, "dpop": True}),
    "FAPI 2, signed": ("fapi2-message-signing", {"pushes": True, "signs": True, "dpop": True, "jarm": True}),
}


@pytest.mark.parametrize("flow", FLOWS)
async def test_openid_client_signs_a_person_in(server: RunningServer, browser: Browser, flow: str) -> None:
    """``fapi2-security-profile-final-happy-flow``, ``fapi2-security-profile-final-happy-flow``: from the request to
    userinfo, as each profile wants it."""
    profile, does = FLOWS[flow]
    key = new_client_key()
    fields: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"} | defaults_of(
        PROFILES[profile]
    )
    if does.get("jarm"):
        fields["authorization_signed_response_alg"] = "ES256"
    client = await server.client(flow, kind="web", profile=profile, jwks=key.jwks, **fields)
    more = {"redirect_uri": client.redirect_uri, "private_key": key.private, **does}
    async with program("pushed.mjs", server, client, **more) as party:
        shown = await browser.request("GET", (await party.receive())["url"])
        await party.send({"callback": (await browser.through_pages(shown)).location})
        got = await party.receive()
    assert got["type"].lower() == ("dpop" if does.get("dpop") else "bearer")
    assert got["claims"]["sub"] == got["userinfo"]["sub"] == server.subject
    assert got["userinfo"]["email"] == "alice@example.com"
    assert (got["answer"] == ["response"]) is bool(does.get("jarm"))
