"""Sealing rows again on PostgreSQL, by functions: the server's role may not change these tables itself."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from authrim.store.postgres.connections import Connections, unavailable
from authrim.store.reseal_contract import MovedLogin, ResealedRow

_TOTALS: Final = "SELECT (SELECT count(*) FROM sealed), (SELECT count(*) FROM logins)"
_RESEAL: Final = "SELECT reseal_rows($1::TEXT[], $2::BYTEA[], $3::BYTEA[])"
_MOVE: Final = "SELECT move_logins($1::TEXT[], $2::TEXT[], $3::TEXT[])"


class PostgresResealing:
    """``Resealing`` on one schema."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def totals(self) -> tuple[int, int]:
        """How many rows there are."""
        ((sealed, logins),) = await self._connections.fetch(_TOTALS)
        return int(sealed), int(logins)

    async def reseal(self, rows: Sequence[ResealedRow]) -> int:
        """Put new ciphertexts in the place of those that were read."""
        return await self._changed(_RESEAL, rows)

    async def move_logins(self, logins: Sequence[MovedLogin]) -> int:
        """Give logins their new keys."""
        return await self._changed(_MOVE, logins)

    async def _changed(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        try:
            ((changed,),) = await self._connections.fetch(statement, *map(list, zip(*rows, strict=True)))
        except (
            asyncpg.InsufficientPrivilegeError
        ) as refused:  # its role was not granted again after a migration
            raise unavailable(refused) from None
        return int(changed)
