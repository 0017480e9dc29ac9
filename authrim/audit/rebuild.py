"""Rebuild and verify: replays the whole log into shadow tables and compares them with the live ones.

A verification compares and says what differs: table, key and columns, never a value. A rebuild then makes the live
tables what the log says, in one transaction. Nothing but rows comes out of a replay: it cannot send anything
(A236).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec

from authrim.audit._replayed_log import EventSource, ReplayedLog
from authrim.audit._tree_replay import TreeReplay
from authrim.audit.follow import FOLLOWED
from authrim.audit.recorded import read_page, rows_of
from authrim.store import codec
from authrim.store.read_back import Failure, ReadBack, Shadow
from domain.log_entry import LogEntry
from domain.units import MICROSECONDS
from projections.inline import STATE_PROJECTIONS, StateProjection, token_rows
from projections.rows import Row
from projections.session_clients import session_client_rows
from projections.tables import INLINE_TABLES, SESSION_CLIENTS, TOKENS, Table, row_key
from projections.tree import TILES

#: Events replayed at a time; what memory is bounded by.
PAGE: Final = 2000
#: Differences and unreadable events that are named in a report; more are of no use to anybody.
MOST_NAMED: Final = 100
#: The kind of failure of an event that is not there.
MISSING: Final = "MissingEvent"
#: The kind of failure of an event whose contents are in an archive that was not given.
ARCHIVED: Final = codec.DroppedEvent.__name__

REBUILT: Final[tuple[Table, ...]] = (
    *(table for table in INLINE_TABLES if table.rebuilt),
    *(followed.table for followed in FOLLOWED),
    TILES,
)

Progress = Callable[[int, int], None]


class Difference(msgspec.Struct, frozen=True):
    """A row that is not what the log says. ``what`` is ``missing``, ``extra`` or ``differs``, then in ``columns``."""

    table: str
    key: str
    what: str
    columns: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """What a replay up to ``position`` showed. ``repaired``: the live tables are now what the log says."""

    position: int
    tables: tuple[str, ...]
    differences: tuple[Difference, ...]
    unreadable: tuple[Failure, ...]
    repaired: bool = False

    @property
    def fits(self) -> bool:
        """Whether every row matches the log, and the whole log could be read."""
        return not self.differences and not self.unreadable


def _silent(_position: int, _head: int) -> None:
    pass


async def verify(
    store: ReadBack,
    progress: Progress = _silent,
    *,
    page: int = PAGE,
    now: int | None = None,
    archives: EventSource | None = None,
) -> Report:
    """Replay the log and compare, at one moment, while a server may go on. ``progress``: position and head's. ``now``
    in seconds, when it is not the database's. ``archives`` have the events that the database lacks.

    Raises Unavailable.
    """
    async with store.shadow(REBUILT, repair=False) as shadow:
        replay = _Replay(shadow, ReplayedLog(shadow, archives), progress, page)
        await replay.to_the_head()
        moment = (await store.head()).now // MICROSECONDS if now is None else now
        return await replay.report(moment)


async def rebuild(
    store: ReadBack, progress: Progress = _silent, *, page: int = PAGE, archives: EventSource | None = None
) -> Report:
    """Replay the log, and correct what differs, in one transaction. ``differences`` are those that were found.

    Appends wait, or are answered 503, while tables are compared at the end. When events cannot be read nothing is
    changed: a row that is wrong is better than one that lacks a revocation. Rows that had left their table because they
    have expired come back, until the server drops them again. Raises Unavailable.
    """
    now = (await store.head()).now // MICROSECONDS
    async with store.shadow(REBUILT, repair=True) as shadow:
        replay = _Replay(shadow, ReplayedLog(shadow, archives), progress, page)
        await replay.to_the_head()
        await replay.to_the_head()  # what came meanwhile, so that little is left for when writers are held
        await shadow.hold_writers()
        await replay.to_the_head()
        report = await replay.report(now)
        if report.unreadable:
            return report
        for table in REBUILT:
            await shadow.replace(table)
        for followed in FOLLOWED:
            await shadow.forget_failures(followed.name)
        await replay.tree.save_size()
    return msgspec.structs.replace(report, repaired=True)


class _Replay:
    """One replay of the log into shadow tables."""

    def __init__(self, shadow: Shadow, log: ReplayedLog, progress: Progress, page: int) -> None:
        self._shadow = shadow
        self._log = log
        self._progress = progress
        self._page = page
        self.tree = TreeReplay(shadow, log)
        self._position = 0
        self._unreadable: list[Failure] = []

    async def to_the_head(self) -> None:
        """Replay from the position reached to where the head is now; what is written meanwhile is left."""
        head = await self._shadow.head_position()
        while self._position < head and (
            events := await self._log.events(self._position, min(self._page, head - self._position))
        ):
            recorded, unreadable = read_page(events)
            self._remember(unreadable)
            await self._replay(recorded)
            self._position = events[-1].position
            self._progress(self._position, head)
        await self.tree.advance()

    async def report(self, now: int) -> Report:
        """Compare every table with its shadow. What had expired by ``now`` (seconds) may have left its table."""
        if self._position < await self._shadow.head_position():
            behind = self._position + 1
            row = await self._shadow.read_log(self._position, 1)
            there = bool(row) and row[0].position == behind
            self._remember([Failure(behind, ARCHIVED if there else MISSING)])
        for followed in FOLLOWED:
            await self._shadow.forget_ahead(followed.table, followed.name)
        found: list[Difference] = []
        for table in REBUILT:
            rows = await self._shadow.differences(table, MOST_NAMED - len(found), now)
            found.extend(_difference(table, row) for row in rows)
        names = tuple(table.name for table in REBUILT)
        return Report(self._position, names, tuple(found), tuple(self._unreadable))

    async def _replay(self, recorded: Sequence[LogEntry]) -> None:
        for kind, projection in STATE_PROJECTIONS.items():
            of_kind = [one for one in recorded if one.stream.kind == kind]
            if of_kind:
                await self._shadow.write(projection.table, await self._state_rows(projection, of_kind))
        tokens = [row for one in recorded for row in token_rows(one.stream, (one.event,))]
        await self._shadow.write(TOKENS, tokens)
        session_clients = [row for one in recorded for row in session_client_rows(one.stream, (one.event,))]
        await self._shadow.write(SESSION_CLIENTS, session_clients)
        for followed in FOLLOWED:
            rows, failures = rows_of(recorded, followed)
            self._remember(failures)
            await self._shadow.write(followed.table, rows)

    async def _state_rows(self, projection: StateProjection, recorded: Sequence[LogEntry]) -> list[Row]:
        """The rows of streams after their newest events, folded on from the rows they have so far."""
        streams = {row_key(one.stream.tenant, one.stream.id) for one in recorded}
        before = await self._shadow.documents(projection.table, sorted(streams))
        rows = []
        for stream, of_stream in groupby(sorted(recorded, key=_by_stream), key=lambda one: one.stream):
            state = projection.state_of(before.get(row_key(stream.tenant, stream.id)))
            version = 0
            for one in of_stream:
                state, version = projection.apply(state, one.event), one.version
            rows.append(projection.row(stream, state, version))
        return rows

    def _remember(self, failures: Sequence[Failure]) -> None:
        self._unreadable.extend(failures[: MOST_NAMED - len(self._unreadable)])


def _by_stream(recorded: LogEntry) -> tuple[str, int]:
    return str(recorded.stream), recorded.version


def _difference(table: Table, row: Mapping[str, Any]) -> Difference:
    key = str(row["row_key"])
    if row["missing"]:
        return Difference(table.name, key, "missing")
    if row["extra"]:
        return Difference(table.name, key, "extra")
    return Difference(table.name, key, "differs", tuple(name for name in table.columns[1:] if row[name]))
