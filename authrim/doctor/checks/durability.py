"""Whether PostgreSQL keeps what it has confirmed when the power fails."""

from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs

FSYNC: Final = Problem(
    "durability.fsync",
    "fault",
    "fsync is off: after a crash the database can be damaged beyond repair.",
    "Set fsync = on in postgresql.conf, and reload PostgreSQL.",
)
FULL_PAGE_WRITES: Final = Problem(
    "durability.full_page_writes",
    "fault",
    "full_page_writes is off: after a crash, pages can be half old and half new.",
    "Set full_page_writes = on in postgresql.conf, and reload PostgreSQL.",
)
SYNCHRONOUS_COMMIT: Final = Problem(
    "durability.synchronous_commit",
    "fault",
    "synchronous_commit is off: tokens that were already sent can be lost, and codes be used twice.",
    "Set synchronous_commit = on, in postgresql.conf and for the role (ALTER ROLE … RESET synchronous_commit).",
)
WEAK_COMMIT: Final = Problem(
    "durability.weak_commit",
    "warning",
    "A commit does not wait until a synchronous standby has it on its disk.",
    "Set synchronous_commit to on or remote_apply, unless no standby is ever promoted.",
)
UNREPLICATED: Final = Problem(
    "durability.unreplicated",
    "fault",
    "database_failover is set, and PostgreSQL waits for no standby: the server does not start and records nothing.",
    "Set synchronous_standby_names, and synchronous_commit to on or remote_apply; then reload PostgreSQL.",
)
ASYNCHRONOUS: Final = Problem(
    "durability.asynchronous",
    "warning",
    "A standby follows PostgreSQL, and no commit waits for it. If it is promoted, what was acknowledged can be lost.",
    "Set synchronous_standby_names and database_failover = true, unless the standby is never promoted.",
)
FAILOVER_NOT_SET: Final = Problem(
    "durability.failover_not_set",
    "note",
    "Commits wait for a standby, and nothing demands it: without synchronous_standby_names, the server would go on.",
    "Set database_failover = true, if the standby can be promoted.",
)
CHECKSUMS: Final = Problem(
    "durability.checksums",
    "note",
    "PostgreSQL has no checksums for its pages, so a disk that fails silently is noticed late.",
    "Stop PostgreSQL and run pg_checksums --enable, or make the cluster with initdb --data-checksums.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    settings, found = examined.inspected.settings, []
    if settings.get("fsync") == "off":
        found.append(FSYNC.found())
    if settings.get("full_page_writes") == "off":
        found.append(FULL_PAGE_WRITES.found())
    commit = settings.get("synchronous_commit", "on")
    if commit == "off":
        found.append(SYNCHRONOUS_COMMIT.found())
    elif commit in {"local", "remote_write"}:
        found.append(WEAK_COMMIT.found(f"synchronous_commit = {commit}"))
    found += _of_standbys(examined)
    if settings.get("data_checksums") == "off":
        found.append(CHECKSUMS.found())
    return found


def _of_standbys(examined: Examined) -> Sequence[Finding]:
    """Whether a failover could lose what was acknowledged (F05)."""
    settings, names = examined.inspected.settings, examined.inspected.settings["synchronous_standby_names"]
    waits = bool(names) and settings["synchronous_commit"] in {"on", "remote_apply"}
    if examined.settings.database_failover:
        why = f"synchronous_commit = {settings['synchronous_commit']}" if names else ""
        return [] if waits else [UNREPLICATED.found(why)]
    if waits:
        return [FAILOVER_NOT_SET.found()]
    return [ASYNCHRONOUS.found()] if examined.inspected.standbys and not names else []


CHECK: Final = Check(
    "durability",
    "Does PostgreSQL keep what it has confirmed, whatever fails?",
    (
        FSYNC,
        FULL_PAGE_WRITES,
        SYNCHRONOUS_COMMIT,
        WEAK_COMMIT,
        UNREPLICATED,
        ASYNCHRONOUS,
        FAILOVER_NOT_SET,
        CHECKSUMS,
    ),
    _examine,
    (Needs.POSTGRES, Needs.SETTINGS_ON_POSTGRES),
)
