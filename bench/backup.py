"""What a backup and a restore cost: ``python -m bench.backup EVENTS [DATABASE EMPTY_DATABASE]``.

Writes a log of its own (to a new SQLite file, or to an empty PostgreSQL database), takes a backup, and restores it with
``--verify``, each by the command and in a process of its own. CPU is that of our process and its tools, not of
PostgreSQL.
"""

import argparse
import asyncio
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from authrim.store.group_commit import QueueLimits
from authrim.store.postgres.schema import migrate_postgres
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from bench.histories import ISSUER, Histories

_PATIENT = QueueLimits(seconds=60)


async def fill(store: ReadBack, events: int) -> int:
    """Write histories; how many events there are."""
    await store.open()
    try:
        histories = Histories(store)
        await histories.begin()
        await histories.write(events)
        return (await store.head()).position
    finally:
        await store.close()


def measured(database: str, environment: Mapping[str, str], *arguments: str) -> None:
    """Run a command, and print what it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "authrim", *arguments],
        check=True,
        capture_output=True,
        env=os.environ | environment | {"AUTHRIM_DATABASE": database},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{' '.join((arguments[0], *arguments[2:])):18} {spent:6.1f} s CPU {time.perf_counter() - began:6.1f} s,"
        f" {after.ru_maxrss / 1024:.0f} MiB at most",
        flush=True,
    )


async def run(events: int, database: str, empty: str) -> None:
    """Measure on one engine."""
    environment = {"AUTHRIM_ISSUER": ISSUER, "AUTHRIM_MASTER_KEYS": secrets.token_urlsafe(32)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database:
            await migrate_postgres(database)
            written = await fill(PostgresStore(database, queue_limits=_PATIENT), events)
        else:
            database, empty = str(folder / "authrim.db"), str(folder / "restored.db")
            migrate_sqlite(Path(database))
            written = await fill(SQLiteStore(database, queue_limits=_PATIENT), events)
        print(f"{written:,} events")
        measured(database, environment, "backup", str(folder / "backup"))
        size = sum(path.stat().st_size for path in (folder / "backup").iterdir())
        print(f"{'size':18} {size / 1024**2:6.1f} MiB")
        measured(empty, environment, "restore", str(folder / "backup"), "--verify")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=int)
    parser.add_argument("database", nargs="?", default="")
    parser.add_argument("empty", nargs="?", default="")
    given = parser.parse_args()
    asyncio.run(run(given.events, given.database, given.empty))
