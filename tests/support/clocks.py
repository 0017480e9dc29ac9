"""Clocks of other processes that a test sets: libfaketime, which answers for the system's clock."""

import asyncio
from pathlib import Path

#: The variable with the file that the clock is in.
FILE = "FAKETIME_TIMESTAMP_FILE"
#: libfaketime reads its file once in each second of the system's clock. A program asks for the time so often that
#: reading it each time would take longer than all its work.
_UNTIL_READ = 1.1
_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def can_set_clocks() -> bool:
    """Whether libfaketime is installed."""
    return bool(_LIBRARIES)


class SetClock:
    """The clock of processes that are started with ``environment``; it goes right until it is set. What they wait for
    goes by the monotonic clock, which stays as it is."""

    def __init__(self, file: Path) -> None:
        assert _LIBRARIES, "libfaketime is missing: apt-get install faketime"
        self._file = file
        self._write(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that has this clock."""
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            FILE: str(self._file),
            "FAKETIME_CACHE_DURATION": "0",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    async def set(self, ahead: float) -> None:
        """Set it to so many seconds ahead of the right time, or behind it, and wait until that holds."""
        self._write(ahead)
        await asyncio.sleep(_UNTIL_READ)

    def _write(self, ahead: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+}\n")
        new.rename(self._file)
