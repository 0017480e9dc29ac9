"""What the store promises for rows that leave: bounded, found by an index, counted, and nobody waits."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from authrim.audit.follow import Follower
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.store import retention_sql as sql
from authrim.store.contract import Append
from authrim.store.postgres.connections import SESSION
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from domain.person.session_events import SessionEnded, SessionStarted
from domain.stream import session_stream
from domain.units import DAY, HOUR, MICROSECONDS
from projections.expiry import HOT, LEAVING, NOTICE_KEPT
from projections.outbox import OUTBOX
from projections.rows import Row
from tests.store.full_tables import fill
from tests.store.log_samples import TENANT, behind_its_back
from tests.store.store_samples import grant_append

#: The index that each table is pruned by.
INDEXES: Final = {
    "tokens": "tokens_leaving",
    "sessions": "sessions_leaving",
    "guard": "guard_expiry",
    "counters": "counters_expiry",
    "outbox": "outbox_leaving",
    "monitor_states": "monitor_states_leaving",
}


async def now_of(store: ReadBack) -> int:
    return (await store.head()).now // MICROSECONDS


async def end_a_session(store: ReadBack, session_id: str) -> int:
    """A session that ended; the position of its end."""
    stream = session_stream(TENANT, session_id)
    events = (SessionStarted("person", "digest", 1, "acr", ("pwd",), 2**31), SessionEnded("logout", 2))
    append = append_of((Change(stream, 0, events),), Origin(TENANT, actor="system").metadata())
    return (await store.append(append)).last_position


async def test_used_values_and_counters_leave_in_steps(store: ReadBack) -> None:
    """A293: a step deletes no more rows than it may, the oldest first; what is valid stays, what left is counted."""
    now = await now_of(store)
    for number in range(5):
        await store.reserve(f"jti:{number}", now + 100 - number)
        await store.count(f"failures:{number}", 3600)
    await store.reserve("jti:valid", now + 600)
    retention = store.retention
    assert [await retention.prune_due("guard", now + 100, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert not await store.reserve("jti:valid", now + 600)
    assert await retention.prune_due("counters", now, 9) == 0
    assert [await retention.prune_due("counters", now + 3700, 3) for _ in range(3)] == [3, 2, 0]
    states = {state.name: state for state in await retention.measure(now, ("", ""))}
    assert tuple(states) == HOT
    assert (states["guard"].pruned, states["counters"].pruned, states["outbox"].pruned) == (5, 5, 0)
    assert (states["guard"].rows, states["guard"].due, states["guard"].oldest_due) == (1, 0, None)


async def test_a_step_keeps_its_limit_in_any_plan(postgres_dsn: str) -> None:
    """A293: PostgreSQL may look for the rows that are due once for each row of the table. Those that it holds already
    are skipped then, and still no more leave than a step may take."""
    plan = dict.fromkeys(("enable_hashjoin", "enable_hashagg", "enable_sort", "enable_material"), "off")
    connection = await asyncpg.connect(
        postgres_dsn, server_settings={**SESSION, **plan, "search_path": "authrim"}
    )
    try:
        rows = "SELECT 'failures:' || number, 1, 5 FROM generate_series(1, 50) AS number"
        await connection.execute(f"INSERT INTO counters (key, total, expires_at) {rows}")
        marks = {"now": "$1::BIGINT", "limit": "$2::BIGINT", "lock": "FOR UPDATE SKIP LOCKED"}
        statement = sql.PRUNED_DUE["counters"].format(**marks)
        assert await connection.execute(statement, 10**9, 3) == "DELETE 3"
    finally:
        await connection.close()


async def test_ends_leave_when_messages_are_made(store: ReadBack) -> None:
    """A row of the outbox leaves an hour after its messages were made; another when nobody is told any more (F22)."""
    settled = await end_a_session(store, "told")
    waiting = await end_a_session(store, "waiting")
    await Follower(store, OUTBOX).catch_up()
    await store.outbox.add((), (settled,))
    now = await now_of(store)
    assert await store.retention.prune_due("outbox", now + HOUR - 60, 10) == 0
    assert await store.retention.prune_due("outbox", now + HOUR + 60, 10) == 1
    assert await store.read_delivery(settled) is None
    assert await store.read_delivery(waiting) is not None
    assert await store.retention.prune_due("outbox", now + NOTICE_KEPT + 60, 10) == 1


async def test_nobody_loses_a_session_that_others_must_hear_of(store: ReadBack) -> None:
    """Until the outbox has come to the end of a session, and while a notice of it waits, its row says so."""

    async def told(session_id: str) -> bool:
        rows = {row["key"]: row for row in await store.retention.due("sessions", now + 40 * DAY, 10)}
        return bool(rows[f"{TENANT}:{session_id}"]["told"])

    now = await now_of(store)
    await store.append(_with_row("s", await end_a_session(store, "s")))
    assert not await told("s")
    await Follower(store, OUTBOX).catch_up()
    assert not await told("s")
    (taken,) = await store.take_deliveries(10, 60)
    await store.outbox.add((), (taken.position,))
    assert await told("s")


def _with_row(session_id: str, position: int) -> Append:
    values = {
        "key": f"{TENANT}:{session_id}", "tenant": TENANT, "session_id": session_id, "subject": "person",
        "status": "ended", "document": "{}", "version": 2, "expires_at": 2**31,
    }  # fmt: skip
    return grant_append(f"beside-{position}", rows=(Row("sessions", "put", values),))


async def test_a_token_that_is_found_by_its_row_alone_stays(store: ReadBack, store_place: Path | str) -> None:
    """A row that stands for its grant takes those with it that stood before, but no encrypted token's: whether that was
    revoked is known from its row alone, which leaves at its own time."""
    for name, leaves_at, sent_hash in (
        ("old", "7", "NULL"),
        ("sent", "7", "'hash'"),
        ("new", "NULL", "NULL"),
    ):
        behind_its_back(
            store_place,
            "INSERT INTO tokens (key, tenant, grant_id, client_id, document, expires_at, leaves_at, sent_hash)"
            f" VALUES ('{TENANT}:g:{name}', '{TENANT}', 'g', 'web', '{{}}', 5, {leaves_at}, {sent_hash})",
        )
    assert await store.retention.prune("tokens", [], {f"{TENANT}:g:new": 9}) == 1
    kept = behind_its_back(store_place, "SELECT key FROM tokens ORDER BY key")
    assert [row[0] for row in kept or ()] == [f"{TENANT}:g:new", f"{TENANT}:g:sent"]


async def test_the_rows_of_the_monitor_leave(store: ReadBack, store_place: Path | str) -> None:
    """A grant that nobody goes on with leaves the monitor's table when its request has expired; others stay."""
    for stream, leaves_at in (("old", "1"), ("new", "4000000000"), ("client", "NULL")):
        behind_its_back(store_place, f"INSERT INTO monitor_states VALUES ('{stream}', '[]', {leaves_at})")
    assert await store.retention.prune_due("monitor_states", await now_of(store), 10) == 1
    kept = behind_its_back(store_place, "SELECT stream FROM monitor_states ORDER BY stream")
    assert [row[0] for row in kept or ()] == ["client", "new"]


async def test_what_lives_is_not_read(store: ReadBack, store_place: Path | str) -> None:
    """A293: each table is looked through by an index in the order in which its rows leave, so what a step reads is
    bounded by the step and not by the table."""
    assert INDEXES.keys() == LEAVING.keys()
    statements = {**sql.DUE, **sql.PRUNED_DUE}
    if isinstance(store_place, Path):
        marks = {"now": "1", "limit": "1", "default": "", "lock": ""}
        with closing(sqlite3.connect(store_place)) as connection:
            plans = {
                name: connection.execute(f"EXPLAIN QUERY PLAN {text.format(**marks)}").fetchall()
                for name, text in statements.items()
            }
    else:
        marks = {"now": "1", "limit": "1", "default": 'COLLATE "default"', "lock": "FOR UPDATE SKIP LOCKED"}
        postgres = await asyncpg.connect(store_place, server_settings={"search_path": "authrim", **SESSION})
        await fill(postgres, INDEXES)
        plans = {
            name: await postgres.fetch(f"EXPLAIN {text.format(**marks)}") for name, text in statements.items()
        }
        await postgres.close()
    for name, plan in plans.items():
        text = "\n".join(str(row[-1]) for row in plan)
        assert INDEXES[name] in text, text
        assert "SCAN tokens\n" not in text
        assert "Seq Scan on tokens" not in text


async def test_whoever_prunes_waits_for_nobody(store: ReadBack, store_place: Path | str) -> None:
    """On PostgreSQL a row that somebody else holds is left for the next time, so no two wait for each other."""
    if not isinstance(store, PostgresStore):
        pytest.skip("one writer at a time")
    now = await now_of(store)
    for number in range(2):
        await store.reserve(f"jti:{number}", now + 10)
    other = await asyncpg.connect(str(store_place))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("SELECT * FROM authrim.guard WHERE key = 'jti:0' FOR UPDATE")
    assert await store.retention.prune_due("guard", now + 20, 10) == 1
    await transaction.rollback()
    assert await store.retention.prune_due("guard", now + 20, 10) == 1
    await other.close()
