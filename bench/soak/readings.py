"""What is read of a server while it runs: its processes, the sessions and tables of its database, its metrics."""

import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple
from urllib.request import urlopen

import psycopg2

from bench.measure import children, is_background

#: Tables that grow with every event, by design: the log, and what is kept of all of it.
OF_THE_LOG: Final = frozenset({"events", "ledger", "audit", "tiles", "checkpoints"})
#: Tables whose rows stay longer than a run takes, and why they are bounded all the same.
KEPT_LONG: Final[Mapping[str, str]] = {
    "monitor_states": "rows of grants leave at the next multiple of six hours, those of ended sessions after 90 days",
}

_TABLES: Final = """
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relnamespace = 'authrim'::regnamespace AND relkind = 'r'
"""
_SESSIONS: Final = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_ROWS: Final = (
    "tokens",
    "sessions",
    "session_clients",
    "outbox",
    "deliveries",
    "guard",
    "counters",
    "sealed",
)
_GAUGES: Final = (
    "authrim_append_queue_depth", "authrim_database_connections", "authrim_http_connections", "authrim_outbox_messages",
    "authrim_follower_lag_seconds", "authrim_monitor_breaches",
)  # fmt: skip
_SAMPLE: Final = re.compile(r"^(\w+)(\{[^}]*\})? ([-+0-9.eE]+)", re.MULTILINE)


class Kind(NamedTuple):
    """A kind of reading: its unit, what may be added in an hour in any case, and whether growth is a fault."""

    unit: str
    floor: float
    judged: bool = True


KINDS: Final[Mapping[str, Kind]] = {
    "memory": Kind("MB", 8),
    "sessions of PostgreSQL": Kind("MB", 24),
    "handles": Kind("", 8),
    "sockets": Kind("", 8),
    "connections": Kind("", 6),
    "rows": Kind("", 1000),
    "hot table": Kind("MB", 3),
    "queue": Kind("", 100),
    "lag": Kind("s", 5),
    "breaches": Kind("", 0.5),
    "latency": Kind("ms", 0, judged=False),
    "the log": Kind("MB", 0, judged=False),
    "kept long": Kind("MB", 0, judged=False),
}


class Name(NamedTuple):
    """What was read: its kind, and of which process or table."""

    kind: str
    of: str


Readings = dict[Name, float]


def read(pid: int, dsn: str, metrics: str) -> Readings:
    """Everything of the server with that process id, once."""
    found: Readings = {}
    for name, process in _processes(pid).items():
        try:
            found |= _of_process(name, process)
        except OSError:
            continue  # it has just ended; the next reading has its successor
    return found | _of_database(dsn) | _of_metrics(metrics)


def _processes(pid: int) -> dict[str, int]:
    named = {"first process": pid}
    workers = 0
    for child in sorted(children(pid)):
        background = is_background(child)
        workers += not background
        named["background work" if background else f"worker {workers}"] = child
    return named


def _of_process(name: str, pid: int) -> Readings:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    handles = [_link(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return {
        Name("memory", f"RSS of {name}"): _kilobytes("Rss", rollup) / 1024,
        Name("memory", f"PSS of {name}"): _kilobytes("Pss", rollup) / 1024,
        Name("handles", name): len(handles),
        Name("sockets", name): sum(handle.startswith("socket:") for handle in handles),
    }


def _link(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""  # closed in between


def _kilobytes(what: str, rollup: str) -> int:
    found = re.search(rf"^{what}:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) if found else 0


def _of_database(dsn: str) -> Readings:
    found: Readings = {}
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for table, size, indexes in cursor.fetchall():
            kind = "the log" if table in OF_THE_LOG else "kept long" if table in KEPT_LONG else "hot table"
            found[Name(kind, table)] = size / 1e6
            found[Name(kind, f"{table}, indexes")] = indexes / 1e6
        for table in _ROWS:
            cursor.execute(f"SELECT count(*) FROM authrim.{table}")
            found[Name("rows", table)] = (cursor.fetchone() or (0,))[0]
        cursor.execute(_SESSIONS)
        sessions = [pid for (pid,) in cursor.fetchall()]
    found[Name("connections", "to PostgreSQL")] = len(sessions)
    found[Name("sessions of PostgreSQL", "private memory")] = sum(map(_private, sessions))
    return found


def _private(pid: int) -> float:
    """The memory that a process has for itself, in MB."""
    try:
        return _kilobytes("Anonymous", Path(f"/proc/{pid}/smaps_rollup").read_text()) / 1024
    except OSError:
        return 0


def _of_metrics(url: str) -> Readings:
    with urlopen(url, timeout=20) as answer:
        page = answer.read().decode()
    found: Readings = {}
    for gauge, labels, value in _SAMPLE.findall(page):
        if gauge in _GAUGES:
            kind = {
                "authrim_follower_lag_seconds": "lag", "authrim_monitor_breaches": "breaches",
                "authrim_database_connections": "connections", "authrim_http_connections": "connections",
            }.get(gauge, "queue")  # fmt: skip
            found[Name(kind, gauge.removeprefix("authrim_") + labels)] = float(value)
    return found
