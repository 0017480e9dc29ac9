"""When evidence is written without anybody asking: five fields as in crontab, what is written, and of which period.

``0 6 1 * * soc2 month`` writes the report for SOC 2 on the month before, at six in the morning of every first, UTC.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from cronsim import CronSim, CronSimError

#: What is written beside reports: the events themselves, with their proofs.
BUNDLE: Final = "bundle"
PERIODS: Final = ("day", "week", "month", "quarter", "year")
_WHAT: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_FORM: Final = (
    "write it as '0 6 1 * * soc2 month': five fields as in crontab, what to write, and of which period"
)


class Schedule(NamedTuple):
    """One line of the schedule. ``what`` is the id of a framework, or ``bundle``."""

    times: str
    what: str
    period: str

    @property
    def id(self) -> str:
        """Its name in the log."""
        return f"{self.what}-{self.period}"


def schedule_of(text: str) -> Schedule:
    """The schedule in a text. Raises ValueError, whose text says how it is written."""
    words = text.split()
    if len(words) != 7:
        raise ValueError(f"must have seven words: {_FORM}")
    times, what, period = " ".join(words[:5]), words[5], words[6]
    try:
        next(CronSim(times, _ANY_TIME))
    except (CronSimError, StopIteration) as error:
        raise ValueError(
            f"has no time that crontab knows, {str(error) or 'it never comes'}: {_FORM}"
        ) from None
    if not _WHAT.fullmatch(what):
        raise ValueError(f"must name a framework or {BUNDLE}: {_FORM}")
    if period not in PERIODS:
        raise ValueError(f"must end with one of {', '.join(PERIODS)}: {_FORM}")
    return Schedule(times, what, period)
