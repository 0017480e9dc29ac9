"""Rows that may leave their table: what has expired answers as if it had never been, and the log keeps its story.

A row that is gone may also still be there: it is taken away by a task that has no hurry (authrim/core/expired.py). So a
comparison with the log takes the absence of such a row for no difference.
"""

from collections.abc import Mapping
from typing import Final

from domain.units import DAY, HOUR
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS, Table

#: Seconds that a token's row outlives the token, for clocks that differ.
TOKEN_KEPT: Final = HOUR
#: Seconds that a session's row outlives the session: as long as its end is news to anybody (Back-Channel Logout).
SESSION_KEPT: Final = 31 * DAY

#: When a row ``{row}`` may be missing at ``{now}`` (seconds). ``{sessions}`` is the table with all sessions.
_MAY_BE_GONE: Final[Mapping[str, str]] = {
    TOKENS.name: f"{{row}}.expires_at <= {{now}} - {TOKEN_KEPT}",
    SESSIONS.name: f"{{row}}.expires_at <= {{now}} - {SESSION_KEPT}",
    SESSION_CLIENTS.name: (
        "EXISTS (SELECT 1 FROM {sessions} e WHERE e.key = {row}.tenant || ':' || {row}.session_id"  # noqa: S608 - our own names
        f" AND e.expires_at <= {{now}} - {SESSION_KEPT})"
    ),
}


def may_be_gone(table: Table, row: str, sessions: str, now: int) -> str:
    """The SQL condition on which a row's absence is no difference. All arguments are ours, nothing from outside."""
    return _MAY_BE_GONE.get(table.name, "1 = 0").format(row=row, sessions=sessions, now=int(now))
