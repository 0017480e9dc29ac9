"""The files that the settings name: whether this user can use them, and who else can."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.server.serve import tls_of
from authrim.wire.tls import UnusableCertificate

UNREADABLE: Final = Problem(
    "files.unreadable",
    "fault",
    "A file that the settings name cannot be read by this user.",
    "Correct the setting, or give the file to the user of the server. Run the doctor as that user.",
)
OPEN_TO_ALL: Final = Problem(
    "files.open_to_all",
    "fault",
    "Every user of this machine can read a secret, or replace a file that the server trusts.",
    "chmod 600 the file, and give it to the user of the server.",
)
OPEN_TO_GROUP: Final = Problem(
    "files.open_to_group",
    "warning",
    "Other users in the file's group can read a secret.",
    "chmod 600 the file, unless only the server is in the group.",
)
TLS_UNUSABLE: Final = Problem(
    "files.tls_unusable",
    "fault",
    "The server cannot speak TLS with these files.",
    "Put the certificate, followed by its issuers, into tls_certificate, and its own unencrypted key into tls_key.",
)
CANNOT_WRITE: Final = Problem(
    "files.cannot_write",
    "fault",
    "The server cannot write where the settings tell it to.",
    "Make the folder, and give it to the user of the server.",
)

#: Settings of files that are read, and whether there is a secret in them.
_READ: Final = {
    "master_key_file": True,
    "tls_key": True,
    "siem_client_certificate": True,
    "tls_certificate": False,
    "tls_client_anchors": False,
    "tls_client_crls": False,
    "client_attesters": False,
    "software_statement_issuers": False,
    "egress_ca_file": False,
    "siem_ca_file": False,
    "processing_file": False,
}
#: Settings of files that are made in a folder, and of a folder itself.
_WRITTEN_IN: Final = ("siem_file", "checkpoint_state_file", "listen_socket")
_WRITTEN_TO: Final = ("report_directory",)
#: Settings that are secrets themselves when they are written in the file of the settings.
_SECRETS: Final = ("master_keys", "client_cert_secret", "database", "database_listen")


async def _examine(examined: Examined) -> Sequence[Finding]:
    found = [*_read_files(examined), *_own_file(examined), *_database(examined), *_written(examined)]
    try:
        tls_of(examined.settings)
    except UnusableCertificate as unusable:
        found.append(TLS_UNUSABLE.found(str(unusable)))
    return found


def _read_files(examined: Examined) -> Iterator[Finding]:
    for name, is_secret in _READ.items():
        path: Path | None = getattr(examined.settings, name, None)
        if path is None:
            continue
        try:
            with path.open("rb"):
                mode = path.stat().st_mode
        except OSError as failed:
            yield UNREADABLE.found(f"{name}: {path}: {failed.strerror}")
            continue
        yield from _judge(name, path, mode, is_secret=is_secret)


def _own_file(examined: Examined) -> Iterator[Finding]:
    """The file of the settings: whoever can replace it owns the server, and it may have secrets in it."""
    config = examined.options.config
    if config is None or not config.exists():
        return
    text = config.read_text("utf-8", errors="replace")
    written = [name for name in _SECRETS if any(line.lstrip().startswith(name) for line in text.splitlines())]
    passwords = "@" in text or not {"database", "database_listen"} >= set(written)
    yield from _judge("--config", config, config.stat().st_mode, is_secret=bool(written) and passwords)


def _database(examined: Examined) -> Iterator[Finding]:
    """The file of SQLite has people's data in it, sealed, and all that happened."""
    if examined.settings.postgres_dsn is None:
        path = Path(examined.settings.database.get_secret_value())
        for one in (path, path.with_name(path.name + "-wal")):
            if one.exists():
                yield from _judge("database", one, one.stat().st_mode, is_secret=True)


def _judge(name: str, path: Path, mode: int, *, is_secret: bool) -> Iterator[Finding]:
    """systemd gives the group of a credential's file rights by which it lets the service alone read it."""
    where = f"{name}: {path} (mode {stat.S_IMODE(mode):04o})"
    if mode & stat.S_IWOTH or (is_secret and mode & stat.S_IROTH):
        yield OPEN_TO_ALL.found(where, f"chmod 600 {path}, and give it to the user of the server.")
    elif is_secret and mode & (stat.S_IRGRP | stat.S_IWGRP) and not _is_credential(path):
        yield OPEN_TO_GROUP.found(where, f"chmod 600 {path}, unless only the server is in its group.")


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return folder is not None and path.is_relative_to(folder)


def _written(examined: Examined) -> Iterator[Finding]:
    folders = {name: getattr(examined.settings, name) for name in _WRITTEN_TO}
    for name in _WRITTEN_IN:
        path = getattr(examined.settings, name)
        folders[name] = None if path is None else path.parent
    if examined.settings.postgres_dsn is None:
        folders["database"] = Path(examined.settings.database.get_secret_value()).parent
    for name, folder in folders.items():
        if folder is not None and not os.access(folder, os.W_OK | os.X_OK):
            yield CANNOT_WRITE.found(f"{name}: {folder}")


CHECK: Final = Check(
    "files",
    "Can the server use the files that the settings name, and nobody else those with secrets?",
    (UNREADABLE, OPEN_TO_ALL, OPEN_TO_GROUP, TLS_UNUSABLE, CANNOT_WRITE),
    _examine,
)
