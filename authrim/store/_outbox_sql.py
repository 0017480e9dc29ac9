"""The state of the rows of the projection ``outbox``, on both engines. Times are µs UTC; ``done_at`` NULL: no messages
were made of the row yet. Messages have rows of their own (``_deliveries_sql.py``).

Taking a row moves its ``due_at`` to when another process may take it: a process that dies in between holds nothing
(F22), and one that comes back late only says again what is recorded already.
"""

from typing import Final

_DELIVERY: Final = "position, tenant, kind, stream, recorded_at, attempts"

_TAKE: Final = f"""
    WITH due AS MATERIALIZED (
        SELECT position FROM outbox WHERE done_at IS NULL AND due_at <= {{now}} ORDER BY due_at LIMIT {{limit}} {{lock}}
    )
    UPDATE outbox SET due_at = {{now}} + {{lease}}, attempts = attempts + 1
    WHERE position IN (SELECT position FROM due)
    RETURNING {_DELIVERY}
"""  # noqa: S608 - made of constants

_STATE: Final = "SELECT attempts, due_at, done_at FROM outbox WHERE position = {position}"
STATE_POSTGRES: Final = _STATE.format(position="$1")
STATE_SQLITE: Final = _STATE.format(position="?")

TAKE_POSTGRES: Final = _TAKE.format(
    now="clock_us()", lease="$1::BIGINT", limit="$2", lock="FOR UPDATE SKIP LOCKED"
)
TAKE_SQLITE: Final = _TAKE.format(now=":now", lease=":lease", limit=":limit", lock="")
#: SQLite's writer is asked only when there is something to take.
ANY_DUE_SQLITE: Final = "SELECT 1 FROM outbox WHERE done_at IS NULL AND due_at <= ? LIMIT 1"
