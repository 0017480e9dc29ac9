"""Contents that left the log after they were archived (docs/designs/0023-what-may-leave-the-log.md).

The row of such an event stays, with its position, stream, version, type, time and leaf. Its payload and metadata are
empty, which those of no event of ours ever are. An event of the log names the digest of the ranges that were dropped,
so a row that was emptied by anybody else is damage (F34).
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from authrim.store import codec
from authrim.store.contract import StoredEvent, StreamRead
from domain.log_events import ContentsDropped
from domain.stream import DEFAULT_TENANT, LOG, dropped_stream
from projections.followed import FOREIGN_KIND

READ: Final = "SELECT first_position, last_position, digest FROM dropped ORDER BY first_position"
#: The ranges whose events may still have their contents.
WAITING: Final = (
    "SELECT first_position, last_position, digest FROM dropped WHERE waiting ORDER BY first_position"
)
DONE: Final = "UPDATE dropped SET waiting = FALSE WHERE last_position = {last}"
FORGET: Final = "DELETE FROM dropped WHERE digest NOT IN {recorded}"
#: Some rows of a range that still have their contents.
EMPTY: Final = """
    UPDATE events SET payload = {nothing}, metadata = {nothing}
    WHERE position BETWEEN {first} AND {last} AND length(payload) > 0
"""


class Range(NamedTuple):
    """Positions from ``first`` to ``last``, and the digest of the drop that they belong to."""

    first: int
    last: int
    digest: str = ""


class Drops:
    """The ranges of all drops that the log has recorded."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._ranges = sorted(ranges)
        self._firsts = [one.first for one in self._ranges]

    def cover(self, position: int) -> bool:
        """Whether the contents of an event were dropped, or are being dropped."""
        at = bisect_right(self._firsts, position)
        return at > 0 and position <= self._ranges[at - 1].last


NO_DROPS: Final = Drops()


class Streams(Protocol):
    """What reads streams."""

    async def read_stream(self, stream: str) -> StreamRead:
        """A stream from its last summary on."""


class DroppedRanges(Protocol):
    """What left the log. Raises Unavailable."""

    async def ranges(self) -> Sequence[Range]:
        """All ranges, in order."""


class DroppedContents(DroppedRanges, Protocol):
    """What a store does to let contents leave. Raises Unavailable."""

    async def waiting(self) -> Sequence[Range]:
        """The ranges whose events may still have their contents, in order."""

    async def begin(self, ranges: Sequence[Range], recorded: Sequence[str]) -> None:
        """Add the ranges of a drop, before it is recorded. Those whose digest is not among the recorded ones are of a
        run that was interrupted, and go."""

    async def empty(self, first: int, last: int, *, ends: bool) -> None:
        """Take the contents of some events in one transaction. ``ends``: they are the last ones of their range. Refused
        outside of the ranges."""


def is_dropped(event: StoredEvent) -> bool:
    """Whether the contents of an event are gone. Another application's event may be empty."""
    return not event.payload and not event.metadata and event.stream.split(":", 2)[1:2] != [FOREIGN_KIND]


def digest_of(ranges: Iterable[Range]) -> str:
    """What the log says of ranges: SHA-256 in hex over a line ``FIRST-LAST`` for each."""
    return sha256(b"".join(b"%d-%d\n" % (one.first, one.last) for one in ranges)).hexdigest()


async def recorded_digests(store: Streams) -> Sequence[str]:
    """The digests of the drops that the log has recorded."""
    events = codec.decode_stream(LOG, await store.read_stream(dropped_stream(DEFAULT_TENANT)))
    return [event.digest for event in events if isinstance(event, ContentsDropped)]


async def recorded_drops(store: Streams, contents: DroppedRanges) -> Drops:
    """The ranges that are the ones that the log has recorded; others count for nothing. Raises Unavailable."""
    recorded = set(await recorded_digests(store))
    ranges = sorted(await contents.ranges(), key=attrgetter("digest", "first"))
    drops = [list(of_drop) for digest, of_drop in groupby(ranges, attrgetter("digest")) if digest in recorded]
    return Drops(one for of_drop in drops if digest_of(of_drop) == of_drop[0].digest for one in of_drop)
