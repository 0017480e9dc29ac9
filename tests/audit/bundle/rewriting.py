"""What somebody with the owner's rights can do to the tables of a log: read all of it, change it, and write it back."""

import copy
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2

from authrim.store.chain import GENESIS, batch_hash, chain_hash, leaf_hash
from tests.store.log_samples import behind_its_back

EVENT = ("position", "stream_id", "version", "type", "payload", "metadata", "recorded_at", "leaf")
BATCH = ("first_position", "last_position", "recorded_at", "batch_hash", "chain_hash")
HEAD = ("id", "position", "chain_hash", "changed_at")
TABLES = {"events": EVENT, "ledger": BATCH, "head": HEAD}

Row = dict[str, Any]


class Log:
    """The rows of the three tables."""

    def __init__(self, events: list[Row], ledger: list[Row], head: list[Row]) -> None:
        self.events, self.ledger, self._head = events, ledger, head

    @property
    def head(self) -> Row:
        return self._head[0]

    def tables(self) -> dict[str, list[Row]]:
        return {"events": self.events, "ledger": self.ledger, "head": self._head}

    def copy(self) -> "Log":
        return copy.deepcopy(self)

    def hash_again(self, chain: bool = True) -> None:
        """Compute leaves, batches and, if wanted, the chain and the head so that they fit the events."""
        for row in self.events:
            fields = (row["stream_id"], row["version"], row["type"], row["payload"], row["metadata"])
            row["leaf"] = leaf_hash(*fields)
        previous = GENESIS
        for row in self.ledger:
            first, last = row["first_position"], row["last_position"]
            row["batch_hash"] = batch_hash(
                event["leaf"] for event in self.events if first <= event["position"] <= last
            )
            if chain:
                row["chain_hash"] = chain_hash(previous, row["batch_hash"], first, last, row["recorded_at"])
                previous = row["chain_hash"]
        if chain and self.ledger:
            self.head.update(position=self.ledger[-1]["last_position"], chain_hash=previous)


def open_for_rewriting(place: Path | str) -> None:
    """Take away what the database refuses with."""
    if isinstance(place, Path):
        for (name,) in behind_its_back(place, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            behind_its_back(place, f"DROP TRIGGER {name}")
    else:
        for table in TABLES:
            behind_its_back(place, f"ALTER TABLE {table} DISABLE TRIGGER ALL")


def read_rows(place: Path | str) -> Log:
    """The log as it stands in the tables."""
    order = {"events": "position", "ledger": "first_position", "head": "id"}
    found = []
    for table, columns in TABLES.items():
        rows = behind_its_back(place, f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order[table]}")
        found.append(
            [{name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows]
        )
    return Log(*found)


def write_rows(place: Path | str, log: Log) -> None:
    """Make the tables what ``log`` says."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as file, file:
            _write(file.cursor(), log, "?")
        return
    with closing(psycopg2.connect(place, options="-c search_path=authrim")) as database, database:
        _write(database.cursor(), log, "%s")


def _write(cursor: Any, log: Log, mark: str) -> None:
    for table, rows in log.tables().items():
        columns = TABLES[table]
        cursor.execute(f"DELETE FROM {table}")
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"
        cursor.executemany(text, [[row[name] for name in columns] for row in rows])


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


class Damage(NamedTuple):
    """What was done, and the positions of which one at least is to be named."""

    what: str
    first: int
    last: int


def other(value: Any, chosen: random.Random) -> Any:
    """Another value of the same type: one bit, letter or number away."""
    if isinstance(value, int):
        return value + chosen.choice((-1, 1))
    if isinstance(value, bytes):
        at = chosen.randrange(len(value) * 8)
        changed = bytearray(value)
        changed[at // 8] ^= 1 << at % 8
        return bytes(changed)
    at = chosen.randrange(len(value))
    return (
        value[:at]
        + chosen.choice([letter for letter in "abcxyz019" if letter != value[at]])
        + value[at + 1 :]
    )


def flip_in_a_row(log: Log, chosen: random.Random) -> Damage:
    row = chosen.choice(log.events)
    column = chosen.choice([name for name in EVENT[1:] if row[name] not in (b"", "")])
    position = row["position"]
    row[column] = other(row[column], chosen)
    return Damage(f"flip {column}", position, position)


def swap_rows(log: Log, chosen: random.Random) -> Damage:
    one, two = sorted(chosen.sample(log.events, 2), key=lambda row: row["position"])
    names = EVENT[1:] if chosen.random() < 0.5 else EVENT[1:-1]
    for name in names:
        one[name], two[name] = two[name], one[name]
    return Damage(f"swap {len(names)}", *_batch(log, one["position"]))


def delete_row(log: Log, chosen: random.Random) -> Damage:
    row = chosen.choice(log.events)
    log.events.remove(row)
    return Damage("delete", row["position"], row["position"])


def cut_rows(log: Log, chosen: random.Random) -> Damage:
    """Only the rows of the events, or those of the ledger with them."""
    count = chosen.randint(1, 10)
    first = log.events[-count]["position"]
    del log.events[-count:]
    if chosen.random() < 0.5:
        log.ledger[:] = [row for row in log.ledger if row["last_position"] < first]
        first = log.ledger[-1]["last_position"] + 1
    return Damage("cut rows", first, log.head["position"])


def cut_everything(log: Log, chosen: random.Random) -> Damage:
    """The end of all three tables: the log is a true one, only older."""
    head = log.head["position"]
    del log.ledger[-chosen.randint(1, 10) :]
    log.events[:] = [row for row in log.events if row["position"] <= log.ledger[-1]["last_position"]]
    log.hash_again()
    return Damage("cut everything", log.head["position"] + 1, head)


def insert_behind(log: Log, chosen: random.Random) -> Damage:
    row = copy.copy(chosen.choice(log.events))
    row.update(position=log.head["position"] + chosen.randint(1, 2), version=row["version"] + 1000)
    log.events.append(row)
    return Damage("insert behind", log.head["position"], row["position"])


def flip_in_the_ledger(log: Log, chosen: random.Random) -> Damage:
    row = chosen.choice(log.ledger)
    first, last = row["first_position"], row["last_position"]
    column = chosen.choice(BATCH)
    row[column] = other(row[column], chosen)
    return Damage(f"flip ledger {column}", first - 1, last + 1)


def delete_ledger_row(log: Log, chosen: random.Random) -> Damage:
    row = chosen.choice(log.ledger)
    log.ledger.remove(row)
    return Damage("delete ledger row", row["first_position"], log.head["position"])


def swap_ledger_rows(log: Log, chosen: random.Random) -> Damage:
    one, two = sorted(chosen.sample(log.ledger, 2), key=lambda row: row["first_position"])
    one["batch_hash"], two["batch_hash"] = two["batch_hash"], one["batch_hash"]
    return Damage("swap ledger rows", one["first_position"], one["last_position"])


def flip_the_head(log: Log, chosen: random.Random) -> Damage:
    head = log.head["position"]
    column = chosen.choice(("position", "chain_hash"))
    log.head[column] = other(log.head[column], chosen)
    return Damage(f"flip head {column}", head - 1, head + 1)


def rewrite_without_the_chain(log: Log, chosen: random.Random) -> Damage:
    """A row with its leaf, and perhaps its batch."""
    row = chosen.choice(log.events)
    row["payload"] = other(row["payload"], chosen)
    if chosen.random() < 0.5:
        log.hash_again(chain=False)
    else:
        fields = (row["stream_id"], row["version"], row["type"], row["payload"], row["metadata"])
        row["leaf"] = leaf_hash(*fields)
    return Damage("rewrite row and leaf", *_batch(log, row["position"]))


def rewrite_everything(log: Log, chosen: random.Random) -> Damage:
    """Another history: a row is changed, taken away or brought in, and every hash up to the head is computed again."""
    at = chosen.randrange(len(log.events))
    position = log.events[at]["position"]
    way = chosen.choice(("change", "time", "remove", "swap"))
    if way == "change":
        log.events[at]["payload"] = other(log.events[at]["payload"], chosen)
    elif way == "time":
        batch = next(row for row in log.ledger if row["first_position"] <= position <= row["last_position"])
        batch["recorded_at"] += 1
        for row in log.events:
            if batch["first_position"] <= row["position"] <= batch["last_position"]:
                row["recorded_at"] += 1
        position = batch["first_position"]
    elif way == "remove":
        del log.events[at]
        for row in log.events[at:]:
            row["position"] -= 1
        for row in log.ledger:
            row["last_position"] -= row["last_position"] >= position
            row["first_position"] -= row["first_position"] > position
        log.ledger[:] = [row for row in log.ledger if row["first_position"] <= row["last_position"]]
        for row in log.ledger:
            for event in log.events:
                if row["first_position"] <= event["position"] <= row["last_position"]:
                    event["recorded_at"] = row["recorded_at"]
    else:
        at, after = sorted(chosen.sample(range(len(log.events)), 2))
        for name in ("stream_id", "version", "type", "payload", "metadata"):
            one, two = log.events[at], log.events[after]
            one[name], two[name] = two[name], one[name]
        position = log.events[at]["position"]
    log.hash_again()
    return Damage(f"rewrite everything: {way}", position, position)


def _batch(log: Log, position: int) -> tuple[int, int]:
    batch = next(row for row in log.ledger if row["first_position"] <= position <= row["last_position"])
    return batch["first_position"], batch["last_position"]


Mutator = Callable[[Log, random.Random], Damage]

#: Each with how often it is to be done.
DAMAGES: tuple[Mutator, ...] = (
    flip_in_a_row, flip_in_a_row, flip_in_a_row, swap_rows, delete_row, cut_rows, cut_everything, insert_behind,
    flip_in_the_ledger, flip_in_the_ledger, delete_ledger_row, swap_ledger_rows, flip_the_head,
    rewrite_without_the_chain, rewrite_everything, rewrite_everything,
)  # fmt: skip


def digest(log: Log) -> str:
    """Two logs of one digest have the same rows."""
    return sha256(
        repr([list(map(sorted, map(dict.items, rows))) for rows in log.tables().values()]).encode()
    ).hexdigest()
