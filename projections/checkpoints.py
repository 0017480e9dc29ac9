"""The followed projection ``checkpoints``: the checkpoints of the log that were signed, the newest of them at hand."""

from typing import Final

from domain.event import tag_of
from domain.log_entry import LogEntry
from domain.log_events import CheckpointSigned
from projections.followed import FollowedProjection
from projections.rows import Row
from projections.tables import Table

TABLE: Final = Table("checkpoints", ("position", "size", "cosignatures", "note"))


def row_of(recorded: LogEntry) -> Row | None:
    """The row of a signed checkpoint."""
    event = recorded.event
    if not isinstance(event, CheckpointSigned):
        return None
    values = {
        "position": recorded.position,
        "size": event.size,
        "cosignatures": len(event.witnesses),
        "note": event.note,
    }
    return Row(TABLE.name, "put", values)


CHECKPOINTS: Final = FollowedProjection(
    "checkpoints", TABLE, row_of, only=frozenset({tag_of(CheckpointSigned)})
)
