"""A rotation of the master key that is killed after its second page: ``python -m tests.core.master_keys.killed PLACE
KEYS``."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from authrim.core.master_proof import prove_master_keys
from authrim.core.rotate_master import rotate_master_key
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.people.login_hashes import moving_logins
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.store import SQLiteStore


async def rotate_and_die(place: str, master: MasterKeys) -> None:
    store: ReadBack = SQLiteStore(Path(place)) if place.startswith("/") else PostgresStore(place)
    await store.open()
    pages = 0

    def advance(_rows: int) -> None:
        nonlocal pages
        pages += 1
        if pages == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    await prove_master_keys(store, master)
    logins = moving_logins(store, PrivateData(store, master), master)
    await rotate_master_key(store, master, [logins], advance)


if __name__ == "__main__":
    asyncio.run(rotate_and_die(sys.argv[1], MasterKeys.from_settings(sys.argv[2].split(","))))
