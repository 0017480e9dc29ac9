"""The statements of the outbox for both engines. ``{p1}`` is the first parameter, ``{in1}`` a list that is one,
``{now}`` the clock: each engine has its own words for them, which ``for_postgres`` and ``for_sqlite`` put in."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from authrim.store.outbox_contract import Chosen, NewDelivery, Retried, Settlement

_NUMBERS: Final = range(1, 9)
_POSTGRES: Final = {
    "now": "clock_us()",
    "skip": "FOR UPDATE SKIP LOCKED",
    **{f"p{number}": f"${number}" for number in _NUMBERS},
    **{f"in{number}": f"= ANY(${number}::TEXT[])" for number in _NUMBERS},
}
#: The first parameter is the time.
_SQLITE: Final = {
    "now": "?1",
    "skip": "",
    **{f"p{number}": f"?{number + 1}" for number in _NUMBERS},
    **{f"in{number}": f"IN (SELECT value FROM json_each(?{number + 1}))" for number in _NUMBERS},  # noqa: S608
}

#: A receiver for which a message comes is due at once, unless a process has it or it is left alone for a while.
WAKE: Final = """
    INSERT INTO receivers (key, tenant, kind, receiver, due_at) VALUES ({p1}, {p2}, {p3}, {p4}, {now})
    ON CONFLICT (key) DO UPDATE SET due_at = CASE
        WHEN receivers.due_at IS NOT NULL
            AND (receivers.holder <> '' OR receivers.failures > 0 OR receivers.due_at <= {now})
        THEN receivers.due_at ELSE {now} END
"""
ADD: Final = """
    INSERT INTO deliveries (key, receiver_key, name, position, detail, since, due_at)
    VALUES ({p1}, {p2}, {p3}, {p4}, {p5}, {now}, {now}) ON CONFLICT (key) DO NOTHING
"""
END_ROW: Final = "UPDATE outbox SET done_at = {now} WHERE position = {p1}"

POSITION: Final = "SELECT position FROM followers WHERE name = {p1}"
ADVANCE: Final = """
    INSERT INTO followers (name, position) VALUES ({p1}, {p3})
    ON CONFLICT (name) DO UPDATE SET position = excluded.position WHERE followers.position = {p2} RETURNING name
"""

ANY_DUE: Final = "SELECT 1 FROM receivers WHERE due_at <= {now} AND kind {in1} LIMIT 1"
TAKE: Final = """
    WITH due AS MATERIALIZED (
        SELECT key FROM receivers WHERE due_at <= {now} AND kind {in1} ORDER BY due_at LIMIT {p2} {skip}
    )
    UPDATE receivers SET due_at = {now} + {p3}, holder = {p4} WHERE key IN (SELECT key FROM due)
    RETURNING key, tenant, kind, receiver, failures, {now}
"""
_WAITING: Final = "key, name, position, detail, since, attempts"
#: The messages of one receiver that are due.
DUE: Final = f"""
    SELECT {_WAITING} FROM deliveries WHERE receiver_key = {{p1}} AND dead_at IS NULL AND due_at <= {{now}}
    ORDER BY due_at, position LIMIT {{p2}}
"""  # noqa: S608 - our own names
#: The same for many receivers.
DUE_OF_ALL: Final = f"""
    SELECT receiver_key, {_WAITING} FROM unnest($1::TEXT[]) AS taken(receiver_key) CROSS JOIN LATERAL (
        {DUE.format(**{**_POSTGRES, "p1": "taken.receiver_key"})}
    ) AS due
"""  # noqa: S608 - likewise

#: Whoever changes messages on PostgreSQL locks their receivers first, so that none waits for another in a circle.
LOCK: Final = "SELECT key FROM receivers WHERE key = {p1} FOR UPDATE"
LOCK_OF: Final = """
    SELECT key FROM receivers WHERE key IN (SELECT receiver_key FROM deliveries WHERE key {in1})
    ORDER BY key FOR UPDATE
"""
DONE: Final = "DELETE FROM deliveries WHERE key {in1}"
RETRY_LATER: Final = """
    UPDATE deliveries SET attempts = {p2}, due_at = {now} + {p3}, reason = {p4} WHERE key = {p1} AND dead_at IS NULL
"""
DEAD: Final = "UPDATE deliveries SET attempts = {p2}, reason = {p3}, dead_at = {now} WHERE key = {p1}"
#: Due when the first message is, but not before the pause is over. After ``LOCK``, in a statement of its own: it sees
#: what was added before.
RELEASE: Final = """
    UPDATE receivers SET holder = '', failures = {p3}, due_at = (
        SELECT CASE WHEN min(due_at) < {now} + {p4} THEN {now} + {p4} ELSE min(due_at) END
        FROM deliveries WHERE receiver_key = {p1} AND dead_at IS NULL
    )
    WHERE key = {p1} AND holder = {p2} RETURNING due_at <= {now} + {p4}
"""

_ROW: Final = """
    SELECT d.key, r.tenant, r.kind, r.receiver, d.name, d.position, d.since, d.due_at, d.attempts, d.reason, d.dead_at
    FROM deliveries d JOIN receivers r ON r.key = d.receiver_key
"""
FIND: Final = _ROW + "WHERE d.key = {p1}"
FIRST_WAITING: Final = _ROW + "WHERE d.dead_at IS NULL AND d.position <= {p1} ORDER BY d.position LIMIT 1"
LISTED: Final = (
    _ROW
    + """
    WHERE d.key > {p1} AND ({p2} = '' OR d.key = {p2}) AND ({p3} = '' OR r.kind = {p3})
        AND ({p4} = '' OR r.receiver = {p4}) AND ({p5} < 0 OR (d.dead_at IS NOT NULL) = ({p5} = 1))
    ORDER BY d.key LIMIT {p6}
"""
)
RECEIVERS: Final = """
    SELECT r.tenant, r.kind, r.receiver, r.failures, r.due_at,
        (SELECT count(*) FROM deliveries d WHERE d.receiver_key = r.key AND d.dead_at IS NULL),
        (SELECT count(*) FROM deliveries d WHERE d.receiver_key = r.key AND d.dead_at IS NOT NULL),
        (SELECT min(d.since) FROM deliveries d WHERE d.receiver_key = r.key AND d.dead_at IS NULL)
    FROM receivers r WHERE r.key > {p1} ORDER BY r.key LIMIT {p2}
"""

RETRY: Final = """
    UPDATE deliveries SET dead_at = NULL, attempts = 0, reason = '', since = {now}, due_at = {now} WHERE key {in1}
    RETURNING key, receiver_key
"""
TRY_AT_ONCE: Final = """
    UPDATE receivers SET failures = 0, due_at = CASE WHEN holder = '' OR due_at IS NULL THEN {now} ELSE due_at END
    WHERE key {in1}
"""
DISCARD: Final = "DELETE FROM deliveries WHERE key {in1} RETURNING key"
FORGET_MESSAGES: Final = "DELETE FROM deliveries WHERE receiver_key = {p1} RETURNING key"
FORGET: Final = "DELETE FROM receivers WHERE key = {p1}"
SWEEP: Final = """
    DELETE FROM deliveries
    WHERE key IN (SELECT key FROM deliveries WHERE dead_at < {now} - {p1} ORDER BY dead_at LIMIT {p2})
    RETURNING key
"""
SWEEP_RECEIVERS: Final = """
    DELETE FROM receivers WHERE due_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.receiver_key = receivers.key)
"""


@cache
def for_postgres(statement: str) -> str:
    """A statement in the words of PostgreSQL."""
    return statement.format(**_POSTGRES)


@cache
def for_sqlite(statement: str) -> str:
    """A statement in the words of SQLite."""
    return statement.format(**_SQLITE)


def receivers_of(deliveries: Sequence[NewDelivery]) -> list[tuple[str, str, str, str]]:
    """The parameters of ``WAKE``, in one order for all processes, so that none waits for another in a circle."""
    return sorted({(one.receiver_key, one.tenant, one.kind, one.receiver) for one in deliveries})


def messages_of(deliveries: Sequence[NewDelivery]) -> list[tuple[str, str, str, int, str]]:
    """The parameters of ``ADD``."""
    return [(one.key, one.receiver_key, one.name, one.position, one.detail) for one in deliveries]


def later_of(settlement: Settlement) -> list[tuple[str, int, int, str]]:
    """The parameters of ``RETRY_LATER``."""
    return [(one.key, one.attempts, one.delay, one.reason) for one in settlement.retried if not one.dead]


def dead_of(retried: Sequence[Retried]) -> list[tuple[str, int, str]]:
    """The parameters of ``DEAD``."""
    return [(one.key, one.attempts, one.reason) for one in retried if one.dead]


def listing(chosen: Chosen, after: str, limit: int) -> tuple[Any, ...]:
    """The parameters of ``LISTED``."""
    dead = -1 if chosen.dead is None else int(chosen.dead)
    return after, chosen.key, chosen.kind, chosen.receiver, dead, limit
