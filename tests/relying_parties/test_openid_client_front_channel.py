"""The npm openid-client in the implicit and the hybrid flow, with form_post and with JARM."""

from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.relying_parties.test_openid_client import program
from tests.support.browser import Browser
from tests.support.responses import client_of
from tests.support.running import KnownClient, RunningServer

pytestmark = [pytest.mark.node, pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)]

ID_TOKEN = {"use": ["useIdTokenResponseType"], "with_code": False}
HYBRID = {"use": ["useCodeIdTokenResponseType"], "with_code": True}
DETACHED = {
    "use": ["useCodeIdTokenResponseType", "enableDetachedSignatureResponseChecks"],
    "with_code": True,
}
JARM = {"use": ["useJwtResponseMode"], "with_code": True}
PLAIN: dict[str, Any] = {"use": [], "with_code": True}


async def flow(browser: Browser, client: KnownClient, **settings: Any) -> dict[str, Any]:
    """What openid-client makes of a whole flow."""
    settings = {"redirect_uri": client.redirect_uri, "response_mode": None, **settings}
    async with program("front_channel.mjs", browser.server, client, **settings) as rp:
        shown = await browser.request("GET", (await rp.receive())["url"])
        shown = await browser.through_pages(shown)
        body = None if shown.location else shown.form[1]
        await rp.send({"callback": shown.location, "body": body})
        got: dict[str, Any] = await rp.receive()
    return got


@pytest.mark.parametrize(
    ("response_type", "settings"),
    [
        ("id_token", ID_TOKEN),
        ("id_token", ID_TOKEN | {"response_mode": "form_post"}),
        ("code id_token", HYBRID),
        ("code id_token", HYBRID | {"response_mode": "form_post"}),
        ("code id_token", DETACHED),
        ("code", JARM),
    ],
    ids=["implicit", "implicit form_post", "hybrid", "hybrid form_post", "FAPI 1 detached signature", "JARM"],
)
async def test_openid_client_signs_a_person_in(
    server: RunningServer, browser: Browser, response_type: str, settings: dict[str, Any]
) -> None:
    """``oidcc-server`` of the implicit, hybrid and form post plans, ``fapi1-advanced-final`` (``s_hash``, ``c_hash``)
    and JARM: signatures, hashes, nonce and state hold, and another state is told apart."""
    client = await client_of(server, response_type)
    got = await flow(browser, client, **settings)
    assert got["claims"]["sub"] == server.subject
    assert got["claims"]["aud"] == client.client_id
    assert got["wrong_state"]["code"] == "OAUTH_INVALID_RESPONSE"
    if settings["with_code"]:
        assert got["userinfo"]["email"] == "alice@example.com"
    else:
        assert got["claims"]["email"] == "alice@example.com"


async def test_openid_client_decrypts_a_response(server: RunningServer, browser: Browser) -> None:
    """JARM §2.2: the nested response is opened with the client's key, then verified with ours."""
    key = ECKey.generate_key("P-256", {"kid": "enc", "use": "enc", "alg": "ECDH-ES"})
    client = await client_of(
        server,
        "code",
        jwks={"keys": [key.as_dict(private=False)]},
        authorization_encrypted_response_alg="ECDH-ES",
        authorization_encrypted_response_enc="A256GCM",
    )
    private = {name: value for name, value in key.as_dict(private=True).items() if name not in ("use", "alg")}
    got = await flow(browser, client, **JARM, decryption_key=private)
    assert got["claims"]["sub"] == server.subject


async def test_openid_client_gets_a_form_post(server: RunningServer, browser: Browser) -> None:
    """The formpost-basic plan: the code in a body."""
    got = await flow(browser, await client_of(server, "code"), **PLAIN | {"response_mode": "form_post"})
    assert got["claims"]["sub"] == server.subject
