"""The database: whether it opens with this version, takes writes, and is in a place that keeps them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from authrim.core.master_proof import WrongMasterKeys, are_proved
from authrim.crypto.master import MasterKeys
from authrim.crypto.pkcs11_access import NoPkcs11
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.features import UnknownFeature
from authrim.server.wired_core import read_core
from authrim.store.causes import FAILURES, cause_of
from authrim.store.contract import StoreError, UnknownSchema
from authrim.store.opening import open_store
from authrim.store.postgres.inspection import inspect
from authrim.store.read_back import ReadBack

UNUSABLE: Final = Problem(
    "database.unusable",
    "fault",
    "The database cannot be used.",
    "Do what the cause says; then run the doctor again, which has more to ask.",
)
OTHER_SCHEMA: Final = Problem(
    "database.other_schema",
    "fault",
    "The schema of the database is not the one of this version.",
    "authrim migrate, as the owner of the schema. A database that is newer needs the newer version.",
)
READ_ONLY: Final = Problem(
    "database.read_only",
    "fault",
    "PostgreSQL takes no writes.",
    "Name the primary in database, not a standby, and set default_transaction_read_only to off for the role.",
)
OLD_POSTGRES: Final = Problem(
    "database.old_postgres",
    "warning",
    "This version of PostgreSQL gets no corrections any more.",
    "Upgrade PostgreSQL to a version that its project supports.",
)
NETWORK_FILE: Final = Problem(
    "database.network_file",
    "fault",
    "The SQLite file is on a network file system, where its locks and its write-ahead log do not work.",
    "Move it to a disk of this machine, or use PostgreSQL.",
)
DOUBTFUL: Final = Problem(
    "database.doubtful",
    "warning",
    "The SQLite file may be a copy without its write-ahead log.",
    "Compare it with authrim audit verify, and restore both files where events are missing.",
)

#: The last minor version of PostgreSQL 14 was that of November 2026.
_SUPPORTED: Final = 150_000
_NETWORK: Final = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "ceph",
        "glusterfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "afs",
        "lustre",
    }
)
_MOUNTS: Final = Path("/proc/self/mounts")


async def _examine(examined: Examined) -> Sequence[Finding]:
    found: list[Finding] = []
    settings, dsn = examined.settings, examined.settings.postgres_dsn
    try:
        if dsn is not None:
            listen = settings.database_listen
            examined.inspection = await inspect(dsn, None if listen is None else listen.get_secret_value())
            found += _of_postgres(examined)
        else:
            found += _of_file(examined)
        store = open_store(settings)
        await store.open()
        examined.store = store
        examined.proof = await _proof(store, examined.master)
        if store.doubt:
            found.append(DOUBTFUL.found(store.doubt))
        examined.core = await read_core(settings, store, examined.master)
    except (UnknownFeature, NoPkcs11):
        pass  # found by the check of the settings; no server starts with them
    except UnknownSchema as other:
        found.append(OTHER_SCHEMA.found(str(other)))
    except StoreError as failed:
        found.append(UNUSABLE.found(str(failed)))
    except FAILURES as failed:
        found.append(UNUSABLE.found(cause_of(failed)))
    return found


async def _proof(store: ReadBack, master: MasterKeys) -> bool | WrongMasterKeys:
    """Before anything is opened: the master keys learn what is kept of keys that have left."""
    try:
        return await are_proved(store, master)
    except WrongMasterKeys as wrong:
        return wrong


def _of_postgres(examined: Examined) -> list[Finding]:
    inspected, found = examined.inspected, []
    if inspected.in_recovery or inspected.settings.get("transaction_read_only") == "on":
        what = "it is a standby" if inspected.in_recovery else "transactions of this role only read"
        found.append(READ_ONLY.found(what))
    version = int(inspected.settings["server_version_num"])
    if version < _SUPPORTED:
        found.append(OLD_POSTGRES.found(f"PostgreSQL {version // 10_000}"))
    return found


def _of_file(examined: Examined) -> list[Finding]:
    path = Path(examined.settings.database.get_secret_value()).absolute()
    kind = file_system_of(path, _MOUNTS.read_text("utf-8")) if _MOUNTS.exists() else ""
    return [NETWORK_FILE.found(f"{path} is on {kind}")] if kind in _NETWORK else []


def file_system_of(path: Path, mounts: str) -> str:
    """The kind of file system that a path is on, by the text of ``/proc/mounts``."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        _, place, its_kind, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if len(place) > best and path.is_relative_to(place):
            best, kind = len(place), its_kind
    return kind


CHECK: Final = Check(
    "database",
    "Can the database be used by this version, and does it keep what is written?",
    (UNUSABLE, OTHER_SCHEMA, READ_ONLY, OLD_POSTGRES, NETWORK_FILE, DOUBTFUL),
    _examine,
)
