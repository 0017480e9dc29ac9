"""What only the embedded store has: one file, one server, other processes beside it, and a disk that fails."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from authrim.store.chain import verify
from authrim.store.contract import Append, Conflict, StoreError, Unavailable, UnknownSchema
from authrim.store.sqlite import clock as sqlite_clock
from authrim.store.sqlite import lane as sqlite_lane
from authrim.store.sqlite import store as sqlite_store
from authrim.store.sqlite.store import SQLiteStore
from projections.rows import Row
from tests.store.store_samples import METADATA, grant_append
from tests.support.patience import PATIENCE


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path)
    await store.open()
    yield store
    await store.close()


def in_another_process(path: Path, code: str) -> subprocess.Popen[str]:
    """Python code with ``store``, ``grant_append`` and ``asyncio`` on the same file."""
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from authrim.store.contract import *\n"
        "from authrim.store.sqlite.store import SQLiteStore\n"
        "from store_samples import grant_append\n"
        "async def main():\n"
        "    store = SQLiteStore(Path(sys.argv[1]))\n"
        "    await store.open()\n"
        f"{lines}\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'tests' / 'store'}"},
    )


async def test_second_server_is_refused(path: Path) -> None:
    """One server holds the lock file; another is refused until it is gone, the command line is not."""
    first, second, command_line = (
        SQLiteStore(path, exclusive=exclusive) for exclusive in (True, True, False)
    )
    await first.open()
    with pytest.raises(Unavailable, match="another server"):
        await second.open()
    await command_line.open()
    await command_line.close()
    await first.close()
    third = SQLiteStore(path, exclusive=True)
    await third.open()
    await third.close()


async def test_missing_file_names_what_to_run(tmp_path: Path) -> None:
    """A file that is not there is not made by the server, which says what to run."""
    with pytest.raises(UnknownSchema, match="authrim migrate"):
        await SQLiteStore(tmp_path / "none.db").open()
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = x'00' WHERE position = 1",
        "DELETE FROM events WHERE position = 1",
        "INSERT OR REPLACE INTO events SELECT 1, 'a:b:c', 1, type, payload, metadata, recorded_at, leaf FROM events",
        "INSERT OR REPLACE INTO events SELECT 2, stream_id, version, type, payload, metadata, 1, leaf FROM events",
        "UPDATE ledger SET batch_hash = x'00'",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger",
        "DELETE FROM head",
        "INSERT OR REPLACE INTO head SELECT * FROM head",
        "UPDATE head SET position = 0",
    ],
)
async def test_history_is_not_rewritten(store: SQLiteStore, path: Path, statement: str) -> None:
    """A228: the database itself refuses each way to change a row, INSERT OR REPLACE among them."""
    await store.append(grant_append("a"))
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)


async def test_batch_with_conflicts_keeps_its_neighbours(store: SQLiteStore) -> None:
    """Of appends that wait together the conflicting ones are refused, the others stand without a gap."""
    await store.append(grant_append("taken"))
    results = await asyncio.gather(
        *(store.append(grant_append("taken" if number % 3 else f"free{number}")) for number in range(30)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == 20
    assert {(conflict.what, conflict.subject) for conflict in refused} == {("version", "default:grant:taken")}
    assert (await store.head()).position == 11
    assert (await verify(store)).problem is None


async def test_append_that_cannot_be_stored_fails_alone(store: SQLiteStore) -> None:
    """A row that SQLite cannot store is that append's own error; what waited with it is committed."""
    bad = grant_append(
        "bad", rows=(Row("logins", "claim", {"key": "k", "tenant": None, "subject": object()}),)
    )
    results = await asyncio.gather(
        store.append(grant_append("a")),
        store.append(bad),
        store.append(grant_append("b")),
        return_exceptions=True,
    )
    assert isinstance(results[1], StoreError)
    assert (await store.head()).position == 2
    assert (await store.read_stream("default:grant:bad")).version == 0


async def test_rows_without_events_are_committed(store: SQLiteStore) -> None:
    """An append of rows only is durable and takes no position."""
    row = Row("logins", "claim", {"key": "default:k", "tenant": "default", "subject": "s"})
    await store.append(Append((), METADATA, (row,)))
    assert (await store.find("login", "default:k")).row is not None
    assert (await store.head()).position == 0
    assert (await verify(store)).problem is None


async def test_clock_does_not_go_back(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F13: when the machine's clock jumps back an hour, recorded times and ``now`` stay where they were."""
    before = await store.append(grant_append("a"))
    monkeypatch.setattr(sqlite_clock, "time_ns", lambda: (before.recorded_at - 3_600_000_000) * 1000)
    after = await store.append(grant_append("b"))
    assert after.recorded_at >= before.recorded_at
    assert (await store.read_stream("default:grant:b")).now >= before.recorded_at
    reopened = SQLiteStore(path)
    await reopened.open()
    assert (await reopened.head()).now >= before.recorded_at
    await reopened.close()


async def test_changes_notice_our_own_and_other_processes_appends(store: SQLiteStore, path: Path) -> None:
    """A follower is woken by an append of this process and by one that the command line makes beside it."""
    changes = store.changes()
    assert await asyncio.wait_for(anext(changes), PATIENCE) == 0
    await store.append(grant_append("a"))
    assert await asyncio.wait_for(anext(changes), PATIENCE) == 1
    other = in_another_process(path, "await store.append(grant_append('b'))\nawait store.close()")
    assert await asyncio.wait_for(anext(changes), PATIENCE) == 2
    assert other.wait(20) == 0
    await store.append(grant_append("c"))
    assert await asyncio.wait_for(anext(changes), PATIENCE) == 3
    assert (await verify(store)).events == 3


async def test_many_writers_in_two_processes_leave_no_gap(store: SQLiteStore, path: Path) -> None:
    """F12: a hundred writers here and a hundred in another process: every append stands, in one order."""
    program = (
        "await asyncio.gather(*(store.append(grant_append(f'other{n}', events=2)) for n in range(100)))\n"
        "await store.close()"
    )
    other = in_another_process(path, program)
    waves = 0
    while other.poll() is None or waves == 0:
        await asyncio.gather(*(store.append(grant_append(f"own{waves}-{number}")) for number in range(100)))
        waves += 1
    assert other.returncode == 0, other.stderr and other.stderr.read()
    verification = await verify(store)
    assert verification.problem is None
    assert verification.events == 200 + waves * 100


async def test_held_write_lock_is_unavailable_and_then_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12, F38: while another process holds the write lock appends are refused as Unavailable; reads go on."""
    monkeypatch.setattr(sqlite_lane, "BUSY_TIMEOUT", 100)
    store = SQLiteStore(path)
    await store.open()
    await store.append(grant_append("a"))
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await store.append(grant_append("b"))
        assert (await store.read_stream("default:grant:a")).version == 1
        holder.execute("ROLLBACK")
    assert (await store.append(grant_append("b"))).first_position == 2
    await store.close()


async def test_write_ahead_log_is_bounded(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: behind a sleeping reader the write-ahead log grows, appends go on; once it is gone the log is folded."""
    monkeypatch.setattr(sqlite_store, "WAL_LIMIT", 100_000)
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_PAUSE", 0.0)
    store = SQLiteStore(path)
    await store.open()
    wal = path.with_name(path.name + "-wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM head").fetchall()
        for number in range(20):
            await store.append(grant_append(f"a{number}", events=20))
        assert wal.stat().st_size > 100_000
    await store.append(grant_append("b"))
    assert wal.stat().st_size < 100_000
    assert (await verify(store)).events == 401
    await store.close()


async def test_full_disk_loses_nothing(path: Path) -> None:
    """F11: when the disk takes no more, appends are Unavailable, reads go on, and what was answered is there."""
    program = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "await store.append(grant_append('first'))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        "done = 0\n"
        "try:\n"
        "    while True:\n"
        "        await store.append(grant_append(f'a{done}', events=20))\n"
        "        done += 1\n"
        "except Unavailable:\n"
        "    assert (await store.read_stream('default:grant:first')).version == 1\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "await store.append(grant_append('last'))\n"
        "print(done, flush=True)\n"
        "import os; os._exit(0)"
    )
    other = in_another_process(path, program)
    out, err = other.communicate(timeout=PATIENCE)
    assert other.returncode == 0, err
    answered = int(out)
    assert answered > 0
    store = SQLiteStore(path)
    await store.open()
    verification = await verify(store)
    assert verification.problem is None
    assert verification.events == answered * 20 + 2
    assert (await store.read_stream("default:grant:last")).version == 1
    await store.close()


async def test_killed_writer_loses_nothing_it_answered(path: Path, tmp_path: Path) -> None:
    """F11: a writer is killed in the middle of its work: each append that was answered is in the log, which fits."""
    program = (
        "async def write(task):\n"
        "    number = 0\n"
        "    while True:\n"
        "        await store.append(grant_append(f'{task}-{number}'))\n"
        "        print(f'{task}-{number}', flush=True)\n"
        "        number += 1\n"
        "await asyncio.gather(*(write(task) for task in range(8)))"
    )
    answered: list[str] = []
    for run in range(3):
        other = in_another_process(path, program.replace("{task}-", f"{run}-{{task}}-"))
        assert other.stdout is not None
        answered += [other.stdout.readline().strip() for _ in range(200)]
        other.kill()
        answered += other.communicate()[0].split("\n")[:-1]
        store = SQLiteStore(path)
        await store.open()
        assert (await verify(store)).problem is None
        reads = await asyncio.gather(*(store.read_stream(f"default:grant:{name}") for name in answered))
        assert [read.version for read in reads] == [1] * len(answered)
        await store.close()


async def test_torn_write_ahead_log_opens(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    """F11: power lost at any byte of the write-ahead log leaves whole batches: the chain fits up to the new head."""
    for number in range(12):
        await store.append(grant_append(f"a{number}", events=2))
    wal = path.with_name(path.name + "-wal").read_bytes()
    seen = set()
    for cut in range(0, len(wal), 3001):
        copy = tmp_path / f"cut{cut}.db"
        shutil.copyfile(path, copy)
        copy.with_name(copy.name + "-wal").write_bytes(wal[:cut])
        torn = SQLiteStore(copy)
        try:
            await torn.open()
        except UnknownSchema:  # cut before the migrations were whole
            continue
        verification = await verify(torn)
        assert verification.problem is None
        assert verification.events % 2 == 0
        seen.add(verification.events)
        await torn.close()
    assert len(seen) > 5
