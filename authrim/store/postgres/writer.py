"""The writer's connection: each batch is one autocommit statement (decisions.md 8).

When the connection dies under the statement, nobody has told us whether it was committed. Then the old session is
ended, so that it cannot commit later, and a fresh connection looks for the events of each append (F09).

With a synchronous standby, PostgreSQL commits in its own log first and then waits for the standby. Whoever cancels that
wait makes visible what no standby has, and what a failover would lose (F06). So a statement that takes too long is not
cancelled: its connection is left, and a session that waits for a standby is not ended. What PostgreSQL confirms with a
warning is taken for lost. What is looked up counts as committed only after a commit behind it, which waits for the
standby too.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from authrim.metrics import catalogue as metrics
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
from authrim.store.postgres.fence import NO_STANDBY, OTHER_PRIMARY, UNREPLICATED, Fence

_CALL = f"SELECT * FROM append_batch({', '.join(f'${n}' for n in range(1, ARGUMENTS + 1))})"  # noqa: S608

#: Waits up to a second; true for a session that is gone. Poolers hand the name on.
_END_SESSION = """
    SELECT CASE WHEN wait_event = 'SyncRep' THEN FALSE ELSE pg_terminate_backend(pid, 1000) END
    FROM pg_stat_activity WHERE application_name = $1
"""
#: Something to commit, so that the commit waits for the standby. A standby refuses it.
_BARRIER = "SELECT pg_logical_emit_message(TRUE, 'authrim', '')"
#: Seconds until a look-up that said nothing is tried again.
_LOOK_AGAIN = 0.1
#: Seconds: asyncpg's own timeout comes after ours.
_NEVER = 60.0
_LOOK_UP = """
    SELECT u.append, min(e.position) AS first_position, max(e.position) AS last_position,
           max(e.recorded_at) AS recorded_at
    FROM unnest($1::INT[], $2::TEXT[], $3::BIGINT[], $4::BYTEA[]) AS u(append, stream, version, leaf)
    JOIN events e ON e.stream_id = u.stream AND e.version = u.version AND e.leaf = u.leaf
    GROUP BY u.append
"""


class _Line:
    """The writer's connection. ``warned``: PostgreSQL sent a warning during the statement."""

    def __init__(self, named: NamedConnection) -> None:
        self.connection, self.name = named
        self.warned = False
        self.connection.add_log_listener(self._said)

    async def call(self, arguments: Sequence[Any], seconds: float) -> asyncpg.Record:
        """The answer of ``append_batch``. Leaves the connection when there is none in time, or one with a warning."""
        self.warned = False
        # With asyncpg's own timeout, it would cancel the statement.
        timer = asyncio.get_running_loop().call_later(seconds, self.connection.terminate)
        try:
            answer = await self.connection.fetchrow(_CALL, *arguments, timeout=seconds + _NEVER)
        finally:
            timer.cancel()
        if self.warned:
            raise asyncpg.ConnectionDoesNotExistError("confirmed with a warning")
        return answer

    def _said(self, _connection: asyncpg.Connection, message: asyncpg.PostgresLogMessage) -> None:
        self.warned = self.warned or message.severity_en == "WARNING"


class Writer:
    """Commits batches on a connection of its own, which it makes again when it is lost."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._line: _Line | None = None

    @property
    def _fence(self) -> Fence:
        return self._connections.fence

    async def close(self) -> None:
        """Disconnect."""
        if self._line is not None:
            with suppress(*LOST):
                await self._line.connection.close(timeout=STATEMENT_TIMEOUT)
            self._line = None

    async def commit_batch(self, appends: list[Append]) -> Sequence[AppendResult | Exception]:
        """Commit all appends but those that conflict. Raises Unavailable with nothing committed."""
        self._fence.refuse_if_differs()
        events = event_columns(appends)
        call = arguments(appends, events)
        line = await self._connected()
        try:
            try:
                answer = await self._call(line, call)
            except asyncpg.PostgresError as refused:
                if refused.sqlstate != OTHER_PRIMARY:
                    raise
                line = await self._connected_anew(line)
                answer = await self._call(line, call)
        except Unavailable:
            raise
        except REFUSED as refused:
            raise unavailable(refused) from None
        except LOST:
            line.connection.terminate()
            self._line = None
            return await self._settle(appends, events, line.name)
        except Exception as failed:
            _raise_if_fenced(failed)
            # One append contradicts itself, or holds what PostgreSQL cannot store: GroupCommit tries each alone.
            if len(appends) > 1:
                raise
            return [_own_fault(failed)]
        self._fence.saw(self._fence.primary, answer["head_position"], answer["head_hash"])
        return results(appends, answer)

    async def _call(self, line: _Line, call: Sequence[Any]) -> asyncpg.Record:
        """The answer of the primary that was named. One that comes when another is known already is taken for lost:
        whether the other one has the batch, the look-up says."""
        asked = self._fence.primary
        answer = await line.call((*call, *self._fence.arguments()), STATEMENT_TIMEOUT)
        if asked != self._fence.primary:
            raise asyncpg.ConnectionDoesNotExistError("confirmed by a primary that was replaced")
        return answer

    async def _connected(self) -> _Line:
        if self._line is None or self._line.connection.is_closed():
            try:
                self._line = _Line(await self._connections.connect())
            except (*LOST, *REFUSED) as failed:
                raise unavailable(failed) from None
        return self._line

    async def _connected_anew(self, line: _Line) -> _Line:
        """The primary is another one: nothing was done there. The fence looks at it before it admits it."""
        line.connection.terminate()
        self._line = None
        return await self._connected()

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
                line = _Line(await self._connections.connect())
                try:
                    sessions = await line.connection.fetch(_END_SESSION, lost)
                    if all(gone for (gone,) in sessions):
                        async with line.connection.transaction():
                            rows = await line.connection.fetch(
                                _LOOK_UP, events.append, events.stream, events.version, events.leaf
                            )
                            await line.connection.execute(_BARRIER)
                        if not line.warned:
                            return {number: AppendResult(*where) for number, *where in rows}
                finally:
                    line.connection.terminate()
            except (*LOST, *REFUSED, Unavailable):
                pass
            await asyncio.sleep(_LOOK_AGAIN)


def _outcome(append: Append, found: AppendResult | None) -> AppendResult | Exception:
    if found is not None:
        return found
    if not any(part.events for part in append.streams):
        return OutcomeUnknown("rows without an event leave no trace to look for")
    return Unavailable("the connection was lost before the commit")


def _raise_if_fenced(failed: Exception) -> None:
    """Raise Unavailable when the database refused for another reason than the append."""
    sqlstate = getattr(failed, "sqlstate", "")
    if sqlstate == NO_STANDBY:
        metrics.FENCED.add("no_standby")
        raise Unavailable(UNREPLICATED)
    if sqlstate == OTHER_PRIMARY:
        raise Unavailable("PostgreSQL: the primary changes again and again: try again")


def _own_fault(failed: Exception) -> StoreError:
    """The answer to a single append that the database refused. The text of ``failed`` may quote a value."""
    if isinstance(failed, asyncpg.UniqueViolationError):
        return Conflict("version")
    if isinstance(failed, asyncpg.exceptions.SyntaxOrAccessError):
        return StoreError(cause_of(failed))
    return StoreError(f"PostgreSQL refused the append: {type(failed).__name__}")
