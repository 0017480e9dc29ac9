"""What the server's role may do in PostgreSQL (decisions.md 11)."""

from collections.abc import Sequence
from typing import Final

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs

_GRANT: Final = "As the owner: CREATE ROLE authrim_app LOGIN; then authrim migrate --grant-to authrim_app"

SUPERUSER: Final = Problem(
    "role.superuser",
    "fault",
    "The server's role is a superuser: whoever takes over the server may change the log and everything else.",
    f"{_GRANT}, and name that role in database.",
)
OWNER: Final = Problem(
    "role.owner",
    "warning",
    "The server's role owns the tables, their schema or the database, so it may take away what protects the log.",
    f"{_GRANT}, and name that role in database. The owner is for authrim migrate alone.",
)
WRITES_LOG: Final = Problem(
    "role.writes_log",
    "fault",
    "The server's role may write to the log without the append function.",
    "As the owner: REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON authrim.events, authrim.ledger, authrim.head; "
    "rights to columns, and roles that have such rights, likewise.",
)
POWERS: Final = Problem(
    "role.powers",
    "fault",
    "The server's role has powers that no server needs: whoever takes over the server may get at everything by them.",
    "As a superuser: ALTER ROLE … NOCREATEROLE NOREPLICATION, REVOKE CREATE ON SCHEMA authrim, and revoke the roles "
    "that are named.",
)
LACKS: Final = Problem(
    "role.lacks",
    "fault",
    "The server's role lacks rights that this version needs.",
    "As the owner: authrim migrate --grant-to with the name of the role. Repeat it after each upgrade.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    role, found = examined.inspected.role, []
    if role.superuser:
        return [SUPERUSER.found(f"role {role.name}")]
    if role.owner:
        found.append(OWNER.found(f"role {role.name}"))
    elif role.writes_log:
        found.append(WRITES_LOG.found(f"role {role.name}"))
    if role.powers and not role.owner:
        found.append(POWERS.found(f"role {role.name}: {', '.join(role.powers)}"))
    if role.lacks:
        fix = f"As the owner: authrim migrate --grant-to {role.name}. Repeat it after each upgrade."
        found.append(LACKS.found(f"role {role.name}: {', '.join(role.lacks)}", fix))
    return found


CHECK: Final = Check(
    "role",
    "May the server's role do what it needs in PostgreSQL, and nothing more?",
    (SUPERUSER, OWNER, WRITES_LOG, POWERS, LACKS),
    _examine,
    (Needs.POSTGRES, Needs.SETTINGS_ON_POSTGRES),
)
