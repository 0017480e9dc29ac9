"""Takes a backup while servers run: a copy of the database at one moment, and what proves later that it is that one."""

import asyncio
from pathlib import Path
from typing import Final
from uuid import uuid4

from authrim import __version__
from authrim.audit.timeline import time_of
from authrim.audit.tree import TreeFollower
from authrim.backup.manifest import DATABASE, FORMAT, Manifest, Snapshot, write_manifest
from authrim.backup.postgres_dump import copy_postgres
from authrim.backup.postgres_tools import direct_dsn
from authrim.backup.sqlite_file import copy_sqlite, sync
from authrim.reports.files import entry_of, new_folder
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from authrim.store.restored import Restored
from authrim.transparency.proofs import read_root
from authrim.transparency.signer import LogSigner

WHAT: Final = "a backup"


async def take_backup(
    settings: Settings, store: ReadBack, signer: LogSigner, master_keys: tuple[str, ...], out: Path
) -> Manifest:
    """Write a backup into a new folder. It gets its name when it is whole. Raises BackupUnusable, FolderUnusable,
    MissingTile, Unavailable.

    ``signer`` has proved that the log continues what was signed of it before: no backup is signed of another (F34).
    """
    with new_folder(out, WHAT) as folder:
        backup, taken_at = uuid4().hex, time_of((await store.head()).now)
        engine: Final = "sqlite" if settings.postgres_dsn is None else "postgres"
        file = folder / DATABASE[engine]
        snapshot = await _copy(settings, file, backup, taken_at)
        await TreeFollower(store).catch_up()
        manifest = Manifest(
            format=FORMAT,
            backup=backup,
            taken_at=taken_at,
            version=__version__,
            engine=engine,
            engine_version=snapshot.engine_version,
            migration=snapshot.migration,
            origin=signer.origin,
            position=snapshot.position,
            chain_hash=snapshot.chain_hash.hex(),
            root=(await read_root(store.tree, snapshot.position)).hex(),
            key=signer.key,
            master_keys=master_keys,
            files=(await asyncio.to_thread(entry_of, folder, file.name),),
        )
        write_manifest(folder, manifest, signer.sign(manifest.text_to_sign()))
        for path in (*folder.iterdir(), folder):
            await asyncio.to_thread(sync, path)
    return manifest


async def _copy(settings: Settings, file: Path, backup: str, taken_at: str) -> Snapshot:
    dsn = await direct_dsn(settings)
    if dsn is None:
        path = Path(settings.database.get_secret_value())
        return await asyncio.to_thread(
            copy_sqlite, path, file, lambda position: Restored(backup, position, taken_at)
        )
    return await copy_postgres(dsn, file)
