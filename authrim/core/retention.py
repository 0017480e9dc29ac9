"""What has ended leaves the tables beside the log: tokens, sessions, requests, guard rows, notices, the monitor's rows.

The log keeps everything; the tables keep what answers are made from. An ended row is answered like one that never
existed (projections/expiry.py), so it can be deleted. The exception is the last row of a grant whose refresh token is
still valid and ends with its session: that row shows that the session's own row is still needed, so that an
administrator can end the grant by it (A188). It is looked at again every day.

A step looks at a bounded number of rows, found by an index: what is alive is not read. The pause between two steps gets
shorter as long as something is left behind, so that the tables keep up with any load.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Final

import structlog

from authrim.core.parts import Core
from authrim.core.sealed_rows import GRANT
from authrim.core.stream_state import read_state
from authrim.crypto.ids import first_id_of
from authrim.metrics.catalogue import PRUNED
from authrim.settings import Settings
from authrim.store.codec import UnreadableEvent
from authrim.store.contract import StoreError
from authrim.store.read_back import ReadBack
from authrim.store.retention_contract import TableState
from domain.grant.grant import fold
from domain.grant.refresh_token import may_be_refreshed
from domain.stream import DEFAULT_TENANT, grant_stream
from domain.units import DAY, MICROSECONDS, MINUTE
from projections.expiry import BY_KEY, ENDED_KEPT, HOT, TOKEN_KEPT
from projections.tables import SESSIONS, TOKENS, sealed_key

log = structlog.get_logger(__name__)

#: Rows that a step looks at: on SQLite, appends wait some milliseconds for one.
PAGE: Final = 200
#: Seconds that one node does all of it, before whoever comes first takes over. An idle server looks as often.
SLOT: Final = MINUTE
#: How long the pause after a step is at most and at least, in times of the step: it is halved after each turn that left
#: something behind, and doubled after each that did not.
MOST_REST: Final = 4.0
LEAST_REST: Final = 0.25
#: Seconds after which a row is looked at again that has to stay: while something depends on it, and while somebody has
#: to be told of the end of a session.
NEEDED: Final = DAY
UNTOLD: Final = 10 * MINUTE
#: Seconds that the parameters of a request are kept beyond its lifetime, for clocks that differ.
LEEWAY: Final = MINUTE


class Retention:
    """Lets rows leave, step by step. ``settings``: how long a request may take."""

    def __init__(self, store: ReadBack, settings: Settings, *, page: int = PAGE) -> None:
        self._store = store
        self._page = page
        self._request_seconds = settings.interaction_lifetime + settings.pushed_request_lifetime + LEEWAY
        self._steps: Mapping[str, Callable[[int], Awaitable[tuple[int, int]]]] = {
            TOKENS.name: self._tokens,
            SESSIONS.name: self._sessions,
            BY_KEY: self._requests,
        }

    async def now(self) -> int:
        """The database's clock, in seconds."""
        return (await self._store.head()).now // MICROSECONDS

    async def step(self, table: str, now: int) -> tuple[int, bool]:
        """Look at the rows of a table that are due first at ``now`` (seconds). How many were deleted, and whether there
        may be more. Raises StoreError."""
        one = self._steps.get(table)
        if one is None:
            looked_at = deleted = await self._store.retention.prune_due(table, now, self._page)
        else:
            looked_at, deleted = await one(now)
        return deleted, looked_at == self._page

    async def all_due(self, now: int) -> dict[str, int]:
        """Delete everything that is due at ``now``; how many rows of each table. Raises StoreError."""
        deleted = dict.fromkeys(HOT, 0)
        for table in HOT:
            more = True
            while more:
                gone, more = await self.step(table, now)
                deleted[table] += gone
        return deleted

    async def measure(self, now: int) -> tuple[TableState, ...]:
        """What each table holds. Raises StoreError."""
        return tuple(await self._store.retention.measure(now, self._requests_before(now)))

    async def _tokens(self, now: int) -> tuple[int, int]:
        rows = await self._store.retention.due(TOKENS.name, now, self._page)
        gone: list[str] = []
        kept: dict[str, int] = {}
        for row in rows:
            if row["stands"] and await self._may_be_refreshed(row["tenant"], row["grant_id"], now):
                kept[row["key"]] = now + NEEDED
            elif row["by_hash"]:  # an auditor may still ask whether it was revoked, and when (evidence.md)
                kept[row["key"]] = row["expires_at"] + TOKEN_KEPT
            else:
                gone.append(row["key"])
        return len(rows), await self._prune(TOKENS.name, gone, kept)

    async def _may_be_refreshed(self, tenant: str, grant_id: str, now: int) -> bool:
        try:
            grant, _version, _now = await read_state(self._store, grant_stream(tenant, grant_id), fold)
        except UnreadableEvent:  # nobody knows what is in it, and no other row has to wait for it
            return True
        return may_be_refreshed(grant, now)

    async def _sessions(self, now: int) -> tuple[int, int]:
        gone: list[str] = []
        kept: dict[str, int] = {}
        rows = await self._store.retention.due(SESSIONS.name, now, self._page)
        for row in rows:
            until = _session_stays(row["status"] == "ended", row, now)
            if until is None:
                gone.append(row["key"])
            else:
                kept[row["key"]] = until
        return len(rows), await self._prune(SESSIONS.name, gone, kept)

    async def _requests(self, now: int) -> tuple[int, int]:
        """What abandoned requests leave behind. A request that ends takes its ``state`` and hints with it; one that
        nobody finished would keep them, an address of a person among them, in a row that no erasure of that person
        could find (decisions.md 16). A grant's id begins with its time, so what has expired stands in front."""
        keys = await self._store.retention.keys(BY_KEY, *self._requests_before(now), self._page)
        return len(keys), await self._prune(BY_KEY, list(keys), {})

    def _requests_before(self, now: int) -> tuple[str, str]:
        first, before = (
            sealed_key(DEFAULT_TENANT, GRANT, first_id_of(at), "") for at in (0, now - self._request_seconds)
        )
        return first, before

    async def _prune(self, table: str, gone: list[str], kept: dict[str, int]) -> int:
        return await self._store.retention.prune(table, gone, kept) if gone or kept else 0


def _session_stays(ended: bool, row: Mapping[str, object], now: int) -> int | None:
    """Until when the row of a session has to stay at least, None when it may leave: one that ended, when all have been
    told of it; one that has expired, when no token depends on it. No answer tells one that ended from one that never
    was, whatever tokens it has."""
    if not ended:
        return now + NEEDED if row["needed"] else None
    if not row["told"]:
        return now + UNTOLD
    changed_at = row["changed_at"]
    leaves_at = ENDED_KEPT + (changed_at // MICROSECONDS if isinstance(changed_at, int) else 0)
    return leaves_at if leaves_at > now else None


async def prune_until_cancelled(core: Core) -> None:
    """Let rows leave, in turns of a minute. A store that is away is tried again in the next one."""
    retention, rest = Retention(core.store, core.settings), MOST_REST
    while True:
        try:
            behind = await take_turn(core.store, retention, rest)
            rest = rest if behind is None else next_rest(rest, behind)
        except StoreError as error:
            log.warning("retention.store_unavailable", reason=str(error))
        await asyncio.sleep(SLOT - core.now() % SLOT)


async def take_turn(store: ReadBack, retention: Retention, rest: float) -> Sequence[str] | None:
    """Let rows leave until the minute is over or nothing is due; the tables that are behind. None: another node came
    first. Raises StoreError."""
    slot = await retention.now() // SLOT
    if not await store.reserve(f"retention:{slot}", (slot + 2) * SLOT):
        return None
    return await _prune_until(retention, (slot + 1) * SLOT, rest)


def next_rest(rest: float, behind: Sequence[str]) -> float:
    """How long the pauses of the next turn are, in times of a step."""
    return max(rest / 2, LEAST_REST) if behind else min(rest * 2, MOST_REST)


async def _prune_until(retention: Retention, end: int, rest: float) -> list[str]:
    """Prune until nothing is due or the turn is over; the tables that are behind."""
    now = await retention.now()
    waiting, pruned = list(HOT), 0
    while waiting and now < end:
        for table in tuple(waiting):
            began = monotonic()
            deleted, more = await retention.step(table, now)
            PRUNED.add_more(deleted, table)
            pruned += deleted
            if not more:
                waiting.remove(table)
            await asyncio.sleep((monotonic() - began) * rest)
        now = await retention.now()
    if pruned:
        log.info("retention.pruned", rows=pruned, behind=waiting)
    return waiting
