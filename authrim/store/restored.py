"""The mark of a database that was restored from a backup (F35).

The log in it is a true one, only older. So no server starts on it until an operator has accepted that. A copy of a
SQLite file has the mark from the moment when it is made.
"""

from typing import Final, Protocol

import msgspec

_KEY: Final = "log"

READ: Final = "SELECT document FROM restored"
FORGET: Final = "DELETE FROM restored"
#: ``{document}`` is the parameter. What was there goes first: while a dump is loaded, there is no primary key yet.
SAVE: Final = f"INSERT INTO restored (key, document) VALUES ('{_KEY}', {{document}})"  # noqa: S608 - a constant


class Restored(msgspec.Struct, frozen=True):
    """What was restored: the id of the backup, empty when other tools did it; the last position of the log in it; and
    when it was taken, as RFC 3339 writes it, empty when nobody knows."""

    backup: str = ""
    position: int = 0
    taken_at: str = ""

    def document(self) -> str:
        """The row."""
        return msgspec.json.encode(self).decode()


class RestoreMark(Protocol):
    """The mark, as a server and an operator see it. Raises Unavailable."""

    async def read(self) -> Restored | None:
        """What was restored, None when nothing was, or when it has been accepted."""

    async def forget(self) -> None:
        """Take the mark away: an operator has accepted the log."""


def restored_of(document: str) -> Restored:
    """What a row says."""
    return msgspec.json.decode(document, type=Restored)
