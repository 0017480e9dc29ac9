"""Sealing rows again on SQLite: each page is one short transaction of the writer's thread."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from authrim.store.reseal_contract import MovedLogin, ResealedRow
from authrim.store.sqlite.lane import Lane
from authrim.store.sqlite.writes import transaction

_TOTALS: Final = "SELECT (SELECT count(*) FROM sealed), (SELECT count(*) FROM logins)"
_RESEAL: Final = "UPDATE sealed SET ciphertext = :resealed WHERE key = :key AND ciphertext = :read"
_LEAVE: Final = """
    DELETE FROM logins WHERE key = :key AND subject = :subject
    AND EXISTS (SELECT 1 FROM logins n WHERE n.key = :new_key AND n.subject = :subject)
"""
_MOVE: Final = """
    UPDATE logins SET key = :new_key WHERE key = :key AND subject = :subject
    AND NOT EXISTS (SELECT 1 FROM logins n WHERE n.key = :new_key)
"""


class SQLiteResealing:
    """``Resealing`` on one file."""

    def __init__(self, writer: Lane, scans: Lane) -> None:
        self._writer = writer
        self._scans = scans

    async def totals(self) -> tuple[int, int]:
        """How many rows there are."""
        return await self._scans.run(_totals)

    async def reseal(self, rows: Sequence[ResealedRow]) -> int:
        """Put new ciphertexts in the place of those that were read."""
        return await self._writer.run(_reseal, rows)

    async def move_logins(self, logins: Sequence[MovedLogin]) -> int:
        """Give logins their new keys."""
        return await self._writer.run(_move, logins)


def _totals(connection: sqlite3.Connection) -> tuple[int, int]:
    sealed, logins = connection.execute(_TOTALS).fetchone()
    return sealed, logins


def _reseal(connection: sqlite3.Connection, rows: Sequence[ResealedRow]) -> int:
    with transaction(connection):
        return connection.executemany(_RESEAL, [row._asdict() for row in rows]).rowcount


def _move(connection: sqlite3.Connection, logins: Sequence[MovedLogin]) -> int:
    moves = [one._asdict() for one in logins]
    with transaction(connection):
        connection.executemany(_LEAVE, moves)
        return connection.executemany(_MOVE, moves).rowcount
