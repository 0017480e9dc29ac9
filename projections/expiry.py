"""Which rows may leave their table, and when they are looked at. What has ended has the same effect as no row, and the
log keeps its events.

A background task deletes these rows some time after they have ended (authrim/core/retention.py), so such a row may or
may not exist. A comparison with the log therefore does not report a missing one as a difference.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from domain.units import DAY, HOUR, MICROSECONDS
from projections.outbox import BACKCHANNEL_LOGOUT
from projections.outbox import TABLE as OUTBOX
from projections.tables import SEALED, SESSION_CLIENTS, SESSIONS, TOKENS, Table

#: How many seconds a token's row is kept after the token has expired or was revoked, because clocks differ.
TOKEN_KEPT: Final = HOUR
#: How many seconds a session's row is kept after the session expired, because it can still be ended, and clients would
#: have to be notified of that (Back-Channel Logout).
SESSION_KEPT: Final = 31 * DAY
#: How many seconds a session's row is kept after the session ended and everybody was told.
ENDED_KEPT: Final = HOUR
#: How many seconds a settled row of the outbox is kept.
SETTLED_KEPT: Final = HOUR
#: Seconds after which nobody is told of the end of a session any more: such a row leaves although it is not settled.
NOTICE_KEPT: Final = SESSION_KEPT + HOUR

#: The columns that a row has beside those of its projection, on the tables whose rows may have to stay: when the row is
#: looked at again, in seconds.
LOOKED_AT_AGAIN: Final = "leaves_at"
KEEPING: Final = (TOKENS, SESSIONS)


class Leaving(NamedTuple):
    """When the rows of a table are looked at: those whose ``due`` is over, counted in ``unit`` per second. An index of
    the table has the same text. ``only``: the condition of that index."""

    table: str
    due: str
    unit: int = 1
    only: str = ""
    key: str = "key"

    @property
    def condition(self) -> str:
        """What a row that is due fulfils; ``{now}`` is in seconds."""
        due = f"{self.due} <= {{now}}" if self.unit == 1 else f"{self.due} <= {{now}} * {self.unit}"
        return f"{due} AND ({self.only})" if self.only else due


# A migration has these texts in its indexes: another time of keeping needs another index.
_LEAVING: Final = (
    Leaving(TOKENS.name, f"coalesce(leaves_at, coalesce(revoked_at, expires_at) + {TOKEN_KEPT})"),
    Leaving(
        SESSIONS.name,
        "coalesce(leaves_at, "
        f"CASE WHEN status = 'ended' THEN 0 ELSE coalesce(expires_at, 0) + {SESSION_KEPT} END)",
    ),
    Leaving("guard", "expires_at"),
    Leaving("counters", "expires_at", unit=MICROSECONDS),
    Leaving(
        OUTBOX.name,
        f"coalesce(done_at + {SETTLED_KEPT * MICROSECONDS}, recorded_at + {NOTICE_KEPT * MICROSECONDS})",
        unit=MICROSECONDS,
        only=f"done_at IS NOT NULL OR kind = '{BACKCHANNEL_LOGOUT}'",
        key="position",
    ),
    Leaving("monitor_states", "leaves_at", only="leaves_at IS NOT NULL", key="stream"),
)
LEAVING: Final[Mapping[str, Leaving]] = {leaving.table: leaving for leaving in _LEAVING}
#: What leaves by the time in its key: the rows of requests.
BY_KEY: Final = SEALED.name
#: Every table that rows leave, in the order in which they are looked at: sessions after the tokens that need them.
HOT: Final = (TOKENS.name, SESSIONS.name, BY_KEY, "guard", "counters", OUTBOX.name, "monitor_states")

#: The condition under which a row ``{row}`` may be missing at ``{now}`` (seconds). ``{sessions}`` is the table with all
#: sessions.
_OVER: Final = f"{{session}}.status = 'ended' OR {{session}}.expires_at <= {{now}} - {SESSION_KEPT}"
_MAY_BE_GONE: Final[Mapping[str, str]] = {
    TOKENS.name: (
        f"({{row}}.expires_at <= {{now}} - {TOKEN_KEPT}"
        f" OR coalesce({{row}}.revoked_at <= {{now}} - {TOKEN_KEPT}, false))"
    ),
    SESSIONS.name: f"({_OVER.replace('{session}', '{row}')})",
    SESSION_CLIENTS.name: (
        "(EXISTS (SELECT 1 FROM {sessions} e WHERE e.key = {row}.tenant || ':' || {row}.session_id"  # noqa: S608 - our names
        f" AND ({_OVER.replace('{session}', 'e')}))"
        " AND NOT EXISTS (SELECT 1 FROM outbox o"
        " WHERE o.stream = {row}.tenant || ':session:' || {row}.session_id AND o.done_at IS NULL))"
    ),
    OUTBOX.name: f"({{row}}.recorded_at <= CAST({{now}} - {SETTLED_KEPT} AS BIGINT) * {MICROSECONDS})",
}


def may_be_gone(table: Table, row: str, sessions: str, now: int) -> str:
    """The SQL condition under which a missing row is not a difference. No argument may come from outside the
    program."""
    return _MAY_BE_GONE.get(table.name, "1 = 0").format(row=row, sessions=sessions, now=int(now))
