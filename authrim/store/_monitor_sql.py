"""The statements of the monitor for both engines. ``{n}`` is the nth parameter: each engine has its own marks."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from authrim.store.monitor_contract import KnownBreach
from projections.monitor.rules import Breach

PUT: Final = """
    INSERT INTO monitor_states (stream, document, leaves_at) {rows}
    ON CONFLICT (stream) DO UPDATE SET document = excluded.document, leaves_at = excluded.leaves_at
"""
#: Unless it is known, or too many of its rule are open.
ADD: Final = """
    INSERT INTO monitor_breaches (id, rule, stream, positions, about, found_at)
    SELECT {1}, {2}, {3}, {4}, {5}, {6}
    WHERE (SELECT count(*) FROM monitor_breaches WHERE rule = {2} AND acknowledged_at IS NULL) < {7}
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
#: A breach as the log tells it.
TELL: Final = """
    INSERT INTO monitor_breaches (id, rule, stream, positions, about, found_at, told_at)
    VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7})
    ON CONFLICT (id) DO UPDATE SET told_at = coalesce(monitor_breaches.told_at, excluded.told_at)
"""
MARK: Final = "UPDATE monitor_breaches SET told_at = coalesce(told_at, {2}) WHERE id = {1}"
ACKNOWLEDGE: Final = """
    UPDATE monitor_breaches SET acknowledged_at = coalesce(acknowledged_at, {2}) WHERE id = {1}
"""
FORGET: Final = ("DELETE FROM monitor_states", "DELETE FROM followers WHERE name = {1}")

_COLUMNS: Final = "rule, stream, positions, about, found_at, told_at, acknowledged_at"
OPEN: Final = f"""
    SELECT {_COLUMNS} FROM monitor_breaches
    WHERE acknowledged_at IS NULL ORDER BY found_at, id LIMIT {{1}}
"""  # noqa: S608 - our own names
UNTOLD: Final = OPEN.replace("acknowledged_at IS NULL", "told_at IS NULL")
ALL: Final = OPEN.replace("WHERE acknowledged_at IS NULL", "")
ONE: Final = f"SELECT {_COLUMNS} FROM monitor_breaches WHERE id = {{1}}"  # noqa: S608 - likewise


def marked(statement: str, *marks: str) -> str:
    """A statement with the marks of an engine's parameters, or with what stands for them."""
    return statement.format("", *marks)


def reading(*, untold: bool, closed: bool) -> str:
    """The SELECT of breaches."""
    if untold:
        return UNTOLD
    return ALL if closed else OPEN


def breach_row(breach: Breach) -> tuple[str, str, str, str, str]:
    """The first parameters of ``ADD`` and ``TELL``."""
    positions = msgspec.json.encode(breach.positions).decode()
    return breach.id, breach.rule, breach.stream, positions, breach.about


def known_breach(row: Sequence[Any]) -> KnownBreach:
    """A row of one of the SELECTs."""
    rule, stream, positions, about, *times = row
    return KnownBreach(Breach(rule, stream, tuple(msgspec.json.decode(positions)), about), *times)
