"""Who may read the stream of events, and when a stream ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from authrim.auditor.event_stream.event_stream_endpoint import BEGUN_PER_MINUTE, SCOPE
from authrim.store.contract import Store
from tests.auditor.event_stream.reader import JSON_LINES, Reader, bearer, reading, reading_client, token_of
from tests.support.browser import Browser
from tests.support.dpop import proof_key, with_token
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    async with running_server(
        store, event_stream=True, event_streams_per_client=2, event_streams=3
    ) as running:
        yield running


async def status_of(server: RunningServer, headers: dict[str, str], query: str = "") -> tuple[int, str]:
    async with server.http.get(server.url("/events") + query, headers=headers) as answer:
        return answer.status, answer.headers.get("WWW-Authenticate", "")


async def last_row(reader: Reader) -> dict[str, object]:
    """The last row of a stream that ends."""
    async with asyncio.timeout(PATIENCE):
        return [row async for row in reader.lines()][-1]


async def test_a297_only_with_a_token_for_it(server: RunningServer, browser: Browser) -> None:
    """A297: no token, one of no use, one without the scope, one for another resource, one of a person who agreed to the
    scope: each is refused as RFC 6750 §3.1 says, and the answer names the resource's metadata (RFC 9728 §5.1)."""
    reader = await reading_client(server, audiences=("https://api.example/",))
    web = await server.client(scope=("openid", SCOPE))
    of_person = (await browser.code_flow(web, scope=f"openid {SCOPE}"))["access_token"]
    elsewhere = await token_of(server, reader, resource="https://api.example/")
    without = await token_of(server, await server.client("service", default_audience=None))
    for headers, status, error in (
        ({}, 401, ""),
        (bearer("x"), 401, "invalid_token"),
        (bearer(elsewhere), 401, "invalid_token"),
        (bearer(without), 403, "insufficient_scope"),
        (bearer(of_person), 403, "insufficient_scope"),
    ):
        answered, challenge = await status_of(server, headers)
        assert (answered, error in challenge) == (status, True), challenge
        assert (
            f'resource_metadata="{server.url("/.well-known/oauth-protected-resource/events")}"' in challenge
        )
    named = await token_of(server, reader, resource=server.url("/events"))
    assert (await status_of(server, bearer(named), "?follow=false"))[0] == 200
    async with server.http.get(server.url("/.well-known/oauth-protected-resource/events")) as answer:
        document = await answer.json()
    assert (document["resource"], document["scopes_supported"]) == (server.url("/events"), [SCOPE])


async def test_a107_a_bound_token_needs_its_key(server: RunningServer) -> None:
    """A107: a token that is bound to a key opens the stream with a proof of the key, and not as a bearer token."""
    reader, key = await reading_client(server), proof_key()
    headers = reader.basic | {"DPoP": with_token(server, key, "", path="/token", method="POST")["DPoP"]}
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, headers)
    assert answer["token_type"] == "DPoP"
    token = answer["access_token"]
    assert (await status_of(server, bearer(token)))[0] == 401
    proved = with_token(server, key, token, path="/events", method="GET")
    assert (await status_of(server, proved, "?follow=false"))[0] == 200


@pytest.mark.parametrize(
    "query",
    [
        "?after=x",
        "?after=-1",
        "?after=999999",
        "?typ=x",
        "?type=no.such.v1",
        "?follow=1",
        "?subject=",
        "?type=",
        "?after=0&type",
    ],
)
async def test_a_question_that_is_none(server: RunningServer, query: str) -> None:
    """What is misspelled, empty or beyond the log is refused, and never taken for a question without it."""
    token = await token_of(server, await reading_client(server))
    assert (await status_of(server, bearer(token), query))[0] == 400


async def test_a_query_that_cannot_be_read_is_told_so(server: RunningServer) -> None:
    """A query with U+0000 is refused for that, and not for an access token that is not in it."""
    token = await token_of(server, await reading_client(server))
    url = server.url("/events?client_id=%00")
    async with server.http.get(url, headers=bearer(token)) as answer:
        assert answer.status == 400
        assert "access token" not in await answer.text()


async def test_a297_a_revoked_token_ends_its_stream(server: RunningServer) -> None:
    """A297: a stream ends when its token is revoked, at once, and nothing that is recorded later is in it."""
    reader = await reading_client(server)
    token, other = await token_of(server, reader), await token_of(server, reader)
    async with reading(server, token, **JSON_LINES) as ending, reading(server, other, **JSON_LINES):
        assert (await server.post("/revoke", {"token": token}, reader.basic))[0] == 200
        assert await last_row(ending) == {"end": "token_not_active"}
    assert (await status_of(server, bearer(token)))[0] == 401


async def test_a297_an_expired_token_ends_its_stream(server: RunningServer) -> None:
    """A297: a stream ends when its token expires, although nothing happens."""
    reader = await reading_client(server, access_token_lifetime=1)
    async with reading(server, await token_of(server, reader), **JSON_LINES) as ending:
        assert await last_row(ending) == {"end": "token_not_active"}


async def test_a218_few_streams(server: RunningServer) -> None:
    """A218: a client has so many streams and a process so many, and no client begins them without end; what is closed
    gives its place back."""
    reader, other = await reading_client(server), await reading_client(server, "other")
    token, others = await token_of(server, reader), await token_of(server, other)
    async with reading(server, token), reading(server, token):
        assert (await status_of(server, bearer(token)))[0] == 429
        async with reading(server, others):
            assert (await status_of(server, bearer(others)))[0] == 503
    # A closed connection is noticed in a moment.
    async with asyncio.timeout(PATIENCE):
        while (await status_of(server, bearer(token), "?follow=false"))[0] != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await server.core.store.count(f"event_streams:default:{reader.client_id}", 60, BEGUN_PER_MINUTE)
    assert (await status_of(server, bearer(token)))[0] == 429


async def test_off_unless_switched_on(store: Store) -> None:
    """Without the setting there is no stream, and no metadata that says so."""
    async with running_server(store) as server:
        assert (await status_of(server, {}))[0] == 404
        async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
            assert "authrim_events_endpoint" not in await answer.json()


async def test_f33_a_server_that_stops_ends_its_streams(store: Store) -> None:
    """F33: a server that stops tells its readers so, and waits for none of them."""
    async with running_server(store, event_stream=True) as server:
        token = await token_of(server, await reading_client(server))
        answer = await server.http.get(server.url("/events"), headers=bearer(token, **JSON_LINES))
        reading_on = asyncio.ensure_future(last_row(Reader(answer)))
    assert await reading_on == {"end": "server_stops"}
