"""The writer's connection: each batch is one autocommit statement (decisions.md 8).

When the connection dies under the statement, nobody has told us whether it was committed. Then the old session is
ended, so that it cannot commit later, and a fresh connection looks for the events of each append (F09).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from authrim.store.causes import cause_of
from authrim.store.contract import Append, AppendResult, Conflict, OutcomeUnknown, StoreError, Unavailable
from authrim.store.postgres.batch import ARGUMENTS, EventColumns, arguments, event_columns, results
from authrim.store.postgres.connections import (
    LOST,
    REFUSED,
    STATEMENT_TIMEOUT,
    Connections,
    NamedConnection,
    unavailable,
)

_CALL = f"SELECT * FROM append_batch({', '.join(f'${n}' for n in range(1, ARGUMENTS + 1))})"  # noqa: S608

#: Waits up to a second; true for a session that is gone. Poolers hand the name on.
_END_SESSION = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = $1"
_LOOK_UP = """
    SELECT u.append, min(e.position) AS first_position, max(e.position) AS last_position,
           max(e.recorded_at) AS recorded_at
    FROM unnest($1::INT[], $2::TEXT[], $3::BIGINT[], $4::BYTEA[]) AS u(append, stream, version, leaf)
    JOIN events e ON e.stream_id = u.stream AND e.version = u.version AND e.leaf = u.leaf
    GROUP BY u.append
"""


class Writer:
    """Commits batches on a connection of its own, which it makes again when it is lost."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._line: NamedConnection | None = None

    async def close(self) -> None:
        """Disconnect."""
        if self._line is not None:
            with suppress(*LOST):
                await self._line.connection.close(timeout=STATEMENT_TIMEOUT)
            self._line = None

    async def commit_batch(self, appends: list[Append]) -> Sequence[AppendResult | Exception]:
        """Commit all appends but those that conflict. Raises Unavailable with nothing committed."""
        events = event_columns(appends)
        call = arguments(appends, events)
        line = await self._connected()
        try:
            answer = await line.connection.fetchrow(_CALL, *call, timeout=STATEMENT_TIMEOUT)
        except REFUSED as refused:
            raise unavailable(refused) from None
        except LOST:
            line.connection.terminate()
            self._line = None
            return await self._settle(appends, events, line.name)
        except Exception as failed:
            # One append contradicts itself, or holds what PostgreSQL cannot store: GroupCommit tries each alone.
            if len(appends) > 1:
                raise
            return [_own_fault(failed)]
        return results(appends, answer)

    async def _connected(self) -> NamedConnection:
        if self._line is None or self._line.connection.is_closed():
            try:
                self._line = await self._connections.connect()
            except (*LOST, *REFUSED) as failed:
                raise unavailable(failed) from None
        return self._line

    async def _settle(
        self, appends: Sequence[Append], events: EventColumns, lost: str
    ) -> Sequence[AppendResult | Exception]:
        """Learn what became of a batch whose connection was lost."""
        try:
            async with asyncio.timeout(STATEMENT_TIMEOUT):
                found = await self._look_up(events, lost)
        except TimeoutError:
            raise OutcomeUnknown("the connection was lost and the database does not come back") from None
        return [_outcome(append, found.get(number)) for number, append in enumerate(appends)]

    async def _look_up(self, events: EventColumns, lost: str) -> dict[int, AppendResult]:
        while True:
            try:
                line = await self._connections.connect()
                try:
                    sessions = await line.connection.fetch(_END_SESSION, lost)
                    if all(gone for (gone,) in sessions):
                        rows = await line.connection.fetch(
                            _LOOK_UP, events.append, events.stream, events.version, events.leaf
                        )
                        return {number: AppendResult(*where) for number, *where in rows}
                finally:
                    line.connection.terminate()
            except (*LOST, *REFUSED):
                await asyncio.sleep(0.1)


def _outcome(append: Append, found: AppendResult | None) -> AppendResult | Exception:
    if found is not None:
        return found
    if not any(part.events for part in append.streams):
        return OutcomeUnknown("rows without an event leave no trace to look for")
    return Unavailable("the connection was lost before the commit")


def _own_fault(failed: Exception) -> StoreError:
    """The answer to a single append that the database refused. The text of ``failed`` may quote a value."""
    if isinstance(failed, asyncpg.UniqueViolationError):
        return Conflict("version")
    if isinstance(failed, asyncpg.exceptions.SyntaxOrAccessError):
        return StoreError(cause_of(failed))
    return StoreError(f"PostgreSQL refused the append: {type(failed).__name__}")
