"""RFC 9126: the request is pushed, fetched by a browser, and answered once."""

from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine

from authrim.clients.records import update_client
from authrim.store import codec
from authrim.store.contract import Store
from domain.grant.events import AuthorizationRequested, CodeIssued, SubjectAuthenticated
from domain.stream import DEFAULT_TENANT, GRANT, grant_stream
from tests.support.assertion import ASSERTION_TYPE, claims_for, new_key, public_jwks, signed
from tests.support.browser import Browser, authorization_query, redeem
from tests.support.log import grant_events
from tests.support.pushed import PREFIX, fetch, on_error_page, push, pushed, pushed_flow
from tests.support.running import RunningServer, running_server
from tests.support.tokens import verified_claims

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def seen(server: RunningServer, request_uri: str) -> list[Any]:
    """The events of a pushed request."""
    stream = grant_stream(DEFAULT_TENANT, request_uri.split(".")[1])
    return list(codec.decode_stream(GRANT, await server.core.store.read_stream(stream)))


@pytest.mark.parametrize("kind", ["web", "post", "spa"])
async def test_a_pushed_request_leads_to_tokens(server: RunningServer, browser: Browser, kind: str) -> None:
    """``fapi2-security-profile-final-happy-flow``, the pushed part: 201 with ``request_uri`` and ``expires_in``; the
    whole exchange is one stream, from the push on, and says how the client proved itself."""
    client = await server.client(kind)
    status, answer, verifier = await push(server, client, nonce="a-nonce", state="s" * 128)
    assert (status, set(answer), answer["expires_in"]) == (201, {"request_uri", "expires_in"}, 60)
    assert answer["request_uri"].startswith(PREFIX + "pr.")
    shown = await fetch(browser, client, answer["request_uri"])
    assert "/login/" in shown.url
    shown = await browser.through_pages(shown)
    assert (shown.parameters["state"], shown.parameters["iss"]) == ("s" * 128, server.issuer)
    status, tokens = await redeem(server, client, shown.parameters["code"], verifier)
    assert status == 200
    assert (await verified_claims(server, tokens["id_token"]))["nonce"] == "a-nonce"
    events = await grant_events(server, shown.parameters["code"])
    asked = events[0]
    assert isinstance(asked, AuthorizationRequested)
    assert asked.client_auth_method == client.metadata.token_endpoint_auth_method
    assert asked.request_uri_hash is not None
    assert events == await seen(server, answer["request_uri"])


@only_sqlite
async def test_the_key_of_the_assertion_is_recorded(server: RunningServer, browser: Browser) -> None:
    """Which key signed the pushed request's assertion stands in the stream, the assertion does not."""
    key = new_key()
    client = await server.client(
        "signs", kind="web", token_endpoint_auth_method="private_key_jwt", jwks=public_jwks(key)
    )
    _, query = authorization_query(client)
    assertion = signed(key, claims_for(server, client))
    form = query | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    status, answer = await server.post("/par", form)
    assert status == 201, answer
    (asked,) = await seen(server, answer["request_uri"])
    assert (asked.client_auth_method, asked.client_key_id) == ("private_key_jwt", "client-key")
    assert assertion not in repr(asked)


async def test_a_session_completes_directly(server: RunningServer, browser: Browser) -> None:
    """Somebody who is signed in and agreed before is sent back at once, and the grant is bound to that browser."""
    web = await server.client("web")
    await pushed_flow(browser, web, scope="openid email", state="kept")
    request_uri, verifier = await pushed(server, web, scope="openid email", state="kept")
    shown = await fetch(browser, web, request_uri)
    assert shown.parameters["state"] == "kept"
    assert (await redeem(server, web, shown.parameters["code"], verifier))[0] == 200
    events = await grant_events(server, shown.parameters["code"])
    (authenticated,) = [event for event in events if isinstance(event, SubjectAuthenticated)]
    assert (authenticated.by_session, bool(authenticated.browser_hash)) == (True, True)
    assert f"authrim-request-{request_uri.split('.')[1][-12:]}" not in browser.cookies


async def test_it_may_be_fetched_again_before_it_is_answered(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds``: and a page
    that was open before goes on."""
    web = await server.client("web")
    request_uri, verifier = await pushed(server, web)
    first = await fetch(browser, web, request_uri)
    second = await fetch(browser, web, request_uri)
    assert first.url == second.url
    shown = await browser.sign_in(first)
    assert "/consent/" in (await fetch(browser, web, request_uri)).url
    shown = await browser.submit(shown, action="allow")
    assert (await redeem(server, web, shown.parameters["code"], verifier))[0] == 200


async def test_it_belongs_to_who_signs_in(server: RunningServer, browser: Browser) -> None:
    """decisions.md 20: not to the browser that fetched it first; from the sign-in on it is nobody else's."""
    web = await server.client("web")
    request_uri, verifier = await pushed(server, web)
    first, other = browser, Browser(server)
    abandoned = await fetch(first, web, request_uri)
    signed_in = await other.sign_in(await fetch(other, web, request_uri))
    assert "/consent/" in signed_in.url
    assert on_error_page(await first.sign_in(abandoned), "begun in another browser")
    assert on_error_page(await first.request("GET", signed_in.url), "begun in another browser")
    # What a conformance suite waits for (docs/certification/fapi.py).
    assert on_error_page(await fetch(first, web, request_uri), "This sign-in cannot go on")
    assert on_error_page(await fetch(first, web, request_uri), "invalid_request_uri")
    shown = await other.submit(signed_in, action="allow")
    assert (await redeem(server, web, shown.parameters["code"], verifier))[0] == 200


@only_sqlite
async def test_cancel(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-user-rejects-authentication``: ``access_denied``, the long state, the redirect
    URI's own query; then it is used up."""
    callback = "https://rp.example/cb?dummy1=lorem&dummy2=ipsum"
    client = await server.client("query", kind="web", redirect_uris=(callback,))
    request_uri, _ = await pushed(server, client, state="s" * 128)
    shown = await browser.submit(await fetch(browser, client, request_uri), action="cancel")
    assert (shown.parameters["error"], shown.parameters["state"]) == ("access_denied", "s" * 128)
    assert (shown.parameters["dummy1"], shown.parameters["dummy2"]) == ("lorem", "ipsum")
    assert on_error_page(await fetch(browser, client, request_uri), "invalid_request_uri")


@only_sqlite
@pytest.mark.parametrize(
    "parameters",
    [
        {"state": None},
        {"nonce": None},
        {"nonce": "n" * 64},
        {"nonce": "n" * 384},
        {"state": "s" * 1024},
        {"scope": "email openid"},
    ],
)
async def test_what_comes_back_is_what_was_pushed(browser: Browser, parameters: dict[str, Any]) -> None:
    """``fapi2-security-profile-final-ensure-authorization-request-without-state-success``,
    ``fapi2-security-profile-final-ensure-authorization-request-without-nonce-success``,
    ``-with-64-char-nonce-success``, ``-with-long-nonce``, ``-with-long-state``,
    ``fapi2-security-profile-final-ensure-other-scope-order-succeeds``: absent stays absent, and nothing is cut."""
    server = browser.server
    web = await server.client("web")
    asked = {"nonce": "a-nonce", "state": "a-state"} | parameters
    request_uri, verifier = await pushed(server, web, **asked)
    shown = await browser.through_pages(await fetch(browser, web, request_uri))
    assert shown.parameters.get("state") == asked["state"]
    _, tokens = await redeem(server, web, shown.parameters["code"], verifier)
    assert (await verified_claims(server, tokens["id_token"])).get("nonce") == asked["nonce"]


@only_sqlite
async def test_what_stands_beside_the_request_uri_is_ignored(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-ensure-different-state-inside-and-outside-request-object``, ``-nonce-``,
    ``state-only-outside-…-not-used``, ``fapi2-security-profile-final-par-without-duplicate-parameters``: values of
    the query never come back, be they sent twice."""
    web = await server.client("web")
    request_uri, verifier = await pushed(server, web, state=None, nonce="inside", scope="openid")
    shown = await fetch(
        browser, web, request_uri, state="outside", nonce="outside", scope="openid email",
        redirect_uri="https://evil.example/", response_type="token", request="x.y.z", prompt="none",
    )  # fmt: skip
    assert "/login/" in shown.url
    shown = await browser.through_pages(shown)
    assert set(shown.parameters) == {"code", "iss", "session_state"}
    _, tokens = await redeem(server, web, shown.parameters["code"], verifier)
    assert (await verified_claims(server, tokens["id_token"]))["nonce"] == "inside"
    assert tokens["scope"] == "openid"


async def test_a_post_is_sent_on(server: RunningServer, browser: Browser) -> None:
    """decisions.md 28: a cross-site POST left the session's cookie behind, the GET that follows brings it."""
    web = await server.client("web")
    await pushed_flow(browser, web)
    request_uri, _ = await pushed(server, web)
    form = {"client_id": web.client_id, "request_uri": request_uri}
    shown = await browser.request("POST", server.url("/authorize"), form)
    assert "code" in shown.parameters


@only_sqlite
async def test_prompt_and_max_age_hold(server: RunningServer, browser: Browser) -> None:
    """A pushed ``prompt`` is kept: ``none`` without a session ends it, ``login`` with one asks again."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web, prompt="none")
    assert (await fetch(browser, web, request_uri)).parameters["error"] == "login_required"
    assert on_error_page(await fetch(browser, web, request_uri), "invalid_request_uri")
    await pushed_flow(browser, web)
    request_uri, _ = await pushed(server, web, prompt="login")
    assert "/login/" in (await fetch(browser, web, request_uri)).url


@only_sqlite
async def test_it_expires_but_a_sign_in_does_not_with_it(server: RunningServer, browser: Browser) -> None:
    """``fapi2-security-profile-final-par-attempt-to-use-expired-request_uri``: late is too late to begin, and early
    enough to finish."""
    web = await server.client("web")
    in_time, late = await pushed(server, web), await pushed(server, web)
    shown = await fetch(browser, web, in_time[0])
    lifetime = server.core.settings.pushed_request_lifetime
    with time_machine.travel((await server.core.store.head()).now / 1e6 + lifetime):
        assert on_error_page(await fetch(browser, web, late[0]), "invalid_request_uri")
        shown = await browser.through_pages(shown)
        assert (await redeem(server, web, shown.parameters["code"], in_time[1]))[0] == 200


@only_sqlite
async def test_metadata(server: RunningServer) -> None:
    """RFC 9126 §5."""
    async with server.http.get(server.url("/.well-known/oauth-authorization-server")) as answer:
        metadata = await answer.json()
    assert metadata["pushed_authorization_request_endpoint"] == server.url("/par")
    assert metadata["require_pushed_authorization_requests"] is False


@only_sqlite
async def test_what_is_off_is_not_there(store: Store) -> None:
    """``features_off = ["pushed_requests"]``: no endpoint, no metadata, and a ``request_uri`` of ours is one of
    nobody."""
    async with running_server(store, features_off=("pushed_requests",)) as server:
        web = await server.client("web")
        status, _, _ = await push(server, web)
        assert status == 404
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            assert not any("pushed" in name for name in await answer.json())
        shown, _ = await Browser(server).authorize(
            web, request_uri=PREFIX + "pr." + "0" * 32 + "." + "A" * 43
        )
        assert shown.parameters["error"] == "request_uri_not_supported"


@only_sqlite
async def test_a_server_may_take_nothing_else(store: Store) -> None:
    """RFC 9126 §5 ``require_pushed_authorization_requests``: said in the metadata, and kept."""
    async with running_server(store, require_pushed_authorization_requests=True) as server:
        web, browser = await server.client("web"), Browser(server)
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            assert (await answer.json())["require_pushed_authorization_requests"] is True
        shown, _ = await browser.authorize(web)
        assert shown.parameters["error"] == "invalid_request"
        assert "access_token" in await pushed_flow(browser, web)


@only_sqlite
async def test_a_changed_client_cannot_go_on(server: RunningServer, browser: Browser) -> None:
    """F31: a redirect URI that was taken away between push and fetch is not gone to."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web)
    changed = {"redirect_uris": ("https://rp.example/new",)}
    await update_client(server.core.store, DEFAULT_TENANT, web.client_id, changed)
    await server.core.configuration.catch_up()
    shown = await fetch(browser, web, request_uri)
    assert (shown.status, shown.location) == (400, None)


@only_sqlite
async def test_one_answer_only(server: RunningServer, browser: Browser) -> None:
    """A ``request_uri`` gives one code, however often it is used afterwards."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web)
    await browser.through_pages(await fetch(browser, web, request_uri))
    for _ in range(3):
        assert on_error_page(await fetch(browser, web, request_uri), "invalid_request_uri")
    events = await seen(server, request_uri)
    assert sum(isinstance(event, CodeIssued) for event in events) == 1
    assert urlencode({"request_uri": request_uri}) not in repr(events)
