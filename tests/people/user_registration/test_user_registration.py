"""Initiating User Registration via OpenID Connect 1.0: a person makes an account and goes on with the request."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from authrim.audit.rebuild import verify
from authrim.people.new_account import SHORTEST_PASSWORD, find_subject
from authrim.store.contract import Append, Store, Unavailable
from domain.stream import DEFAULT_TENANT, parse
from tests.support.browser import Browser, redeem
from tests.support.log import whole_log
from tests.support.pushed import fetch, pushed
from tests.support.running import RunningServer, running_server
from tests.support.signing_up import LOGIN, NAME, PASSWORD, sign_up, sign_up_page
from tests.support.tokens import verified_claims

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
SESSION = "authrim-session"


async def subject_of(server: RunningServer, login: str = LOGIN) -> str | None:
    core = server.core
    return await find_subject(core.store, core.master, DEFAULT_TENANT, login)


async def userinfo(server: RunningServer, access_token: str) -> dict[str, Any]:
    bearer = {"Authorization": f"Bearer {access_token}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        return dict(await answer.json())


async def test_a_new_person_gets_to_the_client(server: RunningServer, browser: Browser) -> None:
    """§4: ``prompt=create`` shows the page for a new account; then consent and the code as ever. The account signs in
    elsewhere afterwards, and is the same person there."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, prompt="create", scope="openid profile email")
    assert shown.status == 200
    assert "Create an account" in shown.body
    shown = await sign_up(browser, shown)
    assert "/consent/" in shown.url
    assert NAME in shown.body
    shown = await browser.submit(shown, action="allow")
    _, tokens = await redeem(server, web, shown.parameters["code"], verifier)
    claims = await verified_claims(server, tokens["id_token"])
    assert claims["sub"] == await subject_of(server)
    assert claims["sub"] != server.subject
    assert await userinfo(server, tokens["access_token"]) == {"sub": claims["sub"], "name": NAME}

    silent, _ = await browser.authorize(web, prompt="none")
    assert "code" in silent.parameters, "signed in, and asked no more"
    elsewhere = Browser(server)
    page, verifier = await elsewhere.authorize(web)
    shown = await elsewhere.sign_in(page, f" {LOGIN.upper()}", PASSWORD)
    _, tokens = await redeem(server, web, shown.parameters["code"], verifier)
    assert (await verified_claims(server, tokens["id_token"]))["sub"] == claims["sub"]


@SQLITE
async def test_it_is_offered(server: RunningServer, browser: Browser) -> None:
    """§4.2: ``create`` is among the ``prompt_values_supported``, and the sign-in page leads to the page too."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        offered = (await answer.json())["prompt_values_supported"]
    assert offered == ["none", "login", "consent", "select_account", "create"]
    page, _ = await browser.authorize(await server.client("web"))
    there = page.url.replace("/login/", "/create-account/")
    assert f'id="create-account" href="{there}"' in page.body
    shown = await sign_up(browser, await browser.request("GET", there), name="")
    assert "/consent/" in shown.url
    assert LOGIN in shown.body, "a person without a name is shown the login"


@SQLITE
async def test_it_is_off_unless_switched_on(store: Store) -> None:
    """No link and no page where ``self_registration`` is off. That ``prompt=create`` is refused then, and that
    discovery does not name it, is in ``request_parameters``."""
    async with running_server(store) as server:
        browser = Browser(server)
        page, _ = await browser.authorize(await server.client("web"))
        assert "create-account" not in page.body
        shown = await browser.request("GET", page.url.replace("/login/", "/create-account/"))
        assert shown.status == 404


async def test_somebody_who_is_signed_in_already(server: RunningServer, browser: Browser) -> None:
    """A live session does not answer ``prompt=create``: the page is shown, and the new person takes its place."""
    web = await server.client("web")
    await browser.through_pages((await browser.authorize(web))[0])
    before = browser.cookies[SESSION]
    shown = await sign_up(browser, await sign_up_page(browser))
    assert "/consent/" in shown.url
    assert browser.cookies[SESSION].partition(".")[0] != before.partition(".")[0]
    old = Browser(server)
    old.cookies[SESSION] = before
    assert "/login/" in (await old.authorize(web))[0].url, "the session of before has ended"
    assert '"reason":"replaced"' in await whole_log(server)


@SQLITE
async def test_a_hint_and_a_language(browser: Browser) -> None:
    """OIDC Core §3.1.2.1: ``login_hint`` is filled in, and ``ui_locales`` is the page's language."""
    for locale, title in (("de", "Konto anlegen"), ("fr", "Créer un compte"), ("en", "Create an account")):
        page = await sign_up_page(browser, login_hint=LOGIN, ui_locales=locale)
        assert title in page.body
        assert f'value="{LOGIN}"' in page.body


@SQLITE
@pytest.mark.parametrize("others", ["login", "select_account", "consent"])
async def test_beside_other_prompts(browser: Browser, others: str) -> None:
    """§4.1 advises against others beside ``create``; what they ask for is done by making an account."""
    shown = await sign_up(browser, await sign_up_page(browser, prompt=f"{others} create"))
    assert "/consent/" in shown.url


@SQLITE
async def test_never_silently(browser: Browser) -> None:
    """A021: ``create`` beside ``none`` is ``invalid_request`` by redirect."""
    shown, _ = await browser.authorize(await browser.server.client("web"), prompt="none create")
    assert shown.parameters["error"] == "invalid_request"


@SQLITE
async def test_a_request_about_somebody_who_is_known(server: RunningServer, browser: Browser) -> None:
    """A hint at a person cannot be answered by a new one: no ``create`` beside it, no link, and no page."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    claims = '{"id_token": {"sub": {"value": "' + server.subject + '"}}}'
    for hint in ({"id_token_hint": tokens["id_token"]}, {"claims": claims}):
        shown, _ = await browser.authorize(web, prompt="create", **hint)
        assert shown.parameters["error"] == "invalid_request"
        page, _ = await browser.authorize(web, prompt="login", **hint)
        assert "create-account" not in page.body
        there = page.url.replace("/login/", "/create-account/")
        assert (await browser.request("GET", there)).status == 400
        form = {"csrf": page.form[1]["csrf"], "login": LOGIN, "action": "create"}
        answered = await browser.request(
            "POST", there, form | {"password": PASSWORD, "password_repeated": PASSWORD}
        )
        assert (answered.status, answered.location) == (400, None)
    assert await subject_of(server) is None


async def test_however_the_request_came(server: RunningServer, browser: Browser) -> None:
    """Pushed (RFC 9126) or by POST, the page is the same."""
    web = await server.client("web")
    request_uri, _ = await pushed(server, web, prompt="create")
    assert "/consent/" in (await sign_up(browser, await fetch(browser, web, request_uri))).url
    form = {"client_id": web.client_id, "redirect_uri": web.redirect_uri, "response_type": "code"}
    form |= {
        "scope": "openid",
        "prompt": "create",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    shown = await Browser(server).request("POST", server.url("/authorize"), form)
    assert "/create-account/" in shown.url


@SQLITE
async def test_cancelling(browser: Browser) -> None:
    """RFC 6749 §4.1.2.1: ``access_denied``, and nobody is signed in."""
    shown = await browser.submit(await sign_up_page(browser), action="cancel")
    assert (shown.parameters["error"], shown.parameters["state"]) == ("access_denied", "a-state")
    assert not browser.cookies


@SQLITE
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "short", "password_repeated": "short"}, "The password is too short or too long."),
        ({"password_repeated": PASSWORD + " "}, "The two passwords are not the same."),
        ({"password_repeated": ""}, "The two passwords are not the same."),
        ({"login": ""}, "This sign-in name cannot be used."),
        ({"login": "  "}, "This sign-in name cannot be used."),
        ({"login": "bob\u202e"}, "This sign-in name cannot be used."),
        ({"login": "x" * 400}, "This sign-in name cannot be used."),
        ({"name": "x" * 201}, "This name cannot be used."),
        ({"name": "Bob\u202eredliuB"}, "This name cannot be used."),
        ({"login": "alice"}, "There already is an account with this sign-in name."),
        ({"login": "ALICE "}, "There already is an account with this sign-in name."),
    ],
)
async def test_what_makes_no_account(
    server: RunningServer, browser: Browser, changes: dict[str, str], said: str
) -> None:
    """The rules of an administrator's accounts hold here: the page says what is wrong in the person's words, keeps what
    was typed but for the passwords, changes nothing, and a second try is made on it."""
    page = await sign_up_page(browser)
    shown = await sign_up(browser, page, **changes)
    assert shown.status == 400
    assert said in shown.body
    assert "Authrim-Error-Id" in shown.headers
    assert f'minlength="{SHORTEST_PASSWORD}"' in shown.body
    assert PASSWORD not in shown.body
    if "name" not in changes:
        assert f'value="{NAME}"' in shown.body
    assert await subject_of(server) is None
    assert SESSION not in browser.cookies
    assert "/consent/" in (await sign_up(browser, shown)).url


async def test_one_append(server: RunningServer, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """F01: account, session and the request's next step are appended together. When that fails nothing of it is there,
    and the same form makes the account afterwards."""
    page = await sign_up_page(browser)
    store = server.core.store
    append, seen = store.append, list[Append]()

    async def refuse(wanted: Append) -> Any:
        seen.append(wanted)
        raise Unavailable("test")

    monkeypatch.setattr(store, "append", refuse)
    assert (await sign_up(browser, page)).status == 503
    kinds = Counter(parse(one.stream).kind for one in seen[0].streams)
    assert kinds == {"account": 1, "session": 1, "grant": 1}, kinds
    monkeypatch.setattr(store, "append", append)
    assert await subject_of(server) is None
    assert SESSION not in browser.cookies
    assert "/consent/" in (await sign_up(browser, page)).url
    assert (await verify(store)).differences == ()


async def test_what_the_log_says(server: RunningServer, browser: Browser) -> None:
    """The person's own account leaves the events of any account, with ``subject`` as the actor and nothing personal."""
    await sign_up(browser, await sign_up_page(browser))
    subject = await subject_of(server)
    events = [event for event in await server.core.store.read_log(0, 1000) if str(subject) in event.stream]
    kinds = [event.type for event in events]
    assert kinds == ["account.created.v1", "account.password_set.v1", "account.claims_changed.v1"]
    metadata = [msgspec.json.decode(event.metadata) for event in events]
    assert {(one["actor"], one["subject"]) for one in metadata} == {("subject", subject)}
    log = await whole_log(server)
    assert not [private for private in (LOGIN, PASSWORD, NAME) if private in log]


async def test_two_want_the_same_login_at_once(server: RunningServer) -> None:
    """F15: the database lets one have it; the others are told that it is taken, and none of them is signed in."""
    people = [Browser(server) for _ in range(4)]
    pages = [await sign_up_page(person) for person in people]
    shown = await asyncio.gather(*(sign_up(person, page) for person, page in zip(people, pages, strict=True)))
    assert sorted(one.status for one in shown) == [200, 400, 400, 400]
    for person, one in zip(people, shown, strict=True):
        assert (SESSION in person.cookies) == ("/consent/" in one.url)
        assert one.status == 200 or "There already is an account with this sign-in name." in one.body
    events = await server.core.store.read_log(0, 1000)
    made = [event for event in events if event.type == "account.created.v1"]
    assert len(made) == 2, "the person who was there, and the one"


@SQLITE
async def test_more_passwords_than_can_be_hashed(store: Store) -> None:
    """F25: beyond the limit the answer is 503 with Retry-After, and nothing is made."""
    busy = {"password_workers": 1, "password_queue_limit": 1, "self_registration": True}
    async with running_server(store, **busy) as server:
        people = [Browser(server) for _ in range(10)]
        pages = [await sign_up_page(person) for person in people]
        shown = await asyncio.gather(
            *(
                sign_up(person, page, f"person-{number}")
                for number, (person, page) in enumerate(zip(people, pages, strict=True))
            )
        )
        assert {one.status for one in shown} == {200, 503}
        for number, one in enumerate(shown):
            assert (await subject_of(server, f"person-{number}") is None) == (one.status == 503)
            assert one.status == 200 or int(one.headers["Retry-After"]) > 0
