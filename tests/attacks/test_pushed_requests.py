"""A067 to A073: what may not be done with pushed requests, over real HTTP."""

import base64
import secrets
from pathlib import Path
from typing import Any

import pytest

from authrim.store.contract import Store
from tests.attacks.test_secrets_stay_secret import everything_stored, spellings
from tests.support.browser import Browser, authorization_query
from tests.support.log import reason_of, whole_log
from tests.support.pushed import PREFIX, fetch, on_error_page, push, pushed, pushed_flow, refused_push
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def test_a_used_one_is_no_good(server: RunningServer, browser: Browser) -> None:
    """A067, ``fapi2-security-profile-final-par-attempt-reuse-request_uri``: a page with ``invalid_request_uri``, for
    every browser."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web)
    await browser.through_pages(await fetch(browser, web, request_uri))
    for again in (browser, Browser(server)):
        shown = await fetch(again, web, request_uri)
        assert on_error_page(shown, "invalid_request_uri")
        assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "request_uri_used"


async def test_a_guessed_one_is_no_good(server: RunningServer, browser: Browser) -> None:
    """A067: a right grant id without its secret, an edited secret, another kind of handle, and shapeless ones."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web)
    kind, grant_id, secret = request_uri.removeprefix(PREFIX).split(".")
    before = await whole_log(server)
    guesses = [
        f"{kind}.{grant_id}.{secrets.token_urlsafe(32)[:42]}A",
        f"{kind}.{grant_id}.{secret[::-1]}",
        f"ac.{grant_id}.{secret}",
        f"{kind}.{'0' * 32}.{secret}",
        f"{kind}.{grant_id}.{secret}.x",
        f"{kind}.{grant_id}.",
        "",
        "x" * 3000,
        "é",
    ]
    for guess in guesses:
        shown = await fetch(browser, web, PREFIX + guess)
        assert on_error_page(shown, "invalid_request_uri"), guess
    kept = (await whole_log(server)).removeprefix(before)
    assert "authorization_refused" not in kept
    assert secret not in kept
    assert "/login/" in (await fetch(browser, web, request_uri)).url


async def test_it_is_for_the_client_that_pushed_it(server: RunningServer, browser: Browser) -> None:
    """A068, ``fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client``: an error page, and
    it is not used up."""
    web, post = await server.client("web"), await server.client("post")
    request_uri, _ = await pushed(server, web)
    shown = await fetch(browser, post, request_uri)
    assert on_error_page(shown, "invalid_request_uri")
    assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "request_uri_of_another_client"
    assert "code" in (await browser.through_pages(await fetch(browser, web, request_uri))).parameters


async def test_a_push_refers_to_nothing(server: RunningServer) -> None:
    """A069, ``fapi2-security-profile-final-par-authorization-request-containing-request_uri-form-param``:
    ``invalid_request``, ours or another's."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web)
    for reference in (request_uri, "https://rp.example/request.jwt"):
        assert await refused_push(server, web, request_uri=reference) == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_wrong_methods(server: RunningServer, method: str) -> None:
    """A070, ``fapi2-security-profile-final-par-attempt-invalid-http-method``: 405, and which are right."""
    async with server.http.request(method, server.url("/par")) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")


async def test_who_does_not_prove_itself(server: RunningServer) -> None:
    """A070: 401 ``invalid_client`` without credentials, with wrong ones, and for an unknown client."""
    web = await server.client("web")
    _, query = authorization_query(web)
    wrong = "Basic " + base64.b64encode(f"{web.client_id}:wrong".encode()).decode()
    for form, headers in ((query, None), (query, {"Authorization": wrong}), ({"client_id": "nobody"}, None)):
        status, answer = await server.post("/par", form, headers)
        assert (status, answer["error"]) == (401, "invalid_client")


async def test_too_large_and_repeated(server: RunningServer) -> None:
    """A070: 413 for a large body; a parameter that comes twice is ``invalid_request``."""
    web = await server.client("web")
    _, query = authorization_query(web)
    large = query | {"state": "s" * 70_000}
    async with server.http.post(server.url("/par"), data=large, headers=web.basic) as refused:
        assert refused.status == 413
    status, answer = await server.post("/par", [*query.items(), ("nonce", "a"), ("nonce", "b")], web.basic)
    assert (status, answer["error"]) == (400, "invalid_request")


async def test_too_many(store: Store) -> None:
    """A070: 429 with ``Retry-After`` for the client that sends too many, and for it alone."""
    limits = {"pushed_requests_per_minute": 3, "authorize_requests_per_minute": 2}
    async with running_server(store, **limits) as server:
        web, post, spa = [await server.client(kind) for kind in ("web", "post", "spa")]
        assert [(await push(server, web))[0] for _ in range(4)] == [201, 201, 201, 429]
        assert [(await push(server, spa))[0] for _ in range(3)] == [201, 201, 429]
        assert (await push(server, post))[0] == 201


async def test_a_client_that_must_push(server: RunningServer, browser: Browser) -> None:
    """A071, ``fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails``:
    ``invalid_request`` by redirect."""
    client = await server.client("pushes", kind="web", require_pushed_authorization_requests=True)
    shown, _ = await browser.authorize(client)
    assert (shown.parameters["error"], shown.parameters["state"]) == ("invalid_request", "a-state")
    assert "access_token" in await pushed_flow(browser, client)


async def test_an_unregistered_redirect_uri(server: RunningServer) -> None:
    """A072, ``fapi2-security-profile-final-plain-fapi-tolerate-unregistered-redirect-uri``,
    ``fapi2-security-profile-final-ensure-request-object-without-redirect-uri-fails``: refused for confidential
    clients too; a missing one likewise."""
    for kind in ("web", "spa"):
        client = await server.client(kind)
        for redirect_uri in ("https://evil.example/cb", None):
            assert await refused_push(server, client, redirect_uri=redirect_uri) == "invalid_request"


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "root"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example/"}, "invalid_target"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"id_token_hint": "x.y.z"}, "invalid_request"),
        ({"client_id": "another"}, "invalid_client"),
    ],
)
async def test_a_push_is_checked_as_any_request(
    server: RunningServer, parameters: dict[str, Any], error: str
) -> None:
    """RFC 9126 §2.1, ``fapi2-security-profile-final-par-plain-pkce-rejected``,
    ``fapi2-security-profile-final-ensure-response-type-token-fails``: refused at once, as JSON, and no grant
    begins."""
    web = await server.client("web")
    status, answer, _ = await push(server, web, **parameters)
    assert (status, answer["error"]) == (401 if error == "invalid_client" else 400, error)
    assert "authorization_requested" not in await whole_log(server)


async def test_nothing_pushed_stands_anywhere_in_clear(
    server: RunningServer, browser: Browser, store_place: Path | str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A073: only the handle leaves the server: no parameter in a cookie, a URL or a page; nothing of the handle's
    secret or of what is personal in the database or in a log line."""
    web = await server.client("web")
    hint, state = f"hint-{secrets.token_hex(12)}@example.com", f"state-{secrets.token_hex(12)}"
    request_uri, _ = await pushed(server, web, login_hint=hint, state=state)
    shown = await fetch(browser, web, request_uri)
    outside = [shown.url, repr(browser.cookies)]
    assert not any(value in text for text in outside for value in (hint, state, "rp.example"))
    stored, logged = everything_stored(store_place), "".join(capfd.readouterr()).encode()
    for value in (hint, state, request_uri.rpartition(".")[2]):
        for spelling in spellings(value):
            assert spelling not in stored
            assert spelling not in logged


async def test_a_forged_or_foreign_cookie_opens_nothing(server: RunningServer, browser: Browser) -> None:
    """A067, A181: the address of the sign-in page is no secret; without having fetched the request it opens nothing,
    nor with the cookie of another request."""
    web = await server.client("web")
    one, _ = await pushed(server, web)
    other, _ = await pushed(server, web)
    shown, elsewhere = await fetch(browser, web, one), Browser(server)
    assert (await elsewhere.request("GET", shown.url)).status == 400
    name = next(name for name in browser.cookies if "request" in name)
    await fetch(elsewhere, web, other)
    foreign = next(value for key, value in elsewhere.cookies.items() if "request" in key)
    random, _, proof = browser.cookies[name].partition(".")
    for forged in (foreign, random, f"{random}.{proof[::-1]}", f"{proof}.{random}", "x" * 87, "."):
        elsewhere.cookies[name] = forged
        assert (await elsewhere.request("GET", shown.url)).status == 400, forged


async def test_cors_is_that_of_the_token_endpoint(server: RunningServer) -> None:
    """A198: the client's own origins may read the answer to a push, no others; a preflight likewise."""
    spa = await server.client("spa")
    _, query = authorization_query(spa)
    own, foreign = "https://rp.example", "https://evil.example"
    for origin, allowed in ((own, own), (foreign, None), ("null", None)):
        headers = {"Origin": origin}
        async with server.http.post(server.url("/par"), data=query, headers=headers) as answer:
            assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (201, allowed)
            assert answer.headers["Cache-Control"] == "no-store"
