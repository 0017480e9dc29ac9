"""The files that the settings name: whether this user can use them, and who else can."""

import grp
import os
import pwd
import stat
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from authrim.clients.attesters import AttestersUnreadable, client_attesters
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.protocol.client_chain import ClientChains, UnusableAnchors
from authrim.protocol.software_statement import IssuersUnreadable, SoftwareStatements
from authrim.server.serve import tls_of
from authrim.settings import Settings
from authrim.settings.secret_files import CREDENTIALS, SECRET_FILES
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
AS_ROOT: Final = Problem(
    "files.as_root",
    "note",
    "The doctor runs as root, who can read and write everything, so it cannot tell whether the server can.",
    "Run it as the user of the server: runuser -u authrim -- authrim doctor.",
)
TLS_UNUSABLE: Final = Problem(
    "files.tls_unusable",
    "fault",
    "The server cannot speak TLS with these files.",
    "Put the certificate, followed by its issuers, into tls_certificate, and its own unencrypted key into tls_key.",
)
CONTENT: Final = Problem(
    "files.content",
    "fault",
    "A file does not have in it what its setting is for. The server will not start.",
    "Correct the file as the cause says; docs/settings.md has the form of each.",
)
CANNOT_WRITE: Final = Problem(
    "files.cannot_write",
    "fault",
    "The server cannot write where the settings tell it to.",
    "Make the folder, and give it to the user of the server.",
)

#: Settings of files that are read. Whether there is a secret in them: those of ``SECRET_FILES``, and these.
READ: Final = frozenset(
    {
        *SECRET_FILES.values(), "acme_account_key", "acme_ca_file", "client_attesters", "egress_ca_file",
        "log_archives", "pkcs11_module", "processing_file", "report_frameworks", "siem_ca_file",
        "siem_client_certificate", "software_statement_issuers", "tls_certificate", "tls_client_anchors",
        "tls_client_crls", "tls_key",
    }
)  # fmt: skip
_SECRET: Final = frozenset({*SECRET_FILES.values(), "acme_account_key", "tls_key", "siem_client_certificate"})
#: Of these, what a server that obtains its certificate itself (RFC 8555) makes when it is missing.
_MADE_BY_ACME: Final = frozenset({"acme_account_key", "tls_certificate", "tls_key"})
#: Settings of files that are made in a folder, and of a folder itself.
WRITTEN_IN: Final = frozenset({"siem_file", "checkpoint_state_file", "listen_socket"})
WRITTEN_TO: Final = frozenset({"report_directory"})


async def _examine(examined: Examined) -> Sequence[Finding]:
    found = [AS_ROOT.found()] if os.geteuid() == 0 else []
    found += [*_read_files(examined), *_own_file(examined), *_database(examined), *_written(examined)]
    certificate = examined.settings.tls_certificate
    try:
        if certificate is None or certificate.exists() or not _has_acme(examined.settings):
            tls_of(examined.settings)
    except UnusableCertificate as unusable:
        found.append(TLS_UNUSABLE.found(str(unusable)))
    unreadable = any(finding.problem == UNREADABLE for finding in found)
    return found if unreadable else [*found, *_contents(examined.settings)]


def _has_acme(settings: Settings) -> bool:
    return settings.acme_directory is not None


def _contents(settings: Settings) -> Iterator[Finding]:
    """Each is read as the server reads it when it starts."""
    for read in (
        lambda: ClientChains(settings.tls_client_anchors, settings.tls_client_crls),
        lambda: client_attesters(settings),
        lambda: SoftwareStatements.from_file(settings.software_statement_issuers),
    ):
        try:
            read()
        except (UnusableAnchors, AttestersUnreadable, IssuersUnreadable) as unusable:
            yield CONTENT.found(str(unusable))


def _read_files(examined: Examined) -> Iterator[Finding]:
    for name in sorted(READ):
        path: Path | None = getattr(examined.settings, name)
        if path is None or (name in _MADE_BY_ACME and _has_acme(examined.settings) and not path.exists()):
            continue
        try:
            if not path.is_dir():
                path.open("rb").close()
            seen = path.stat()
        except OSError as failed:
            yield UNREADABLE.found(f"{name}: {path}: {failed.strerror}")
            continue
        yield from judged(name, path, seen, is_secret=name in _SECRET)


def _own_file(examined: Examined) -> Iterator[Finding]:
    """The file of the settings: whoever can replace it owns the server, and it may have secrets in it."""
    config = examined.options.config
    if config is None:
        return
    try:
        written = tomllib.loads(config.read_text("utf-8"))
        seen = config.stat()
    except (OSError, ValueError):
        return  # nothing could be examined with it
    has_secrets = any(_is_secret(name, written[name]) for name in SECRET_FILES if name in written)
    yield from judged("--config", config, seen, is_secret=has_secrets)


def _is_secret(name: str, value: object) -> bool:
    """Of a database only its password is."""
    return not name.startswith("database") or urlsplit(str(value)).password is not None


def _database(examined: Examined) -> Iterator[Finding]:
    """The file of SQLite has people's data in it, sealed, and all that happened."""
    if examined.settings.postgres_dsn is None:
        path = Path(examined.settings.database.get_secret_value())
        for one in (path, path.with_name(path.name + "-wal")):
            if one.exists():
                yield from judged("database", one, one.stat(), is_secret=True)


def judged(name: str, path: Path, seen: os.stat_result, *, is_secret: bool) -> Iterator[Finding]:
    """Who else can read or write a file. systemd gives the group of a credential's file rights by which it lets the
    service alone read it."""
    mode = seen.st_mode
    where = f"{name}: {path} (mode {stat.S_IMODE(mode):04o})"
    if mode & stat.S_IWOTH or (is_secret and mode & stat.S_IROTH):
        yield OPEN_TO_ALL.found(where, f"chmod 600 {path}, and give it to the user of the server.")
    elif (
        is_secret
        and mode & (stat.S_IRGRP | stat.S_IWGRP)
        and not (_is_credential(path) or _is_own_group(seen.st_gid))
    ):
        yield OPEN_TO_GROUP.found(where, f"chmod 600 {path}, unless only the server is in its group.")


def _is_own_group(group: int) -> bool:
    """Whether nobody but this user is in the group."""
    try:
        members = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        return False
    members |= {user.pw_name for user in pwd.getpwall() if user.pw_gid == group}
    return members <= {user.pw_name for user in pwd.getpwall() if user.pw_uid == os.geteuid()}


def _is_credential(path: Path) -> bool:
    folder = os.environ.get(CREDENTIALS)
    return folder is not None and path.is_relative_to(folder)


def _written(examined: Examined) -> Iterator[Finding]:
    folders = {name: getattr(examined.settings, name) for name in WRITTEN_TO}
    for name in WRITTEN_IN:
        path = getattr(examined.settings, name)
        folders[name] = None if path is None else path.parent
    if examined.settings.postgres_dsn is None:
        folders["database"] = Path(examined.settings.database.get_secret_value()).parent
    for name, folder in folders.items():
        if folder is not None and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            yield CANNOT_WRITE.found(f"{name}: {folder}")


CHECK: Final = Check(
    "files",
    "Can the server use the files that the settings name, and nobody else those with secrets?",
    (UNREADABLE, OPEN_TO_ALL, OPEN_TO_GROUP, AS_ROOT, TLS_UNUSABLE, CONTENT, CANNOT_WRITE),
    _examine,
)
