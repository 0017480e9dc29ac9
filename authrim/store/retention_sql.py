# ruff: noqa: S608 - the names in these texts are constants
"""The statements of retention for both engines. ``{now}`` and ``{limit}`` are parameters in each engine's own marks.

The limit comes first everywhere, so an index is read no further than it says.
"""

from typing import Final

from authrim.crypto.ids import seconds_of_id
from authrim.store.retention_contract import TableState
from projections.expiry import BY_KEY, HOT, LEAVING, TOKEN_KEPT
from projections.tables import SESSIONS, TOKENS

#: ``stands``: no other row of the grant would show, without this one, that the session's row is still needed. A session
#: that ended needs none. ``by_hash``: the token is found by its row alone, and has not expired.
_TOKENS: Final = f"""
    SELECT t.key, t.tenant, t.grant_id, t.session_id IS NOT NULL AND coalesce(s.status, 'ended') <> 'ended'
           AND NOT EXISTS (
               SELECT 1 FROM tokens o
               WHERE o.key >= t.tenant || ':' || t.grant_id || ':' AND o.key < t.tenant || ':' || t.grant_id || ';'
                 AND (o.expires_at > t.expires_at OR (o.expires_at = t.expires_at AND o.key > t.key))
           ) AS stands,
           t.sent_hash IS NOT NULL AND t.expires_at + {TOKEN_KEPT} > {{now}} AS by_hash, t.expires_at
    FROM (
        SELECT key, tenant, grant_id, session_id, expires_at, sent_hash, {LEAVING[TOKENS.name].due} AS due
        FROM tokens WHERE {LEAVING[TOKENS.name].condition}
        ORDER BY {LEAVING[TOKENS.name].due} LIMIT {{limit}}
    ) AS t
    LEFT JOIN sessions s ON s.key = t.tenant || ':' || t.session_id
"""
#: ``changed_at`` (µs) is the time of the session's newest event; ``told`` says that the outbox has come to it, and that
#: nobody is to be told any more; ``needed`` that a token depends on the session.
_SESSIONS: Final = f"""
    SELECT s.key, s.status, e.recorded_at AS changed_at,
           coalesce(e.position, 0) <= coalesce((SELECT position FROM followers WHERE name = 'outbox'), 0)
           AND NOT EXISTS (
               SELECT 1 FROM outbox o
               WHERE o.stream = s.tenant || ':session:' || s.session_id AND o.done_at IS NULL
           ) AS told,
           EXISTS (
               SELECT 1 FROM tokens t
               WHERE t.session_id IS NOT NULL AND t.tenant || ':' || t.session_id = s.key {{default}}
           ) AS needed
    FROM (
        SELECT key, tenant, session_id, status, version
        FROM sessions WHERE {LEAVING[SESSIONS.name].condition}
        ORDER BY {LEAVING[SESSIONS.name].due} LIMIT {{limit}}
    ) AS s
    LEFT JOIN events e ON e.stream_id = s.tenant || ':session:' || s.session_id AND e.version = s.version
"""
DUE: Final = {TOKENS.name: _TOKENS, SESSIONS.name: _SESSIONS}

#: The rows that are due first of a table whose rows nothing depends on. They are found once: a plan that looks for them
#: again would skip those that it holds, find others, and pass the limit.
PRUNED_DUE: Final = {
    name: f"WITH due AS MATERIALIZED (SELECT {one.key} FROM {name} WHERE {one.condition} ORDER BY {one.due}"
    f" LIMIT {{limit}} {{lock}}) DELETE FROM {name} WHERE {one.key} IN (SELECT {one.key} FROM due)"
    for name, one in LEAVING.items()
    if name not in DUE
}

KEYS: Final = (
    f"SELECT key FROM {BY_KEY} WHERE key >= {{first}} AND key < {{before}} ORDER BY key LIMIT {{limit}}"
)

#: How many rows a table has, how many are due, and since when the first is. A session that ended is due at once, and
#: its row does not say since when.
MEASURE: Final = {
    name: f"SELECT (SELECT count(*) FROM {name}), count(*), min(CASE WHEN {one.due} > 0 THEN {one.due} END)"
    f" FROM {name} WHERE {one.condition}"
    for name, one in LEAVING.items()
}
MEASURE_BY_KEY: Final = (
    f"SELECT (SELECT count(*) FROM {BY_KEY}), count(*), min(key) FROM {BY_KEY}"
    " WHERE key >= {first} AND key < {before}"
)
COUNTED: Final = """
    INSERT INTO retention (name, pruned, at) {rows}
    ON CONFLICT (name) DO UPDATE SET pruned = retention.pruned + excluded.pruned, at = excluded.at
"""
PRUNED: Final = "SELECT name, pruned, at FROM retention"
NAMES: Final = HOT


def table_state(
    name: str, rows: int, due: int, oldest: int | str | None, pruned: tuple[int, int] | None
) -> TableState:
    """A table as ``MEASURE`` found it. The oldest of ``sealed`` is a key, which begins with a time."""
    if isinstance(oldest, str):
        since: int | None = seconds_of_id(oldest.split(":")[2])
    else:
        since = None if oldest is None else oldest // LEAVING[name].unit
    total, at = pruned or (0, None)
    return TableState(name, rows, due, since, total, at)
