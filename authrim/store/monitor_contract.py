"""What a store does for the monitor: its pages, its rows, and the breaches that it found."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from projections.monitor.questions import Answers, LogRow
from projections.monitor.rules import Breach

#: The name of the monitor's saved position. Rules that change get another one, and the whole log is proved again.
MONITOR: Final = "monitor_v1"

#: The most open breaches of one rule that are kept: whatever breaks a rule for every token must not fill the database.
MOST_OPEN: Final = 1000

Check = Callable[[Sequence[LogRow]], Answers]


class MonitorPage(NamedTuple):
    """How far the monitor is after a page, with the breaches that were not known before. ``busy``: another process is
    at it just now, nothing was done."""

    position: int
    handled: int
    new: Sequence[Breach] = ()
    busy: bool = False


class KnownBreach(NamedTuple):
    """A breach with when it was found (µs UTC), the position of its alarm, and when it was acknowledged (µs UTC)."""

    breach: Breach
    found_at: int
    told_at: int | None
    acknowledged_at: int | None


class MonitorState(NamedTuple):
    """How far the monitor is: the position it has proved, when the first event after it was recorded (µs UTC, None when
    there is none), the head's position, and the database's clock. ``rows``: how many it keeps."""

    position: int
    waiting_since: int | None
    head: int
    now: int
    rows: int


class MonitorStore(Protocol):
    """The monitor's part of a store. Everything raises Unavailable."""

    async def run_page(self, limit: int, check: Check, *, wait: bool = False) -> MonitorPage:
        """One page in one transaction: the position, the log after it, what the check asks for, and what it changes.

        One process at a time. When another one is at it: ``busy``, or with ``wait`` after it.
        """

    async def state(self) -> MonitorState:
        """How far the monitor is."""

    async def breaches(
        self, limit: int, *, untold: bool = False, closed: bool = False
    ) -> Sequence[KnownBreach]:
        """Open breaches in the order in which they were found; those that are not in the log yet, or all."""

    async def breach(self, breach: str) -> KnownBreach | None:
        """One breach by its id, open or not; None when there is no such breach."""

    async def add(self, breaches: Sequence[Breach]) -> Sequence[Breach]:
        """Keep breaches that were found outside a page; those that were not known before."""

    async def mark_told(self, breach: str, position: int) -> None:
        """The alarm of a breach is in the log."""

    async def begin_again(self) -> None:
        """Forget the rows and the position, so that the whole log is proved again. The breaches stay."""
