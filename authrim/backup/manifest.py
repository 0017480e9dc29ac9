"""What a backup says of itself: the manifest, and the checkpoint that signs it.

The key of the log signs nothing but checkpoints, so an extension line (C2SP tlog-checkpoint) has the digest of the
manifest, and the manifest those of the files. A backup has no key that opens anything: the manifest only names the
master keys that a restored database needs.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from authrim.audit.bundle import verify_bundle as proofs
from authrim.crypto import strict_json
from authrim.crypto.strict_json import JsonRefused
from authrim.reports.files import FileEntry, document, entry_of
from authrim.store.restored import Restored
from domain.tree.checkpoint import Checkpoint

FORMAT: Final = "authrim-backup/1"
MANIFEST: Final = "manifest.json"
CHECKPOINT: Final = "checkpoint"
#: The copy of the database, by engine.
DATABASE: Final = {"sqlite": "database.sqlite", "postgres": "database.dump"}
_LARGEST: Final = 1 << 16


class BackupUnusable(Exception):
    """There is no backup to restore, or it is not the one that was taken. The text says what is wrong."""


class Snapshot(NamedTuple):
    """The log's head in a copy, the newest migration there, and the version of the engine."""

    position: int
    chain_hash: bytes
    migration: int
    engine_version: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is. ``position`` and ``chain_hash`` are those of the log's head in it, ``root`` that of the Merkle
    tree over these events, ``migration`` the number of the newest. ``key`` is the one that signed the checkpoint, and
    ``master_keys`` are the ids of those that the private rows are sealed under."""

    format: str
    backup: str
    taken_at: str
    version: str
    engine: Literal["sqlite", "postgres"]
    engine_version: str
    migration: int
    origin: str
    position: int
    chain_hash: str
    root: str
    key: str
    master_keys: tuple[str, ...]
    files: tuple[FileEntry, ...]

    @property
    def mark(self) -> Restored:
        """What a database says that was restored from it."""
        return Restored(self.backup, self.position, self.taken_at)

    def text_to_sign(self) -> str:
        """The text of the checkpoint."""
        head = Checkpoint(self.origin, self.position, bytes.fromhex(self.root)).text()
        return f"{head}backup {sha256(document(self)).hexdigest()}\n"


def write_manifest(folder: Path, manifest: Manifest, note: bytes) -> None:
    """Write the manifest and the checkpoint that signs it."""
    for name, content in ((MANIFEST, document(manifest)), (CHECKPOINT, note)):
        path = folder / name
        path.touch(0o600)
        path.write_bytes(content)


def read_manifest(folder: Path, key: str | None) -> Manifest:
    """The manifest of a backup, after its signature: by the ``key`` that somebody kept, else by its own. Raises
    BackupUnusable."""
    content = _whole(folder, MANIFEST)
    try:
        manifest = msgspec.convert(strict_json.loads(content, max_bytes=_LARGEST), Manifest)
        if manifest.format != FORMAT or document(manifest) != content:
            raise BackupUnusable(f"{MANIFEST} is not of the format {FORMAT}, byte by byte")
        if [one.name for one in manifest.files] != [DATABASE[manifest.engine]]:
            raise BackupUnusable(f"{MANIFEST} does not name the file of the database")
        text = manifest.text_to_sign()
    except (JsonRefused, msgspec.ValidationError, ValueError):
        raise BackupUnusable(f"{MANIFEST} is no manifest of a backup") from None
    _check_signature(_whole(folder, CHECKPOINT), text, manifest.key if key is None else key)
    return manifest


def check_files(folder: Path, files: Sequence[FileEntry]) -> None:
    """Whether each file is the one that was signed. Raises BackupUnusable."""
    for one in files:
        refuse_missing(folder, one.name)
        if entry_of(folder, one.name) != one:
            raise BackupUnusable(
                f"{one.name} is not the file that was backed up: it was changed, or is damaged"
            )


def _check_signature(note: bytes, text: str, key: str) -> None:
    try:
        known = proofs.read_key(key)
    except ValueError:
        raise BackupUnusable("this is no key of a log: NAME+ID+KEY") from None
    try:
        signed = proofs.text_signed_by(note, known, CHECKPOINT)
    except (proofs.Fault, proofs.Unusable) as fault:
        raise BackupUnusable(f"{CHECKPOINT}: {fault}") from None
    if signed != text:
        raise BackupUnusable(f"{MANIFEST} is not the one that was signed")


def refuse_missing(folder: Path, name: str) -> Path:
    """The path of a file that a backup must have. Raises BackupUnusable."""
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise BackupUnusable(f"{folder} is no whole backup: it has no {name}")
    return path


def _whole(folder: Path, name: str) -> bytes:
    path = refuse_missing(folder, name)
    if path.stat().st_size > _LARGEST:
        raise BackupUnusable(f"{name} is too large")
    return path.read_bytes()
