"""An append past a server, as a pooler would bring it to a primary that nobody meant."""

from typing import Any

import asyncpg

from authrim.store.postgres.batch import ARGUMENTS


async def call_append(dsn: str, *fence: Any) -> None:
    """An empty batch; ``fence`` are the arguments that name the primary. Raises what PostgreSQL answers."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "authrim"})
    try:
        places = ", ".join(f"${number}" for number in range(1, ARGUMENTS + 1))
        empty: list[list[object]] = [[]] * (ARGUMENTS - 3)
        await connection.fetchrow(f"SELECT * FROM append_batch({places})", *empty, *fence)
    finally:
        await connection.close()
