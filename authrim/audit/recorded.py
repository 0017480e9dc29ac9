"""Decodes stored events and their metadata for projections, and sets unreadable ones apart (F19)."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from authrim.store import codec
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from authrim.store.read_back import Failure
from domain import stream as streams
from domain.log_entry import LogEntry, Metadata
from projections.followed import FOREIGN_KIND, FollowedProjection
from projections.rows import Row

_metadata = msgspec.json.Decoder(Metadata).decode


class ReadPage(NamedTuple):
    """A page of the log: the readable events, and the unreadable ones."""

    recorded: list[LogEntry]
    failures: list[Failure]


def read_page(events: Iterable[StoredEvent]) -> ReadPage:
    """Decode events; those of other applications are left out, and those whose contents left the log: who reads the log
    from its beginning reads these from archives (authrim/audit/_replayed_log.py)."""
    page = ReadPage([], [])
    for stored in events:
        if is_dropped(stored):
            continue
        try:
            recorded = read(stored)
        except (codec.UnreadableEvent, msgspec.DecodeError, ValueError) as error:
            page.failures.append(Failure(stored.position, type(error).__name__))
            continue
        if recorded is not None:
            page.recorded.append(recorded)
    return page


def read(stored: StoredEvent) -> LogEntry | None:
    """One event decoded, None for another application's. Raises UnreadableEvent, DecodeError or ValueError."""
    stream = streams.parse(stored.stream)
    if stream.kind == FOREIGN_KIND:
        return None
    event = codec.decode(stream.kind, stored.type, stored.payload)
    metadata = _metadata(stored.metadata)
    return LogEntry(stored.position, stream, stored.version, stored.type, event, metadata, stored.recorded_at)


def rows_of(recorded: Iterable[LogEntry], projection: FollowedProjection) -> tuple[list[Row], list[Failure]]:
    """The rows of a followed projection. An event that it fails on is set apart, the others go on."""
    rows: list[Row] = []
    failures: list[Failure] = []
    for one in recorded:
        if not projection.looks_at(one.type):
            continue
        try:
            row = projection.row_of(one)
        except Exception as error:  # whatever is wrong with one event must not stop the others
            failures.append(Failure(one.position, type(error).__name__))
            continue
        if row is not None:
            rows.append(row)
    return rows, failures
