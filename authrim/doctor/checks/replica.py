"""The replica that what may lag is read from: whether it is a standby of this log, and near enough."""

from collections.abc import Mapping, Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.store.opening import replica_of
from authrim.store.postgres.replica import ReplicaFailed
from domain.units import MICROSECONDS

UNUSABLE: Final = Problem(
    "replica.unusable",
    "warning",
    "The replica cannot be read, so the primary is.",
    "Do what the cause says, or remove database_replica.",
)
NOT_STANDBY: Final = Problem(
    "replica.not_standby",
    "warning",
    "The database in database_replica is no standby: it was promoted, or is a primary. It is not read.",
    "Name a standby of the database in database.",
)
OTHER_LOG: Final = Problem(
    "replica.other_log",
    "fault",
    "The database in database_replica has another log. It is not read.",
    "Name a standby of the database in database. If it is one, it went another way after a failover: make it again.",
)
BEHIND: Final = Problem(
    "replica.behind",
    "warning",
    "The replica is further behind than database_replica_lag, so the primary is read.",
    "Look at pg_stat_replication on the primary, and at the background work: what it has made counts too.",
)

_BY_REASON: Final[Mapping[str, Problem]] = {"not_standby": NOT_STANDBY, "other_log": OTHER_LOG}


async def _examine(examined: Examined) -> Sequence[Finding]:
    replica = replica_of(examined.settings, examined.opened_store)
    if replica is None:
        return []
    try:
        connection = await replica.connect()
        try:
            reached = await connection.look()
        finally:
            connection.close()
    except ReplicaFailed as failed:
        problem = _BY_REASON.get(failed.reason)
        return [UNUSABLE.found(str(failed)) if problem is None else problem.found()]
    seconds = reached.lag / MICROSECONDS
    if seconds <= examined.settings.database_replica_lag:
        return []
    return [BEHIND.found(f"{reached.behind} events, the oldest of {seconds:.0f} seconds ago")]


CHECK: Final = Check(
    "replica",
    "Is what may lag read from a standby of this log?",
    (UNUSABLE, NOT_STANDBY, OTHER_LOG, BEHIND),
    _examine,
    (Needs.POSTGRES, Needs.STORE),
)
