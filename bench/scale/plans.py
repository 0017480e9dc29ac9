"""The plans of every statement that a server sends, as PostgreSQL ran them, and what is wrong with them.

``auto_explain`` writes each plan with the rows that it read into PostgreSQL's log, those inside of functions too.
A plan is refused when it reads all rows of a large table, or more rows than any answer needs.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg2

from tests.postgres_cluster import Cluster

#: A table with more rows is large: reading all of them is no plan.
LARGE: Final = 1000
#: The most rows that a statement may read from a table. A page of a follower has 2,048.
MOST_ROWS: Final = 10_000

_SETTINGS: Final = {
    "session_preload_libraries": "auto_explain",
    "log_min_messages": "log",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
}
_ENTRY: Final = re.compile(r"LOG:  duration: ([0-9.]+) ms  plan:\n((?:\t.*\n)+)")


class Plan(NamedTuple):
    """A statement that ran, and how."""

    query: str
    tree: Mapping[str, Any]
    milliseconds: float


class Judged(NamedTuple):
    """All runs of one statement: how often, the ways it read tables, the most rows that one run read from a table, the
    longest time in ms, and what is wrong with its plans."""

    query: str
    runs: int
    ways: tuple[str, ...]
    rows: int
    milliseconds: float
    faults: tuple[str, ...]


class PlanLog:
    """The plans of one database, as they are logged from now on."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self._file = Path(cluster.folder) / "log"
        self._database = database
        self._cluster = cluster
        self._from = self._file.stat().st_size

    @contextmanager
    def on(self) -> Iterator[None]:
        """Explain what the sessions that begin within the block do."""
        for name, value in _SETTINGS.items():
            self._cluster.execute(f"ALTER DATABASE {self._database} SET {name} = '{value}'")
        try:
            yield
        finally:
            self._cluster.execute(f"ALTER DATABASE {self._database} RESET ALL")
            time.sleep(0.2)

    def read(self) -> Iterator[Plan]:
        """The plans so far."""
        with self._file.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._from)
            text = file.read()
        return read_plans(text)


def read_plans(text: str) -> Iterator[Plan]:
    """The plans in a log of PostgreSQL."""
    for milliseconds, entry in _ENTRY.findall(text):
        try:
            told = json.loads(entry)
        except json.JSONDecodeError:
            continue  # the statement was cut off when the server stopped
        yield Plan(" ".join(told["Query Text"].split()), told["Plan"], float(milliseconds))


def judge(plans: Iterator[Plan], rows: Mapping[str, int]) -> list[Judged]:
    """What each statement does, the worst first. ``rows``: how many rows each table has."""
    found: dict[str, list[Plan]] = {}
    for plan in plans:
        found.setdefault(plan.query, []).append(plan)
    judged = [_judged(query, runs, rows) for query, runs in found.items()]
    return sorted(judged, key=lambda one: (not one.faults, -one.rows))


def _judged(query: str, plans: list[Plan], rows: Mapping[str, int]) -> Judged:
    ways, faults, most = set(), set(), 0
    for plan in plans:
        for node in _nodes(plan.tree):
            table = node.get("Relation Name")
            if table is None and "Index Name" not in node:
                continue
            read = _rows_read(node)
            most = max(most, read)
            ways.add(_way(node))
            if node["Node Type"] == "Seq Scan" and rows.get(table, 0) > LARGE:
                faults.add(f"reads all of {table}, which has {rows[table]:,} rows")
            elif read > MOST_ROWS:
                faults.add(f"reads {read:,} rows: {_way(node)}")
    longest = max(plan.milliseconds for plan in plans)
    return Judged(query, len(plans), tuple(sorted(ways)), most, longest, tuple(sorted(faults)))


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _rows_read(node: Mapping[str, Any]) -> int:
    """How many rows a node took from its table. PostgreSQL says it per loop."""
    each = sum(
        node.get(name, 0)
        for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return int(each * node.get("Actual Loops", 1))


def _way(node: Mapping[str, Any]) -> str:
    index = node.get("Index Name")
    return node["Node Type"] + (f" by {index}" if index else f" of {node.get('Relation Name')}")


def table_rows(dsn: str) -> dict[str, int]:
    """How many rows each table has, by PostgreSQL's estimate."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, greatest(0, reltuples)::BIGINT FROM pg_class"
            " WHERE relnamespace = 'authrim'::regnamespace AND relkind = 'r'"
        )
        return dict(cursor.fetchall())
