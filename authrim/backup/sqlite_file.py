"""The copy of a SQLite database, and how it gets to its place again."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from authrim.audit.bundle.new_file import partial_of
from authrim.backup.manifest import BackupUnusable, Snapshot
from authrim.reports.files import FileEntry, entry_of
from authrim.store.contract import UnknownSchema
from authrim.store.restored import Restored
from authrim.store.sqlite.lane import connect
from authrim.store.sqlite.restored import mark

_HEAD: Final = "SELECT position, chain_hash, (SELECT max(version) FROM schema_migrations) FROM head"
#: What belongs to a database of this name. A write-ahead log of another one would be played into it.
_BESIDE: Final = ("", "-wal", "-shm", "-journal")


def copy_sqlite(source: Path, target: Path, marked: Callable[[int], Restored]) -> Snapshot:
    """Copy a database in one step, so that it is of one moment, while others write. The copy is marked: wherever it is
    put, no server starts on it without being told (F35). ``marked``: the mark, by the last position."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(connect(source)) as live, closing(sqlite3.connect(target, isolation_level=None)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        copy.execute("PRAGMA user_version = 0")  # nobody has it open (authrim/store/sqlite/wal.py)
        if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise BackupUnusable(
                "the database is damaged: this copy would be, too. Keep the backups from before"
            )
        head = copy.execute(_HEAD).fetchone()
        if head is None:
            raise UnknownSchema("the database has lost the head of its log")
        mark(copy, marked(head[0]))
    position, chain_hash, migration = head
    return Snapshot(position, chain_hash, migration, sqlite3.sqlite_version)


def place_sqlite(file: Path, entry: FileEntry, target: Path, restored: Restored) -> None:
    """Put a copy where the settings want the database, whole or not at all. Raises BackupUnusable.

    What is compared with the manifest is what gets its place, not what was read a moment before.
    """
    for one in _all_of(target):
        if one.exists():
            raise BackupUnusable(f"{one} is there: a backup never replaces anything. Move it away first")
    partial = partial_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(file, partial)
        if (copied := entry_of(partial.parent, partial.name)) != FileEntry(partial.name, *_told(entry)):
            raise BackupUnusable(
                f"{entry.name} is not the file that was backed up: {copied.size} bytes of another content"
            )
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            mark(copy, restored)
        sync(partial)
        os.link(partial, target)  # unlike a rename, it replaces nothing
    finally:
        _remove(partial)
    sync(target.parent)


def _all_of(database: Path) -> list[Path]:
    return [database.with_name(database.name + suffix) for suffix in _BESIDE]


def _remove(partial: Path) -> None:
    """What was interrupted leaves a journal, too, which would be played into the next file of this name."""
    for one in _all_of(partial):
        one.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(entry: FileEntry) -> tuple[int, str]:
    return entry.size, entry.sha256
