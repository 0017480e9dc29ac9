"""How long a search of the log takes: ``python -m bench.search [--events N] [--copies N]``.

Writes N true events to a PostgreSQL of its own and follows them with the index. Then the rows of both tables are copied
by SQL, with new positions, streams, sessions, traces and tokens; clients, people, addresses and keys are the same, so
the most frequent values stay the hard case. A copied log proves nothing, so it is good for reading alone. Each search
is made 20 times after a first one; the median and the slowest are printed.
"""

import argparse
import asyncio
from contextlib import closing
from statistics import median
from time import perf_counter
from typing import Any, Final

import psycopg2

from authrim.audit.follow import Follower
from authrim.audit.search import Wanted, history, search
from authrim.store.postgres.schema import migrate_postgres
from authrim.store.postgres.store import PostgresStore
from bench.histories import Histories
from domain.stream import DEFAULT_TENANT as TENANT
from projections.audit import AUDIT, TABLE
from tests import postgres_cluster

_TRIES: Final = 20
#: A page of `authrim audit search`.
_PAGE: Final = 50
#: What is different in each copy.
_OWN: Final = ("stream", "session_id", "trace", "token_id")


def copy_rows(dsn: str, last: int, copies: int) -> None:
    """Copy the log and its index behind themselves."""
    columns = ", ".join(_copied(name) for name in TABLE.columns)
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        for number in range(1, copies):
            values = {"by": number * last, "suffix": f"~{number}", "last": last}
            cursor.execute(
                """
                INSERT INTO authrim.events SELECT position + %(by)s, stream_id || %(suffix)s, version, type, payload,
                    metadata, recorded_at, leaf FROM authrim.events WHERE position <= %(last)s
                """,
                values,
            )
            cursor.execute(
                f"INSERT INTO authrim.audit ({', '.join(TABLE.columns)}) SELECT {columns} FROM authrim.audit"
                " WHERE position <= %(last)s",
                values,
            )
            connection.commit()
            print(f"  {(number + 1) * last:,} events", flush=True)
        cursor.execute("UPDATE authrim.head SET position = %s", (copies * last,))
        cursor.execute(
            "UPDATE authrim.followers SET position = %s WHERE name = %s", (copies * last, AUDIT.name)
        )
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE authrim.events")
            cursor.execute("VACUUM ANALYZE authrim.audit")


def _copied(column: str) -> str:
    if column == "position":
        return "position + %(by)s"
    return f"{column} || %(suffix)s" if column in _OWN else column


async def measure(store: Any, row: dict[str, str], head: int) -> None:
    """Search by each condition, for a value that is in the middle of the log, and for one that is nowhere."""
    questions: list[tuple[str, Wanted]] = [("the first page of the log", Wanted(TENANT, {}))]
    for column in ("client_id", "subject", "session_id", "trace", "token_id", "address", "stream", "key_id"):
        if column in row:
            questions += [
                (f"{column}", Wanted(TENANT, {column: (row[column],)})),
                (f"{column}, from the middle", Wanted(TENANT, {column: (row[column],)}, after=head // 2)),
                (f"{column} that is nowhere", Wanted(TENANT, {column: ("nowhere",)})),
            ]
    revoked = "grant.revoked.v1"
    questions += [
        ("a rare type", Wanted(TENANT, {"type": (revoked,)}, after=head // 2)),
        ("a rare type of one person", Wanted(TENANT, {"type": (revoked,), "subject": (row["subject"],)})),
        ("an error id that is nowhere", Wanted(TENANT, {"error_id": ("nowhere",)})),
        ("what administrators did", Wanted(TENANT, {"actor": ("admin",)})),
    ]
    for name, wanted in questions:
        await _print(name, lambda wanted=wanted: search(store, wanted, _PAGE))
    for column in ("subject", "session_id"):
        if column in row:
            value = row[column]
            await _print(
                f"history by {column}",
                lambda column=column, value=value: history(store, TENANT, column, value, 0, _PAGE),
            )


def row_near(dsn: str, position: int) -> dict[str, str]:
    """A value of each column, of the next row behind a position that has one."""
    found: dict[str, str] = {}
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        for column in TABLE.columns[3:]:
            cursor.execute(
                f"SELECT {column} FROM authrim.audit WHERE position > %s AND {column} IS NOT NULL"
                " ORDER BY position LIMIT 1",
                (position,),
            )
            found.update((column, value) for (value,) in cursor)
    return found


async def _print(name: str, ask: Any) -> None:
    first = perf_counter()
    found = await ask()
    first = perf_counter() - first
    times = []
    for _ in range(_TRIES):
        began = perf_counter()
        await ask()
        times.append(perf_counter() - began)
    print(
        f"  {name}: {len(found.lines)} events, median {median(times) * 1e3:.1f} ms, "
        f"slowest {max(times) * 1e3:.1f} ms, the first {first * 1e3:.1f} ms"
    )


async def _write(dsn: str, events: int) -> int:
    store = PostgresStore(dsn)
    await store.open()
    try:
        histories = Histories(store)
        await histories.begin()
        await histories.write(events)
        return await Follower(store, AUDIT).catch_up()
    finally:
        await store.close()


async def _search(dsn: str) -> None:
    store = PostgresStore(dsn)
    await store.open()
    try:
        head = (await store.head()).position
        print(f"Searches of {head:,} events:")
        await measure(store, row_near(dsn, head // 2), head)
    finally:
        await store.close()


def main() -> None:
    """Write, copy, search and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=10)
    options = parser.parse_args()
    cluster = postgres_cluster.start()
    try:
        dsn = cluster.dsn(cluster.new_database())
        asyncio.run(migrate_postgres(dsn))
        last = asyncio.run(_write(dsn, options.events))
        copy_rows(dsn, last, options.copies)
        asyncio.run(_search(dsn))
    finally:
        postgres_cluster.stop(cluster)


if __name__ == "__main__":
    main()
