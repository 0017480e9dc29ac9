"""The task that lets ended rows leave: what stays behind a past, one node at a time, and as fast as it has to be."""

from pathlib import Path

from authrim.core.retention import LEAST_REST, MOST_REST, Retention, next_rest, take_turn
from authrim.store.read_back import ReadBack
from bench.retention import opened, write_past
from domain.units import HOUR, MICROSECONDS
from projections.expiry import HOT
from tests.support.browser import Browser
from tests.support.running import development_settings, running_server

SETTINGS = development_settings(1)


async def test_the_tables_hold_only_what_lives(tmp_path: Path) -> None:
    """A293: behind sessions that have ended and tokens that have expired, the tables hold what lives and nothing else;
    python -m bench.retention does the same with a million tokens, and measures."""
    store = await opened(str(tmp_path / "old.db"))
    await write_past(store, 40, 10)
    now = (await store.head()).now // MICROSECONDS
    deleted = await Retention(store, SETTINGS).all_due(now + 2 * HOUR)
    assert (deleted["tokens"], deleted["sessions"], deleted["outbox"]) == (400, 40, 40)
    async with running_server(store) as server:
        web = await server.client("web")
        token = (await Browser(server).code_flow(web))["access_token"]
        assert (await server.post("/introspect", {"token": token}, web.basic))[1]["active"]
        rows = {state.name: state.rows for state in await Retention(store, SETTINGS).measure(now)}
    assert rows.keys() == set(HOT)
    assert (rows["tokens"], rows["sessions"], rows["outbox"]) == (1, 1, 0)
    await store.close()


async def test_one_node_at_a_time(store: ReadBack) -> None:
    """Of two nodes, one lets rows leave in a minute, and the other one does nothing."""
    nodes = [Retention(store, SETTINGS) for _ in range(2)]
    while True:
        began = await nodes[0].now() // 60
        turns = [await take_turn(store, node, MOST_REST) for node in nodes]
        if await nodes[0].now() // 60 == began:
            break
    assert turns == [[], None]


def test_pauses_get_shorter_while_something_is_behind() -> None:
    """A293: each turn that leaves something behind is followed by one with half the pauses, down to nearly none; one
    that does not, by longer ones."""
    rest, turns = MOST_REST, 0
    while rest > LEAST_REST:
        rest, turns = next_rest(rest, ["tokens"]), turns + 1
    assert turns == 4
    assert next_rest(rest, ["tokens"]) == LEAST_REST
    for _ in range(turns):
        rest = next_rest(rest, [])
    assert rest == next_rest(rest, []) == MOST_REST
