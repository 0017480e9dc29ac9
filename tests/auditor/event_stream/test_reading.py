"""``GET /events``: the log as it grows, from any position, for a client with a token for it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from authrim.store.contract import Store
from domain.question_events import QuestionAsked
from tests.auditor.event_stream.reader import JSON_LINES, reading, reading_client, token_of, whole
from tests.support.accounts import add_account
from tests.support.browser import Browser
from tests.support.log import events_of_type
from tests.support.nodes import another_node
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN
from tests.support.running import RunningServer, running_server

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    async with running_server(store, event_stream=True, event_stream_heartbeat_seconds=1) as running:
        yield running


async def test_every_event_once_on_two_nodes(server: RunningServer) -> None:
    """Two readers, each at a node of its own, one of them far behind, get every event of both nodes, once, in the order
    of the log; one that begins without a position gets what comes from then on."""
    reader = await reading_client(server)
    token = await token_of(server, reader)
    service = await server.client("service")
    async with (
        another_node(server, event_stream=True) as node,
        asyncio.timeout(PATIENCE),
        reading(server, token, "?after=0&type=grant.*") as old,
        reading(node, token, "?type=grant.*", **JSON_LINES) as new,
    ):
        await asyncio.gather(*(token_of(at, service) for at in (server, node) * 10))
        since = [row async for row, _ in _first(new.lines(), 40)]
        everything = [row async for (_, row), _ in _first(old.messages(), 42)]
    assert everything[2:] == since
    positions = [row["position"] for row in everything]
    assert positions == sorted(set(positions))
    assert old.last_id == str(positions[-1])
    assert since == await whole(server, token, f"?after={positions[1]}&type=grant.*")


async def _first(rows, number):  # type: ignore[no-untyped-def]
    """The next rows and no more: the connection stays."""
    count = 0
    async for row in rows:
        yield row, count
        count += 1
        if count == number:
            return


@one_store
async def test_a_row_is_what_the_log_has(server: RunningServer, browser: Browser) -> None:
    """A row has position, time, stream, type and data, and whom it concerns by pseudonyms. A whole sign-in leaves no
    name, address, secret, code or token in any row (A227)."""
    web = await server.client()
    tokens = await browser.code_flow(web, scope="openid profile email offline_access", prompt="consent")
    token = await token_of(server, await reading_client(server))
    rows = await whole(server, token, "?after=0")
    head = (await server.core.store.head()).position
    assert [row["position"] for row in rows] == list(range(1, head + 1))
    signed_in = next(row for row in rows if row["type"] == "grant.subject_authenticated.v1")
    assert signed_in["data"]["subject"] == signed_in["concerns"]["subject"] == server.subject
    assert signed_in["stream"].startswith("default:grant:")
    assert signed_in["time"].endswith("Z")
    told = str(rows)
    for secret in (LOGIN, server.password, web.secret, token, "jane", "@", *map(str, tokens.values())):
        assert secret is None or len(secret) < 8 or secret not in told, secret


@one_store
async def test_a_reader_goes_on_where_it_was(server: RunningServer) -> None:
    """``Last-Event-ID`` wins over ``after``, as a browser sends both when it connects again; a heartbeat moves a reader
    on over events that it did not ask for, so that it need not read them twice."""
    token = await token_of(server, await reading_client(server))
    query = "?after=0&type=key.*"
    async with asyncio.timeout(PATIENCE), reading(server, token, query) as reader:
        messages = reader.messages()
        first = (await anext(messages))[1]["position"]
        head = (await server.core.store.head()).position
        waiting = asyncio.ensure_future(anext(messages))
        while reader.last_id != str(head):
            await asyncio.sleep(0.02)
            if waiting.done():
                waiting = asyncio.ensure_future(anext(messages))
        assert reader.comments
        waiting.cancel()
    async with reading(server, token, f"{query}&follow=false", **{"Last-Event-ID": str(first)}) as reader:
        again = [row["position"] async for name, row in reader.messages() if name == "message"]
    assert first not in again
    assert again == [row["position"] for row in await whole(server, token, f"?after={first}&type=key.*")]


@one_store
async def test_what_is_asked_for_and_no_more(server: RunningServer) -> None:
    """By type, by client, by person, by stream: each filter lets through what concerns it. A question about a person is
    recorded with them, and every reader is recorded before it gets a row (A247)."""
    reader, service = await reading_client(server), await server.client("service")
    token = await token_of(server, reader)
    await token_of(server, service)
    other = await add_account(server, "ada")
    of_client = await whole(
        server, token, f"?after=0&client_id={service.client_id}&type=grant.*&type=client.*"
    )
    kinds = {row["type"] for row in of_client}
    assert kinds == {
        "client.registered.v1",
        "client.secret_set.v1",
        "grant.client_credentials_granted.v1",
        "grant.access_token_issued.v1",
    }
    of_person = await whole(server, token, f"?after=0&subject={other}")
    assert of_person
    assert {row["concerns"]["subject"] for row in of_person} == {other}
    of_stream = await whole(server, token, f"?after=0&stream=default:account:{server.subject}")
    assert [row["version"] for row in of_stream] == list(range(1, len(of_stream) + 1))
    asked = [event for event in await events_of_type(server, QuestionAsked) if event.question == "events"]  # type: ignore[attr-defined]
    assert [event.subject for event in asked] == [None, other, None]  # type: ignore[attr-defined]
    assert all(event.exported for event in asked)  # type: ignore[attr-defined]


@one_store
async def test_a_slow_reader_delays_nobody(server: RunningServer) -> None:
    """One reader takes nothing at all of a log that is larger than any buffer; another reads the whole log and what
    comes after, and the server answers as ever."""
    token = await token_of(server, await reading_client(server))
    service = await server.client("service")
    for _ in range(8):
        await asyncio.gather(*(token_of(server, service) for _ in range(50)))
    async with asyncio.timeout(PATIENCE), reading(server, token, "?after=0"):
        rows = await whole(server, token, "?after=0&type=grant.access_token_issued.v1")
        assert len(rows) == 401
        async with reading(server, token, "?type=grant.access_token_issued.v1") as quick:
            await token_of(server, service)
            assert (await anext(quick.messages()))[1]["position"] > rows[-1]["position"]
