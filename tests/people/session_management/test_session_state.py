"""Session management: what clients are told of the browser's state, and what our frame answers them."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import authrim
from tests.support.accounts import add_account
from tests.support.browser import Browser, BrowserPage
from tests.support.logout import is_logged_in, log_out
from tests.support.running import RunningServer, running_server

SCRIPT = Path(authrim.__file__).parent / "pages" / "static" / "check-session.js"
PROGRAM = Path(__file__).parents[2] / "relying_parties" / "check_session.mjs"
ORIGIN = "https://rp.example"
STATE = "authrim-browser-state"

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


def session_state(client_id: str, origin: str, state: str, salt: str) -> str:
    """What §2 makes of a browser state, by another library than the frame's."""
    hashed = hashlib.sha256(f"{client_id} {origin} {state} {salt}".encode()).digest()
    return f"{base64.urlsafe_b64encode(hashed).rstrip(b'=').decode()}.{salt}"


async def authorized(browser: Browser, **parameters: Any) -> BrowserPage:
    """A whole authorization: what the browser is sent back to the client with."""
    shown, _ = await browser.authorize(await browser.server.client("web"), **parameters)
    return await browser.through_pages(shown)


def answers(cookie: str, messages: list[tuple[Any, str]]) -> list[Any]:
    """What our frame's script answers, run by itself."""
    asked = {"script": str(SCRIPT), "cookie": cookie, "messages": messages}
    ran = subprocess.run(
        ["node", str(PROGRAM)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


@one_store
async def test_discovery(server: RunningServer) -> None:
    """``oidcc-session-management-discovery-endpoint-verification``: ``check_session_iframe`` is advertised."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        assert (await answer.json())["check_session_iframe"] == server.url("/check-session")


@one_store
async def test_unchanged_until_the_logout(server: RunningServer, browser: Browser) -> None:
    """``oidcc-session-management-rp-initiated-logout``: unchanged while logged in, changed after the logout."""
    web = await server.client("web")
    shown = await authorized(browser)
    given, state = shown.parameters["session_state"], browser.cookies[STATE]
    assert given == session_state(web.client_id, ORIGIN, state, given.split(".")[1])
    message = (f"{web.client_id} {given}", ORIGIN)
    cookie = f"other=x; {STATE}={state}; last=y".replace(STATE, "state")
    assert answers(cookie, [message]) == [["unchanged", ORIGIN]]
    again = await authorized(browser)
    assert browser.cookies[STATE] == state
    assert again.parameters["session_state"] != given, "the salt is new"
    shown = await log_out(browser)
    await browser.submit(shown, action="logout")
    assert STATE not in browser.cookies
    assert answers("other=x", [message]) == [["changed", ORIGIN]]


@one_store
async def test_a191_an_image_elsewhere_changes_no_state(server: RunningServer, browser: Browser) -> None:
    """A191: another site's image or frame, with a stranger's genuine ID token, comes without the session cookie and
    takes nothing away, so that no client is made to believe in a logout."""
    strangers = (await Browser(server).code_flow(await server.client("web")))["id_token"]
    await authorized(browser)
    session = browser.cookies.pop("authrim-session")
    await log_out(browser, id_token_hint=strangers)
    assert STATE in browser.cookies
    browser.cookies["authrim-session"] = session
    assert await is_logged_in(browser, await server.client("web"))


@one_store
async def test_another_person_is_another_state(server: RunningServer, browser: Browser) -> None:
    """§3.2: the state changes with the user, and a client that watches sees it."""
    await authorized(browser)
    before = browser.cookies[STATE]
    await add_account(server, "bob")
    shown, _ = await browser.authorize(await server.client("web"), prompt="login")
    await browser.sign_in(shown, "bob")
    assert browser.cookies[STATE] != before


@one_store
async def test_the_state_is_a_cookie_for_our_frame_alone(server: RunningServer) -> None:
    """Decisions 28: opaque, of 256 bits, readable by our script, sent in other sites' pages; no secret."""
    browser = Browser(server)
    shown, _ = await browser.authorize(await server.client("web"))
    action, hidden = shown.form
    form = hidden | {"login": server.login, "password": server.password, "action": "sign-in"}
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with server.http.post(
        action, data=form, headers={"Cookie": cookies}, allow_redirects=False
    ) as answer:
        state, session = answer.cookies[STATE], answer.cookies["authrim-session"]
    assert (state["samesite"], state["secure"], state["httponly"], state["path"]) == ("None", True, "", "/")
    assert (session["samesite"], session["httponly"]) == ("Lax", True)
    assert len(state.value) == 43
    assert state.value not in session.value


@one_store
async def test_only_openid_pages_get_a_state(server: RunningServer, browser: Browser) -> None:
    """§2: it goes with OpenID Connect answers to web pages; a native app and plain OAuth have no frame."""
    native = await server.client(
        "native", kind="spa", application_type="native", redirect_uris=("com.example.app:/cb",)
    )
    shown, _ = await browser.authorize(native)
    assert "session_state" not in (await browser.through_pages(shown)).parameters
    assert "session_state" not in (await authorized(browser, scope="profile")).parameters
    refused, _ = await browser.authorize(await server.client("web"), prompt="none", max_age="0")
    assert "session_state" not in refused.parameters


@one_store
async def test_the_frame_is_for_registered_origins(server: RunningServer, browser: Browser) -> None:
    """Decisions 28: clients that this browser was given a state for may show the frame, and nobody else but we
    ourselves (``oidcc-session-management-rp-initiated-logout`` in HtmlUnit needs that); also after the logout, when it
    has most to say."""
    frame = server.url("/check-session")
    fresh = await browser.request("GET", frame)
    assert "frame-ancestors 'none'" in fresh.headers["Content-Security-Policy"]
    other = await server.client(
        "post", redirect_uris=("https://other.example:443/cb", "https://more.example:1/cb")
    )
    shown, _ = await browser.authorize(other)
    await browser.through_pages(shown)
    await authorized(browser)
    for _ in range(2):
        shown = await browser.request("GET", frame)
        shown_by = sorted(("https://more.example:1", "https://other.example", ORIGIN, server.url("")))
        assert f"frame-ancestors {' '.join(shown_by)}" in shown.headers["Content-Security-Policy"].split("; ")
        assert "X-Frame-Options" not in shown.headers
        await browser.submit(await log_out(browser), action="logout")


@one_store
@pytest.mark.parametrize("cookie", ["", "x", "****", "AAAA", "A" * 5000, "L3dlYgotLQ"])
async def test_a_forged_cookie_frames_nothing(server: RunningServer, browser: Browser, cookie: str) -> None:
    """What a browser says of its clients leads only to what clients have registered."""
    browser.cookies["authrim-watchers"] = cookie
    shown = await browser.request("GET", server.url("/check-session"))
    assert (shown.status, "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]) == (200, True)


@one_store
async def test_what_is_off_leaves_nothing(store: Any) -> None:
    """Switched off: no metadata, no frame, no parameter, no cookie."""
    async with running_server(store, features_off=("session_management",)) as server:
        browser = Browser(server)
        assert "session_state" not in (await authorized(browser)).parameters
        assert not {STATE, "authrim-watchers"} & browser.cookies.keys()
        assert (await browser.request("GET", server.url("/check-session"))).status == 404


@pytest.mark.node
def test_the_frames_sha_256_is_sha_256() -> None:
    """FIPS 180-4: every length over two blocks, and text beyond ASCII, hashed by plain JavaScript as by hashlib."""
    names = [
        *("a" * length for length in range(1, 150)),
        "é",
        "日本",
        "\U0001f600",
        "https://id.example/client.json",
    ]
    messages: list[tuple[Any, str]] = [
        (f"{name} {session_state(name, ORIGIN, 'the-state', 's' * (number % 23 + 1))}", ORIGIN)
        for number, name in enumerate(names)
    ]
    assert answers("state=the-state", messages) == [["unchanged", ORIGIN]] * len(names)
    assert answers("state=the-statf", messages) == [["changed", ORIGIN]] * len(names)


@pytest.mark.node
def test_a194_messages_that_are_none() -> None:
    """A194: malformed is ``error``, another origin or client is ``changed``, and no origin gets no answer."""
    good = session_state("web", ORIGIN, "the-state", "salt")
    malformed: list[Any] = [
        "", " ", "web", f"web {good}.x", f"{good}", f" {good}", "web .salt", "web hash.", "web  ", None, 7, {"a": 1},
        ["web", good], "x" * 100_000, f"\ud800 {good}",
    ]  # fmt: skip
    assert answers("state=the-state", [(one, ORIGIN) for one in malformed]) == [["error", ORIGIN]] * len(
        malformed
    )
    changed = [(f"web {good}", "https://rp.example:8443"), (f"wed {good}", ORIGIN), (f"web x{good}", ORIGIN)]
    assert [said for said, _ in answers("state=the-state", changed)] == ["changed"] * 3  # type: ignore[arg-type]
    nobody: list[tuple[Any, str]] = [(f"web {good}", origin) for origin in ("", "null", "no source")]
    assert answers("state=the-state", nobody) == [None] * 3
