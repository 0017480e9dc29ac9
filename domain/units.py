"""Units of time: the store's clock counts microseconds, everything else seconds."""

from typing import Final

#: Microseconds of a second.
MICROSECONDS: Final = 1_000_000
#: Seconds.
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY
