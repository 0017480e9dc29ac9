"""Units of time: the store's clock counts microseconds, everything else counts seconds."""

from typing import Final

#: Microseconds per second.
MICROSECONDS: Final = 1_000_000
#: In seconds.
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY
