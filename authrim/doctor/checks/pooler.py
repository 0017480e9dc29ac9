"""A pooler in front of PostgreSQL: whether there is one, and whether the settings know it (decisions.md 8)."""

from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.store.postgres.connections import SESSION

NOT_SET: Final = Problem(
    "pooler.not_set",
    "fault",
    "A pooler is in front of PostgreSQL, and the settings do not say so: it refuses connections, or statements fail.",
    "Set database_pooled = true, and database_listen to PostgreSQL's own address.",
)
NOT_THERE: Final = Problem(
    "pooler.not_there",
    "warning",
    "database_pooled is set, and no pooler is there. Every statement is prepared again.",
    "Remove database_pooled.",
)
NO_LISTEN: Final = Problem(
    "pooler.no_listen",
    "warning",
    "Behind the pooler the log is polled, so other processes see changes later.",
    "Set database_listen to PostgreSQL's own address.",
)
LISTENS_TO_POOLER: Final = Problem(
    "pooler.listens_to_pooler",
    "warning",
    "database_listen is the address of a pooler in transaction mode, which passes no notifications on.",
    "Set database_listen to PostgreSQL's own address.",
)
ROLE_SETTINGS: Final = Problem(
    "pooler.role_settings",
    "fault",
    "The role does not have the settings that a connection through a pooler cannot choose.",
    "As a role with CREATEROLE: authrim migrate --grant-to with the name of the server's role.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    settings, inspected = examined.settings, examined.inspected
    if inspected.pooler == "none":
        return [NOT_THERE.found()] if settings.database_pooled else []
    if not settings.database_pooled:
        return [NOT_SET.found(f"it keeps a session per {inspected.pooler.replace('session', 'client')}")]
    found = []
    if settings.database_listen is None:
        found.append(NO_LISTEN.found())
    if inspected.listen_pooler == "transaction":
        found.append(LISTENS_TO_POOLER.found())
    wrong = [name for name, value in SESSION.items() if inspected.settings.get(name) != value]
    if not inspected.settings.get("search_path", "").replace('"', "").startswith("authrim"):
        wrong.append("search_path")
    if wrong:
        found.append(ROLE_SETTINGS.found(f"role {inspected.role.name}: {', '.join(wrong)}"))
    return found


CHECK: Final = Check(
    "pooler",
    "Do the settings know what is between the server and PostgreSQL?",
    (NOT_SET, NOT_THERE, NO_LISTEN, LISTENS_TO_POOLER, ROLE_SETTINGS),
    _examine,
    (Needs.POSTGRES, Needs.SETTINGS_ON_POSTGRES),
)
