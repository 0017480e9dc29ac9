"""Which response type goes to whom, and in which mode (A016, A017, A018; OAuth MRT §2.1, §3, §4)."""

import pytest

from authrim.clients.records import update_client
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.response_type import RESPONSE_TYPES
from tests.support.browser import Browser, BrowserPage
from tests.support.responses import (
    CERTIFIED,
    HYBRID,
    IMPLICIT,
    ReceivedResponse,
    answered,
    client_of,
    refusal,
)
from tests.support.running import KnownClient, RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def change(server: RunningServer, client: KnownClient, **changes: object) -> None:
    """An administrator changes the client's registration."""
    updated = await update_client(server.core.store, DEFAULT_TENANT, client.client_id, changes)
    assert not isinstance(updated, Refusal), updated.error_description
    await server.core.configuration.catch_up()


async def test_none(server: RunningServer, browser: Browser) -> None:
    """OAuth MRT §4: the good news alone, in the query, and the grant gives nothing out."""
    client = await client_of(server, "none")
    received = await answered(browser, client, "none", scope="openid email", nonce=None)
    assert (received.encoding, received.parameters) == (
        "query",
        {"state": "a-state", "iss": server.issuer},
    )
    received = await answered(browser, client, "none", prompt="none", response_mode="fragment")
    assert (received.encoding, set(received.parameters)) == ("fragment", {"state", "iss"})


@pytest.mark.parametrize("registered", CERTIFIED)
async def test_a_client_gets_what_it_registered_and_nothing_else(
    server: RunningServer, browser: Browser, registered: str
) -> None:
    """A017: every other response type is ``unauthorized_client``, and ``token`` alone never exists."""
    client = await client_of(server, registered)
    for response_type in RESPONSE_TYPES:
        if response_type != registered:
            received = await refusal(browser, client, response_type)
            assert received.parameters["error"] == "unauthorized_client", response_type
    received = await refusal(browser, client, "token")
    assert received.parameters["error"] == "unsupported_response_type"


@pytest.mark.parametrize("response_type", [*IMPLICIT, *HYBRID])
async def test_tokens_are_never_in_a_query(
    server: RunningServer, browser: Browser, response_type: str
) -> None:
    """OAuth MRT §3, ``fapi1-advanced-final-ensure-response-mode-query``: refused, in the fragment; ``query.jwt`` too,
    unless it were encrypted (JARM §2.3.1)."""
    client = await client_of(server, response_type)
    received = await refusal(browser, client, response_type, response_mode="query")
    assert (received.encoding, received.parameters["error"]) == ("fragment", "invalid_request")
    shown, _ = await browser.authorize(
        client, response_type=response_type, nonce="n", response_mode="query.jwt"
    )
    assert set(shown.parameters) == {"response"}


async def test_what_was_recorded_is_asked_again_at_the_end(server: RunningServer, browser: Browser) -> None:
    """A017, A018: the response type is the recorded one; a client that lost it meanwhile gets nothing at the end."""
    client = await client_of(
        server, "id_token token", response_types=("code", "id_token token"),
        grant_types=("authorization_code", "implicit"),
    )  # fmt: skip
    page, _ = await browser.authorize(client, response_type="code")
    action, hidden = page.form
    forged = {"response_type": "id_token token", "response_mode": "query", "nonce": "n"}
    headers = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
    form = hidden | {"login": server.login, "password": server.password, "action": "sign-in"} | forged
    shown = await browser.through_pages(await browser.request("POST", action, form, headers))
    assert set(shown.parameters) == {"code", "state", "session_state", "iss"}

    page, _ = await browser.authorize(client, response_type="id_token token", nonce="n", prompt="login")
    await change(server, client, response_types=("code",), grant_types=("authorization_code",))
    shown = await browser.sign_in(page)
    assert _on_error_page(shown)


def _on_error_page(shown: BrowserPage) -> bool:
    return shown.status == 400 and shown.location is None and "may not have this" in shown.body


async def test_an_id_token_needs_openid(server: RunningServer, browser: Browser) -> None:
    """OIDC Core §3.2.2.1: no ID token without the scope ``openid``; ``code token`` may be plain OAuth."""
    for response_type in ("id_token", "code id_token"):
        client = await client_of(server, response_type)
        received = await refusal(browser, client, response_type, scope="email")
        assert received.parameters["error"] == "invalid_request"
    client = await client_of(server, "code token")
    received = await answered(browser, client, "code token", scope="email")
    assert set(received.parameters) >= {"code", "access_token"}


async def test_the_modes_that_a_client_registered(server: RunningServer, browser: Browser) -> None:
    """The default counts like one that is named; ``jwt`` stands for what it means."""
    client = await client_of(server, "id_token", response_modes=("form_post", "jwt"))
    received = await refusal(browser, client, "id_token")
    assert received.parameters["error"] == "unauthorized_client"
    received = await answered(browser, client, "id_token", response_mode="form_post")
    assert received.encoding == "form_post"
    received = await answered(browser, client, "id_token", response_mode="jwt")
    assert (received.encoding, set(received.parameters)) == ("fragment", {"response"})


async def test_an_error_in_a_mode_that_there_is_not(server: RunningServer, browser: Browser) -> None:
    """A020: the error goes where the answer would have gone by default."""
    client = await client_of(server, "code id_token")
    for mode in ("web_message", "jwt.query", "QUERY", "fragment "):
        received = await refusal(browser, client, "code id_token", response_mode=mode)
        assert (received.encoding, received.parameters["error"]) == ("fragment", "invalid_request"), mode


async def test_what_is_off_is_not_there(store: Store) -> None:
    """Each is a feature of its own: off, it is neither in the metadata nor to be had, whatever a client registered."""
    off = ("implicit", "hybrid", "response_type_none", "form_post", "jarm")
    async with running_server(store, features_off=off) as server:
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            document = await answer.json()
        assert document["response_types_supported"] == ["code"]
        assert document["response_modes_supported"] == ["query", "fragment"]
        assert "implicit" not in document["grant_types_supported"]
        assert not [name for name in document if name.startswith("authorization_signing")]
        browser = Browser(server)
        for response_type in ("id_token", "code id_token", "none"):
            client = await client_of(server, response_type)
            shown, _ = await browser.authorize(client, response_type=response_type, nonce="n")
            received = ReceivedResponse.of(shown, client)
            assert received.encoding == "query"
            assert received.parameters["error"] == "unsupported_response_type"
        web = await server.client("web")
        for mode in ("form_post", "jwt", "query.jwt"):
            received = await refusal(browser, web, "code", response_mode=mode)
            assert (received.encoding, received.parameters["error"]) == ("query", "invalid_request")


async def test_the_metadata(server: RunningServer) -> None:
    """``oidcc-discovery-endpoint-verification``, the dynamic plan too: ``code``, ``id_token``, ``id_token token``."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert document["response_types_supported"] == list(RESPONSE_TYPES)
    assert "token" not in document["response_types_supported"]
    assert set(document["response_modes_supported"]) == {
        "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt",
    }  # fmt: skip
    assert {"authorization_code", "implicit"} <= set(document["grant_types_supported"])
