"""Which primary a process trusts: after a failover, one whose log has all that the process knows of (F05, F06, F07).

A promotion moves PostgreSQL's timeline on. A process that has seen a timeline takes no connection to an earlier one:
that is an old primary which came back. Whenever the primary is another one than before, or was started again, its log
is compared with the newest batch that this process committed or read. When it lacks that batch, events are lost that
somebody was told of: the process does nothing more, and the database gets the mark of a log that was longer, so that no
server starts on it until an operator accepts that (F35). An old primary that lacks something gets the mark too, in case
it stays the primary; when it is wound back to become a standby, the mark goes with the rest.

Each append names the primary that was compared, and ``append_batch`` refuses another one. So it is also sure behind a
pooler, where the next statement may meet another server.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
import structlog

from authrim.metrics import catalogue as metrics
from authrim.store.contract import Unavailable

log = structlog.get_logger(__name__)

#: What ``append_batch`` raises: this is not the primary that was named; PostgreSQL would not wait for a standby.
OTHER_PRIMARY: Final = "AF001"
NO_STANDBY: Final = "AF002"

#: The timeline is the beginning of a WAL file's name. On a standby nobody can ask for one.
_IDENTITY: Final = """
    CASE WHEN pg_is_in_recovery() THEN 0
         ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::BIT(32)::BIGINT END AS timeline,
    pg_postmaster_start_time() AS started
"""
_PRIMARY: Final = f"SELECT {_IDENTITY}"
#: With the identity: behind a pooler, the next statement may meet another server.
_COMPARED: Final = f"""
    SELECT {_IDENTITY}, (SELECT position FROM head WHERE id = 1) AS position,
           (SELECT chain_hash FROM ledger WHERE last_position = $1) AS chain_hash
"""  # noqa: S608
_WAITS_FOR_STANDBY: Final = """
    SELECT current_setting('synchronous_standby_names') <> ''
       AND current_setting('synchronous_commit') IN ('on', 'remote_apply')
"""

#: The last arguments of ``append_batch`` for whoever takes any primary.
ANY_PRIMARY: Final = (None, None, False)

_OLD: Final = (
    "PostgreSQL: this is an old primary, of timeline {}, and one of timeline {} is known: stop the old one, or make it "
    "a standby of the new one; where it is a new cluster, start this server again"
)
_STANDBY: Final = "PostgreSQL: this is a standby: name the primary in `database`"
_CHANGES: Final = "PostgreSQL: the primary changes: try again"
_DIFFERS: Final = (
    "PostgreSQL: the log ends at position {} and lacks what was known of it up to position {}: a standby was promoted "
    "that did not have everything. Take the other primary back; where it is lost, start the servers again with "
    '--accept-rollback "REASON"'
)
UNREPLICATED: Final = (
    "PostgreSQL confirms a commit that no standby has, and database_failover demands one: set "
    "synchronous_standby_names, and synchronous_commit to on or remote_apply"
)


class Primary(NamedTuple):
    """One running primary: its timeline, and when it was started. Two servers that were promoted side by side may have
    the same timeline, but have not started at the same microsecond."""

    timeline: int
    started: datetime


class Fence:
    """What a process knows of the primary and of the log. ``standby``: a commit must wait for a standby.

    ``differs`` says why nothing is done any more; it is empty as long as all is well. ``on_lost`` is called with the
    position and the chain hash that were known, when the server at the address lacks them or is an old primary.
    """

    def __init__(self, *, standby: bool = False) -> None:
        self.standby = standby
        self.differs = ""
        self.on_move: Callable[[], None] = _nothing
        self.on_lost: Callable[[int, bytes], None] = _nothing
        self.primary: Primary | None = None
        self._reported: Primary | None = None
        self._position = 0
        self._chain_hash = b""

    def saw(self, primary: Primary | None, position: int, chain_hash: bytes) -> None:
        """The log has a batch that ends at this position with this hash: it was committed or read. ``primary``: the one
        that was known when it was asked; what another one said, or a standby, is not held against this one."""
        if primary is not None and primary == self.primary and position > self._position:
            self._position, self._chain_hash = position, chain_hash

    def arguments(self) -> tuple[int | None, datetime | None, bool]:
        """The last arguments of ``append_batch``."""
        primary = self.primary
        return (None, None, self.standby) if primary is None else (*primary, self.standby)

    def refuse_if_differs(self) -> None:
        """Raise Unavailable when the log was found to lack something."""
        if self.differs:
            raise Unavailable(self.differs)

    async def admit(self, connection: asyncpg.Connection) -> None:
        """Look at whom a new connection leads to. Raises Unavailable, and what LOST and REFUSED name."""
        self.refuse_if_differs()
        found = Primary(*await connection.fetchrow(_PRIMARY))
        if found == self.primary:
            return
        known = self.primary
        if known is None and not found.timeline:
            return  # whoever only reads may read from a standby
        self._refuse_earlier(found)
        if known is not None and self._position:
            await self._compare(connection, found)
            if found == self.primary:
                return  # another connection compared meanwhile, and said so
            known = self.primary
        self.primary = found
        if known is not None:
            self._reported = None
            log.warning("store.primary_changed", timeline=found.timeline, was=known.timeline)
            self.on_move()

    async def refuse_without_standby(self, fetch: Callable[[str], Any]) -> None:
        """Raise Unavailable when a standby is demanded and PostgreSQL would not wait for one (F05)."""
        if self.standby and not (await fetch(_WAITS_FOR_STANDBY))[0][0]:
            metrics.FENCED.add("no_standby")
            raise Unavailable(UNREPLICATED)

    def _refuse_earlier(self, found: Primary) -> None:
        known = self.primary
        if known is None or found.timeline >= known.timeline:
            return
        metrics.FENCED.add("old_primary")
        if not found.timeline:
            raise Unavailable(_STANDBY)
        if found != self._reported:  # once, and not for each connection
            self._reported = found
            log.error("store.old_primary", timeline=found.timeline, known=known.timeline)
            if self._position:
                self.on_lost(self._position, self._chain_hash)
        raise Unavailable(_OLD.format(found.timeline, known.timeline))

    async def _compare(self, connection: asyncpg.Connection, found: Primary) -> None:
        while True:
            position, chain_hash = self._position, self._chain_hash
            *who, there, hash_there = await connection.fetchrow(_COMPARED, position)
            self.refuse_if_differs()
            self._refuse_earlier(found)  # a newer one may have been found meanwhile
            if Primary(*who) != found:
                raise Unavailable(_CHANGES)
            if hash_there != chain_hash:
                self._refuse_for_good(found, there)
            if position == self._position:  # or the primary before has confirmed more meanwhile
                return

    def _refuse_for_good(self, found: Primary, there: int) -> None:
        self.differs = _DIFFERS.format(there, self._position)
        metrics.FENCED.add("log_differs")
        log.critical("store.log_differs", position=there, known=self._position, timeline=found.timeline)
        self.on_lost(self._position, self._chain_hash)
        raise Unavailable(self.differs)


def _nothing(*_what: Any) -> None:
    """Nobody wants to be told."""
