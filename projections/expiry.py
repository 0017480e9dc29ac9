"""Rows that may be deleted from their table. An expired row has the same effect as no row, and the log keeps its
events.

A background task deletes these rows some time after they expire (authrim/core/expired.py), so such a row may or may not
exist. A comparison with the log therefore does not report a missing one as a difference.
"""

from collections.abc import Mapping
from typing import Final

from domain.units import DAY, HOUR
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS, Table

#: How many seconds a token's row is kept after the token expired, because clocks differ.
TOKEN_KEPT: Final = HOUR
#: How many seconds a session's row is kept after the session expired, because clients may still have to be notified of
#: its end (Back-Channel Logout).
SESSION_KEPT: Final = 31 * DAY

#: The condition under which a row ``{row}`` may be missing at ``{now}`` (seconds). ``{sessions}`` is the table with all
#: sessions.
_MAY_BE_GONE: Final[Mapping[str, str]] = {
    TOKENS.name: f"{{row}}.expires_at <= {{now}} - {TOKEN_KEPT}",
    SESSIONS.name: f"{{row}}.expires_at <= {{now}} - {SESSION_KEPT}",
    SESSION_CLIENTS.name: (
        "EXISTS (SELECT 1 FROM {sessions} e WHERE e.key = {row}.tenant || ':' || {row}.session_id"  # noqa: S608 - our own names
        f" AND e.expires_at <= {{now}} - {SESSION_KEPT})"
    ),
}


def may_be_gone(table: Table, row: str, sessions: str, now: int) -> str:
    """The SQL condition under which a missing row is not a difference. No argument may come from outside the
    program."""
    return _MAY_BE_GONE.get(table.name, "1 = 0").format(row=row, sessions=sessions, now=int(now))
