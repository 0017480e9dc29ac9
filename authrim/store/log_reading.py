"""The log as answers read it that may lag: for auditors and in reports.

There is no append here, no guard row and no row that a decision is made on, so whatever takes a ``LogReading`` decides
nothing. A store is one. So is a reading of a replica, which ends at a position (docs/designs/0043).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from authrim.store.contract import Batch, Head, StoredEvent, StreamRead
from authrim.store.dropped import DroppedRanges
from authrim.store.read_back import AuditPage, Page, ProjectionResult, TreePage
from authrim.store.tree_sql import Leaf
from domain.tree.tiles import Coordinates
from projections.followed import FollowedProjection


class AuditReading(Protocol):
    """What finds events by the index; the methods of ``AuditIndex``."""

    async def of_error(self, error_id: str) -> Sequence[Mapping[str, Any]]:
        """The rows of an error id, in the log's order."""

    async def search(
        self, tenant: str, values: Mapping[str, str], after: int, until: int, limit: int
    ) -> AuditPage:
        """Events whose columns of ``audit`` have these values."""

    async def history(
        self, column: str, tenant: str, value: str, after: int, until: int, limit: int
    ) -> Sequence[StoredEvent]:
        """The next events of a person or a session, up to a position."""


class TilesReading(Protocol):
    """The tree's tiles and leaves; methods of ``LogTree``."""

    async def tiles(self, wanted: Sequence[Coordinates]) -> Mapping[Coordinates, bytes]:
        """The hashes of tiles."""

    async def leaf(self, position: int) -> Leaf | None:
        """What the tree takes of an event."""


class TreeReading(TilesReading, Protocol):
    """The same, with how far the tree has come."""

    async def size(self) -> int:
        """The size of the tree."""

    async def grow(self, limit: int, *, wait: bool = False) -> TreePage:
        """Add the next leaves. The tree of a replica has all that is read there."""


class LogSource(Protocol):
    """A place that has the log: the methods of the contract that read it."""

    async def read_whole_stream(self, stream: str) -> Sequence[StoredEvent]:
        """Every event of a stream."""

    async def read_log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The log after a position, in order."""

    async def read_ledger(self, after: int, limit: int) -> Sequence[Batch]:
        """The ledger's batches after a first position, in order."""

    async def stream_names(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names of streams by their beginning, in order."""

    @property
    def audit(self) -> AuditReading:
        """The index."""

    @property
    def tree(self) -> TilesReading:
        """The tree."""

    @property
    def dropped(self) -> DroppedRanges:
        """What left the log."""


class LogReading(LogSource, Protocol):
    """The log up to some position, with all that is made of it. Raises Unavailable."""

    @property
    def doubt(self) -> str:
        """Why the database may lack its newest events, or nothing."""

    async def head(self) -> Head:
        """The newest position that is read, and the time up to which everything is there."""

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on."""

    def changes(self) -> AsyncIterator[int]:
        """Yields whenever the log may have grown."""

    async def run_followed_page(
        self,
        projection: FollowedProjection,
        limit: int,
        project: Callable[[Sequence[StoredEvent]], ProjectionResult],
        *,
        wait: bool = False,
    ) -> Page:
        """One page of a follower. Of a replica, all that is read there was followed."""

    @property
    def tree(self) -> TreeReading:
        """The tree, with how far it has come."""
