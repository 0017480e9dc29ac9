"""The embedded store on disks that fail, and on what a power cut leaves of its files (F11)."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from authrim.store.chain import verify
from authrim.store.sqlite.store import SQLiteStore
from tests.support.patience import PATIENCE
from tests.support.system_calls import after_power_cut, calls_in, can_trace, failing, written_down

pytestmark = pytest.mark.skipif(not can_trace(), reason="strace may not look at other processes here")

#: Appends of a few events each, of which each answer is told in a line; the write-ahead log is folded all the time.
PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from authrim.store.contract import StoreError
from authrim.store.sqlite import wal
from authrim.store.sqlite.store import SQLiteStore
from tests.store.store_samples import grant_append

wal.FOLD_BYTES, wal.FOLD_SECONDS, wal.FOLD_PAUSE = 20_000, 0.05, 0.01

async def main():
    store = SQLiteStore(Path(sys.argv[1]), exclusive=True)
    await store.open()
    refused = 0
    for number in range(int(sys.argv[2])):
        try:
            await store.append(grant_append(f"g{number}", events=3))
            os.write(1, f"g{number}\\n".encode())
            await asyncio.sleep(0.002)
        except StoreError:
            refused += 1
    os.write(2, f"{refused} refused\\n".encode())
    os._exit(0)

asyncio.run(main())
"""


def command(path: Path, appends: int) -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(path), str(appends)]


def run(traced: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(traced, capture_output=True, text=True, timeout=PATIENCE, check=True)


async def has(path: Path, answered: list[str]) -> int:
    """Open the file: its chain fits, and each append that was answered is there. How many events there are."""
    store = SQLiteStore(path)
    await store.open()
    try:
        verification = await verify(store)
        assert verification.problem is None
        assert verification.events % 3 == 0
        names = {event.stream.rpartition(":")[2] for event in await store.read_log(0, 100_000)}
        assert not set(answered) - names
        return verification.events
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("calls", "error", "when"),
    [("fdatasync,fsync", "EIO", "9+4"), ("pwrite64", "ENOSPC", "99+67"), ("pwrite64", "EIO", "99+67")],
)
async def test_a_disk_that_fails_now_and_then(path: Path, calls: str, error: str, when: str) -> None:
    """F11: now and then a write or a sync fails: those appends are refused, all others are there, also when somebody
    opens the file afterwards, and the store goes on by itself in between."""
    done = await asyncio.to_thread(run, failing(calls, error, when, command(path, 120)))
    answered = done.stdout.split()
    refused = int(done.stderr.split()[-2])
    assert refused > 5, done.stderr
    assert len(answered) > 20, done.stderr
    assert await has(path, answered) >= 3 * len(answered)


async def test_the_power_goes_at_any_moment(path: Path, tmp_path: Path) -> None:
    """F11: whatever sectors of what was not synced yet a disk has written when the power goes: the file opens, the
    chain fits, and all that was answered until then is there."""
    before, seed = await asyncio.to_thread(path.read_bytes), random.SystemRandom().randrange(2**32)
    record, chance = tmp_path / "calls", random.Random(seed)
    await asyncio.to_thread(run, written_down(record, command(path, 50)))
    calls = list(calls_in(record))
    wal = f"{path}-wal"
    assert sum(call.file == str(path) and call.name == "pwrite64" for call in calls) > 20, (
        "nothing was folded"
    )
    first = next(n for n, call in enumerate(calls) if call.file == wal)
    seen = set()
    for number, cut in enumerate(sorted(chance.sample(range(first, len(calls)), 20))):
        until = calls[:cut]
        copy = tmp_path / f"cut{number}.db"
        copy.write_bytes(after_power_cut([c for c in until if c.file == str(path)], before, chance))
        copy.with_name(copy.name + "-wal").write_bytes(
            after_power_cut([c for c in until if c.file == wal], b"", chance)
        )
        answered = [
            call.data.decode().strip()
            for call in until
            if call.name == "write" and call.data.startswith(b"g")
        ]
        seen.add(await has(copy, answered))
    assert len(seen) > 4, seed
