"""Whether PostgreSQL has a session for every connection that the server may open."""

from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.store.postgres.connections import MOST_CONNECTIONS

TOO_FEW: Final = Problem(
    "sessions.too_few",
    "fault",
    "PostgreSQL takes fewer sessions than the server may open. Under load, requests get 503.",
    "Raise max_connections, or the CONNECTION LIMIT of the role or the database; or lower workers.",
)
NEARLY_ALL: Final = Problem(
    "sessions.nearly_all",
    "warning",
    "Nearly all sessions of PostgreSQL are taken now.",
    "Look in pg_stat_activity for who holds them, or raise max_connections.",
)

_NEARLY: Final = 0.9


async def _examine(examined: Examined) -> Sequence[Finding]:
    settings, sessions = examined.settings, examined.inspected.sessions
    processes = settings.workers + (settings.background_place == "process")
    needed = processes * MOST_CONNECTIONS
    if examined.inspected.pooler == "none" and needed > sessions.most:
        detail = f"{processes} processes open up to {needed}, and PostgreSQL takes {sessions.most}"
        return [TOO_FEW.found(detail)]
    if sessions.in_use > sessions.most * _NEARLY:
        return [NEARLY_ALL.found(f"{sessions.in_use} of {sessions.most}")]
    return []


CHECK: Final = Check(
    "sessions",
    "Does PostgreSQL take as many sessions as the server may open?",
    (TOO_FEW, NEARLY_ALL),
    _examine,
    (Needs.POSTGRES, Needs.SETTINGS_ON_POSTGRES),
)
