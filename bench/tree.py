"""What the Merkle tree over the log costs: ``python -m bench.tree [DATABASE]``.

Appends events to an empty database (a new SQLite file without an argument, or a PostgreSQL address), and measures what
adding them to the tree takes of this process (CPU, all threads) and by the clock, the rebuild, and proofs.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

from authrim.audit.rebuild import verify
from authrim.audit.tree import TreeFollower
from authrim.store.contract import Append, NewEvent, StreamAppend
from authrim.store.postgres.schema import migrate_postgres
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from authrim.transparency.proofs import prove_consistency, prove_inclusion

_PAYLOAD = (
    b'{"type":"refusal.counted.v1","endpoint":"token","error":"invalid_grant","count":1,"minute":28333333}'
)
_BATCH = 500
_PROOFS = 200


async def fill(store: ReadBack, events: int) -> None:
    for number in range(events // _BATCH):
        event = NewEvent("refusal.counted.v1", _PAYLOAD)
        stream = StreamAppend(f"default:refusal:{number}", 0, (event,) * _BATCH)
        await store.append(Append((stream,), b'{"tenant":"default"}'))


async def measure(store: ReadBack, events: int) -> None:
    await fill(store, events)
    cpu, clock = time.process_time(), time.perf_counter()
    size = await TreeFollower(store).catch_up()
    spent, lasted = time.process_time() - cpu, time.perf_counter() - clock
    print(f"follow: {size:,} events, {spent / size * 1e6:.2f} µs CPU and {lasted / size * 1e6:.2f} µs each")
    clock = time.perf_counter()
    for number in range(_PROOFS):
        await prove_inclusion(store.tree, number * (size // _PROOFS), size)
    print(f"inclusion proof: {(time.perf_counter() - clock) / _PROOFS * 1e3:.2f} ms")
    clock = time.perf_counter()
    for number in range(1, _PROOFS):
        await prove_consistency(store.tree, number * (size // _PROOFS), size)
    print(f"consistency proof: {(time.perf_counter() - clock) / _PROOFS * 1e3:.2f} ms")
    before, clock = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    report = await verify(store)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"all projections verified: {report.fits}, {time.perf_counter() - clock:.1f} s, {grown:.0f} MiB more"
    )


async def run(database: str, events: int) -> None:
    if database:
        await migrate_postgres(database)
        await _measured(PostgresStore(database), events)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "authrim.db"
        migrate_sqlite(file)
        await _measured(SQLiteStore(file), events)


async def _measured(store: ReadBack, events: int) -> None:
    await store.open()
    try:
        await measure(store, events)
    finally:
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", default="")
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    asyncio.run(run(given.database, given.events))
