"""Delete expired rows from the tables besides the log: tokens, sessions, and what clients know of sessions.

The log keeps everything; the tables keep what answers are made from. An expired token is answered like one that never
existed, so its row can be deleted. The exception is the last row of a grant whose refresh token is still valid and ends
with its session: that row shows that the session's own row is still needed, so that an administrator can end the grant
by it (A188).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import structlog

from authrim.core.execute import Executor, append_of
from authrim.core.origin import Origin
from authrim.core.parts import Core
from authrim.store.contract import Store, StoreError
from domain.grant.refresh_token import may_be_refreshed
from domain.stream import DEFAULT_TENANT
from projections.expiry import SESSION_KEPT, TOKEN_KEPT
from projections.rows import Row
from projections.tables import SESSION_CLIENTS, SESSIONS, TOKENS, Table, session_client_key

log = structlog.get_logger(__name__)

#: Seconds between two walks through the tables.
PAUSE: Final = 600.0
#: Seconds between two steps of a walk, and rows that a step looks at: what it takes from the requests is bounded.
STEP: Final = 0.5
PAGE: Final = 200

Choose = Callable[[Sequence[Mapping[str, Any]]], Awaitable[list[str]]]


async def drop_expired(
    store: Store, executor: Executor, now: int, *, pause: float = 0.0, page: int = PAGE
) -> int:
    """Walk through the tables once at ``now`` (seconds). Return how many rows were deleted. Raises StoreError."""
    walk = _Walk(store, executor, now, pause, page)
    return await walk.through(TOKENS, walk.of_tokens) + await walk.through(SESSIONS, walk.of_sessions)


async def drop_until_cancelled(core: Core) -> None:
    """Walk at intervals. When the store is unavailable, try again the next time. Usually one node walks at a time."""
    while True:
        try:
            now = core.now()
            if await core.store.reserve("expired rows", now + int(PAUSE) // 2):
                dropped = await drop_expired(core.store, core.executor, now, pause=STEP)
                log.debug("expired.dropped", rows=dropped)
        except StoreError:
            log.warning("expired.store_unavailable")
        await asyncio.sleep(PAUSE)


class _Walk:
    """One walk through the tables, page by page."""

    def __init__(self, store: Store, executor: Executor, now: int, pause: float, page: int) -> None:
        self._store = store
        self._executor = executor
        self._now = now
        self._pause = pause
        self._page = page

    async def through(self, table: Table, choose: Choose) -> int:
        """Delete the rows that ``choose`` returns for each page of a table, and return their number."""
        after, dropped = "", 0
        while rows := await self._store.read_rows(table.name, after, self._page):
            keys = await choose(rows)
            if keys:
                metadata = Origin(DEFAULT_TENANT, actor="system").metadata()
                await self._store.append(append_of((), metadata, rows=_drops(table, keys)))
            dropped += len(keys)
            after = rows[-1]["key"]
            await asyncio.sleep(self._pause)
        return dropped

    async def of_tokens(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The keys of expired tokens. The rows of one grant are adjacent."""
        keys: list[str] = []
        for (tenant, grant_id), of_grant in groupby(rows, key=lambda row: (row["tenant"], row["grant_id"])):
            tokens = sorted(of_grant, key=lambda row: int(row["expires_at"]))
            expired = [row for row in tokens if row["expires_at"] <= self._now - TOKEN_KEPT]
            if expired == tokens and tokens[-1]["session_id"] is not None:
                grant = (await self._executor.read_grant(tenant, grant_id)).grant
                if may_be_refreshed(grant, self._now):
                    expired.pop()
            keys.extend(row["key"] for row in expired)
        return keys

    async def of_sessions(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The keys of sessions that are over and that no token depends on."""
        over = [row["key"] for row in rows if (row["expires_at"] or 0) <= self._now - SESSION_KEPT]
        found = await asyncio.gather(*(self._store.find("session_token", key) for key in over))
        return [key for key, token in zip(over, found, strict=True) if token.row is None]


def _drops(table: Table, keys: Sequence[str]) -> tuple[Row, ...]:
    drops = [Row(table.name, "drop", {"key": key}) for key in keys]
    if table is SESSIONS:
        for key in keys:
            tenant, _, session_id = key.partition(":")
            clients = f"{session_client_key(tenant, session_id, '')}*"
            drops.append(Row(SESSION_CLIENTS.name, "drop", {"key": clients}))
    return tuple(drops)
