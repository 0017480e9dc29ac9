"""What changed of access: in the period, and since the last review."""

from array import array
from typing import Final

from domain.log_entry import LogEntry
from domain.report.event_names import name_of
from domain.report.model import Figure, Finding, Table, Value
from domain.report.over_time import time_text
from domain.report.trails import Trails
from domain.report.wording import amount, clean, whole_days
from domain.review_events import AccessReviewed

_MOST: Final = 500


class AccessChanges:
    """The changes of access, and the reviews of it. Eight bytes are kept of each change since the last review."""

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._rows: list[tuple[Value, ...]] = []
        self._left_out = 0
        self._unreviewed = array("Q")
        self._reviewed: tuple[AccessReviewed, int] | None = None

    def note(self, entry: LogEntry, figure_id: str, told: tuple[str, str] | None, *, in_period: bool) -> None:
        """Note a change: behind a figure, and in a row that tells of what it is and what changed. What comes and goes
        all the time has no row."""
        self._unreviewed.append(entry.position)
        if not in_period:
            return
        self._trails.of(figure_id).add(entry.position)
        if told is not None and len(self._rows) < _MOST:
            at, event = time_text(entry.recorded_at), name_of(entry.type)
            self._rows.append((at, entry.position, event, clean(told[0]), told[1]))
        elif told is not None:
            self._left_out += 1

    def review(self, entry: LogEntry, event: AccessReviewed, *, in_period: bool) -> None:
        """Somebody has seen what there was up to a position."""
        self._reviewed = event, entry.position
        self._unreviewed = array("Q", (one for one in self._unreviewed if one > event.position))
        if in_period:
            self._trails.of("access_review.reviews").add(entry.position)

    def figures(self, now: int) -> tuple[Figure, ...]:
        """The reviews, and what none of them has seen. ``now`` is the end of the period."""
        of, reviewed = self._trails.of, self._reviewed
        days = "never" if reviewed is None else whole_days(now - reviewed[0].reviewed_at)
        return (
            of("access_review.reviews").figure(
                "Reviews of access", "How often somebody recorded during the period that they reviewed access.",
                unit="reviews",
            ),
            of("access_review.last_review").add_all([] if reviewed is None else [reviewed[1]]).figure(
                "Days since the last review",
                "How many days before the end of the period the last review was recorded, or never.", days,
                "days",
            ),
            of("access_review.changed_since_review").add_all(self._unreviewed).figure(
                "Changes since the last review",
                "Changes of roles, of accounts and of what clients may do that no recorded review has seen, up to the "
                "end of the period. Without a review, all that there ever were.", unit="changes",
            ),
        )  # fmt: skip

    def findings(self, now: int) -> list[Finding]:
        """Nobody recorded a review during the period."""
        if self._trails.of("access_review.reviews").count:
            return []
        text, last = "No review of access was recorded during the period.", list[int]()
        if self._reviewed is not None:
            event, position = self._reviewed
            days = whole_days(now - event.reviewed_at)
            text += f" The last one was {amount(days, 'day', 'days')} before its end."
            last = [position]
        return [self._trails.of("access_review.no_review").add_all(last).finding("note", text)]

    def table(self) -> Table:
        """The changes of the period."""
        columns = ("Time (UTC)", "Position", "Change", "Of whom or what", "What changed")
        return Table(
            "access_review.changes",
            "What changed during the period",
            columns,
            tuple(self._rows),
            self._left_out,
        )
