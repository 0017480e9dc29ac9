"""A217, A221: no single request holds the event loop for long, whatever one of its fields is filled with.

``.venv/bin/pytest tests/attacks/test_stall.py -s`` prints the figures of docs/operations/limits.md.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from authrim.outside.egress import Egress, EgressRefused
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from domain.client.metadata import ClientMetadata
from tests.support.assertion import ASSERTION_TYPE, new_key
from tests.support.browser import Browser, authorization_query
from tests.support.dpop import proof_claims, proof_key, signed_proof
from tests.support.https_site import Authority, Site
from tests.support.registration import register
from tests.support.running import RunningServer, running_server
from tests.support.signing_up import sign_up_page
from tests.support.stall_requests import FilledRequest, documents, forms, heads, queries
from tests.support.stalls import MOST_IN_ALL, MOST_MILLISECONDS, PATTERNS, TRIES, held_by, watching

AUTHORIZATION = (
    "client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "display", "prompt",
    "max_age", "ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values", "claims",
    "code_challenge", "code_challenge_method", "dpop_jkt", "resource", "request", "request_uri", "registration",
)  # fmt: skip
CREDENTIALS = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
TOKEN = (
    *CREDENTIALS,
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
)
LOGOUT = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
HEADERS = (
    "Content-Type", "Cookie", "Authorization", "Accept-Language", "Accept", "Accept-Encoding", "Origin", "Referer",
    "DPoP", "OAuth-Client-Attestation", "OAuth-Client-Attestation-PoP", "Client-Cert", "Client-Cert-Chain",
    "X-Forwarded-For", "Forwarded", "traceparent", "If-None-Match", "Range", "Sec-Fetch-Site", "Host", "User-Agent",
    "Upgrade", "Connection", "Transfer-Encoding", "Access-Control-Request-Headers", "X-Unknown",
)  # fmt: skip

Requests = Callable[[RunningServer], Any]


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, tuple[int, float, str]]]:
    """The longest step by endpoint; printed when all is measured."""
    found: dict[str, tuple[int, float, str]] = {}
    yield found
    print("\n| endpoint | requests | longest step, ms | of |\n| --- | --- | --- | --- |")
    for endpoint, (count, longest, what) in found.items():
        print(f"| {endpoint} | {count} | {longest:.1f} | {what} |")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with every way in, and no throttle before the work."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # lines are made, and shown to nobody
    migrate_sqlite(tmp_path / "authrim.db")
    store = SQLiteStore(tmp_path / "authrim.db", exclusive=True)
    await store.open()
    async with running_server(
        store, registration="open", registrations_per_minute=100_000, registrations_per_hour=1_000_000,
        registration_updates_per_minute=10_000, consent_pause=10_000, self_registration=True,
        sign_in_attempts_per_account=1000, sign_in_attempts_per_address=10_000,
        features_on=("client_attestation", "client_id_metadata"),
        trusted_proxies=("127.0.0.1/32", "::1/128"), introspection_at=True, introspection_at_per_minute=10_000,
        introspection_positions=True, receipts=True,
    ) as running:  # fmt: skip
        yield running
    await store.close()


def text(value: str) -> object:
    return value


def texts(value: str) -> object:
    return [value]


def key_with(member: str) -> Callable[[str], object]:
    """A key set whose only key has one member filled."""
    return lambda value: {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a"} | {member: value}]}


def members() -> dict[str, Callable[[str], object]]:
    """Each member of a registration in its own shape, then in shapes that nest."""
    shapes: dict[str, Callable[[str], object]] = {}
    for name in ClientMetadata.__struct_fields__:
        own = getattr(ClientMetadata(), name)
        shapes[name] = texts if isinstance(own, tuple) else text
    shapes["scope"], shapes["software_statement"] = text, text
    shapes["jwks"] = key_with("kty")
    return shapes | {"client_name#fr": text, "client_uri#fr": text, "unknown": text, "contacts": texts}


async def token(server: RunningServer) -> Iterator[FilledRequest]:
    web = await server.client("web")
    base = {
        "grant_type": "authorization_code", "code": "x", "redirect_uri": web.redirect_uri,
        "code_verifier": "a" * 43, "client_assertion_type": ASSERTION_TYPE,
    }  # fmt: skip
    known = {name: base[name] for name in base if name != "client_assertion_type"}
    yield_from = [
        forms("/token", known, tuple(name for name in TOKEN if name not in CREDENTIALS), web.basic),
        forms("/token", base, CREDENTIALS, {}),
        forms("/token", {"grant_type": "refresh_token"}, ("refresh_token", "scope"), web.basic),
        heads("POST", "/token", HEADERS, {"Content-Type": "application/x-www-form-urlencoded"} | web.basic),
    ]
    return (filled for part in yield_from for filled in part)


async def pushed(server: RunningServer) -> Iterator[FilledRequest]:
    web = await server.client("web")
    return forms("/par", authorization_query(web)[1], AUTHORIZATION, web.basic)


async def authorize(server: RunningServer) -> Iterator[FilledRequest]:
    web = await server.client("web")
    return queries("/authorize", authorization_query(web)[1], AUTHORIZATION, {})


async def authorize_posted(server: RunningServer) -> Iterator[FilledRequest]:
    web = await server.client("web")
    return forms("/authorize", authorization_query(web)[1], AUTHORIZATION, {})


async def introspect(server: RunningServer) -> Iterator[FilledRequest]:
    api = await server.client("api")
    fields = ("token", "token_type_hint", "min_position", "log_position")
    return forms("/introspect", {"token": "x"}, fields, api.basic)


async def introspect_at(server: RunningServer) -> Iterator[FilledRequest]:
    api = await server.client("api")
    return forms("/introspect/at", {"token": "x", "position": "1"}, ("token", "at", "position"), api.basic)


async def revoke(server: RunningServer) -> Iterator[FilledRequest]:
    web = await server.client("web")
    return forms("/revoke", {"token": "x"}, ("token", "token_type_hint", "receipt"), web.basic)


async def userinfo(server: RunningServer) -> Iterator[FilledRequest]:
    proof = signed_proof(proof_key(), proof_claims("POST", server.url("/userinfo")))
    yield_from = [
        forms("/userinfo", {}, ("access_token",), {}),
        heads("POST", "/userinfo", HEADERS, {"Authorization": "Bearer a.b.c"}),
        heads("GET", "/userinfo", ("Authorization", "DPoP"), {"Authorization": "DPoP a.b.c", "DPoP": proof}),
    ]
    return (filled for part in yield_from for filled in part)


async def logout(server: RunningServer) -> Iterator[FilledRequest]:
    yield_from = [queries("/logout", {}, LOGOUT, {}), forms("/logout", {}, LOGOUT, {})]
    return (filled for part in yield_from for filled in part)


#: As many keys as a registration has room for; they are all looked at, since each by itself is good.
_RSA = new_key("RS256").as_dict(private=False)
_MANY: dict[str, Any] = {"jwks": {"keys": [_RSA | {"kid": str(number)} for number in range(30)]}}


async def registration(server: RunningServer) -> Iterator[FilledRequest]:
    base = {"redirect_uris": ["https://rp.example/cb"]}
    yield_from = [
        documents("POST", "/register", base, members(), {}),
        *(
            documents("POST", "/register", base, {"jwks": key_with(member)}, {})
            for member in ("n", "e", "kid")
        ),
        documents("POST", "/register", base | _MANY, {"unknown": text}, {}),
        heads("POST", "/register", HEADERS, {"Content-Type": "application/json"}, b"{}"),
    ]
    return (filled for part in yield_from for filled in part)


async def update(server: RunningServer) -> Iterator[FilledRequest]:
    client = (await register(server)).body
    path = client["registration_client_uri"].removeprefix(server.issuer)
    base = {"redirect_uris": ["https://rp.example/cb"], "client_id": client["client_id"]}
    some = {
        name: shape for name, shape in members().items() if name.startswith(("client_", "jwks", "contacts"))
    }
    access = {"Authorization": f"Bearer {client['registration_access_token']}"}
    return documents("PUT", path, base, some, access)


async def sign_in(server: RunningServer) -> Iterator[FilledRequest]:
    browser = Browser(server)
    shown, _ = await browser.authorize(await server.client("web"))
    return _page_forms(browser, shown.form, {"login": "a", "password": "b", "action": "sign-in"}, server)


async def create_account(server: RunningServer) -> Iterator[FilledRequest]:
    browser = Browser(server)
    shown = await sign_up_page(browser)
    base = {"login": "a", "password": "b", "password_repeated": "b", "name": "c", "action": "create"}
    return _page_forms(browser, shown.form, base, server)


async def consent(server: RunningServer) -> Iterator[FilledRequest]:
    browser = Browser(server)
    shown, _ = await browser.authorize(await server.client("web"))
    shown = await browser.sign_in(shown)
    return _page_forms(browser, shown.form, {"scope": "openid"}, server)


def _page_forms(
    browser: Browser, form: tuple[str, dict[str, str]], base: dict[str, str], server: RunningServer
) -> Iterator[FilledRequest]:
    action, hidden = form
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    path = action.removeprefix(server.issuer)
    yield from forms(path, hidden | base, (*base, *hidden), cookie)
    yield from heads("GET", path, HEADERS, cookie)


async def discovery(server: RunningServer) -> Iterator[FilledRequest]:
    async with server.http.get(server.url("/authorize"), headers={"Accept": "text/html"}) as page:
        style_sheet = re.search(r"/static/authrim-\w+\.css", await page.text())
    assert style_sheet is not None
    yield_from = [
        heads(method, target, HEADERS, {})
        for method, target in (
            ("GET", "/.well-known/openid-configuration"), ("GET", "/authorize"),
            ("GET", style_sheet[0]), ("OPTIONS", "/token"),
            ("GET", "/health/ready"), ("GET", "/check-session"), ("POST", "/challenge"),
        )
    ]  # fmt: skip
    return (filled for part in yield_from for filled in part)


ENDPOINTS: dict[str, Requests] = {
    "token": token,
    "pushed request": pushed,
    "authorize, query": authorize,
    "authorize, form": authorize_posted,
    "introspect": introspect,
    "introspect at": introspect_at,
    "revoke": revoke,
    "userinfo": userinfo,
    "logout": logout,
    "register": registration,
    "register, update": update,
    "sign-in": sign_in,
    "create account": create_account,
    "consent": consent,
    "others, headers": discovery,
}
#: What says that a request was over before its field was read: the server ended it, knew no such address, or found it
#: too large or too many.
NOWHERE = {0, 404, 405, 413, 414, 429, 431, 503}
#: What says that requests came as far as the rule that they are for.
ARRIVED = {
    "token": 400,
    "pushed request": 400,
    "authorize, query": 303,
    "authorize, form": 303,
    "introspect": 200,
    "introspect at": 200,
    "revoke": 200,
    "userinfo": 401,
    "logout": 200,
    "register": 201,
    "register, update": 400,
    "sign-in": 401,
    "create account": 400,
    "consent": 200,
    "others, headers": 200,
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_no_request_holds_the_loop(
    endpoint: str, server: RunningServer, figures: dict[str, tuple[int, float, str]]
) -> None:
    """A217, A221, A222: each field at its greatest size with 16 patterns: no step of the loop takes over 50 ms of CPU
    time, and what other threads do for it stays short too."""
    requests = await ENDPOINTS[endpoint](server)
    port = server.core.settings.port
    count, longest, what, too_long = 0, 0.0, "", []
    answered: Counter[int] = Counter()
    with watching() as watch:
        for filled in requests:
            status, held = await held_by(watch, port, filled.request)
            count += 1
            answered[status] += 1
            if held.step > longest:
                longest, what = held.step, f"`{filled.field}` of `{filled.pattern}` ({status})"
            if held.step > MOST_MILLISECONDS or held.in_all > MOST_IN_ALL:
                too_long.append((filled.field, filled.pattern, status, held))
    figures[endpoint] = (count, longest, what)
    assert not NOWHERE & answered.keys(), answered
    assert answered[ARRIVED[endpoint]] >= len(PATTERNS), answered
    assert not too_long, too_long[:10]


async def test_no_fetched_answer_holds_the_loop(
    authority: Authority, site: Site, figures: dict[str, tuple[int, float, str]]
) -> None:
    """A217, A222: what a client's own server answers a fetch with holds the loop no longer than a request may."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    egress = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=20)
    count, longest, what = 0, 0.0, ""
    with watching() as watch:
        for name in ("Content-Type", "Set-Cookie", "Content-Encoding", "Cache-Control", "Link", "Location"):
            for pattern in PATTERNS:
                if not pattern.isascii():
                    continue  # which the site's own library does not send
                best = 1e9
                for number in range(TRIES):
                    value = (
                        ("a/b" if name == "Content-Type" else "a=")
                        + pattern * (7500 // len(pattern))
                        + str(number)
                    )
                    kind = {"Content-Type": "application/json"}
                    site.serve("/f", {"keys": []}, None, headers=kind | {name: value})
                    watch.begin()
                    with suppress(EgressRefused):
                        await egress.fetch(site.url("/f"))
                    best = min(best, watch.held().step)
                    if best <= MOST_MILLISECONDS:
                        break
                count += 1
                if best > longest:
                    longest, what = best, f"`{name}` of `{pattern}`"
    await egress.close()
    figures["fetched, headers"] = (count, longest, what)
    assert longest <= MOST_MILLISECONDS, what


async def test_the_watch_sees_a_stall(server: RunningServer) -> None:
    """The probe itself: a step of 80 ms is measured as one, and sleeping is none."""

    def work() -> None:
        until = time.thread_time() + 0.08
        while time.thread_time() < until:
            pass

    with watching() as watch:
        watch.begin()
        await asyncio.sleep(0.1)
        assert watch.held().step < 0.05 * 1000
        asyncio.get_running_loop().call_soon(work)
        await asyncio.sleep(0.2)
        assert watch.held().step >= 80


def test_every_pattern_is_tried() -> None:
    """Sixteen patterns a field, so that the table's counts mean what they say."""
    assert len(list(forms("/token", {}, ("code",), {}))) == 32
