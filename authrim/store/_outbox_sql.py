"""The outbox's delivery state, on both engines. Times are µs UTC; ``done_at`` NULL: still to be delivered.

Taking a row moves its ``due_at`` to when another process may take it: a process that dies in between holds nothing
(F22), and one that comes back late only says again what is recorded already.
"""

from typing import Final

_DELIVERY: Final = "position, tenant, kind, stream, recorded_at, attempts"

_TAKE: Final = f"""
    UPDATE outbox SET due_at = {{now}} + {{lease}}, attempts = attempts + 1
    WHERE position IN (
        SELECT position FROM outbox WHERE done_at IS NULL AND due_at <= {{now}} ORDER BY due_at LIMIT {{limit}} {{lock}}
    )
    RETURNING {_DELIVERY}
"""  # noqa: S608 - made of constants
_SETTLE: Final = "UPDATE outbox SET done_at = {now} WHERE position = {position}"
_PUT_OFF: Final = (
    "UPDATE outbox SET due_at = {now} + {delay}, attempts = attempts - {back} "
    "WHERE position = {position} AND done_at IS NULL"
)

_STATE: Final = "SELECT attempts, due_at, done_at FROM outbox WHERE position = {position}"
STATE_POSTGRES: Final = _STATE.format(position="$1")
STATE_SQLITE: Final = _STATE.format(position="?")

TAKE_POSTGRES: Final = _TAKE.format(
    now="clock_us()", lease="$1::BIGINT", limit="$2", lock="FOR UPDATE SKIP LOCKED"
)
SETTLE_POSTGRES: Final = _SETTLE.format(now="clock_us()", position="$1")
PUT_OFF_POSTGRES: Final = _PUT_OFF.format(
    now="clock_us()", delay="$1::BIGINT", position="$2", back="$3::BIGINT"
)

TAKE_SQLITE: Final = _TAKE.format(now=":now", lease=":lease", limit=":limit", lock="")
SETTLE_SQLITE: Final = _SETTLE.format(now=":now", position=":position")
PUT_OFF_SQLITE: Final = _PUT_OFF.format(now=":now", delay=":delay", position=":position", back=":back")
#: SQLite's writer is asked only when there is something to take.
ANY_DUE_SQLITE: Final = "SELECT 1 FROM outbox WHERE done_at IS NULL AND due_at <= ? LIMIT 1"
