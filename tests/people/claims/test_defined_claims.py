"""Claims that an administrator defined, over HTTP: given to a person, released by their scopes, told where they may be,
and known to every process soon after the event."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from authrim.people.accounts import show_account
from authrim.people.claim_definitions import define_claim, retire_claim
from authrim.people.claims import claims_of
from authrim.people.erasure import erase_account
from authrim.people.person_claims import set_claim, set_claims
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.store import SQLiteStore
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, authenticated_post
from tests.support.log import whole_log
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

SCOPE = ("openid", "email", "hr", "offline_access")
DEPARTMENT = "canary-research"


async def define(server: RunningServer, name: str, scopes: tuple[str, ...] = ("hr",), **more: Any) -> None:
    made = await define_claim(
        server.core.store, DEFAULT_TENANT, name, more.pop("type_", "string"), scopes, **more
    )
    assert not isinstance(made, Refusal), made.error_description
    await server.core.configuration.catch_up()


async def give(server: RunningServer, name: str, value: Any) -> None:
    core = server.core
    given = await set_claim(core.store, core.private, DEFAULT_TENANT, server.subject, name, value)
    assert not isinstance(given, Refusal), given.error_description


@pytest.fixture
async def known(server: RunningServer) -> RunningServer:
    """A server with two defined claims, of which its person has values."""
    await define(server, "department", label="Your department")
    await define(server, "https://example.com/level", ("payroll",), type_="number")
    await give(server, "department", DEPARTMENT)
    await give(server, "https://example.com/level", 7)
    return server


async def reader(server: RunningServer, name: str = "reader", **changes: Any) -> KnownClient:
    wanted = {"scope": SCOPE, "id_token_claims": "scopes"} | changes
    return await server.client(name, kind="web", **wanted)


async def userinfo(server: RunningServer, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with server.http.get(server.url("/userinfo"), headers=headers) as answer:
        document: dict[str, Any] = await answer.json()
        return document


async def metadata(server: RunningServer) -> dict[str, Any]:
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document: dict[str, Any] = await answer.json()
        return document


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds, with patience."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - the log is what is waited for
            await asyncio.sleep(0.05)


async def test_released_by_its_scope(known: RunningServer, browser: Browser) -> None:
    """A260: the ID token and userinfo tell the claim whose scope was granted, with its type, and no other."""
    client = await reader(known, "both", scope=(*SCOPE, "payroll"))
    tokens = await browser.code_flow(client, scope="openid hr")
    for told in (
        await verified_claims(known, tokens["id_token"]),
        await userinfo(known, tokens["access_token"]),
    ):
        assert told["department"] == DEPARTMENT
        assert "https://example.com/level" not in told
    tokens = await browser.code_flow(client, scope="openid payroll")
    told = await userinfo(known, tokens["access_token"])
    assert (told["https://example.com/level"], "department" in told) == (7, False)


async def test_asked_for_by_name(known: RunningServer, browser: Browser) -> None:
    """OIDC Core §5.5, A260: a client asks for a defined claim by its name when it may have a scope that releases it,
    and for another without effect."""
    client = await reader(known, "by-name", id_token_claims="minimal")
    wanted = {"id_token": {"department": None}, "userinfo": {"https://example.com/level": None}}
    tokens = await browser.code_flow(client, scope="openid", claims=json.dumps(wanted))
    said = await verified_claims(known, tokens["id_token"])
    told = await userinfo(known, tokens["access_token"])
    assert said["department"] == DEPARTMENT
    assert not {"department", "https://example.com/level"} & told.keys()
    assert "https://example.com/level" not in said


async def test_consent_page_names_it(known: RunningServer, browser: Browser) -> None:
    """The consent page names the claim in the administrator's words, in the sentence of the page's language."""
    client = await reader(known)
    shown, _ = await browser.authorize(client, scope="openid hr", ui_locales="de")
    page = await browser.sign_in(shown)
    assert "Dazu gehört: Your department." in page.body


async def test_agreement_is_shown(known: RunningServer, browser: Browser) -> None:
    """The account says to which defined claims the person agreed for which client, beside the scope, and no value."""
    client = await reader(known)
    await browser.code_flow(client, scope="openid hr")
    core = known.core
    shown = await show_account(core.store, core.private, DEFAULT_TENANT, known.subject)
    assert not isinstance(shown, Refusal)
    assert shown.consents == {client.client_id: ("openid", "hr")}
    assert shown.consent_claims == {client.client_id: ("department",)}


async def test_an_agreement_does_not_grow(known: RunningServer, browser: Browser) -> None:
    """A262: a claim that is added to a scope reaches neither the tokens of earlier grants nor a client that people have
    agreed to before, until the page has shown it to them."""
    client = await reader(known)
    tokens = await browser.code_flow(client, scope="openid email offline_access", prompt="consent")
    await define(known, "clearance", ("email",))
    await give(known, "clearance", "canary-secret")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, refreshed = await authenticated_post(known, client, "/token", form)
    assert status == 200
    assert "clearance" not in await verified_claims(known, refreshed["id_token"])
    assert "clearance" not in await userinfo(known, refreshed["access_token"])
    shown, _ = await browser.authorize(client, scope="openid email")
    assert "/consent/" in shown.url
    assert "clearance" in shown.body
    tokens = await browser.code_flow(client, scope="openid email")
    assert (await userinfo(known, tokens["access_token"]))["clearance"] == "canary-secret"
    shown, _ = await browser.authorize(client, scope="openid email")
    assert "code" in shown.parameters


async def test_defined_while_the_page_was_open(known: RunningServer, browser: Browser) -> None:
    """A262: who agrees on a page that did not name a claim has not agreed to it."""
    client = await reader(known)
    shown, _ = await browser.authorize(client, scope="openid hr")
    page = await browser.sign_in(shown)
    await define(known, "clearance")
    await browser.submit(page, action="allow")
    shown, _ = await browser.authorize(client, scope="openid hr")
    assert "/consent/" in shown.url


async def test_retired(known: RunningServer, browser: Browser) -> None:
    """A retired claim is told to nobody from then on, whatever was agreed to, and comes back with its definition."""
    client = await reader(known)
    tokens = await browser.code_flow(client, scope="openid hr")
    assert (await userinfo(known, tokens["access_token"]))["department"] == DEPARTMENT
    await retire_claim(known.core.store, DEFAULT_TENANT, "department")

    async def gone() -> bool:
        told = await userinfo(known, tokens["access_token"])
        return "department" not in told and "department" not in (await metadata(known))["claims_supported"]

    await eventually(gone)
    again = await browser.code_flow(client, scope="openid hr")
    assert "department" not in await verified_claims(known, again["id_token"])
    await define(known, "department")
    assert (await userinfo(known, tokens["access_token"]))["department"] == DEPARTMENT


async def test_discovery_follows_the_log(server: RunningServer, store_place: Path | str) -> None:
    """OpenID Connect Discovery §3, RFC 9728 §2: the metadata have a claim and its scope soon after the event, which a
    command writes beside the running server."""
    before = await metadata(server)
    assert "department" not in before["claims_supported"]
    beside = SQLiteStore(store_place) if isinstance(store_place, Path) else PostgresStore(store_place)
    await beside.open()
    await define_claim(beside, DEFAULT_TENANT, "department", "string", ("hr",))
    await beside.close()

    async def there() -> bool:
        document = await metadata(server)
        return (
            "department" in document["claims_supported"]
            and "hr" in document["scopes_supported"]
            and len(set(document["scopes_supported"])) == len(document["scopes_supported"])
        )

    await eventually(there)
    async with server.http.get(server.url("/.well-known/oauth-protected-resource/userinfo")) as answer:
        assert "hr" in (await answer.json())["scopes_supported"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("department", 7),
        ("https://example.com/level", "7"),
        ("email_verified", "true"),
        ("unheard-of", "x"),
        ("sub", "x"),
    ],
)
async def test_refused_claim_is_named(known: RunningServer, name: str, value: Any) -> None:
    """A value of the wrong type, and a claim that is not defined, is refused by its name, and nothing is changed."""
    core = known.core
    refusal = await set_claim(core.store, core.private, DEFAULT_TENANT, known.subject, name, value)
    assert isinstance(refusal, Refusal)
    assert name in refusal.error_description
    kept = await claims_of(
        core, DEFAULT_TENANT, known.subject, core.configuration.catalogue(DEFAULT_TENANT).names
    )
    assert (kept["department"], kept["email_verified"]) == (DEPARTMENT, True)


async def test_kept_as_personal_data(known: RunningServer) -> None:
    """A233, A234: no event holds a value, new claims of the standard leave it alone, a retired one can be taken away,
    and an erased person has none."""
    core = known.core
    await set_claims(core.store, core.private, DEFAULT_TENANT, known.subject, {"name": "Alice"})
    names = ("name", "department", "email")
    assert await claims_of(core, DEFAULT_TENANT, known.subject, names) == {
        "name": "Alice",
        "department": DEPARTMENT,
    }
    assert "canary-" not in await whole_log(known)
    await retire_claim(core.store, DEFAULT_TENANT, "https://example.com/level")
    await give(known, "https://example.com/level", None)
    await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, known.subject)
    assert await claims_of(core, DEFAULT_TENANT, known.subject, names) == {}


async def test_unreadable_definitions_release_nothing(
    known: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A232: a process that cannot read the definitions tells no defined claim, and all others as before."""
    monkeypatch.setattr("authrim.store.codec._DECODERS", {"claim": {}})
    await known.core.configuration._read_claims(DEFAULT_TENANT)
    catalogue = known.core.configuration.catalogue(DEFAULT_TENANT)
    assert "department" not in catalogue.names
    assert "email" in catalogue.names
