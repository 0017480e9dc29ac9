"""What the conformance suite asks of every response type, by redirect and by form_post: each test names its modules.

The lists of the implicit, hybrid and form post plans are those of the basic one, run once for each response type.
"""

from typing import Any

import pytest
import time_machine

from tests.support.browser import Browser
from tests.support.responses import (
    CERTIFIED,
    IMPLICIT,
    ReceivedResponse,
    access_token_of,
    answered,
    client_of,
    id_token_of,
    redeemed,
    refusal,
    userinfo,
)
from tests.support.running import KnownClient, RunningServer

pytestmark = [
    pytest.mark.parametrize("store_place", ["sqlite"], indirect=True),
    pytest.mark.parametrize("mode", [None, "form_post"], ids=["redirect", "form_post"]),
    pytest.mark.parametrize("response_type", CERTIFIED, ids=[name.replace(" ", "+") for name in CERTIFIED]),
]


def came_as(received: ReceivedResponse, response_type: str, mode: str | None) -> bool:
    """OIDC Core §3.1.2.5, §3.2.2.5, §3.3.2.5: the code in the query, anything else in the fragment, or a form."""
    return received.encoding == (mode or ("query" if response_type == "code" else "fragment"))


async def sent_to(
    browser: Browser, client: KnownClient, response_type: str, mode: str | None, **parameters: Any
) -> ReceivedResponse:
    """The answer to a request, which came where it has to come."""
    received = await answered(browser, client, response_type, response_mode=mode, **parameters)
    assert came_as(received, response_type, mode)
    return received


async def test_the_happy_flow(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """``oidcc-server``, ``-alternate-happy-flow``, ``-userinfo-get``: exactly what the type names, and ``iss``."""
    client = await client_of(server, response_type)
    received = await sent_to(browser, client, response_type, mode, scope="email openid")
    words = set(response_type.split(" "))
    expected = {"state", "session_state", "iss"} | (words - {"token"})
    if "token" in words:
        expected |= {"access_token", "token_type", "expires_in", "scope"}
        assert received.parameters["token_type"] == "Bearer"
        assert int(received.parameters["expires_in"]) > 0
    assert set(received.parameters) == expected
    assert (received.parameters["state"], received.parameters["iss"]) == ("a-state", server.issuer)
    claims = await id_token_of(server, client, received)
    assert (claims["iss"], claims["aud"], claims["sub"]) == (server.issuer, client.client_id, server.subject)
    assert claims["nonce"] == "a-nonce"
    assert claims["acr"]
    assert claims["sid"]


async def test_scopes(server: RunningServer, browser: Browser, response_type: str, mode: str | None) -> None:
    """``oidcc-scope-profile``, ``-email``, ``-address``, ``-phone``, ``-all``: by userinfo, and in the ID token only
    when there is no access token at all."""
    client = await client_of(server, response_type)
    for scope, wanted in (
        ("openid email", {"email", "email_verified"}),
        ("openid profile email address phone", {"name", "email", "address", "phone_number", "birthdate"}),
    ):
        received = await sent_to(browser, client, response_type, mode, scope=scope)
        access_token = await access_token_of(server, client, received)
        if access_token is None:
            assert wanted <= (await id_token_of(server, client, received)).keys()
            continue
        told = await userinfo(server, access_token)
        assert wanted <= told.keys()
        assert told["sub"] == server.subject
        if "id_token" in received.parameters:
            assert not wanted & (await id_token_of(server, client, received)).keys()


async def test_claims_by_name(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """``oidcc-claims-essential``: for ``id_token`` alone in the ID token, else by userinfo (OIDC Core §5.5)."""
    client = await client_of(server, response_type)
    place = "id_token" if response_type == "id_token" else "userinfo"
    asked = f'{{"{place}":{{"name":{{"essential":true}}}}}}'
    received = await sent_to(browser, client, response_type, mode, claims=asked)
    access_token = await access_token_of(server, client, received)
    told = await (
        id_token_of(server, client, received) if access_token is None else userinfo(server, access_token)
    )
    assert told["name"]


async def test_the_session(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """``oidcc-prompt-login``, ``-prompt-none-logged-in``, ``-max-age-1``, ``-max-age-10000``, ``-id-token-hint``."""
    client = await client_of(server, response_type)

    async def claims_of(**parameters: Any) -> dict[str, Any]:
        received = await sent_to(browser, client, response_type, mode, **parameters)
        return await id_token_of(server, client, received)

    first = await claims_of(max_age="15000")
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 2):
        for silent in ({"prompt": "none"}, {"max_age": "10000"}):
            assert (await claims_of(**silent))["auth_time"] == first["auth_time"]
        again = await claims_of(prompt="login")
        assert again["auth_time"] > first["auth_time"]
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 4):
        assert (await claims_of(max_age="1"))["auth_time"] > again["auth_time"]
        assert (await claims_of(acr_values="urn:x urn:authrim:acr:password"))["sub"] == first["sub"]


async def test_errors_go_where_the_answer_would_have_gone(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """``oidcc-prompt-none-not-logged-in``: only the members of an error, with a ``state`` of 128 characters."""
    client = await client_of(server, response_type)
    state = "s" * 128
    received = await refusal(browser, client, response_type, response_mode=mode, prompt="none", state=state)
    assert came_as(received, response_type, mode)
    assert received.parameters["error"] == "login_required"
    assert set(received.parameters) <= {"error", "error_description", "error_uri", "state", "iss"}
    assert received.parameters["state"] == state


async def test_without_a_response_type(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """``oidcc-response-type-missing``: the error is in the query, or in the body of a form_post; so is the one for an
    unknown type (A016)."""
    client = await client_of(server, response_type)
    for missing, error in ((None, "invalid_request"), ("gold", "unsupported_response_type")):
        shown, _ = await browser.authorize(client, response_type=missing, response_mode=mode, nonce="n")
        received = ReceivedResponse.of(shown, client)
        assert received.encoding == (mode or "query")
        assert received.parameters["error"] == error


async def test_without_a_nonce(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """``oidcc-ensure-request-without-nonce-fails`` where the browser brings an ID token; elsewhere
    ``…-succeeds-for-code-flow``, and then no ID token has one."""
    client = await client_of(server, response_type)
    if "id_token" in response_type.split(" "):
        received = await refusal(browser, client, response_type, response_mode=mode, nonce=None)
        assert came_as(received, response_type, mode)
        assert received.parameters["error"] == "invalid_request"
        return
    received = await sent_to(browser, client, response_type, mode, nonce=None)
    assert "nonce" not in await id_token_of(server, client, received)


async def test_offline_access(
    server: RunningServer, browser: Browser, response_type: str, mode: str | None
) -> None:
    """OIDC Core §11, ``oidcc-refresh-token``: a refresh token comes of a code alone; without a code the scope is
    ignored."""
    client = await client_of(server, response_type)
    received = await sent_to(
        browser, client, response_type, mode, scope="openid offline_access", prompt="consent"
    )
    assert "refresh_token" not in received.parameters
    if response_type not in IMPLICIT:
        assert "refresh_token" in await redeemed(server, client, received)
