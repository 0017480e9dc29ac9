"""``authrim restore``: a backup into an empty database, marked and proved."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from authrim.backup.manifest import BackupUnusable, Manifest, read_manifest
from authrim.backup.prove import Proof, prove
from authrim.backup.restore import Loaded, restore_backup
from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import failures_told, progress_of, run_with_store, settings_of
from authrim.commands._grant_to import grant_to_option, tell_what_is_left
from authrim.core.master_proof import master_keys_of
from authrim.store.read_back import ReadBack
from authrim.store.restored import Restored
from domain.errors import Refusal

NOTE: Final = """
No server starts on this database until you have accepted it:
  authrim serve --accept-rollback "REASON"                 all sessions, grants and tokens end
  authrim serve --accept-rollback "REASON" --keep-grants   nothing ends: where nothing was recorded after the backup
Before that, erase the people again who were erased after the backup: authrim privacy erase-again CERTIFICATE..."""

LOCKED: Final = """
The settings do not have the master keys {keys}, under which this backup is sealed: put them into {place}.
Until then no server starts on this database.
"""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--verify", is_flag=True, help="Then prove the log, all tables, and a sample of tokens.")
@click.option(
    "--key", help="The key of the log that you kept, NAME+ID+KEY. Default: the one that the backup names."
)
@grant_to_option
@click.option(
    "--in-place",
    is_flag=True,
    help="Restore nothing: other tools did. Mark the database; with DIRECTORY and --verify, prove that it has all of "
    "that backup.",
)
@click.pass_context
def restore(
    context: click.Context, /, directory: Path | None, key: str | None, grant_to: str | None, **how: bool
) -> None:
    """Restore the backup in DIRECTORY into the configured database, which must be empty or not there yet.

    Nothing is written before the signature and every file have been checked. On PostgreSQL, name the role that is to
    own the schema in `database`; pg_restore loads the copy. No server starts on a restored database until an operator
    says so: what was revoked after the backup would be valid again.

    The status is 0 when everything that was asked for is done and holds, and 1 otherwise.
    """
    settings = settings_of(context)
    in_place, verify = how["in_place"], how["verify"]
    if directory is None and not in_place:
        raise click.UsageError("Name the DIRECTORY of a backup, or give --in-place.")
    if grant_to is not None and (settings.postgres_dsn is None or in_place):
        raise click.UsageError("--grant-to is for PostgreSQL, and not for --in-place")
    try:
        with failures_told(settings):
            master = master_keys_of(settings)
            if in_place:
                manifest = None if directory is None else read_manifest(directory, key)
                restored = _mark(context, manifest)
                applied: list[str] = []
            else:
                assert directory is not None
                loaded: Loaded = asyncio.run(restore_backup(settings, directory, key, grant_to))
                manifest, applied, restored = loaded.manifest, loaded.applied, loaded.manifest.mark
                if grant_to is not None and not loaded.role_settings:
                    tell_what_is_left(grant_to)
    except BackupUnusable as unusable:
        raise click.ClickException(f"{unusable}.") from None
    proof = _proved(context, manifest) if verify else None
    fields: dict[str, Any] = msgspec.to_builtins(restored) | {"applied": applied}
    note = NOTE
    if manifest is not None:
        fields |= {"key": manifest.key, "key_given": key is not None}
        fields["master_keys"] = list(manifest.master_keys)
        missing = sorted({*manifest.master_keys} - {*master.key_ids})
        if missing:
            fields["master_keys_missing"] = missing
            note = f"{LOCKED.format(keys=', '.join(missing), place=settings.master_keys_place)}{note}"
    if proof is not None:
        found = msgspec.to_builtins(proof)
        fields |= {"faults": found.pop("faults"), "verified": {"ok": not proof.faults, **found}}
    print_fields(context, fields, note)
    if proof is not None and proof.faults:
        context.exit(1)


def _mark(context: click.Context, manifest: Manifest | None) -> Restored:
    """Mark the database that is there. It must have the schema of this version."""

    async def work(store: ReadBack) -> Restored:
        head = await store.head()
        found = Restored(position=head.position) if manifest is None else manifest.mark
        await store.restored.mark(found)
        return found

    return run_with_store(context, work)


def _proved(context: click.Context, manifest: Manifest | None) -> Proof:
    """Prove what is there now. The master keys come first: without them, nobody could use it."""

    async def work(office: Office) -> Proof | Refusal:
        configuration = await office.configuration()
        with progress_of("Proving") as progress:
            return await prove(office.store, office.settings, configuration, manifest, progress)

    return administer(context, work)
