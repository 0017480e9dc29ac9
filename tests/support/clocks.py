"""Clocks of other processes that a test sets: libfaketime, which answers for the system's clock."""

from pathlib import Path

#: The variable with the file that the clock is in.
FILE = "FAKETIME_TIMESTAMP_FILE"
_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class SetClock:
    """The clock of processes that are started with ``environment``; it goes right until it is set. What they wait for
    goes by the monotonic clock, which stays as it is."""

    def __init__(self, file: Path) -> None:
        assert _LIBRARIES, "libfaketime is missing: apt-get install faketime"
        self._file = file
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that has this clock."""
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            FILE: str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set(self, ahead: float) -> None:
        """Set it to so many seconds ahead of the right time, or behind it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+}\n")
        new.rename(self._file)
