"""Restores a backup into an empty database, and marks it: no server starts on it until an operator accepts it (F35)."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from authrim.backup.manifest import BackupUnusable, Manifest, check_files, read_manifest, refuse_missing
from authrim.backup.postgres_dump import load_postgres, refuse_full
from authrim.backup.postgres_tools import direct_dsn
from authrim.backup.sqlite_file import place_sqlite
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.migrations import migrations
from authrim.store.postgres.application_role import grant_application_role, refuse_unknown_role


class Loaded(NamedTuple):
    """What was restored, the migrations that were applied to it, and whether the settings of the server's role are kept
    with it (``grant_application_role``)."""

    manifest: Manifest
    applied: list[str]
    role_settings: bool


async def restore_backup(
    settings: Settings, folder: Path, key: str | None = None, role: str | None = None
) -> Loaded:
    """Restore a backup into the configured database, which must not be there yet (SQLite) or must be empty.

    Nothing is written before the backup is known to be the one that was signed: a dump is a program that the owner of
    the database runs (A308). Raises BackupUnusable, UnknownSchema, Unavailable.
    """
    manifest = await asyncio.to_thread(read_manifest, folder, key)
    _refuse_engine(manifest, "sqlite" if settings.postgres_dsn is None else "postgres")
    _refuse_newer(manifest)
    dsn = await direct_dsn(settings)
    (entry,) = manifest.files
    refuse_missing(folder, entry.name)
    if dsn is None:
        path = Path(settings.database.get_secret_value())
        await asyncio.to_thread(place_sqlite, folder / entry.name, entry, path, manifest.mark)
    else:
        await refuse_full(dsn)
        if role is not None:
            await refuse_unknown_role(dsn, role)
        await asyncio.to_thread(check_files, folder, manifest.files)
        await load_postgres(dsn, folder / entry.name, manifest.mark)
    applied = await migrate(settings)
    kept = dsn is None or role is None or await grant_application_role(dsn, role)
    return Loaded(manifest, applied, kept)


def _refuse_engine(manifest: Manifest, engine: str) -> None:
    if manifest.engine != engine:
        names = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
        raise BackupUnusable(
            f"the backup is of {names[manifest.engine]}, and `database` names {names[engine]}: restore it into the same"
        )


def _refuse_newer(manifest: Manifest) -> None:
    newest = migrations(manifest.engine)[-1].version
    if manifest.migration > newest:
        raise BackupUnusable(
            f"the backup is of version {manifest.version}, whose migration {manifest.migration} this one does not "
            "know: install that version, or a newer one"
        )
