"""The auditor's look-ups: what is asked for is found, nothing else, and without reading whole tables."""

import asyncio
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from authrim.audit.follow import Follower
from authrim.audit.rebuild import verify
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.store import audit_sql
from authrim.store.postgres import audit_index as postgres_audit
from authrim.store.postgres import reads as postgres_reads
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from domain.grant import events as grant
from domain.stream import GRANT, SESSION, grant_stream
from projections.audit import AUDIT, BESIDE
from projections.tables import TABLES_OF_SUBJECT
from tests.store.full_tables import fill
from tests.store.log_samples import LATER, behind_its_back, write_grant, write_history

TENANT = "default"


async def followed(store: ReadBack) -> int:
    return await Follower(store, AUDIT).catch_up()


async def found(store: ReadBack, values: dict[str, str], limit: int = 1000) -> list[int]:
    """The positions of all events of a search, page by page."""
    head, position, done = await followed(store), 0, False
    positions: list[int] = []
    while not done:
        page = await store.audit.search(TENANT, values, position, head, limit)
        positions += [event.position for event in page.events]
        assert page.position > position or page.done
        position, done = page.position, page.done
    return positions


async def write_signed(store: ReadBack, name: str, *subjects: str, address: str = "here") -> None:
    """A grant in which some people sign in, one after the other, each with a session; then tokens for the last."""
    client_id = f"app-{name[:2]}"
    origin = Origin(TENANT, client_id=client_id, address=address, trace=f"trace-{name}")
    request = grant.AuthorizationRequested(
        client_id, "https://rp.example/cb", "code", "query", ("openid",), 9, 69
    )
    signed = [grant.SubjectAuthenticated(one, f"session-of-{one}", 9, "1", ("pwd",)) for one in subjects]
    events = (request, *signed, grant.CodeRedeemed("none", 10), grant.IdTokenIssued("kid-7", 10, LATER))
    change = Change(grant_stream(TENANT, name), 0, events)
    await store.append(append_of((change,), origin.metadata()))


async def test_each_condition_finds_its_events(store: ReadBack) -> None:
    """Every column that can be asked for finds the events that have the value, and conditions narrow each other."""
    await write_history(store)
    await write_signed(store, "other", "ada", address="elsewhere")
    head = await followed(store)
    events = {event.position: event for event in await store.read_log(0, 1000)}
    own = [
        position
        for position, event in events.items()
        if ":es:" not in event.stream and event.type not in BESIDE
    ]
    assert await found(store, {}) == own
    of_other = [position for position in own if events[position].stream.endswith(":other")]
    for values in (
        {"stream": "default:grant:other"},
        {"trace": "trace-other"},
        {"address": "elsewhere"},
        {"client_id": "app-ot", "address": "elsewhere"},
    ):
        # The token is found by what it is, and its request by what it did.
        wanted = of_other if "stream" in values else of_other[:-1]
        assert await found(store, values) == wanted, values
    assert await found(store, {"subject": "ada"}) == [of_other[1]]
    assert await found(store, {"session_id": "session-of-ada"}) == [of_other[1]]
    assert await found(store, {"key_id": "kid-7"}) == [of_other[3]]
    assert await found(store, {"key_id": "kid-1"}) == [3]
    assert await found(store, {"type": "grant.id_token_issued.v1"}) == [of_other[3]]
    admin = await found(store, {"actor": "admin"})
    assert {events[position].type for position in admin} >= {"client.disabled.v1", "key.created.v1"}
    assert await found(store, {"actor": "admin", "client_id": "app"}) == [
        position for position in admin if events[position].type.startswith("client.")
    ]
    assert await found(store, {"error_id": "error-alone"}) == [24]
    assert await found(store, {"subject": "nobody"}) == []
    assert (await store.audit.search("another", {}, 0, head, 1000)).events == []


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_a_search_reads_a_bounded_number_of_rows(
    store: ReadBack, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """A245: where two conditions rarely meet, each query looks at so many rows and no more, and nothing is lost."""
    await write_history(store)
    for number in range(5):
        await write_signed(store, f"gr{number}", "ada" if number % 2 else "bob")
    head = await followed(store)
    together = {"client_id": "app-gr", "type": "grant.code_redeemed.v1"}
    wanted = await found(store, together)
    assert len(wanted) == 5
    monkeypatch.setattr(audit_sql, "MOST_READ", 3)
    assert await found(store, together, limit) == wanted
    page = await store.audit.search(TENANT, {"client_id": "app-gr", "actor": "nobody"}, 0, head, limit)
    assert (page.events, page.done) == ([], False)


async def test_history_tells_of_one_person_alone(store: ReadBack) -> None:
    """A246: of a grant in which two people signed in, each one's history has what names them and not what follows the
    other; of their own grants it has everything."""
    await write_signed(store, "of-ada", "ada")
    await write_signed(store, "of-bob", "bob")
    await write_signed(store, "of-both", "ada", "bob")
    head = await followed(store)
    events = await store.audit.history("subject", TENANT, "ada", 0, head, 1000)
    assert [(event.stream.rsplit(":", 1)[1], event.type.split(".")[1]) for event in events] == [
        ("of-ada", "authorization_requested"),
        ("of-ada", "subject_authenticated"),
        ("of-ada", "code_redeemed"),
        ("of-ada", "id_token_issued"),
        ("of-both", "subject_authenticated"),
    ]
    paged: list[int] = []
    while page := await store.audit.history("subject", TENANT, "ada", paged[-1] if paged else 0, head, 2):
        paged += [event.position for event in page]
    assert paged == [event.position for event in events]
    of_session = await store.audit.history("session_id", TENANT, "session-of-bob", 0, head, 1000)
    assert {event.stream.rsplit(":", 1)[1] for event in of_session} == {"of-bob", "of-both"}
    assert await store.audit.history("subject", "another", "ada", 0, head, 1000) == []


async def test_history_ends_where_the_index_does(store: ReadBack) -> None:
    """A246: an event that the index does not have yet names nobody there, and is in nobody's history: another person
    may have signed in to the same grant."""
    await write_signed(store, "of-ada", "ada")
    head = await followed(store)
    before = await store.audit.history("subject", TENANT, "ada", 0, head, 1000)
    signed = grant.SubjectAuthenticated("bob", "session-of-bob", 10, "1", ("pwd",))
    change = Change(grant_stream(TENANT, "of-ada"), 4, (signed,))
    await store.append(append_of((change,), Origin(TENANT).metadata()))
    assert await store.audit.history("subject", TENANT, "ada", 0, head, 1000) == before


async def test_streams_of_a_person(store: ReadBack) -> None:
    """The grants of a person are named once each, in order, from the one that was named last."""
    for name in ("c", "a", "b"):
        await write_signed(store, name, "ada")
    await write_signed(store, "d", "bob")
    await followed(store)
    names = [grant_stream(TENANT, name) for name in ("a", "b", "c")]
    assert list(await store.audit.streams_of(TENANT, "ada", GRANT, "", 10)) == names
    assert list(await store.audit.streams_of(TENANT, "ada", GRANT, names[0], 1)) == [names[1]]
    assert list(await store.audit.streams_of(TENANT, "ada", SESSION, "", 10)) == []


async def test_rows_of_a_person(store: ReadBack) -> None:
    """A224: the tokens of a person are read without anybody else's, page by page."""
    await write_grant(store, "grant-1")
    await write_signed(store, "of-ada", "ada")
    rows = await store.read_rows_of("tokens", TENANT, "person", "", 10)
    assert [row["key"] for row in rows] == ["default:grant-1:grant-1-1", "default:grant-1:grant-1-2"]
    assert [
        row["key"] for row in await store.read_rows_of("tokens", TENANT, "person", rows[0]["key"], 10)
    ] == [rows[1]["key"]]
    assert await store.read_rows_of("tokens", "another", "person", "", 10) == []


#: The index that each search must use. ``""`` is the log itself, in the order of its positions.
INDEXES = {
    "": "audit_pkey",
    "error_id": "audit_errors",
    "token_id": "audit_tokens",
    "stream": "events_stream_id_version_key",
    "trace": "audit_traces",
    "address": "audit_addresses",
    "session_id": "audit_sessions",
    "subject": "audit_subjects",
    "key_id": "audit_keys",
    "type": "audit_types",
    "client_id": "audit_clients",
    "actor": "audit_actors",
}


@pytest.fixture
async def full_store(postgres_dsn: str) -> Any:
    """A PostgreSQL store with so many rows that a bad plan would be chosen where there is one."""
    store = PostgresStore(postgres_dsn)
    await store.open()
    for start in range(0, 600, 200):
        await asyncio.gather(
            *(
                write_signed(store, f"g{n}", f"person-{n % 50}", address=f"a{n % 9}")
                for n in range(start, start + 200)
            )
        )
    await write_history(store)
    await followed(store)
    await store._connections.fetch("ANALYZE events")
    await store._connections.fetch("ANALYZE audit")
    await store._connections.in_transaction(
        lambda connection: fill(connection, [table.name for table in TABLES_OF_SUBJECT])
    )
    yield store
    await store.close()


async def plan_of(store: PostgresStore, query: str, *arguments: object) -> str:
    rows = await store._connections.fetch(f"EXPLAIN {query}", *arguments)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("lead", INDEXES)
async def test_a_search_scans_nothing(full_store: PostgresStore, lead: str) -> None:
    """A245: each search goes through its index in the order of positions, and sorts no more than it found."""
    value = {"actor": "admin", "type": "client.disabled.v1", "client_id": "app"}.get(lead, "person-7")
    asked = audit_sql.arguments({lead: value} if lead else {}, TENANT, 10, 10_000, 100)
    plan = await plan_of(full_store, postgres_audit.SEARCH[lead], *asked.values())
    candidates = plan.partition("CTE candidates")[2].partition("->  Aggregate")[0]
    assert f"using {INDEXES[lead]}" in candidates, plan
    assert "Seq Scan" not in plan
    assert "Sort" not in candidates


async def test_a_search_is_planned_for_its_value(full_store: PostgresStore) -> None:
    """A245: a search is never made by a plan for any value: a client of which the log says little would be looked for
    in all of it, as one that is frequent."""
    for _ in range(3):
        await full_store.audit.search(TENANT, {"client_id": "app-g1"}, 0, 10_000, 100)
        await full_store.audit.history("subject", TENANT, "person-7", 0, 10_000, 100)
    plans = await full_store._connections.fetch(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ '^\\s+WITH'"
    )
    assert [tuple(row) for row in plans] == [(0, 3), (0, 3)]


@pytest.mark.parametrize(
    "lead", ["client_id", "key_id", "address", "subject", "error_id", "token_id", "trace"]
)
async def test_a_search_for_what_is_nowhere_goes_through_its_index(
    full_store: PostgresStore, lead: str
) -> None:
    """A245: a value that the log does not have is looked for in its index, in a log of ten million events too."""
    asked = audit_sql.arguments({lead: "nowhere"}, TENANT, 10, 10_000_000, 100)
    await full_store._connections.fetch(
        "UPDATE pg_class SET reltuples = 10000000 WHERE relname IN ('audit', 'audit_pkey')"
    )
    plan = await plan_of(full_store, postgres_audit.SEARCH[lead], *asked.values())
    candidates = plan.partition("CTE candidates")[2].partition("->  Aggregate")[0]
    assert f"using {INDEXES[lead]}" in candidates, plan


def test_the_types_without_an_index_are_those_of_the_migration() -> None:
    """The condition of the partial index and that of the search are the same."""
    text = (files("migrations") / "0015_audit_search.sql").read_text()
    assert set(re.findall(r"'([a-z]+\.[a-z0-9_]+\.v1)'", text)) == set(audit_sql.COMMON_TYPES)


@pytest.mark.parametrize("column", ["subject", "session_id"])
async def test_a_history_scans_nothing(full_store: PostgresStore, column: str) -> None:
    """A245: the history of a person or a session is read by indexes alone."""
    plan = await plan_of(full_store, postgres_audit.HISTORY[column], TENANT, "person-7", 10, 10**6, 100)
    assert "Seq Scan" not in plan
    assert f"audit_{column.removesuffix('_id')}s" in plan
    assert "events_stream_id_version_key" in plan


async def test_lists_of_a_person_scan_nothing(full_store: PostgresStore) -> None:
    """A245: the grants, sessions, tokens and logins of a person are read by an index of the person's."""
    between = (f"{TENANT}:{GRANT}:", f"{TENANT}:{GRANT};")
    plan = await plan_of(full_store, postgres_audit.STREAMS, TENANT, "person-7", *between, "", 100)
    assert "audit_subjects" in plan
    for table in TABLES_OF_SUBJECT:
        plan = await plan_of(full_store, postgres_reads.ROWS_OF[table.name], TENANT, "person-7", "", 100)
        assert f"{table.name}_of_subject" in plan
        assert "Sort" not in plan


async def test_rows_of_the_version_before_are_completed(store: ReadBack, store_place: Path | str) -> None:
    """F21: where the version before has followed the log already, its rows get the new columns, and what it left out
    gets a row."""
    await write_history(store)
    behind_its_back(store_place, "INSERT INTO followers (name, position) VALUES ('audit', 25)")
    behind_its_back(
        store_place,
        "INSERT INTO audit (position, recorded_at, tenant, stream, type) "
        "SELECT position, recorded_at, 'default', stream_id, type FROM events WHERE position < 5",
    )
    assert await found(store, {"actor": "admin", "key_id": "kid-1"}) == [3]
    assert (await verify(store)).fits
