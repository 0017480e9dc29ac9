"""The mark of a database that was restored from a backup (F35).

The log in it is a true one, only older. So no server starts on it until an operator has accepted that. A copy of a
SQLite file has the mark from the moment when it is made.
"""

from typing import Final, Protocol

import msgspec

from projections.tree import NAME as TREE

_KEY: Final = "log"

READ: Final = "SELECT document FROM restored"
FORGET: Final = "DELETE FROM restored"
#: ``{document}`` is the parameter. What was there goes first: while a dump is loaded, there is no primary key yet.
SAVE: Final = f"INSERT INTO restored (key, document) VALUES ('{_KEY}', {{document}})"  # noqa: S608 - a constant


#: The furthest position that a table beside the log was followed to: the log has been as long as that. The tree is
#: asked by itself, and is made again as a whole.
FURTHEST: Final = f"SELECT coalesce(max(position), 0) AS position FROM followers WHERE name <> '{TREE}'"  # noqa: S608
#: ``{position}`` is the parameter.
FOLLOW_AGAIN: Final = (
    f"UPDATE followers SET position = {{position}} WHERE position > {{position}} AND name <> '{TREE}'"  # noqa: S608
)


class Restored(msgspec.Struct, frozen=True):
    """What was restored: the id of the backup, empty when other tools did it; the last position of the log in it; and
    when it was taken, as RFC 3339 writes it, empty when nobody knows. ``longer``: how long the log had been, by what
    followed it, where that was ahead."""

    backup: str = ""
    position: int = 0
    taken_at: str = ""
    longer: int = 0

    def document(self) -> str:
        """The row."""
        return msgspec.json.encode(self).decode()


class RestoreMark(Protocol):
    """The mark, as a server and an operator see it, and what else the database says of a longer log. Raises
    Unavailable."""

    async def read(self) -> Restored | None:
        """What was restored, None when nothing was, or when it has been accepted."""

    async def mark(self, restored: Restored) -> None:
        """Mark a database that other tools have restored: a base backup with its write-ahead log, a snapshot of a disk.
        How long the log is known to have been stays known."""

    async def forget(self) -> None:
        """Take the mark away: an operator has accepted the log."""

    async def furthest(self) -> int:
        """The furthest position that anything but the tree was followed to."""

    async def follow_again(self, position: int) -> None:
        """Let followers that are ahead of the log's last position go on from there, so that none passes over what is
        appended next. When there was one, the mark remembers it from then on, in the same transaction."""


def restored_of(document: str) -> Restored:
    """What a row says."""
    return msgspec.json.decode(document, type=Restored)


def marked_again(before: Restored | None, restored: Restored) -> Restored:
    """The mark of a database that may have one already."""
    return restored if before is None else msgspec.structs.replace(restored, longer=before.longer)


def ahead(before: Restored | None, position: int, furthest: int) -> Restored:
    """The mark of a log that ends at a position, and that something was ahead of."""
    return msgspec.structs.replace(before or Restored(position=position), longer=furthest)
