"""The outbox on SQLite: each function runs in a thread of the store."""

import sqlite3

from authrim.store import _outbox_sql as outbox_sql
from authrim.store.read_back import Delivery, DeliveryState


def any_due(connection: sqlite3.Connection, now: int) -> bool:
    """Whether there is something to take."""
    return connection.execute(outbox_sql.ANY_DUE_SQLITE, (now,)).fetchone() is not None


def take(connection: sqlite3.Connection, limit: int, lease: int, now: int) -> list[Delivery]:
    """Take due rows for ``lease`` µs."""
    rows = connection.execute(outbox_sql.TAKE_SQLITE, {"now": now, "lease": lease, "limit": limit}).fetchall()
    return [Delivery(*row) for row in rows]


def state(connection: sqlite3.Connection, position: int) -> DeliveryState | None:
    """The state of a row."""
    row = connection.execute(outbox_sql.STATE_SQLITE, (position,)).fetchone()
    return None if row is None else DeliveryState(*row)
