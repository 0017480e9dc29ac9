"""What a store does for followers, for rebuilding projections and for auditors, beside the contract.

Each engine keeps these promises in a file of its own: ``followers_<engine>.py`` and ``shadow_<engine>.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from authrim.store.contract import Store, StoredEvent
from authrim.store.dropped import DroppedContents
from authrim.store.monitor_contract import MonitorStore
from authrim.store.outbox_contract import OutboxStore
from authrim.store.reseal_contract import Resealing
from authrim.store.restored import RestoreMark
from authrim.store.retention_contract import Retention
from authrim.store.sizes_contract import Sizes
from authrim.store.tree_sql import Leaf
from domain.tree.tiles import Coordinates
from projections.followed import FollowedProjection
from projections.rows import Row
from projections.tables import Table


class Failure(NamedTuple):
    """An event that a projection could not take. ``kind`` names the error, never what is in the event."""

    position: int
    kind: str


class ProjectionResult(NamedTuple):
    """The rows that a projection made from some events, and the events that it could not read."""

    rows: Sequence[Row]
    failures: Sequence[Failure] = ()


class Page(NamedTuple):
    """How far a follower is after a page. ``busy``: another process follows just now, nothing was done."""

    position: int
    handled: int
    failures: Sequence[Failure] = ()
    busy: bool = False


class Delivery(NamedTuple):
    """A row of the outbox that was taken. ``attempts`` counts this one too; ``recorded_at`` is of the event."""

    position: int
    tenant: str
    kind: str
    stream: str
    recorded_at: int
    attempts: int


class DeliveryState(NamedTuple):
    """How far the delivery of an outbox row is. Times in µs UTC; ``done_at`` None: there is still something to do."""

    attempts: int
    due_at: int
    done_at: int | None


class Shadow(Protocol):
    """Empty copies of tables, filled by replay and compared with the live ones in the database itself.

    Without ``repair`` everything is read at one moment, so a server may go on writing meanwhile.
    """

    async def read_log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The log after a position, in order: up to the moment of a verification, or up to the present."""

    async def head_position(self) -> int:
        """The newest position."""

    async def read_leaves(self, after: int, limit: int) -> Sequence[Leaf]:
        """What the tree takes of the events after a position, in order."""

    async def follower_position(self, follower: str) -> int:
        """The saved position of a follower."""

    async def save_position(self, follower: str, position: int) -> None:
        """Save another position of a follower."""

    async def documents(self, table: Table, keys: Sequence[str]) -> Mapping[str, str]:
        """The ``document`` column of shadow rows, by key."""

    async def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Apply ``put`` and ``revoke`` rows of one table to its shadow, in order."""

    async def hold_writers(self) -> None:
        """Let nobody append or follow until the end, which must not be far."""

    async def forget_ahead(self, table: Table, follower: str) -> None:
        """Take away shadow rows that the follower has not come to yet."""

    async def differences(self, table: Table, limit: int, now: int) -> Sequence[Mapping[str, Any]]:
        """Rows that differ: ``key``, ``missing`` (live lacks it), ``extra`` (only live has it) and a flag a column.
        What may have left by ``now`` (seconds) is not missing. The shadow of the sessions must be there."""

    async def replace(self, table: Table) -> None:
        """Make the live table what its shadow is, touching only what differs."""

    async def forget_failures(self, follower: str) -> None:
        """Forget the failed events of a follower: they have been handled now."""


class TreePage(NamedTuple):
    """How large the tree is after a page. ``busy``: another process lets it grow just now, nothing was done."""

    size: int
    added: int
    busy: bool = False


class SignedCheckpoint(NamedTuple):
    """A checkpoint that was signed: the position of its event, its size, how many witnesses cosigned, and the note."""

    position: int
    size: int
    cosignatures: int
    note: str


class LogTree(Protocol):
    """The Merkle tree over the log, and the checkpoints of it. Raises Unavailable."""

    async def grow(self, limit: int, *, wait: bool = False) -> TreePage:
        """Add the next leaves, in one transaction. One process at a time: when another one is at it, ``busy``, or with
        ``wait`` after it. Raises LogDiffers when the log is not the one that the tree was made of."""

    async def size(self) -> int:
        """The size of the tree: the position that was added last."""

    async def tiles(self, wanted: Sequence[Coordinates]) -> Mapping[Coordinates, bytes]:
        """The hashes of tiles, as many as there are by now. One that does not exist is left out."""

    async def leaf(self, position: int) -> Leaf | None:
        """What the tree takes of an event, read from the log."""

    async def clear(self) -> None:
        """Take away all tiles, so that the tree is made again from the log."""

    async def last_checkpoint(self, cosignatures: int = 0) -> SignedCheckpoint | None:
        """The newest checkpoint with at least so many cosignatures, as far as its projection is."""


class AuditPage(NamedTuple):
    """Events that were looked for, in the log's order. ``position``: all up to there have been looked at. ``done``:
    the last position that was asked for is reached."""

    events: Sequence[StoredEvent]
    position: int
    done: bool


class AuditIndex(Protocol):
    """Finds events by what the followed projection ``audit`` says of them, by an index: a search reads a bounded number
    of rows, the others those of one person, session or error. Raises Unavailable."""

    async def of_error(self, error_id: str) -> Sequence[Mapping[str, Any]]:
        """The rows of an error id, in the log's order."""

    async def search(
        self, tenant: str, values: Mapping[str, str], after: int, until: int, limit: int
    ) -> AuditPage:
        """Events whose columns of ``audit`` have these values, after and up to a position. There may be fewer than
        ``limit`` and more to come."""

    async def history(
        self, column: str, tenant: str, value: str, after: int, until: int, limit: int
    ) -> Sequence[StoredEvent]:
        """The next events of a person (``column`` ``subject``) or a session (``session_id``), up to a position that the
        projection has reached: those that name it, and the rest of the grants and sessions that are its own."""

    async def streams_of(self, tenant: str, subject: str, kind: str, after: str, limit: int) -> Sequence[str]:
        """The names of the grants or sessions (``kind``) in which a person signed in, after a name, in order."""


class ReadBack(Store, Protocol):
    """A store as followers, rebuilds and auditors know it. ``doubt`` says after ``open`` why the database may lack its
    newest events, as far as that can be told; it is empty when nothing speaks for it."""

    doubt: str

    async def run_followed_page(
        self,
        projection: FollowedProjection,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool = False,
    ) -> Page:
        """One page of a follower in one transaction: its position, the next ``limit`` positions of the log, rows, new
        position. ``project`` gets the events that the projection looks at, and is called even when there are none.

        One process at a time. When another one is at it: ``busy``, or with ``wait`` after it.
        """

    async def lags(self, followers: Sequence[str]) -> Mapping[str, int]:
        """The age in µs of the oldest event that each follower has not come to; 0 at the head. Raises Unavailable."""

    async def end_standing_still(self) -> int:
        """End what processes that stand still in the middle of a statement keep from others; of how many sessions.
        Raises Unavailable."""

    async def take_deliveries(self, limit: int, lease_seconds: int) -> Sequence[Delivery]:
        """Rows of the projection ``outbox`` that are due, for this process alone until the lease is over. Raises
        Unavailable."""

    async def read_delivery(self, position: int) -> DeliveryState | None:
        """The state of the outbox row of an event, None when there is none yet. Raises Unavailable."""

    @property
    def audit(self) -> "AuditIndex":
        """The auditor's look-ups. They know what the follower of ``audit`` has come to."""

    @property
    def monitor(self) -> MonitorStore:
        """The monitor's part of the store."""

    @property
    def outbox(self) -> OutboxStore:
        """Messages that wait for their receivers."""

    @property
    def dropped(self) -> DroppedContents:
        """Contents that left the log after they were archived."""

    @property
    def restored(self) -> RestoreMark:
        """Whether the database was restored from a backup that nobody has accepted yet."""

    @property
    def resealing(self) -> Resealing:
        """What lets another master key take over."""

    @property
    def retention(self) -> Retention:
        """What lets ended rows leave their tables."""

    @property
    def sizes(self) -> Sizes:
        """How large the store is, and what waits in it."""

    def measure(self) -> None:
        """Set the gauges of what this process's store is doing now."""

    @property
    def tree(self) -> "LogTree":
        """The Merkle tree over the log."""

    def shadow(self, tables: Sequence[Table], *, repair: bool) -> AbstractAsyncContextManager[Shadow]:
        """Shadows of tables. With ``repair`` what was replaced is committed at the end, unless it ends in an error."""
