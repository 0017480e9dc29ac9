"""``authrim backup``: a signed copy of the database, taken while servers run."""

from pathlib import Path
from typing import Any

import click

from authrim.audit.tree import TreeFollower
from authrim.backup.manifest import BackupUnusable, Manifest
from authrim.backup.take import take_backup
from authrim.commands._administering import Office, print_fields
from authrim.commands._audit_transparency import administered, checkpoints_of
from authrim.commands._one_account import asker_of
from authrim.reports.files import FolderUnusable
from authrim.transparency.signer import log_signer
from domain.errors import Refusal

NOTE = (
    "Keep the master keys elsewhere: nothing private in the backup can be read without them.\n"
    "Keep the key, too: authrim restore takes it with --key, and restores nothing that it did not sign."
)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--reason", default="", help="Why, if it is not routine. Recorded; nothing personal.")
@click.pass_context
def backup(context: click.Context, directory: Path, reason: str) -> None:
    """Copy the database into DIRECTORY, a new one, while servers run.

    The copy is of one moment. DIRECTORY gets its name when the copy is whole; it has a manifest, and a checkpoint that
    signs it with the key of the log. That a copy was taken is recorded in the log first. On PostgreSQL, pg_dump makes
    the copy. docs/operations/backup.md says what is in it, and how often to take one.
    """

    async def work(office: Office) -> Manifest | Refusal:
        refusal = await asker_of(context, office, copies=True).record("backup", reason, {})
        if refusal is not None:
            return refusal
        # Whoever restores the copy needs no long time until its tree is that of its log.
        await TreeFollower(office.store).catch_up()
        signer = await log_signer(checkpoints_of(office))
        return await take_backup(office.settings, office.store, signer, office.master.key_ids, directory)

    try:
        taken = administered(context, work)
    except (BackupUnusable, FolderUnusable) as unusable:
        raise click.ClickException(str(unusable)) from None
    print_fields(context, _fields(taken, directory), f"\n{NOTE}")


def _fields(taken: Manifest, directory: Path) -> dict[str, Any]:
    return {
        "directory": str(directory),
        "backup": taken.backup,
        "taken_at": taken.taken_at,
        "position": taken.position,
        "chain_hash": taken.chain_hash,
        "key": taken.key,
        "master_keys": list(taken.master_keys),
        "bytes": sum(one.size for one in taken.files),
    }
