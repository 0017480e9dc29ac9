"""A179 to A183, A188: what the sign-in page refuses, over real HTTP and on both stores."""

import asyncio
import re
from pathlib import Path

import pytest
import time_machine

from authrim.clients.records import disable_client, update_client
from authrim.people.accounts import disable_account
from authrim.people.part import PEOPLE
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.attacks.sign_in_pages import SESSION, SQLITE, post_form, sign_in_page
from tests.support.accounts import change_password
from tests.support.browser import Browser, BrowserPage, authorization_query
from tests.support.log import reason_of, whole_log
from tests.support.running import KnownClient, RunningServer, running_server

NEW_PASSWORD = "a password that is new"


async def change_client(server: RunningServer, client: KnownClient, **changes: object) -> None:
    changed = await update_client(server.core.store, DEFAULT_TENANT, client.client_id, changes)
    assert not isinstance(changed, Refusal), changed.error_description
    await server.core.configuration.catch_up()


@SQLITE
async def test_a_forged_form(server: RunningServer, browser: Browser) -> None:
    """A179: without our token, with another, or from another origin: 403, and nobody is signed in."""
    shown = await sign_in_page(browser)
    other = await sign_in_page(Browser(server))
    own = {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"}
    for headers, changes in (
        (own, {"csrf": ""}),
        (own, {"csrf": "é"}),
        (own, {"csrf": other.form[1]["csrf"]}),
        (own | {"Origin": "https://evil.example"}, {}),
        (own | {"Origin": "null"}, {}),
        (own | {"Origin": server.issuer + ".evil.example"}, {}),
        (own | {"Sec-Fetch-Site": "cross-site"}, {}),
        (own | {"Sec-Fetch-Site": "same-site"}, {}),
    ):
        answered = await post_form(browser, shown, headers, **changes)
        assert (answered.status, answered.location) == (403, None), (headers, changes)
        assert await reason_of(server, answered.headers["Authrim-Error-Id"]) == "csrf"
        assert SESSION not in browser.cookies
    answered = await post_form(browser, shown, {})
    assert "/consent/" in answered.url, "a browser that sends neither header is believed with the token"


async def test_another_browser_cannot_use_the_address(server: RunningServer, browser: Browser) -> None:
    """A018, A181: a stolen address of a sign-in, resume or consent page is an error page elsewhere."""
    shown = await sign_in_page(browser)
    grant_id = shown.url.rpartition("/")[2]
    thief = Browser(server)
    await sign_in_page(thief)
    for path in ("login", "consent", "authorize"):
        answered = await thief.request("GET", server.url(f"/{path}/{grant_id}"))
        assert (answered.status, answered.location) == (400, None), path
        assert await reason_of(server, answered.headers["Authrim-Error-Id"]) == "interaction_not_of_browser"
    answered = await post_form(thief, shown, {"Origin": server.issuer})
    assert answered.status == 400
    assert "/consent/" in (await browser.sign_in(shown)).url, "and the owner goes on"


async def test_no_cookie_of_before_survives_a_sign_in(server: RunningServer, browser: Browser) -> None:
    """A181: a cookie that an attacker planted is replaced, be it invented or of a session of their own."""
    for planted in (f"{'0' * 32}.{'A' * 43}", "garbage", "é"):
        victim = Browser(server)
        victim.cookies[SESSION] = planted
        await victim.through_pages(await sign_in_page(victim))
        assert victim.cookies[SESSION] != planted
    await browser.through_pages(await sign_in_page(browser))
    planted = browser.cookies[SESSION]
    await browser.sign_in(await sign_in_page(browser, prompt="login"))
    assert browser.cookies[SESSION] != planted
    fixed = Browser(server)
    fixed.cookies[SESSION] = planted
    assert "/login/" in (await sign_in_page(fixed)).url


async def test_reading_a_page_changes_nothing(server: RunningServer, browser: Browser) -> None:
    """A181: a GET of a page appends nothing, however often."""
    shown = await sign_in_page(browser)
    before = await server.core.store.head()
    for _ in range(3):
        assert (await browser.request("GET", shown.url)).status == 200
    assert (await server.core.store.head()).position == before.position


async def test_unknown_login_and_wrong_password_look_the_same(
    server: RunningServer, browser: Browser
) -> None:
    """A182: the same status and the same words, for a disabled account too; only the log knows which it was."""
    pages, reasons = [], []
    page = await sign_in_page(browser)
    for login, password in ((server.login, "wrong"), ("nobody", "wrong"), ("nobody", server.password)):
        shown = await browser.sign_in(page, login, password)
        error_id = shown.headers["Authrim-Error-Id"]
        assert shown.status == 401
        pages.append(_without_random(shown, login))
        reasons.append(await reason_of(server, error_id))
    await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "test")
    shown = await browser.sign_in(page)
    pages.append(_without_random(shown, server.login))
    assert len(set(pages)) == 1
    assert reasons == ["password_wrong", "login_unknown", "login_unknown"]


def _without_random(shown: BrowserPage, login: str) -> str:
    """The page without its error id, the nonce of its script, and the login that was typed."""
    body = shown.body.replace(shown.headers["Authrim-Error-Id"], "").replace(login, "")
    return re.sub(r' nonce="[^"]+"', "", body)


async def test_a_stolen_cookie_ends_with_the_password(server: RunningServer, browser: Browser) -> None:
    """A188: after a changed password the old session signs nobody in, and its tokens are inactive."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    await change_password(server, NEW_PASSWORD)
    assert "/login/" in (await sign_in_page(browser)).url
    _, answer = await server.post("/introspect", {"token": tokens["access_token"]}, web.basic)
    assert answer == {"active": False}


@SQLITE
async def test_a_session_ends_by_itself(server: RunningServer, browser: Browser) -> None:
    """A188: when its lifetime is over the cookie signs nobody in, be it sent on by the browser or by a thief."""
    await browser.through_pages(await sign_in_page(browser))
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 43_201):
        assert "/login/" in (await sign_in_page(browser)).url
        web = await server.client("web")
        assert (await browser.authorize(web, prompt="none"))[0].parameters["error"] == "login_required"


async def test_a_sign_in_does_not_outlive_its_password(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A188: the password is changed after it was found right and before the session begins: no session."""
    verify = server.parts[PEOPLE].passwords.verify

    async def overtaken(password_hash: str, password: str, source: str | None) -> bool:
        right = await verify(password_hash, password)
        await asyncio.sleep(1.1)  # passwords are dated to the second
        await change_password(server, NEW_PASSWORD)
        return right

    page = await sign_in_page(browser)
    monkeypatch.setattr(server.parts[PEOPLE].passwords, "verify", overtaken)
    assert (await browser.sign_in(page)).status == 400
    assert SESSION not in browser.cookies


async def test_an_account_that_another_tab_changes(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F32: consent given in another browser at the same moment does not fail the sign-in."""
    web, elsewhere = await server.client("web"), Browser(server)
    verify = server.parts[PEOPLE].passwords.verify
    consent = await elsewhere.sign_in((await elsewhere.authorize(web))[0])

    async def overtaken(password_hash: str, password: str, source: str | None) -> bool:
        right = await verify(password_hash, password)
        await elsewhere.submit(consent, action="allow")
        return right

    page = await sign_in_page(browser)
    monkeypatch.setattr(server.parts[PEOPLE].passwords, "verify", overtaken)
    assert "code" in (await browser.sign_in(page)).parameters


@SQLITE
async def test_a_client_that_changes_while_the_person_signs_in(server: RunningServer) -> None:
    """F31, A017: a client disabled, or stripped of what it asked for, gets no code: error page, no redirect."""
    changes: dict[str, object] = {
        "redirect_uris": ("https://rp.example/other",),
        "scope": ("openid",),
        "response_modes": ("fragment",),
    }
    for name, value in changes.items():
        web, person = await server.client(name, kind="web"), Browser(server)
        shown, _ = await person.authorize(web, scope="openid email")
        await change_client(server, web, **{name: value})
        shown = await person.sign_in(shown)
        assert (shown.status, shown.location) == (400, None), name
        assert await reason_of(server, shown.headers["Authrim-Error-Id"]) == "client_changed"
    web, person = await server.client("web"), Browser(server)
    shown, _ = await person.authorize(web)
    await disable_client(server.core.store, DEFAULT_TENANT, web.client_id, "test")
    await server.core.configuration.catch_up()
    shown = await person.sign_in(shown)
    assert (shown.status, shown.location) == (400, None)


@SQLITE
async def test_a_client_that_changes_at_the_last_moment(
    server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F31: the client is disabled after the page was opened and before the append: the append loses to it."""
    web = await server.client("web", skip_consent=True)
    verify = server.parts[PEOPLE].passwords.verify

    async def overtaken(password_hash: str, password: str, source: str | None) -> bool:
        right = await verify(password_hash, password)
        await disable_client(server.core.store, DEFAULT_TENANT, web.client_id, "test")
        return right

    page = await sign_in_page(browser)
    monkeypatch.setattr(server.parts[PEOPLE].passwords, "verify", overtaken)
    shown = await browser.sign_in(page)
    assert (shown.status, shown.location) == (400, None)
    assert "grant.code_issued" not in await whole_log(server)


@SQLITE
async def test_an_expired_request(server: RunningServer, browser: Browser) -> None:
    """A018: ten minutes later the page and its form are an error page, and the right password signs nobody in."""
    shown = await sign_in_page(browser)
    with time_machine.travel((await server.core.store.head()).now / 1e6 + 601):
        assert (await browser.request("GET", shown.url)).status == 400
        answered = await browser.sign_in(shown)
    assert (answered.status, answered.location) == (400, None)
    assert SESSION not in browser.cookies


@SQLITE
async def test_a_request_that_is_over(server: RunningServer, browser: Browser) -> None:
    """A018: the form of a finished or cancelled request cannot be sent again."""
    for action in ("cancel", "sign-in"):
        page = await sign_in_page(browser)
        cookies = dict(browser.cookies)
        await browser.through_pages(
            await browser.submit(page, action="cancel") if action == "cancel" else page
        )
        browser.cookies = cookies
        answered = await browser.sign_in(page)
        assert (answered.status, answered.location) == (400, None), action


@SQLITE
async def test_cancelling(server: RunningServer, browser: Browser) -> None:
    """RFC 6749 §4.1.2.1: the person cancels, and the client gets ``access_denied`` with ``state`` and ``iss``."""
    shown = await browser.submit(await sign_in_page(browser), action="cancel")
    answered = shown.parameters
    assert (answered["error"], answered["state"]) == ("access_denied", "a-state")
    assert answered["iss"] == server.issuer
    assert not browser.cookies


@SQLITE
async def test_no_secret_reaches_a_log_line_or_the_disk(
    store: Store, store_place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A182, A226: passwords, codes, tokens, verifiers, secrets and logins are in no line and in no file."""
    async with running_server(store) as server:
        web = await server.client("web")
        browser = Browser(server)
        page = await sign_in_page(browser, login_hint="hinted@example.com", state="a-private-state")
        await browser.sign_in(page, "Mistyped-Login", "mistyped-password")
        tokens = await browser.code_flow(web, scope="openid email offline_access", prompt="consent")
        cookie = browser.cookies[SESSION].partition(".")[2]
        private = [server.password, "mistyped-password", "Mistyped-Login", "hinted@example.com", cookie]
        private += [str(web.secret), tokens["access_token"], tokens["refresh_token"], "a-private-state"]
        private += ["alice@example.com"]
    written = capfd.readouterr()
    kept = b"".join(file.read_bytes() for file in store_place.parent.iterdir() if file.is_file())
    assert len(kept) > 10_000
    assert "login_post" in written.out + written.err
    for secret in private:
        assert secret not in written.out + written.err
        assert secret.encode() not in kept


@SQLITE
async def test_odd_input_to_the_form(server: RunningServer, browser: Browser) -> None:
    """A219: empty, huge and strange logins and passwords are a 401, unreadable ones an error page, never a 500."""
    page = await sign_in_page(browser)
    for login, password in (("", ""), ("x" * 20_000, "y" * 20_000), ("😀", "é")):
        answered = await post_form(browser, page, {}, login=login, password=password)
        assert answered.status == 401, login[:9]
    action, hidden = page.form
    for raw in (b"login=%00", b"login=%ff", b"login=%zz"):
        body = raw + b"&csrf=" + hidden["csrf"].encode()
        answered = await browser.request(
            "POST", action, body, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answered.status == 400, raw
    for path in ("/login/" + "0" * 32, "/login/xyz", "/consent/" + "f" * 32, "/authorize/" + "0" * 32):
        assert (await browser.request("GET", server.url(path))).status in (400, 404), path


@SQLITE
async def test_nothing_asked_or_typed_becomes_markup(server: RunningServer, browser: Browser) -> None:
    """A195: a hint, a login and a language full of markup come back as text, or not at all."""
    markup = '"><script>alert(1)</script>'
    page = await sign_in_page(browser, login_hint=markup, ui_locales=markup.replace(" ", ""), state=markup)
    failed = await browser.sign_in(page, markup, "wrong")
    web = await server.client("web")
    refused, _ = await browser.authorize(web, redirect_uri=f"https://rp.example/{markup}")
    for shown in (page, failed, refused):
        assert "<script>" not in shown.body
        assert "alert(1)</" not in shown.body
    assert "&lt;script&gt;" in page.body
    assert "&lt;script&gt;" in failed.body


@SQLITE
async def test_cookies_of_a_production_server(store: Store) -> None:
    """A181: ``__Host-`` names, Secure, HttpOnly and Lax; a plain name of the same value is no session."""
    async with running_server(store, issuer="https://idp.example", development=False) as server:
        here = f"http://localhost:{server.core.settings.port}"
        web = await server.client("web")
        _, query = authorization_query(web)
        async with server.http.get(f"{here}/authorize", params=query, allow_redirects=False) as answer:
            request_cookie = next(iter(answer.cookies.values()))
            page = answer.headers["Location"].replace(server.issuer, here)
        cookie = {"Cookie": f"{request_cookie.key}={request_cookie.value}"}
        async with server.http.get(page, headers=cookie) as answer:
            shown = BrowserPage(answer.status, page, await answer.text(), answer.headers)
        form = shown.form[1] | {"login": server.login, "password": server.password}
        headers = cookie | {"Origin": server.issuer}
        async with server.http.post(page, data=form, headers=headers, allow_redirects=False) as answer:
            session_cookie = answer.cookies["__Host-" + SESSION]
        for set_cookie in (request_cookie, session_cookie):
            assert set_cookie.key.startswith("__Host-")
            assert set_cookie["secure"]
            assert set_cookie["httponly"]
            assert (set_cookie["samesite"], set_cookie["path"], set_cookie["domain"]) == ("Lax", "/", "")
        for name, location in ((session_cookie.key, "/consent/"), (SESSION, "/login/")):
            headers = {"Cookie": f"{name}={session_cookie.value}"}
            url = f"{here}/authorize"
            async with server.http.get(url, params=query, headers=headers, allow_redirects=False) as answer:
                assert location in answer.headers["Location"], name
