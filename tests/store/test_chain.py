"""The hash chain: its published vectors, and that whatever is done to the tables is named (F34, A228)."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import psycopg2
import pytest

from authrim.store import chain
from authrim.store.contract import Store
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.store.store_samples import grant_append

PAGE = Path(__file__).parents[2] / "docs" / "audit" / "hash-chain.md"
VECTORS = json.loads(PAGE.read_text().split("```json\n")[1].split("```")[0])


def test_vectors_follow_from_the_words_of_the_page() -> None:
    """An outsider who does what docs/audit/hash-chain.md says gets the hashes that stand there."""

    def int8(number: int) -> bytes:
        return number.to_bytes(8, "big")

    leaves = {}
    for event in VECTORS["events"]:
        fields = [
            event["stream_id"].encode(),
            int8(event["version"]),
            event["type"].encode(),
            event["payload"].encode(),
            event["metadata"].encode(),
        ]
        leaves[event["position"]] = sha256(b"".join(int8(len(field)) + field for field in fields)).digest()
        assert leaves[event["position"]].hex() == event["leaf"]
    previous = bytes(32)
    for batch in VECTORS["ledger"]:
        positions = range(batch["first_position"], batch["last_position"] + 1)
        of_batch = sha256(b"".join(leaves[position] for position in positions)).digest()
        numbers = (batch["first_position"], batch["last_position"], batch["recorded_at"])
        previous = sha256(previous + of_batch + b"".join(int8(number) for number in numbers)).digest()
        assert (of_batch.hex(), previous.hex()) == (batch["batch_hash"], batch["chain_hash"])


def test_vectors_follow_from_the_code() -> None:
    """The functions that write the log give the published hashes."""
    leaves = [
        chain.leaf_hash(
            event["stream_id"],
            event["version"],
            event["type"],
            event["payload"].encode(),
            event["metadata"].encode(),
        )
        for event in VECTORS["events"]
    ]
    assert [leaf.hex() for leaf in leaves] == [event["leaf"] for event in VECTORS["events"]]
    previous = chain.GENESIS
    for batch in VECTORS["ledger"]:
        first, last = batch["first_position"], batch["last_position"]
        of_batch = chain.batch_hash(leaves[first - 1 : last])
        previous = chain.chain_hash(previous, of_batch, first, last, batch["recorded_at"])
        assert previous.hex() == batch["chain_hash"]


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path)
    await store.open()
    await fill(store)
    yield store
    await store.close()


async def fill(store: Store) -> None:
    """A log of eight positions: three batches of 3, 1 and 4."""
    await store.append(grant_append("a", events=3))
    await store.append(grant_append("b"))
    await store.append(grant_append("c", events=4))


def as_owner(path: Path, *statements: str) -> None:
    """Do what somebody who owns the file can do: drop the triggers, then anything."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def forged_leaf(path: Path, position: int, **changes: object) -> str:
    """The statement that changes a row and makes its leaf fit again."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM events WHERE position = ?", (position,)).fetchone())
    row |= changes
    leaf = chain.leaf_hash(row["stream_id"], row["version"], row["type"], row["payload"], row["metadata"])
    return f"UPDATE events SET payload = x'{row['payload'].hex()}', leaf = x'{leaf.hex()}' WHERE position = {position}"


async def test_untouched_log_is_proved(store: SQLiteStore) -> None:
    """A log as it was written is proved up to its head, with progress on the way."""
    steps: list[tuple[int, int]] = []
    verification = await chain.verify(store, lambda position, head: steps.append((position, head)))
    head = await store.head()
    assert verification == chain.Verification(8, 3, head.chain_hash)
    assert steps == [(3, 8), (4, 8), (8, 8)]


async def test_empty_log_is_proved(tmp_path: Path) -> None:
    """A log without an event fits its head."""
    migrate_sqlite(tmp_path / "empty.db")
    store = SQLiteStore(tmp_path / "empty.db")
    await store.open()
    assert await chain.verify(store) == chain.Verification(0, 0, chain.GENESIS)
    await store.close()


@pytest.mark.parametrize(
    "column",
    [
        "payload = x'00'",
        "metadata = x'7b7d'",
        "type = 'grant.code_redeemed.v1'",
        "stream_id = 'x:grant:y'",
        "version = 9",
    ],
)
async def test_changed_row_is_named(store: SQLiteStore, path: Path, column: str) -> None:
    """F34, A228: one changed field of one row is named by its position."""
    as_owner(path, f"UPDATE events SET {column} WHERE position = 6")
    verification = await chain.verify(store)
    assert verification.problem == chain.Problem(6, 6, "the row is not the one that was recorded")
    assert (verification.events, verification.batches) == (4, 2)


async def test_every_flipped_byte_of_a_payload_is_seen(store: SQLiteStore, path: Path) -> None:
    """F34: whichever byte of a payload is flipped, its position is named."""
    payload = (await store.read_log(1, 1))[0].payload
    for place in range(len(payload)):
        flipped = bytes(byte ^ (index == place) for index, byte in enumerate(payload))
        as_owner(path, f"UPDATE events SET payload = x'{flipped.hex()}' WHERE position = 2")
        problem = (await chain.verify(store)).problem
        assert problem is not None
        assert problem.first_position == problem.last_position == 2


async def test_row_changed_with_its_leaf_is_named_by_its_batch(store: SQLiteStore, path: Path) -> None:
    """F34: whoever also computes the leaf again is found by the batch hash."""
    as_owner(path, forged_leaf(path, 6, payload=b"{}"))
    problem = (await chain.verify(store)).problem
    assert problem is not None
    assert (problem.first_position, problem.last_position) == (5, 8)


async def test_row_and_batch_forged_together_are_named_by_their_batch(store: SQLiteStore, path: Path) -> None:
    """F34: whoever also computes the batch hash again is found by the chain hash."""
    as_owner(path, forged_leaf(path, 6, payload=b"{}"))
    of_batch = chain.batch_hash(event.leaf for event in await store.read_log(4, 4))
    as_owner(path, f"UPDATE ledger SET batch_hash = x'{of_batch.hex()}' WHERE first_position = 5")
    problem = (await chain.verify(store)).problem
    assert problem == chain.Problem(5, 8, "the ledger row is not the one that was chained")


async def test_forged_last_batch_does_not_fit_the_head(store: SQLiteStore, path: Path) -> None:
    """F34: a last batch that is consistent in itself is not the one the head names."""
    as_owner(path, forged_leaf(path, 6, payload=b"{}"))
    of_batch = chain.batch_hash(event.leaf for event in await store.read_log(4, 4))
    second, third = (await store.read_ledger(0, 9))[1:]
    of_chain = chain.chain_hash(second.chain_hash, of_batch, 5, 8, third.recorded_at)
    as_owner(
        path,
        f"UPDATE ledger SET batch_hash = x'{of_batch.hex()}', chain_hash = x'{of_chain.hex()}'"
        " WHERE first_position = 5",
    )
    problem = (await chain.verify(store)).problem
    assert problem == chain.Problem(8, 8, "the head's chain hash is not the ledger's")


async def test_swapped_rows_are_named(store: SQLiteStore, path: Path) -> None:
    """F34, A228: two rows that changed places are named by the batch of the first."""
    as_owner(
        path,
        "UPDATE events SET position = -1 WHERE position = 5",
        "UPDATE events SET position = 5 WHERE position = 7",
        "UPDATE events SET position = 7 WHERE position = -1",
    )
    problem = (await chain.verify(store)).problem
    assert problem is not None
    assert (problem.first_position, problem.last_position) == (5, 8)


@pytest.mark.parametrize(
    ("statements", "first", "last", "what"),
    [
        (["DELETE FROM events WHERE position = 2"], 2, 2, "the row is missing"),
        (["DELETE FROM events WHERE position = 8"], 8, 8, "the row is missing"),
        (["DELETE FROM ledger WHERE first_position = 4"], 4, 4, "the ledger goes on at 5"),
        (
            ["DELETE FROM events WHERE position > 4", "DELETE FROM ledger WHERE first_position > 4"],
            5,
            8,
            "the end of the log is missing",
        ),
        (
            ["DELETE FROM ledger WHERE first_position > 4"],
            5,
            8,
            "the end of the log is missing",
        ),
        (
            ["UPDATE events SET recorded_at = 1 WHERE position = 3"],
            3,
            3,
            "the row's time is not the time of its batch",
        ),
        (
            [
                "UPDATE events SET recorded_at = 1 WHERE position = 4",
                "UPDATE ledger SET recorded_at = 1 WHERE first_position = 4",
            ],
            4,
            4,
            "the ledger row is not the one that was chained",
        ),
        (
            ["UPDATE ledger SET last_position = 3000000000 WHERE first_position = 5"],
            9,
            9,
            "the row is missing",
        ),
        (
            [
                "INSERT INTO events SELECT 9, stream_id, 5, type, payload, metadata, recorded_at, leaf"
                " FROM events WHERE position = 8"
            ],
            9,
            9,
            "the row stands behind the head",
        ),
        (
            ["UPDATE events SET version = -1 WHERE position = 1"],
            1,
            1,
            "the row is not the one that was recorded",
        ),
    ],
)
async def test_every_other_damage_is_named(
    store: SQLiteStore, path: Path, statements: list[str], first: int, last: int, what: str
) -> None:
    """F34, A228: deleted rows, a cut-off end, changed times, rows put in: the first position that does not fit."""
    as_owner(path, *statements)
    assert (await chain.verify(store)).problem == chain.Problem(first, last, what)


async def test_log_longer_than_a_page_is_proved(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk goes over the borders of its pages, also inside a batch."""
    monkeypatch.setattr(chain, "PAGE", 2)
    assert (await chain.verify(store)).events == 8


async def test_log_that_grows_during_the_walk_is_proved(store: SQLiteStore) -> None:
    """What is appended while the walk is under way is neither missed nor taken for a forgery."""
    names = iter("defgh")

    class GrowingStore:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def read_ledger(self, after: int, limit: int) -> object:
            await store.append(grant_append(next(names)))
            return await store.read_ledger(after, limit)

    verification = await chain.verify(GrowingStore())  # type: ignore[arg-type]
    assert verification.problem is None
    assert verification.events == 8


@pytest.mark.parametrize(
    ("statement", "first", "last"),
    [
        ("UPDATE events SET payload = '\\x00' WHERE position = 6", 6, 6),
        ("UPDATE events SET version = -version WHERE position = 6", 6, 6),
        ("DELETE FROM events WHERE position = 2", 2, 2),
        ("DELETE FROM ledger WHERE first_position = 5; DELETE FROM events WHERE position > 4", 5, 8),
        (
            "UPDATE events SET position = 20 - position WHERE position IN (5, 7);"
            "UPDATE events SET position = position - 8 WHERE position > 8",
            5,
            8,
        ),
    ],
)
async def test_damage_on_postgres_is_named(postgres_dsn: str, statement: str, first: int, last: int) -> None:
    """F34, A228: what the owner of a PostgreSQL database changes, removes or exchanges is named as well."""
    store = PostgresStore(postgres_dsn)
    await store.open()
    await fill(store)
    assert (await chain.verify(store)).problem is None
    with closing(psycopg2.connect(postgres_dsn)) as owner, owner, owner.cursor() as cursor:
        cursor.execute("SET search_path TO authrim")
        cursor.execute("ALTER TABLE events DISABLE TRIGGER USER; ALTER TABLE ledger DISABLE TRIGGER USER")
        cursor.execute(statement)
    problem = (await chain.verify(store)).problem
    assert problem is not None
    assert (problem.first_position, problem.last_position) == (first, last)
    await store.close()
