"""Stores that tests open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from authrim.store.contract import Store
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.store import SQLiteStore


@asynccontextmanager
async def opened_store(place: Path | str) -> AsyncIterator[Store]:
    """The store in a file, or at the address of a database, until the block ends."""
    opened = SQLiteStore(place, exclusive=True) if isinstance(place, Path) else PostgresStore(place)
    await opened.open()
    yield opened
    await opened.close()
