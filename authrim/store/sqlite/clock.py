"""The clock of the embedded store: the process's, guarded against going back (decisions.md 7)."""

from time import time_ns


class Clock:
    """Microseconds since 1970 UTC, never before a time that was given or seen in the log."""

    def __init__(self) -> None:
        self._latest = 0

    def now(self) -> int:
        """The time of the process, or the latest known time if that is ahead."""
        return self.not_before(time_ns() // 1000)

    def not_before(self, recorded_at: int) -> int:
        """Learn of a time in the log; the latest of the two."""
        self._latest = max(self._latest, recorded_at)
        return self._latest
