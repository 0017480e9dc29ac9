"""Followers: each event once, in one order, through kills, poison and company (F18, F19, F37)."""

import asyncio
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest
from structlog.testing import capture_logs

from authrim.audit.follow import Follower
from authrim.audit.rebuild import verify
from authrim.audit.recorded import read_page
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.store import SQLiteStore
from domain.log_entry import LogEntry
from projections.audit import AUDIT
from projections.rows import Row
from projections.tree import NAME as TREE
from tests.store.log_samples import CANARY, behind_its_back, write_grant, write_history, write_poison
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def open_again(place: Path | str) -> ReadBack:
    """The same store as another process has it."""
    return SQLiteStore(place) if isinstance(place, Path) else PostgresStore(place)


def audited(place: Path | str) -> list[int]:
    return [
        int(str(row[0])) for row in behind_its_back(place, "SELECT position FROM audit ORDER BY position")
    ]


async def wanted(store: ReadBack) -> list[int]:
    """The positions that have a row: of what can be read, what the projection does not leave out."""
    recorded = read_page(await store.read_log(0, 1000)).recorded
    return [one.position for one in recorded if one.type not in AUDIT.passes_over]


@pytest.fixture
async def other_store(store_place: Path | str, store: ReadBack) -> AsyncIterator[ReadBack]:
    other = open_again(store_place)
    await other.open()
    yield other
    await other.close()


async def test_a_lag_is_the_age_of_the_oldest_event_that_waits(store: ReadBack) -> None:
    """A follower that has never followed waits since the first event; one that has come to the head does not wait."""
    assert await store.lags((AUDIT.name,)) == {AUDIT.name: 0}
    await write_history(store)
    (first,) = await store.read_log(0, 1)
    await Follower(store, AUDIT).catch_up()
    lags = await store.lags((AUDIT.name, TREE))
    now = (await store.head()).now
    assert lags[AUDIT.name] == 0
    assert 0 < lags[TREE] <= now - first.recorded_at


async def test_catches_up_in_pages(store: ReadBack, store_place: Path | str) -> None:
    """A follower takes the whole log in pages, leaves out other applications' events, and then has nothing to do."""
    await write_history(store)
    head = (await store.head()).position
    follower = Follower(store, AUDIT, page=3)
    assert await follower.catch_up() == head
    assert audited(store_place) == await wanted(store)
    again = await follower.step()
    assert (again.handled, again.position) == (0, head)


async def test_rows_answer_an_auditor(store: ReadBack) -> None:
    """The row of an event names its client, person, error id and trace, from the event or its metadata."""
    await write_history(store)
    await Follower(store, AUDIT).catch_up()
    rows = await store.audit.of_error("error-in-grant")
    assert [row["type"] for row in rows] == ["grant.code_replayed.v1", "grant.revoked.v1"]
    assert {(row["stream"], row["client_id"], row["subject"], row["trace"]) for row in rows} == {
        ("default:grant:grant-2", "app", "person", "trace-grant-2")
    }


async def row_within(store: ReadBack, error_id: str, seconds: int) -> bool:
    """Whether the row of an error id is there within some seconds."""
    for _ in range(seconds * 20):
        if await store.audit.of_error(error_id):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_follows_what_is_appended(store: ReadBack) -> None:
    """A running follower is woken by an append and has its row soon after."""
    following = asyncio.create_task(Follower(store, AUDIT).follow())
    try:
        await asyncio.sleep(0.1)
        await write_grant(store, "late", revoked=True, error_id="late-error")
        assert await row_within(store, "late-error", seconds=5)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from authrim.audit.follow import Follower
from projections.audit import AUDIT
from tests.store.test_followers import open_again

async def main():
    place = sys.argv[1]
    store = open_again(Path(place) if place.startswith("/") else place)
    await store.open()
    follower = Follower(store, AUDIT, page=4)
    await follower.step()
    await follower.step()
    def die(events):
        os.kill(os.getpid(), signal.SIGKILL)
    await store.run_followed_page(AUDIT, 4, die)

asyncio.run(main())
"""


async def test_killed_in_the_middle_of_a_page(store: ReadBack, store_place: Path | str) -> None:
    """F18: killed in the middle of its third page, a follower goes on after the second; the result is a rebuild's."""
    await write_history(store)
    head = (await store.head()).position
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _KILLED, str(store_place)],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    positions = await wanted(store)
    assert audited(store_place) == [position for position in positions if position <= 8]
    assert (await Follower(store, AUDIT).step(wait=True)).handled == head - 8
    assert audited(store_place) == positions
    assert (await verify(store)).fits


async def test_poison_event_stops_nobody(store: ReadBack, store_place: Path | str) -> None:
    """F19: what cannot be read is set apart with position and kind, in a row and a log line; the rest goes on."""
    await write_grant(store, "before")
    await write_poison(store)
    await write_grant(store, "after")
    poison = [9, 10]
    with capture_logs() as lines:
        assert await Follower(store, AUDIT).catch_up() == (await store.head()).position
    assert audited(store_place) == await wanted(store)
    assert not set(poison) & set(audited(store_place))
    failed = behind_its_back(
        store_place, "SELECT projection, position, kind FROM failed_events ORDER BY position"
    )
    assert failed == [(AUDIT.name, 9, "UnreadableEvent"), (AUDIT.name, 10, "UnreadableEvent")]
    named = [line for line in lines if line["event"] == "follower.event_failed"]
    assert [(line["position"], line["log_level"]) for line in named] == [(9, "error"), (10, "error")]
    assert CANARY not in f"{failed}{lines}"


async def test_from_zero_again(store: ReadBack, store_place: Path | str) -> None:
    """F18: a follower whose position was put back to zero writes the same rows and failures over again."""
    await write_history(store)
    await write_poison(store)
    await Follower(store, AUDIT).catch_up()
    everything = "SELECT * FROM audit ORDER BY position"
    before = behind_its_back(store_place, everything)
    behind_its_back(store_place, "UPDATE followers SET position = 0")
    assert (await Follower(store, AUDIT, page=4).catch_up()) == (await store.head()).position
    assert behind_its_back(store_place, everything) == before
    assert behind_its_back(store_place, "SELECT count(*) FROM failed_events") == [(2,)]


async def test_event_that_a_projection_fails_on(store: ReadBack, store_place: Path | str) -> None:
    """F19: a projection's own error on one event is that event's failure, named by its type and nothing else."""
    await write_grant(store, "one")

    def row_of(recorded: LogEntry) -> Row | None:
        if recorded.position == 2:
            raise RuntimeError(CANARY)
        return AUDIT.row_of(recorded)

    with capture_logs() as lines:
        await Follower(store, AUDIT._replace(row_of=row_of)).catch_up()
    assert audited(store_place) == [position for position in await wanted(store) if position != 2]
    failed = behind_its_back(store_place, "SELECT position, kind FROM failed_events")
    assert failed == [(2, "RuntimeError")]
    assert CANARY not in f"{failed}{lines}"


async def test_row_that_the_database_refuses(store: ReadBack, store_place: Path | str) -> None:
    """F19: a row that breaks the table's own rule is its event's failure; the other rows of the page are written."""
    await write_grant(store, "one")

    def row_of(recorded: LogEntry) -> Row | None:
        row = AUDIT.row_of(recorded)
        if row is not None and recorded.position == 2:
            return row._replace(values={**row.values, "tenant": None, "trace": CANARY})
        return row

    with capture_logs() as lines:
        position = await Follower(store, AUDIT._replace(row_of=row_of)).catch_up()
    assert position == (await store.head()).position
    assert audited(store_place) == [position for position in await wanted(store) if position != 2]
    kind = "IntegrityError" if isinstance(store_place, Path) else "NotNullViolationError"
    failed = behind_its_back(store_place, "SELECT position, kind FROM failed_events")
    assert failed == [(2, kind)]
    named = [line["position"] for line in lines if line["event"] == "follower.event_failed"]
    assert named == [2]
    assert CANARY not in f"{failed}{lines}"


async def test_row_that_no_index_takes(store: ReadBack, store_place: Path | str) -> None:
    """F19: a client id longer than PostgreSQL's indexes take sets its event apart there; SQLite writes the row."""
    await write_grant(store, "one")

    def row_of(recorded: LogEntry) -> Row | None:
        row = AUDIT.row_of(recorded)
        if row is not None and recorded.position == 2:
            return row._replace(values={**row.values, "client_id": secrets.token_hex(10_000)})
        return row

    await Follower(store, AUDIT._replace(row_of=row_of)).catch_up()
    failed = behind_its_back(store_place, "SELECT position, kind FROM failed_events")
    assert failed == ([] if isinstance(store_place, Path) else [(2, "ProgramLimitExceededError")])
    refused = {position for position, _ in failed}
    assert audited(store_place) == [position for position in await wanted(store) if position not in refused]


async def test_two_followers_take_turns(store: ReadBack, other_store: ReadBack) -> None:
    """F37: two processes following at once handle each event once, in order, also woken when there is nothing."""
    for number in range(6):
        await write_grant(store, f"grant-{number}")
    head = (await store.head()).position
    handled: list[int] = []

    def row_of(recorded: LogEntry) -> Row | None:
        handled.append(recorded.position)
        return AUDIT.row_of(recorded)

    projection = AUDIT._replace(row_of=row_of, passes_over=frozenset())
    pages = {0: 0, 1: 0}

    async def follow(number: int, its_store: ReadBack) -> None:
        follower = Follower(its_store, projection, page=2)
        position = 0
        while position < head:
            page = await follower.step()
            position = max(position, page.position)
            pages[number] += page.handled > 0
            await asyncio.sleep(0)

    await asyncio.gather(follow(0, store), follow(1, other_store))
    assert handled == list(range(1, head + 1))
    assert sum(pages.values()) == head / 2


async def test_only_one_follows_at_a_time(postgres_dsn: str) -> None:
    """While one process is at a page, another one is told so at once and does nothing."""
    first, second = PostgresStore(postgres_dsn), PostgresStore(postgres_dsn)
    await first.open()
    await second.open()
    try:
        await write_grant(first, "one")
        lock = f"SELECT pg_advisory_xact_lock(hashtext('authrim follower'), hashtext('authrim {AUDIT.name}'))"
        with closing(psycopg2.connect(postgres_dsn)) as another:
            another.cursor().execute(lock)
            page = await asyncio.wait_for(Follower(second, AUDIT).step(), PATIENCE)
            assert (page.busy, page.handled) == (True, 0)
            another.rollback()  # a connection that is closed gives its lock back some time later
        assert (await Follower(second, AUDIT).step()).handled == 8
    finally:
        await first.close()
        await second.close()
